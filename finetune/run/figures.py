"""The files in a run's folder that hold what was measured: of the training, and of the test data."""

import json
from pathlib import Path
from typing import Any

from assistant.errors import UsageError

FIGURES_FILE = "figures.json"
TEST_FILE = "test.json"


def read_figures(folder: Path) -> dict[str, Any]:
    """The figures of a finished run.

    Raises:
        UsageError: the folder is not that of a finished run.
    """
    try:
        content = json.loads((folder / FIGURES_FILE).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder}: not a finished run (it has no {FIGURES_FILE} that can be read).") from error
    if not isinstance(content, dict):
        raise UsageError(f"{folder}: {FIGURES_FILE} is not an object.")
    return content
