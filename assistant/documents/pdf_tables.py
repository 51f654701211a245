"""Rows of a page as a table: its columns by white bands, its rows by drawn lines or by their distances."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from assistant.documents.blocks import TableBlock, table_block
from assistant.documents.pdf_columns import white_bands
from assistant.documents.pdf_rows import Row, joined, segments_of
from assistant.documents.pdf_rules import is_boxed, rule_levels
from assistant.documents.pdf_words import Rule

_HEADS = 2  # rows at the top that may name several columns at once
_APART = 1.5  # times the size of the letters: lines of one cell stand nearer
_CROSSING = 0.2  # of the rows of a table may cross a white band between columns (cells that cover several)


def table_of(run: list[Row], rules: Sequence[Rule]) -> tuple[TableBlock | None, tuple[int, int]]:
    """The table that a run is, and from which to which of its rows it goes."""
    if any(word.block is not None for row in run for word in row.words):
        return None, (0, 0)
    before, after = 0, len(run)
    while before < after and len(segments_of(run[before])) < 2:
        before += 1
    while after > before and len(segments_of(run[after - 1])) < 2 and not _continues_cell(run, after - 1, rules):
        after -= 1
    run = run[before:after]
    bands = white_bands(run, crossing=_CROSSING) if len(run) > 1 else []
    if not bands:
        return None, (0, 0)
    grid = [_cells(row, bands) for row in run]
    for number in range(min(_HEADS, len(run) - 1)):
        grid[number] = _names_over_columns(run[number], run, bands) or grid[number]
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
            columns = min([columns, *(other - column for other in merged if other > column)])  # it covers no other text
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
    for segment in segments_of(row):
        x0, x1 = segment[0].x0, max(word.x1 for word in segment)
        # Only a cell that reaches across a whole band covers the columns on both sides of it.
        first = sum(begin <= x0 + 1.0 for begin, _ in bands)
        last = sum(end < x1 - 1.0 for _, end in bands)
        if first > last:
            first = last = sum(middle < (x0 + x1) / 2 for middle in middles)
        text = joined(segment)
        if first in cells:
            text = f"{cells[first][0]} {text}"
        cells[first] = (text, last - first + 1)
    return cells


def _names_over_columns(
    row: Row, run: list[Row], bands: list[tuple[float, float]]
) -> dict[int, tuple[str, int]] | None:
    """The cells of a row of names that stand in the middle over several columns each; None where it is none."""
    segments = segments_of(row)
    first = int(segments[0][-1].x1 <= bands[0][0] + 1.0)  # one stands over the first column alone
    names = segments[first:]
    over = range(1, len(bands) + 1)
    if not names or len(over) % len(names) or len(over) // len(names) < 2:
        return None
    filled = [other for other in run if len(segments_of(other)) == len(bands) + 1]
    if len(filled) < 2:
        return None
    columns = list(zip(*map(segments_of, filled), strict=True))
    lefts = [min(cell[0].x0 for cell in column) for column in columns]
    rights = [max(cell[-1].x1 for cell in column) for column in columns]
    width = len(over) // len(names)
    cells = {0: (joined(segments[0]), 1)} if first else {}
    for number, name in enumerate(names):
        begin = 1 + number * width
        last = begin + width - 1
        step = (lefts[last] - lefts[begin]) / (width - 1)
        middle = (name[0].x0 + name[-1].x1) / 2
        centres = (
            lefts[begin] + width * step / 2,
            rights[last] - width * (rights[last] - rights[begin]) / (width - 1) / 2,
            (lefts[begin] + rights[last]) / 2,
        )
        if min(abs(middle - centre) for centre in centres) > 0.12 * width * step:
            return None
        cells[begin] = (joined(name), width)
    return cells


def _table_rows(run: list[Row], grid: list[dict[int, tuple[str, int]]], rules: Sequence[Rule]) -> list[list[int]]:
    """Which rows of words make up each row of the table: between drawn lines, or by their distances."""
    levels = rule_levels(run, rules)
    if len(levels) >= 3:
        groups: dict[int, list[int]] = {}
        for number, row in enumerate(run):
            groups.setdefault(sum(level < row.y - 0.2 * row.size for level in levels), []).append(number)
        if is_boxed(run, rules) or not any(_holds_rows(group, grid) for group in groups.values()):
            return [part for group in groups.values() for part in _apart(group, run, grid)]
    starts = [number for number, cells in enumerate(grid) if 0 in cells]
    gaps = [run[below].y - run[above].y for above, below in pairwise(starts) if below == above + 1]
    usual = median(gaps) if gaps else 0.0
    lines: list[list[int]] = []
    for number, cells in enumerate(grid):
        gap = run[number].y - run[number - 1].y if number else 0.0
        tight = usual and gap < 0.85 * usual
        below = lines and 0 not in cells and len(cells) < max(2, len(grid[number - 1]))
        names = number and len(cells) > len(grid[number - 1]) and any(wide > 1 for _, wide in grid[number - 1].values())
        if lines and not names and (tight or (below and _runs_on(cells, [grid[at] for at in lines[-1]]))):
            lines[-1].append(number)
        else:
            lines.append([number])
    return lines


def _apart(numbers: list[int], run: list[Row], grid: list[dict[int, tuple[str, int]]]) -> list[list[int]]:
    """Rows of words between two lines, divided where they fill the same columns and stand apart as no lines do."""
    parts = [numbers[:1]]
    for above, number in pairwise(numbers):
        like = len(grid[number]) > 1 and grid[number].keys() == grid[above].keys()
        if like and run[number].y - run[above].y > _APART * run[number].size:
            parts.append([])
        parts[-1].append(number)
    return parts


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
    levels = rule_levels(run, rules)
    if len(levels) >= 3:
        return row.y < levels[-1] + 0.2 * row.size
    begins = [segment[0].x0 for segment in segments_of(above)]
    return row.y - above.y < 1.5 * row.size and any(abs(row.x0 - x0) < 1.0 for x0 in begins[1:])
