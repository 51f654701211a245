"""Finding and reading data files."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assistant.errors import UsageError

DATA_VARIABLE = "ASSISTANT_TEST_DATA"


def find_data(name: str) -> Path:
    """A data file: the path itself, or the path below the folder that ASSISTANT_TEST_DATA names.

    Raises:
        UsageError: neither exists.
    """
    path = Path(name).expanduser()
    if path.exists():
        return path
    root = os.environ.get(DATA_VARIABLE)
    if root and (Path(root) / name).exists():
        return Path(root) / name
    where = f"{root!r}, which {DATA_VARIABLE} names" if root else f"a folder named by {DATA_VARIABLE} (it is not set)"
    raise UsageError(f"There is no data file {name!r}, neither here nor below {where}.")


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file.

    Raises:
        UsageError: a line is not a JSON object; the message has its number.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise UsageError(f"{path}, line {number}: not valid JSON: {error}") from error
            if not isinstance(row, dict):
                raise UsageError(f"{path}, line {number}: a JSON object is needed")
            yield row
