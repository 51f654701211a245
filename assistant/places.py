"""Where something stands in a document, in words that a person finds it by: page, heading, cell, slide, message."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from assistant.layout import LANGUAGES, Place, Table
from assistant.text import one_line

# Lines that begin with # are comments in these.
_WITH_COMMENTS = frozenset(LANGUAGES) | set(
    ".bash .cfg .cmake .conf .csv .env .ini .mk .pl .ps1 .r .sh .toml .tsv .yaml .yml .zsh".split()
)
_HEADING = re.compile(r"^#{1,6}[ \t]+\S.*", re.MULTILINE)
_LOOKED_BACK = 200_000  # characters
_LONGEST_HEADING, _LONGEST = 60, 160


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading and the characters `[start, end)` of its line."""

    start: int
    end: int
    text: str


def headings_in(name: str, text: str) -> tuple[Heading, ...]:
    """The headings of a text that writes them as Markdown does, in order; a source file has none.

    Args:
        name: what the document is called.
        text: all of it.
    """
    if PurePath(name).suffix.lower() in _WITH_COMMENTS:
        return ()
    return tuple(
        Heading(found.start(), found.end(), one_line(found[0].strip("# \t"), _LONGEST_HEADING))
        for found in _HEADING.finditer(text)
    )


def place_at(
    start: int, page: int | None, tables: Sequence[Table], places: Sequence[Place], headings: Sequence[Heading]
) -> str | None:
    """Where a character stands, such as `page 7`, `Prices!B7`, `slide 3` or `under “Fees”`; printable, on one line.

    Args:
        start: its offset in the document's text.
        page: its page, if the document has pages.
        tables: the document's tables.
        places: its slides, messages or chapters, in order.
        headings: what `headings_in` gives.

    Returns:
        The place; None where there is nothing to tell it by.
    """
    parts = [] if page is None else [f"page {page:,}"]
    at = bisect_right(places, start, key=lambda place: place.start) - 1
    begins = places[at].start if at >= 0 else 0
    if (address := _address(tables, start)) is not None:
        parts.append(address)
    else:
        if at >= 0 and places[at].label:
            parts.append(places[at].label)
        if heading := _heading_above(headings, start, begins):
            parts.append(f"under “{heading}”")
    return one_line(", ".join(parts), _LONGEST) or None


def _address(tables: Sequence[Table], start: int) -> str | None:
    for table in tables:
        if table.start <= start < table.end and table.sheet is not None:
            cell = table.cell_at(start)
            return table.address(cell) if cell is not None else None
    return None


def _heading_above(headings: Sequence[Heading], start: int, begins: int) -> str | None:
    """The last heading before a place, or that with which it begins; None for words of the heading itself."""
    at = bisect_left(headings, start + 1, key=lambda heading: heading.start) - 1
    if at < 0 or headings[at].start < max(begins, start - _LOOKED_BACK):
        return None
    heading = headings[at]
    return heading.text if heading.start == start or heading.end < start else None
