"""Words of a page put together to rows, and the wide spaces in a row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from assistant.documents.pdf_words import Word, runs_leftwards

BAND = 0.9  # of the size of the letters: a narrower white band is the space between words
_BULLET = re.compile(r"[•▪‣◦●○■□➢✓–—*·\uf0b7-]")
_NUMBER_MARK = re.compile(r"\d{1,3}[.)]|[a-z]\)|\([a-z0-9]{1,3}\)")
_INITIAL_LETTER = re.compile(r"[\"'“‘«„]?[^\W\d_]")
_INITIAL = 1.8  # times the size of the page's letters, and more
_MAX_INITIALS = 20  # on a page
# What a word that begins with A or I goes on with, and no word begins with: "fter", "nstead".
_RESTS = re.compile(
    r"(?:[bcdfgkmpstv](?![aeiouyhlrwtnmkcp])|f[t]|l[b-df-hj-np-tv-z]|n[b-df-hj-np-z]|[fnrst]\b|m[bmp]|r[^aeiouyh]|s[^aeiouyhlpctknmw]|t\b)"
)
_SPACED = 1.4  # times the size: letters further apart stand in columns


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
        return joined(self.words)


def joined(words: Sequence[Word]) -> str:
    """Words of a row as text: from left to right, or from right to left where most of them are written so."""
    texts = [word.text for word in words]
    leftwards = sum(len(text) for text in texts if runs_leftwards(text))
    if not leftwards or 2 * leftwards < sum(len(text) for text in texts if any(map(str.isalpha, text))):
        return " ".join(texts)
    ordered: list[str] = []
    others: list[str] = []  # a run of words of another script, or of figures, stands in its own order
    for text in reversed(texts):
        if runs_leftwards(text) or not any(map(str.isalnum, text)):
            ordered += [*reversed(others), text]
            others = []
        else:
            others.append(text)
    return " ".join([*ordered, *reversed(others)])


def rows_of(words: Sequence[Word]) -> list[Row]:
    """Words put together to rows, from the top down."""
    rows: list[Row] = []
    for word in sorted(_with_initials(words), key=lambda word: (word.y, word.x0)):
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
        _close_spaced_letters(row)
        _attach_bullet(row)
    return sorted(rows, key=lambda row: row.y)


def _with_initials(words: Sequence[Word]) -> list[Word]:
    """The words, with a large letter that several lines stand beside put before the first of them."""
    body = median([word.size for word in words]) if words else 0.0
    initials = [word for word in words if word.size > _INITIAL * body and _INITIAL_LETTER.fullmatch(word.text)]
    if not initials or len(initials) > _MAX_INITIALS:
        return list(words)
    left = list(words)
    for initial in initials:
        beside = [
            word
            for word in left
            if word.size < initial.size / _INITIAL
            and -2.0 < word.x0 - initial.x1 < 1.2 * body
            and initial.y - 0.9 * initial.size < word.y < initial.y + 0.3 * body
        ]
        if len(beside) < 2:
            continue
        first = min(beside, key=lambda word: word.y)
        space = " " if initial.text in "AI" and not _RESTS.match(first.text) else ""
        whole = replace(first, text=f"{initial.text}{space}{first.text}")
        left = [whole if word is first else word for word in left if word is not initial]
    return left


def _close_spaced_letters(row: Row) -> None:
    """Make words of letters that are set apart, as in "N O T I C E"; a wider space stays one."""
    words: list[Word] = []
    at = 0
    while at < len(row.words):
        stop = at + 1
        while (
            stop < len(row.words)
            and len(row.words[stop - 1].text) == len(row.words[stop].text) == 1
            and row.words[stop].text.isalpha()
            and row.words[stop - 1].text.isalpha()
            and row.words[stop].x0 - row.words[stop - 1].x1 < _SPACED * row.size
        ):
            stop += 1
        letters = row.words[at:stop]
        at = stop
        if len(letters) < 4:
            words += letters
            continue
        gaps = [after.x0 - before.x1 for before, after in pairwise(letters)]
        parts = [replace(letters[0])]
        for gap, letter in zip(gaps, letters[1:], strict=True):
            if gap > 1.7 * median(gaps):
                parts.append(replace(letter))
            else:
                parts[-1].text += letter.text
                parts[-1].x1 = letter.x1
        words += parts
    row.words = words


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
