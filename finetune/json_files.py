"""Writing JSON that a run leaves behind."""

import json
from pathlib import Path


def write_json(path: Path, content: object) -> None:
    """Write an object as JSON, whole or not at all."""
    beside = path.with_name(f".{path.name}")
    beside.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    beside.replace(path)
