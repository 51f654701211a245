"""The first lines of a table of questions: what stands between its cells, and whether it is one at all."""

import re
from typing import IO

from assistant.batch.text_lines import with_first_line

DELIMITERS = ",;\t"
MARK = "\ufeff"
"""What files begin with that were then joined to one."""
SEPARATOR = re.compile(r'"?sep=([^"\r\n])"?\r?\n?', re.IGNORECASE)
"""The first line by which Excel tells another Excel what stands between the cells."""
_COLUMNS = frozenset(("question", "premise", "hypothesis"))
"""Of which a table has one."""


def begins_with_columns(file: IO[bytes]) -> tuple[bool, IO[bytes]]:
    """Whether what should be JSONL is a table, and the file from its beginning.

    Excel's "Unicode text" ends in .txt, and what comes through a pipe has no name at all.

    Args:
        file: in UTF-8.
    """
    text, file = _first_line(file)
    cells = [cell.strip().strip('"').strip().lower() for cell in re.split(f"[{DELIMITERS}]", text)]
    is_table = SEPARATOR.fullmatch(text) is not None or (len(cells) > 1 and not _COLUMNS.isdisjoint(cells))
    return is_table, file


def begins_with_text(file: IO[bytes], *, in_table: bool) -> tuple[bool, IO[bytes]]:
    """Whether what should be JSONL or a table is plain text, as far as the first line tells, and the file itself.

    Args:
        file: in UTF-8.
        in_table: whether it should be a table; its columns have any names but questions.
    """
    text, file = _first_line(file)
    if in_table:
        return text.strip('"').endswith("?"), file
    return bool(text) and not text.startswith(("{", "[")), file


def _first_line(file: IO[bytes]) -> tuple[str, IO[bytes]]:
    line, file = with_first_line(file)
    return line.decode("utf-8", "replace").removeprefix(MARK).strip(), file
