"""Words of a page put together to rows, and the wide spaces in a row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.documents.pdf_words import Word

BAND = 0.9  # of the size of the letters: a narrower white band is the space between words
_BULLET = re.compile(r"[•▪‣◦●○■□➢✓–—*·\uf0b7-]")
_NUMBER_MARK = re.compile(r"\d{1,3}[.)]|[a-z]\)|\([a-z0-9]{1,3}\)")


@dataclass(slots=True)
class Row:
    """Words on one level, from left to right."""

    words: list[Word]
    y: float
    size: float

    @property
    def x0(self) -> float:
        """Where the row begins."""
        return self.words[0].x0

    @property
    def x1(self) -> float:
        """Where the row ends."""
        return max(word.x1 for word in self.words)

    @property
    def text(self) -> str:
        """The row as text."""
        return " ".join(word.text for word in self.words)


def rows_of(words: Sequence[Word]) -> list[Row]:
    """Words put together to rows, from the top down."""
    rows: list[Row] = []
    for word in sorted(words, key=lambda word: (word.y, word.x0)):
        for row in reversed(rows[-6:]):
            if abs(row.y - word.y) <= 0.3 * max(row.size, word.size) or _stands_beside(row, word):
                row.words.append(word)
                if word.size > row.size:
                    row.size, row.y = word.size, word.y
                break
        else:
            rows.append(Row([word], word.y, word.size))
    for row in rows:
        row.words.sort(key=lambda word: word.x0)
        _attach_bullet(row)
    return sorted(rows, key=lambda row: row.y)


def _attach_bullet(row: Row) -> None:
    """Let the mark of a list's item reach to its text, so that the space between is none between columns."""
    if len(row.words) < 2:
        return
    mark, text = row.words[:2]
    if _BULLET.fullmatch(mark.text) or (_NUMBER_MARK.fullmatch(mark.text) and len(wide_spaces(row)) == 1):
        mark.x1 = max(mark.x1, text.x0 - 0.3 * row.size)


def _stands_beside(row: Row, word: Word) -> bool:
    """Whether a word stands half a line lower than a row, but apart from it: in another column, or as an index."""
    if abs(row.y - word.y) > 0.55 * min(row.size, word.size):
        return False
    return all(word.x0 >= other.x1 - 0.1 * word.size or word.x1 <= other.x0 + 0.1 * word.size for other in row.words)


def wide_spaces(row: Row) -> list[tuple[float, float]]:
    """The wide spaces between a row's words."""
    gaps = []
    right = row.words[0].x1
    for word in row.words[1:]:
        if word.x0 - right >= BAND * min(row.size, word.size * 1.2):
            gaps.append((right, word.x0))
        right = max(right, word.x1)
    return gaps


def segments_of(row: Row) -> list[list[Word]]:
    """The words of a row, divided at its wide spaces."""
    parts = [[row.words[0]]]
    right = row.words[0].x1
    for word in row.words[1:]:
        if word.x0 - right >= BAND * min(row.size, word.size * 1.2):
            parts.append([])
        parts[-1].append(word)
        right = max(right, word.x1)
    return parts
