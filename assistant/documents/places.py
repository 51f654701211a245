"""Where something stands in a document, in words that a person finds it by: page, heading, cell, slide, message."""

import re
from bisect import bisect_right

from assistant.text import one_line
from assistant.types import Document

_HEADING = re.compile(r"^#{1,6}[ \t]+\S.*", re.MULTILINE)
_LOOKED_BACK = 200_000  # characters
_LONGEST = 60


def place_of(document: Document, start: int) -> str | None:
    """Where a character of a document stands, such as `page 7`, `Prices!B7`, `slide 3` or `under “Fees”`.

    Args:
        document: what the offset is of.
        start: an offset in its text.

    Returns:
        The place; None where the document has nothing to tell it by.
    """
    parts = []
    if (page := document.page(start)) is not None:
        parts.append(f"page {page:,}")
    at = bisect_right([place.start for place in document.places], start) - 1
    begins = document.places[at].start if at >= 0 else 0
    address = _address(document, start)
    if address is None and at >= 0 and document.places[at].label:
        parts.append(document.places[at].label)
    if address is not None:
        parts.append(address)
    elif (heading := _heading_above(document, start, begins)) is not None:
        parts.append(f"under “{heading}”")
    return ", ".join(parts) or None


def _address(document: Document, start: int) -> str | None:
    for table in document.tables:
        if table.start <= start < table.end and table.sheet is not None:
            cell = table.cell_at(start)
            return table.address(cell) if cell is not None else None
    return None


def _heading_above(document: Document, start: int, begins: int) -> str | None:
    """The last heading before a place, in texts that write headings as Markdown does."""
    begins = max(begins, start - _LOOKED_BACK)
    last = None
    for last in _HEADING.finditer(document.text, begins, start):  # noqa: B007  (the last one is wanted)
        pass
    if last is None or last.end() >= start or _is_code(document.name):
        return None
    return one_line(last[0].strip("# \t"), _LONGEST)


def _is_code(name: str) -> bool:
    from assistant.documents.formats import LANGUAGES, suffix

    return suffix(name) in LANGUAGES  # a line that begins with # is a comment there
