"""Finding and reading data files."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from assistant.batch.text_lines import LineDecoder, as_utf8
from assistant.errors import AssistantError, UsageError

log = logging.getLogger(__name__)

DATA_VARIABLE = "ASSISTANT_TEST_DATA"
OWN_DATA = "own/"
"""What the names of data that comes with the package begin with."""
_OWN = Path(__file__).parent

Row = TypeVar("Row")


def find_data(name: str) -> Path:
    """A data file: the path itself, or the path below the folder that ASSISTANT_TEST_DATA names.

    What begins with `own/` is data of the project's own, which comes with the package.

    Raises:
        UsageError: neither exists, or it is a folder.
    """
    root = os.environ.get(DATA_VARIABLE)
    own = [_OWN / name] if name.startswith(OWN_DATA) else []
    for path in (Path(name), *([Path(root) / name] if root else []), *own):
        if path.is_dir():
            raise UsageError(f"{path}: this is a folder; name a data file in it.")
        if path.exists():
            return path
    where = f"{root!r}, which {DATA_VARIABLE} names" if root else f"a folder named by {DATA_VARIABLE} (it is not set)"
    raise UsageError(f"There is no data file {name!r}, neither here nor below {where}.")


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file.

    Raises:
        UsageError: a line is no text or not a JSON object; the message has its number.
    """
    for number, line in enumerate(lines_of(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}, line {number}: not valid JSON: {error}") from error
        if not isinstance(row, dict):
            raise UsageError(f"{path}, line {number}: a JSON object is needed")
        yield row


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a file in UTF-8, UTF-16 or Windows-1252, with their ends; a warning says where it is not UTF-8.

    Raises:
        UsageError: a line is no text; the message has its number.
    """

    def tell(text: str) -> None:
        log.warning("%s: %s", path, text)

    with path.open("rb") as file:
        lines, is_utf8 = as_utf8(file, tell)
        decoder = LineDecoder(tell, is_utf8=is_utf8)
        for number, line in enumerate(lines, 1):
            try:
                yield decoder.text(line, number)
            except UnicodeDecodeError as error:
                raise UsageError(f"{path}, line {number}: not UTF-8: {error}") from error


def evenly(rows: list[Row], limit: int | None) -> list[Row]:
    """At most `limit` rows, drawn at even distances, so that all articles of a file are among them.

    Raises:
        AssistantError: there are no rows.
    """
    if not rows:
        raise AssistantError("The data file holds no row that could be measured.")
    if limit is None or limit >= len(rows):
        return rows
    return [rows[index * len(rows) // limit] for index in range(limit)]
