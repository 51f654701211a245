"""The reading order of a page: columns by their white bands, tables by rows and columns, paragraphs by distances."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, median_low

from assistant.documents.blocks import TableBlock, table_block
from assistant.documents.pdf_words import Rule, Word
from assistant.documents.tables import is_value

# A line this many times further below the last one than lines usually are on the page begins a paragraph.
_PARAGRAPH_GAP = 1.35
_BAND = 0.9  # of the size of the letters: a narrower white band is the space between words
_NEXT_ROW = 3.5  # of the size: rows further apart belong to different runs
_PROSE_WORDS = 3  # on a usual line of a column of prose
_PROSE_FILL = 0.6  # of a column's width that its usual line takes
_FAR_APART = 12  # times the size of the letters: blocks so far apart are no label and its value
_CROSSING = 0.2  # of the rows of a table may cross a white band between columns (cells that cover several)
_LEADS = re.compile(r"\s*(?:[•▪‣◦●○■□➢✓–-]|\d{1,3}[.)]|[a-z]\)|\([a-z0-9]{1,3}\))\s")
_BULLET = re.compile(r"[•▪‣◦●○■□➢✓–—*·\uf0b7-]")
_NUMBER_MARK = re.compile(r"\d{1,3}[.)]|[a-z]\)|\([a-z0-9]{1,3}\)")
_NOTE_MARK = re.compile(r"(?:\d{1,3}|[⁰¹²³⁴⁵⁶⁷⁸⁹]+|[*†‡§]{1,3})[.)]?\s*\S")
_ENDS = re.compile(r"[.!?:;…。！？][\"'»”’)\]¹²³⁴⁵⁶⁷⁸⁹⁰]*$")


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
    if _BULLET.fullmatch(mark.text) or (_NUMBER_MARK.fullmatch(mark.text) and len(_gaps(row)) == 1):
        mark.x1 = max(mark.x1, text.x0 - 0.3 * row.size)


def _stands_beside(row: Row, word: Word) -> bool:
    """Whether a word stands half a line lower than a row, but apart from it: in another column, or as an index."""
    if abs(row.y - word.y) > 0.55 * min(row.size, word.size):
        return False
    return all(word.x0 >= other.x1 - 0.1 * word.size or word.x1 <= other.x0 + 0.1 * word.size for other in row.words)


def layout(words: Sequence[Word], rules: Sequence[Rule]) -> list[Paragraph | TableBlock]:
    """Paragraphs and tables of a page in reading order, footnotes last."""
    rows = rows_of(words)
    if not rows:
        return []
    letters = sorted((word.size, len(word.text)) for word in words)
    body = _weighted_median(letters)
    found = list(_region(rows, rules, body, depth=0))
    notes = [each for each in found if isinstance(each, Paragraph) and each.is_note]
    return [each for each in found if not (isinstance(each, Paragraph) and each.is_note)] + notes


def _weighted_median(pairs: Sequence[tuple[float, int]]) -> float:
    half = sum(weight for _, weight in pairs) / 2
    total = 0
    for value, weight in pairs:
        total += weight
        if total >= half:
            return value
    return pairs[-1][0]


def _region(rows: list[Row], rules: Sequence[Rule], body: float, depth: int) -> Iterator[Paragraph | TableBlock]:
    """Go down a region: runs of rows that share white bands are columns or tables, what is between them paragraphs."""
    plain: list[Row] = []
    at = 0
    while at < len(rows):
        stop = _run(rows, at) if depth < 8 else at
        if stop - at < 2:
            plain.append(rows[at])
            at += 1
            continue
        run = rows[at:stop]
        bands = _bands(run, crossing=0.0)
        columns = _columns(run, bands)
        if bands and _stand_side_by_side(run, bands, columns, rules):
            while stop < len(rows) and _is_of_columns(rows[stop], columns, bands):
                run.append(rows[stop])
                stop += 1
            while plain and _belongs_to_columns(plain[-1], run, bands):
                run = [plain.pop(), *run]
            columns = _columns(run, bands)
            yield from _paragraphs(plain, body)
            plain = []
            for column in columns:
                yield from _region(column, rules, body, depth + 1)
            at = stop
            continue
        table, used = _table(run, rules)
        if table is None:
            plain.append(rows[at])
            at += 1
            continue
        before, after = used
        plain += run[:before]
        yield from _paragraphs(plain, body)
        plain = []
        yield table
        at += after
    yield from _paragraphs(plain, body)


def _gaps(row: Row) -> list[tuple[float, float]]:
    """The wide spaces between a row's words."""
    gaps = []
    right = row.words[0].x1
    for word in row.words[1:]:
        if word.x0 - right >= _BAND * min(row.size, word.size * 1.2):
            gaps.append((right, word.x0))
        right = max(right, word.x1)
    return gaps


def _segments(row: Row) -> list[list[Word]]:
    """The words of a row, divided at its wide spaces."""
    parts = [[row.words[0]]]
    right = row.words[0].x1
    for word in row.words[1:]:
        if word.x0 - right >= _BAND * min(row.size, word.size * 1.2):
            parts.append([])
        parts[-1].append(word)
        right = max(right, word.x1)
    return parts


def _run(rows: list[Row], at: int) -> int:
    """The end of the run of rows from one on that share a white band; the row's own next one where it begins none."""
    shared = _gaps(rows[at])
    stop = at + 1
    while shared and stop < len(rows):
        row = rows[stop]
        if row.y - rows[stop - 1].y > _NEXT_ROW * max(row.size, rows[stop - 1].size):
            break
        narrowed = _free(shared, row)
        if not narrowed:
            break
        shared = narrowed
        stop += 1
    return stop


def _free(bands: list[tuple[float, float]], row: Row) -> list[tuple[float, float]]:
    """What a row leaves white of bands."""
    left = bands
    for segment in _segments(row):
        x0, x1 = segment[0].x0, max(word.x1 for word in segment)
        cut = []
        for begin, end in left:
            cut += [(begin, min(end, x0)), (max(begin, x1), end)]
        left = [(begin, end) for begin, end in cut if end - begin >= _BAND * row.size]
    return left


def _bands(run: list[Row], crossing: float) -> list[tuple[float, float]]:
    """White bands between the columns of a run, which at most this share of its rows cross."""
    size = median([row.size for row in run])
    events = []
    for row in run:
        for segment in _segments(row):
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
            if since is not None and seen and x - since >= _BAND * size:
                bands.append((since, x))
            since = None
        seen += step > 0
    return [band for band in bands if _divides(run, band)]


def _divides(run: list[Row], band: tuple[float, float]) -> bool:
    """Whether a band has words on both sides in at least two rows, or in one of two."""
    middle = (band[0] + band[1]) / 2
    both = sum(row.x0 < middle < row.x1 for row in run)
    return both >= 2


def _columns(run: list[Row], bands: list[tuple[float, float]]) -> list[list[Row]]:
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


def _is_prose(column: list[Row]) -> bool:
    """Whether the rows of a column are lines of running text."""
    if len(column) < 3:
        return False
    left, right = min(row.x0 for row in column), max(row.x1 for row in column)
    fill = median([(row.x1 - row.x0) / max(right - left, 1.0) for row in column])
    return median([len(row.words) for row in column]) >= _PROSE_WORDS and fill >= _PROSE_FILL


def _stand_side_by_side(
    run: list[Row], bands: list[tuple[float, float]], columns: list[list[Row]], rules: Sequence[Rule]
) -> bool:
    """Whether columns are each read by itself: prose, or two blocks far apart, such as an address and a date."""
    if _is_ruled(run, rules):
        return False
    if all(map(_is_prose, columns)):
        return True
    if len(columns) != 2 or bands[0][1] - bands[0][0] < _FAR_APART * median([row.size for row in run]):
        return False
    left, right = ([row.text for row in column] for column in columns)
    return not any(text.endswith(":") for text in left) and sum(map(is_value, right)) < 0.5 * len(right)


def _is_of_columns(row: Row, columns: list[list[Row]], bands: list[tuple[float, float]]) -> bool:
    """Whether a row further below stands in columns: it begins where they do and leaves the bands white."""
    lefts = [min(each.x0 for each in column) for column in columns]
    begins = [segment[0].x0 for segment in _segments(row)]
    return (
        len(begins) > 1
        and len(_free(bands, row)) == len(bands)
        and all(any(abs(begin - left) < 0.5 * row.size for left in lefts) for begin in begins)
    )


def _is_ruled(run: list[Row], rules: Sequence[Rule]) -> bool:
    """Whether drawn lines lie between the rows of a run, as in a table."""
    return len(_levels(run, rules)) >= 3


def _levels(run: list[Row], rules: Sequence[Rule]) -> list[float]:
    """The heights of horizontal rules over most of a run's width."""
    left, right = min(row.x0 for row in run), max(row.x1 for row in run)
    top, bottom = run[0].y - 2.5 * run[0].size, run[-1].y + 2.5 * run[-1].size
    spans: list[tuple[float, float]] = []  # level, length
    for rule in sorted((rule for rule in rules if rule.y0 == rule.y1), key=lambda rule: rule.y0):
        if not top <= rule.y0 <= bottom:
            continue
        length = min(rule.x1, right) - max(rule.x0, left)
        if spans and rule.y0 - spans[-1][0] < 1.5:
            spans[-1] = (spans[-1][0], spans[-1][1] + max(length, 0.0))
        else:
            spans.append((rule.y0, max(length, 0.0)))
    return [level for level, length in spans if length >= 0.6 * (right - left)]


def _belongs_to_columns(row: Row, run: list[Row], bands: list[tuple[float, float]]) -> bool:
    """Whether a row above columns is the beginning of one of them: as near as their lines, and across no band."""
    usual = median_low([below.y - above.y for above, below in pairwise(run)])
    near = run[0].y - row.y <= _PARAGRAPH_GAP * usual
    return near and abs(row.size - run[0].size) < 0.1 * row.size and _free(bands, row) == bands


def _table(run: list[Row], rules: Sequence[Rule]) -> tuple[TableBlock | None, tuple[int, int]]:
    """The table that a run is, and from which to which of its rows it goes."""
    before, after = 0, len(run)
    while before < after and len(_segments(run[before])) < 2:
        before += 1
    while after > before and len(_segments(run[after - 1])) < 2 and not _continues_cell(run, after - 1, rules):
        after -= 1
    run = run[before:after]
    bands = _bands(run, crossing=_CROSSING) if len(run) > 1 else []
    if not bands:
        return None, (0, 0)
    grid = [_cells(row, bands) for row in run]
    lines = _table_rows(run, grid, rules)
    rows = []
    for numbers in lines:
        merged: dict[int, tuple[str, int]] = {}
        for number in numbers:
            for column, (text, columns) in grid[number].items():
                old, wide = merged.get(column, ("", 1))
                merged[column] = (_below(old, text), max(wide, columns))
        cells = []
        column = 0
        while column <= len(bands):
            text, columns = merged.get(column, ("", 1))
            cells.append((text, columns, 1))
            column += columns
        rows.append(cells)
    return table_block(rows), (before, after)


def _below(text: str, more: str) -> str:
    if text.endswith("\ufffe"):
        return text + more  # a word broken at the end of a cell's line; whether with a hyphen is told later
    return f"{text} {more}" if text and more else text or more


def _cells(row: Row, bands: list[tuple[float, float]]) -> dict[int, tuple[str, int]]:
    """The cells of a row: for a column the text that begins in it and how many columns that covers."""
    cells: dict[int, tuple[str, int]] = {}
    middles = [(begin + end) / 2 for begin, end in bands]
    for segment in _segments(row):
        x0, x1 = segment[0].x0, max(word.x1 for word in segment)
        # Only a cell that reaches across a whole band covers the columns on both sides of it.
        first = sum(begin <= x0 + 1.0 for begin, _ in bands)
        last = sum(end < x1 - 1.0 for _, end in bands)
        if first > last:
            first = last = sum(middle < (x0 + x1) / 2 for middle in middles)
        text = " ".join(word.text for word in segment)
        if first in cells:
            text = f"{cells[first][0]} {text}"
        cells[first] = (text, last - first + 1)
    return cells


def _table_rows(run: list[Row], grid: list[dict[int, tuple[str, int]]], rules: Sequence[Rule]) -> list[list[int]]:
    """Which rows of words make up each row of the table: between drawn lines, or by their distances."""
    levels = _levels(run, rules)
    if len(levels) >= 3:
        groups: dict[int, list[int]] = {}
        for number, row in enumerate(run):
            groups.setdefault(sum(level < row.y - 0.2 * row.size for level in levels), []).append(number)
        if _is_boxed(run, rules) or not any(_holds_rows(group, grid) for group in groups.values()):
            return list(groups.values())
    starts = [number for number, cells in enumerate(grid) if 0 in cells]
    gaps = [run[below].y - run[above].y for above, below in pairwise(starts) if below == above + 1]
    usual = median(gaps) if gaps else 0.0
    lines: list[list[int]] = []
    for number, cells in enumerate(grid):
        gap = run[number].y - run[number - 1].y if number else 0.0
        tight = usual and gap < 0.85 * usual
        below = lines and 0 not in cells and len(cells) < max(2, len(grid[number - 1]))
        if lines and (tight or (below and _runs_on(cells, [grid[at] for at in lines[-1]]))):
            lines[-1].append(number)
        else:
            lines.append([number])
    return lines


def _is_boxed(run: list[Row], rules: Sequence[Rule]) -> bool:
    """Whether lines are drawn between the columns of a run, too."""
    top, bottom = run[0].y - run[0].size, run[-1].y
    left, right = min(row.x0 for row in run), max(row.x1 for row in run)
    upright = [rule for rule in rules if rule.x0 == rule.x1 and left - 1 < rule.x0 < right + 1]
    return any(min(rule.y1, bottom) - max(rule.y0, top) > 0.5 * (run[0].size) for rule in upright)


def _holds_rows(numbers: list[int], grid: list[dict[int, tuple[str, int]]]) -> bool:
    """Whether rows of words are rows of the table: more than one of them fills most columns."""
    width = max(len(cells) for cells in grid)
    return sum(len(grid[number]) >= max(2, 0.75 * width) for number in numbers) > 1


def _runs_on(cells: dict[int, tuple[str, int]], above: Sequence[dict[int, tuple[str, int]]]) -> bool:
    """Whether the cells of a row go on with words that stand in the cells above them."""
    for column, (text, _) in cells.items():
        before = " ".join(row[column][0] for row in above if column in row)
        if not before or not (text[0].islower() or before[-1] in ",-\ufffe(/"):
            return False
    return True


def _continues_cell(run: list[Row], number: int, rules: Sequence[Rule]) -> bool:
    """Whether a row of one piece at a table's end is the next line of a cell above it."""
    if number == 0:
        return False
    row, above = run[number], run[number - 1]
    levels = _levels(run, rules)
    if len(levels) >= 3:
        return row.y < levels[-1] + 0.2 * row.size
    begins = [segment[0].x0 for segment in _segments(above)]
    return row.y - above.y < 1.5 * row.size and any(abs(row.x0 - x0) < 1.0 for x0 in begins[1:])


def _paragraphs(rows: list[Row], body: float) -> Iterator[Paragraph]:
    """Rows one below the other, divided where they stand further apart, change their size or begin something."""
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
    if row.y - above.y > _PARAGRAPH_GAP * usual > 0:
        return True
    indented = row.x0 - left > 0.9 * row.size and above.x0 - left < 0.3 * row.size
    return bool(indented and _ENDS.search(above.text) and not _LEADS.match(above.text))


def _paragraph(rows: list[Row], body: float) -> Paragraph:
    size = median([row.size for row in rows])
    is_note = size < 0.93 * body and _NOTE_MARK.match(rows[0].text) is not None
    return Paragraph(tuple(row.text for row in rows), size, is_note)
