"""Rows of a page as paragraphs: divided where they stand further apart, change their size or begin something."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, median_low

from assistant.documents.blocks import TableBlock
from assistant.documents.pdf_rows import Row, joined, segments_of
from assistant.documents.pdf_words import Word

# A line this many times further below the last one than lines usually are on the page begins a paragraph.
PARAGRAPH_GAP = 1.35
_LEADS = re.compile(r"\s*(?:[•▪‣◦●○■□➢✓–-]|\d{1,3}[.)]|[a-z]\)|\([a-z0-9]{1,3}\))\s")
_NOTE_MARK = re.compile(r"(?:\d{1,3}|[⁰¹²³⁴⁵⁶⁷⁸⁹]+|[*†‡§]{1,3})[.)]?\s*\S")
_ENDS = re.compile(r"[.!?:;…。！？][\"'»”’)\]¹²³⁴⁵⁶⁷⁸⁹⁰]*$")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together; `is_note` where they are a footnote."""

    lines: tuple[str, ...]
    size: float
    is_note: bool = False

    @property
    def text(self) -> str:
        """The lines as text."""
        return "\n".join(self.lines)


def paragraphs_of(rows: list[Row], body: float) -> Iterator[Paragraph | TableBlock]:
    """Rows one below the other, divided where they stand further apart, change their size or begin something."""
    begin = 0
    for at, row in enumerate(rows):
        blocks = [word.block for word in row.words if word.block is not None]
        if blocks:
            yield from _paragraphs(rows[begin:at], body)
            beside = [word for word in row.words if word.block is None]
            yield from _paragraphs([Row(beside, row.y, row.size)] if beside else [], body)
            yield from blocks
            begin = at + 1
    yield from _paragraphs(rows[begin:], body)


def _paragraphs(rows: list[Row], body: float) -> Iterator[Paragraph]:
    if not rows:
        return
    gaps = [below.y - above.y for above, below in pairwise(rows) if abs(below.size - above.size) < 0.15 * below.size]
    usual = median_low([gap for gap in gaps if gap > 0] or [0.0])
    if len(gaps) < 4:  # too few to know by
        usual = min(usual, 1.6 * median([row.size for row in rows]))
    left = min(row.x0 for row in rows)
    lines = [rows[0]]
    for above, row in pairwise(rows):
        if _begins(above, row, usual, left):
            yield _paragraph(lines, body)
            lines = []
        lines.append(row)
    yield _paragraph(lines, body)


def _begins(above: Row, row: Row, usual: float, left: float) -> bool:
    if abs(above.size - row.size) > 0.15 * max(above.size, row.size):
        return True
    if row.y - above.y > PARAGRAPH_GAP * usual > 0:
        return True
    indented = row.x0 - left > 0.9 * row.size and above.x0 - left < 0.3 * row.size
    return bool(indented and _ENDS.search(above.text) and not _LEADS.match(above.text))


def _paragraph(rows: list[Row], body: float) -> Paragraph:
    size = median([row.size for row in rows])
    is_note = size < 0.93 * body and _NOTE_MARK.match(rows[0].text) is not None
    return Paragraph(tuple(text for row in rows for text in _lines(row)), size, is_note)


def _lines(row: Row) -> Iterator[str]:
    """The row as a line; fields of a form that stand side by side as one each, with their labels."""
    words: list[Word] = []
    for segment in segments_of(row):
        if words and words[-1].is_field and not segment[0].is_field and segment[-1].is_field:
            yield joined(words)
            words = []
        words += segment
    yield joined(words)
