"""Columns whose lines stand on levels of their own, such as the narrow one of a CV beside a wide one."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from assistant.documents.pdf_columns import left_white
from assistant.documents.pdf_rows import BAND, Row, wide_spaces
from assistant.documents.pdf_words import Rule

Band = tuple[float, float]

_LEAST_LINES = 4  # of each column, and of those that stand on no common level
_NEXT_ROW = 7.0  # times the size: further down, another part of the page begins
_NEXT_LINE = 2.2  # times the size: the distance of lines in a column; cells of a table may stand further apart
_SAME_LEVEL = 0.1  # of the size
_RULED = 3  # lines from column to column, in a table
_LEAST_DRIFT = 0.4  # of the size: by so much the levels of the lines shift against each other


@dataclass(frozen=True, slots=True)
class _Side:
    """The lines of one column: the number of the row that each is in, and its own baseline."""

    rows: list[int]
    levels: list[float]

    def gap(self) -> float:
        return median([below - above for above, below in pairwise(self.levels)])


def uneven_columns(rows: list[Row], rules: Sequence[Rule]) -> tuple[int, int, Band] | None:
    """The first rows that two columns with levels of their own share: from, to, and the white band between them.

    The rows of a table stand on common levels; lines of text that runs down two columns drift against each other.
    """
    at = 0
    while at + 1 < len(rows):
        shared = wide_spaces(rows[at]) or _between(rows[at], rows[at + 1])
        stop = at + 1
        while shared and stop < len(rows):
            row = rows[stop]
            if row.y - rows[stop - 1].y > _NEXT_ROW * row.size or any(word.block is not None for word in row.words):
                break
            if not (narrowed := left_white(shared, row)):
                break
            shared = narrowed
            stop += 1
        if stop - at >= _LEAST_LINES:
            for band in sorted(shared, key=lambda each: each[0] - each[1])[:3]:
                if (end := _end_of_columns(rows[at:stop], band, rules)) is not None:
                    return at, at + end, band
            at = stop
        else:
            at += 1
    return None


def _between(above: Row, below: Row) -> list[Band]:
    """The white band between two rows that are too near to be lines of one column."""
    left, right = sorted((above, below), key=lambda row: row.x0)
    size = min(above.size, below.size)
    if below.y - above.y >= size or right.x0 - left.x1 < BAND * size:
        return []
    return [(left.x1, right.x0)]


def _end_of_columns(run: list[Row], band: Band, rules: Sequence[Rule]) -> int | None:
    """Where columns on either side of a band end; None where they are none that have levels of their own."""
    middle = sum(band) / 2
    left, right = _side(run, middle, left=True), _side(run, middle, left=False)
    if min(len(left.rows), len(right.rows)) < _LEAST_LINES:
        return None
    size = median([row.size for row in run])
    if max(left.gap(), right.gap()) > _NEXT_LINE * size or not _drift(left, right, size):
        return None
    if _rules_across(run, band, rules) >= _RULED:
        return None
    # Below the end of the shorter column the longer one goes on; what stands apart from it is of the whole page.
    shorter, longer = sorted((left, right), key=lambda side: side.rows[-1])
    widest = _NEXT_LINE * size  # but for what stands apart as far further above, a heading for one
    for number, (above, below) in zip(longer.rows[1:], pairwise(longer.levels), strict=True):
        if number <= shorter.rows[-1]:
            widest = max(widest, 1.1 * (below - above))
        elif below - above > widest:
            return number
    return len(run)


def _side(run: list[Row], middle: float, *, left: bool) -> _Side:
    side = _Side([], [])
    for number, row in enumerate(run):
        words = [word for word in row.words if ((word.x0 + word.x1) / 2 < middle) is left]
        if words:
            side.rows.append(number)
            side.levels.append(max(words, key=lambda word: word.size).y)
    side.levels.sort()  # words on one row may stand on levels of their own
    return side


def _drift(left: _Side, right: _Side, size: float) -> bool:
    """Whether most lines of two columns stand on no common level, and some by more than others."""
    offsets: list[float] = []
    for level in left.levels:
        at = bisect_left(right.levels, level)
        nearest = min((each - level for each in right.levels[max(0, at - 1) : at + 1]), key=abs)
        if abs(nearest) < size:
            offsets.append(nearest)
    uneven = sum(abs(offset) > _SAME_LEVEL * size for offset in offsets)
    if uneven < _LEAST_LINES or uneven <= 2 * (len(offsets) - uneven):
        return False
    return max(offsets) - min(offsets) >= _LEAST_DRIFT * size


def _rules_across(run: list[Row], band: Band, rules: Sequence[Rule]) -> int:
    """How many lines are drawn from one column to the other, as between the rows of a table."""
    top, bottom = run[0].y - run[0].size, run[-1].y
    flat = [rule for rule in rules if rule.y0 == rule.y1 and top < rule.y0 < bottom]
    return len({round(rule.y0) for rule in flat if rule.x0 < band[0] and band[1] < rule.x1})
