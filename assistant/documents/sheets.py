"""Sheets of workbooks as text and tables: each block of filled cells is a table of its own, titles are lines."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from assistant.documents.blocks import Block, TableBlock, heading
from assistant.documents.tables import MOST_CELLS

_MAX_COLUMNS = 16_384

Merge = tuple[int, int, int, int]
"""First row, first column, last row, last column of a merged cell, counted from 0."""


@dataclass(slots=True)
class Sheet:
    """A sheet's filled cells.

    Args:
        name: What it is called.
        rows: For each row that holds something its number, counted from 0, and its texts by their columns.
        merges: Its merged cells.
        hidden: Whether the sheet is not shown.
        notes: Comments, each with the name of its cell, and the texts of boxes, with None.
    """

    name: str
    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)
    hidden: bool = False
    notes: list[tuple[str | None, str]] = field(default_factory=list)


def sheet_blocks(sheet: Sheet, *, only: bool) -> Iterator[Block | TableBlock]:
    """The blocks of a sheet: its name as a heading, then tables and titles in the order in which they stand.

    Args:
        sheet: what to write.
        only: it is the workbook's only one, whose name says nothing where the program gave it.
    """
    _spread(sheet)
    place: str | None = f"sheet “{sheet.name}”"
    if not (only and sheet.name.rstrip("0123456789 ").lower() in _GIVEN_NAMES):
        yield heading(2, sheet.name, place)
        place = None
    title: str | None = None
    for block in _blocks(sheet.rows):
        for region in _regions(block):
            made = _written(sheet, region, title)
            title = made.text if isinstance(made, Block) else None
            if place is not None:
                made = replace(made, place=place)
                place = None
            yield made
    for cell, text in sheet.notes:
        yield Block(
            text if cell is None else f"Comment at {cell}: {text}", place=f"{sheet.name}!{cell}" if cell else place
        )
        place = f"sheet “{sheet.name}”"


_GIVEN_NAMES = frozenset({"sheet", "tabelle", "feuil", "feuille", "hoja", "foglio", "blad", "table", "planilha"})


def _spread(sheet: Sheet) -> None:
    """Write the text of each merged cell into every place that it covers."""
    places = 0
    for first_row, first_column, end_row, last_column in sheet.merges:
        text = sheet.rows.get(first_row, {}).get(first_column, "")
        if not text:
            continue
        last_row = min(end_row, max(sheet.rows))
        places += (last_row - first_row + 1) * (last_column - first_column + 1)
        if places > MOST_CELLS // 10:
            return
        for row in range(first_row, last_row + 1):
            cells = sheet.rows.setdefault(row, {})
            for column in range(first_column, min(last_column, _MAX_COLUMNS) + 1):
                cells.setdefault(column, text)
    sheet.rows = dict(sorted(sheet.rows.items()))


Region = dict[int, dict[int, str]]


def _blocks(rows: Region) -> Iterator[Region]:
    """Rows that stand together, without an empty one between."""
    block: Region = {}
    last = None
    for number, cells in rows.items():
        if last is not None and number > last + 1:
            yield block
            block = {}
        block[number] = cells
        last = number
    if block:
        yield block


def _regions(block: Region) -> Iterator[Region]:
    """Parts of a block that stand side by side, with an empty column between; titles above a table apart from it."""
    numbers = list(block)
    while len(numbers) > 1 and len(block[numbers[0]]) == 1 and len(block[numbers[1]]) != 1:
        yield {numbers[0]: block[numbers[0]]}
        block = {number: block[number] for number in numbers[1:]}
        numbers = list(block)
    columns = sorted({column for cells in block.values() for column in cells})
    starts = [column for before, column in pairwise([-2, *columns]) if column > before + 1]
    if len(starts) < 2 or len(block) < 2:
        yield block
        return
    ends = [*starts[1:], _MAX_COLUMNS + 1]
    parts = [
        {
            number: inside
            for number, cells in block.items()
            if (inside := {column: text for column, text in cells.items() if start <= column < end})
        }
        for start, end in zip(starts, ends, strict=True)
    ]
    if all(len(part) > 1 and max(map(len, part.values())) > 1 for part in parts):
        yield from parts
    else:
        yield block


def _written(sheet: Sheet, region: Region, title: str | None) -> Block | TableBlock:
    first, last = min(region), max(region)
    columns = [column for cells in region.values() for column in cells]
    left, right = min(columns), max(columns)
    texts = {text for cells in region.values() for text in cells.values()}
    if len(region) == 1 and len(texts) == 1:
        return Block(" ".join(texts.pop().split()))
    width = right - left + 1
    last = min(last, first + max(1, MOST_CELLS // width) - 1)
    rows = [
        [" ".join(region.get(row, {}).get(column, "").split()) for column in range(left, right + 1)]
        for row in range(first, last + 1)
    ]
    merged = {(row, column, wide) for row, column, _, wide in sheet.merges}
    wide = frozenset(row - first for row in range(first, last + 1) if width > 1 and (row, left, right) in merged)
    name = title or (sheet.name if sheet.name.rstrip("0123456789 ").lower() not in _GIVEN_NAMES else None)
    return TableBlock(rows, wide, None, name, sheet.name, first, left)


def sheets_blocks(sheets: Iterable[Sheet], notice: Callable[[str], None]) -> Iterator[Block | TableBlock]:
    """The blocks of all sheets that are shown; hidden ones are read last and said to be hidden."""
    all_sheets = [sheet for sheet in sheets if sheet.rows or sheet.notes]
    for sheet in sorted(all_sheets, key=lambda sheet: sheet.hidden):
        if sheet.hidden:
            notice(f"The sheet “{sheet.name}” is hidden in the workbook and was read all the same.")
        yield from sheet_blocks(sheet, only=len(all_sheets) == 1)
