"""White bands that the rows of a page share, and whether what they divide is read column by column."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median, median_low

from assistant.documents.pdf_paragraphs import PARAGRAPH_GAP
from assistant.documents.pdf_rows import Row, segments_of, wide_spaces
from assistant.documents.pdf_rules import is_ruled
from assistant.documents.pdf_words import Rule, Word
from assistant.documents.tables import is_value

_SHARED = 0.7  # of the size: what rows leave white together, where each leaves a wide space
_NEXT_ROW = 3.5  # of the size: rows further apart belong to different runs
_PROSE_WORDS = 3  # on a usual line of a column of prose
_PROSE_FILL = 0.6  # of a column's width that its usual line takes
_FAR_APART = 12  # times the size of the letters: blocks so far apart are no label and its value


def end_of_run(rows: list[Row], at: int) -> int:
    """The end of the run of rows from one on that share a white band; the row's own next one where it begins none."""
    shared = wide_spaces(rows[at])
    stop = at + 1
    while shared and stop < len(rows):
        row = rows[stop]
        if row.y - rows[stop - 1].y > _NEXT_ROW * max(row.size, rows[stop - 1].size):
            break
        if _begins_table(rows, at, stop):
            break
        narrowed = left_white(shared, row)
        if not narrowed:
            break
        shared = narrowed
        stop += 1
    return stop


def _begins_table(rows: list[Row], at: int, stop: int) -> bool:
    """Whether rows of more cells than those above begin after a wider gap, as an invoice's table below its heads."""
    before = rows[at:stop]
    if len(before) < 2 or stop + 1 >= len(rows):
        return False
    most = max(len(segments_of(row)) for row in before)
    if len(segments_of(before[-1])) > 2:
        return False
    if min(len(segments_of(row)) for row in rows[stop : stop + 2]) <= max(most, 2):
        return False
    if rows[stop].y - before[-1].y <= 1.5 * median([below.y - above.y for above, below in pairwise(before)]):
        return False
    bands = white_bands(before, crossing=0.0)
    return not (bands and all(_is_prose(column, words=5) for column in columns_of(before, bands)))


def left_white(bands: list[tuple[float, float]], row: Row) -> list[tuple[float, float]]:
    """What a row leaves white of bands."""
    left = bands
    for segment in segments_of(row):
        x0, x1 = segment[0].x0, max(word.x1 for word in segment)
        cut = []
        for begin, end in left:
            cut += [(begin, min(end, x0)), (max(begin, x1), end)]
        left = [(begin, end) for begin, end in cut if end - begin >= _SHARED * row.size]
    return left


def white_bands(run: list[Row], crossing: float) -> list[tuple[float, float]]:
    """White bands between the columns of a run, which at most this share of its rows cross."""
    size = median([row.size for row in run])
    events = []
    for row in run:
        for segment in segments_of(row):
            events += [(segment[0].x0, 1), (max(word.x1 for word in segment), -1)]
    events.sort(key=lambda event: (event[0], -event[1]))
    most = max(int(crossing * len(run)), int(crossing > 0 and len(run) > 3))
    bands = []
    depth, since, seen = 0, None, 0
    for x, step in events:
        was = depth
        depth += step
        if was > most >= depth:
            since = x
        elif was <= most < depth:
            if since is not None and seen and x - since >= _SHARED * size:
                bands.append((since, x))
            since = None
        seen += step > 0
    return [band for band in bands if _divides(run, band)]


def _divides(run: list[Row], band: tuple[float, float]) -> bool:
    """Whether a band has words on both sides in at least two rows; in one, if they are blocks far apart."""
    middle = (band[0] + band[1]) / 2
    both = sum(row.x0 < middle < row.x1 for row in run)
    if both >= 2:
        return True
    sides = (sum(row.x0 < middle for row in run), sum(row.x1 > middle for row in run))
    return both == 1 and min(sides) > 1 and band[1] - band[0] >= _FAR_APART * median([row.size for row in run])


def columns_of(run: list[Row], bands: list[tuple[float, float]]) -> list[list[Row]]:
    """The words of a run, divided at its white bands: for each column its rows."""
    middles = [(begin + end) / 2 for begin, end in bands]
    columns: list[list[Row]] = [[] for _ in range(len(bands) + 1)]
    for row in run:
        parts: dict[int, list[Word]] = {}
        for word in row.words:
            parts.setdefault(sum((word.x0 + word.x1) / 2 > middle for middle in middles), []).append(word)
        for column, words in parts.items():
            size = max(word.size for word in words)
            columns[column].append(Row(words, max(word.y for word in words if word.size == size), size))
    return columns


def _is_prose(column: list[Row], words: int = _PROSE_WORDS) -> bool:
    """Whether the rows of a column are lines of running text."""
    if len(column) < 3:
        return False
    left, right = min(row.x0 for row in column), max(row.x1 for row in column)
    fill = median([(row.x1 - row.x0) / max(right - left, 1.0) for row in column])
    return median([len(row.words) for row in column]) >= words and fill >= _PROSE_FILL


def _holds_prose(column: list[Row]) -> bool:
    """Whether a column has lines of running text among short ones, such as those of a box or of headings."""
    width = max(row.x1 for row in column) - min(row.x0 for row in column)
    full = [row for row in column if len(row.words) > _PROSE_WORDS and row.x1 - row.x0 > 0.8 * width]
    return len(full) >= max(3, 0.25 * len(column))


def stand_side_by_side(
    run: list[Row], bands: list[tuple[float, float]], columns: list[list[Row]], rules: Sequence[Rule]
) -> bool:
    """Whether columns are each read by itself: prose, or two blocks far apart, such as an address and a date."""
    if is_ruled(run, rules):
        return False
    prose = [_is_prose(column) for column in columns]
    if all(prose):
        return True
    if len(columns) > 2 and sum(prose) == len(columns) - 1 and _holds_prose(columns[prose.index(False)]):
        return True
    if len(columns) != 2 or bands[0][1] - bands[0][0] < _FAR_APART * median([row.size for row in run]):
        return False
    left, right = ([row.text for row in column] for column in columns)
    return not any(text.endswith(":") for text in left) and sum(map(is_value, right)) < 0.5 * len(right)


def is_of_columns(row: Row, columns: list[list[Row]], bands: list[tuple[float, float]]) -> bool:
    """Whether a row further below stands in columns: it begins where they do and leaves the bands white."""
    lefts = [min(each.x0 for each in column) for column in columns]
    begins = [segment[0].x0 for segment in segments_of(row)]
    return (
        len(begins) > 1
        and len(left_white(bands, row)) == len(bands)
        and all(any(abs(begin - left) < 0.5 * row.size for left in lefts) for begin in begins)
    )


def belongs_to_columns(above: list[Row], run: list[Row], bands: list[tuple[float, float]]) -> bool:
    """Whether the last row above columns is the beginning of one of them: near, across no band, and no lines' last."""
    row = above[-1]
    usual = median_low([below.y - above.y for above, below in pairwise(run)])
    gap = run[0].y - row.y
    if len(left_white(bands, row)) != len(bands) or gap > _NEXT_ROW * max(row.size, run[0].size):
        return False
    if gap <= PARAGRAPH_GAP * usual and abs(row.size - run[0].size) < 0.1 * row.size:
        return True
    if len(above) < 2:
        return True
    over = above[-2]  # a short line may be the last of a paragraph that is as wide as the page
    is_last = (
        row.y - over.y <= PARAGRAPH_GAP * max(usual, 1.2 * row.size) and abs(row.size - over.size) < 0.1 * row.size
    )
    return not is_last or len(left_white(bands, over)) == len(bands)
