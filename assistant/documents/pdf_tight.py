"""Rows of a table in which a long cell reaches so near to the next that the space between looks like one of words."""

from itertools import pairwise
from statistics import median

from assistant.documents.pdf_columns import left_white, white_bands
from assistant.documents.pdf_rows import BAND, Row, segments_of

_NEAR = 0.7  # points: cells of a column begin so exactly below each other
_LEAST_SPACE = 0.22  # of the size: what stands nearer is one word
_NEXT_ROW = 1.6  # times what rows of the table are apart


def with_tight_rows(rows: list[Row], at: int, stop: int, plain: list[Row]) -> tuple[list[Row], int]:
    """A run of rows from `at` to `stop`, with those around it that are rows of the same table; and where it ends now.

    Rows above are taken from the end of `plain`. In the rows taken the space before a cell is made a wide one.
    """
    run = rows[at:stop]
    lefts = _columns(run)
    bands = white_bands(run, crossing=0.0)
    if not lefts or not bands:
        return run, stop
    usual = median([below.y - above.y for above, below in pairwise(run)])
    while stop < len(rows) and _belongs(rows[stop], rows[stop].y - run[-1].y, usual, run, lefts, bands):
        run.append(rows[stop])
        stop += 1
    while plain and _belongs(plain[-1], run[0].y - plain[-1].y, usual, run, lefts, bands):
        run.insert(0, plain.pop())
    return run, stop


def _columns(run: list[Row]) -> list[float]:
    """Where cells begin in two rows or more."""
    begins = sorted(segment[0].x0 for row in run for segment in segments_of(row)[1:])
    found: list[float] = []
    for one, other in pairwise(begins):
        if other - one <= _NEAR and (not found or one - found[-1] > _NEAR):
            found.append(one)
    return found


def _belongs(
    row: Row, gap: float, usual: float, run: list[Row], lefts: list[float], bands: list[tuple[float, float]]
) -> bool:
    """Whether a row beside a table is one of it: it begins where the others do, and a word where their cells do."""
    if (
        gap > _NEXT_ROW * usual
        or abs(row.size - run[0].size) > 0.1 * row.size
        or abs(row.x0 - min(other.x0 for other in run)) > row.size
        or any(word.block is not None for word in row.words)
    ):
        return False
    if len(segments_of(row)) > 1 and len(left_white(bands, row)) == len(bands):
        return True
    if row.x1 > max(other.x1 for other in run) + row.size or len(row.words) > 2 * max(len(each.words) for each in run):
        return False
    tight = [
        (before, word)
        for before, word in pairwise(row.words)
        if word.x0 - before.x1 >= _LEAST_SPACE * row.size and any(abs(word.x0 - left) <= _NEAR for left in lefts)
    ]
    for before, word in tight:
        before.x1 = min(before.x1, word.x0 - 1.05 * BAND * row.size)
    return bool(tight)
