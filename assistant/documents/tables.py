"""Tables of a document: cells with their offsets in its text, from the file itself or found in plain text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assistant.types import Document

MOST_CELLS = 2_000_000
"""A table with more is cut after its last whole row."""

_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_VALUE = re.compile(r"[^\w\s]{0,3}\s*\d[\d\s.,:/'’–-]*[^\w\s]{0,3}(?:\s?[^\W\d_]{1,4}\.?)?[^\w\s]{0,2}")
_MOST_HEADER_ROWS = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of a table, counted from 0; the characters `[start, end)` of the document's text stand in it."""

    row: int
    column: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table in the text of a document.

    Every row has a cell for every column, in order; an empty cell has `start == end`. A merged cell's text is written
    again in each place that it covers, so that each line of the text can be read by itself, and each place has the
    offsets of its own copy. Only where one cell is as wide as the table is it written once, and all places of the row
    have the same offsets.

    Args:
        start: Where the table begins in the document's text.
        end: Where it ends.
        cells: Its cells, row by row.
        header_rows: How many rows at the top name the columns.
        name: The sheet's name, the caption or the heading above.
        sheet: The sheet of a workbook that it stands in, where cells have addresses such as `B7`.
        first_row: The row of the sheet, counted from 0, at which the table begins.
        first_column: The column of the sheet, counted from 0, at which the table begins.
    """

    start: int
    end: int
    cells: tuple[Cell, ...]
    header_rows: int = 1
    name: str | None = None
    sheet: str | None = None
    first_row: int = 0
    first_column: int = 0

    @property
    def width(self) -> int:
        """How many columns the table has."""
        return self.cells[-1].column + 1 if self.cells else 0

    @property
    def height(self) -> int:
        """How many rows the table has, header rows among them."""
        return self.cells[-1].row + 1 if self.cells else 0

    def rows(self) -> tuple[tuple[Cell, ...], ...]:
        """The cells of each row, header rows first."""
        width = self.width
        return tuple(self.cells[at : at + width] for at in range(0, len(self.cells), width or 1))

    def header(self, column: int) -> tuple[Cell, ...]:
        """The cells that name a column, from the top down; none where the table has no header rows."""
        return tuple(self.cell(row, column) for row in range(self.header_rows))

    def cell(self, row: int, column: int) -> Cell:
        """The cell in a place.

        Raises:
            IndexError: the table has no such place.
        """
        if not (0 <= row < self.height and 0 <= column < self.width):
            raise IndexError(f"the table has no cell in row {row}, column {column}")
        return self.cells[row * self.width + column]

    def cell_text(self, text: str, row: int, column: int) -> str:
        """What stands in a place, given the document's text."""
        cell = self.cell(row, column)
        return text[cell.start : cell.end]

    def cell_at(self, offset: int) -> Cell | None:
        """The first cell whose text holds a character of the document; None between cells."""
        low, high = 0, len(self.cells)
        while low < high:  # the cells' ends are in order
            middle = (low + high) // 2
            if self.cells[middle].end <= offset:
                low = middle + 1
            else:
                high = middle
        found = self.cells[low] if low < len(self.cells) else None
        return found if found is not None and found.start <= offset else None

    def address(self, cell: Cell) -> str | None:
        """Where a cell stands in its workbook, such as `Prices!B7`; None in a table of no sheet."""
        if self.sheet is None:
            return None
        return f"{self.sheet}!{column_letters(self.first_column + cell.column)}{self.first_row + cell.row + 1}"


def column_letters(column: int) -> str:
    """The letters that spreadsheets name a column by, counted from 0: `A` to `Z`, `AA` and so on."""
    letters = ""
    column += 1
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def tables_of(document: "Document") -> tuple[Table, ...]:
    """The tables of a document: those its file gave, else those found in its text."""
    return document.tables or _found(document.text)


@lru_cache(maxsize=8)
def _found(text: str) -> tuple[Table, ...]:
    from assistant.documents.table_search import find_tables

    return find_tables(text)


def guess_header_rows(rows: Sequence[Sequence[str]]) -> int:
    """How many rows at the top name the columns, told by what stands in them.

    Headers are words above values, or years above values. A row in which a name stretches over several columns is
    followed by another one that says more.
    """
    if len(rows) < 2 or not rows[0]:
        return 0
    count = 0
    while count < min(_MOST_HEADER_ROWS, len(rows) - 1) and _stretches(rows[count]):
        count += 1
    return count + 1 if count < len(rows) - 1 and _names_columns(rows[count], rows[count + 1 :]) else count


def _stretches(row: Sequence[str]) -> bool:
    """Whether words fill neighbouring columns twice, as a merged name over several columns does."""
    return len(row) > 2 and any(left == right and left and not is_value(left) for left, right in pairwise(row))


def _names_columns(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    filled = [text for text in row if text.strip()]
    if not filled or (len(filled) == 1 and len(row) > 2):
        return False
    years = [text.strip() for text in row[1:]]
    if len(years) > 1 and len(set(years)) == len(years) and all(map(_YEAR.fullmatch, years)):
        return True
    if any(is_value(text) for text in filled):
        return _differs_in_shape(row, below[:200])
    if len(row) == 2:
        return _names_two(row, below[:200])
    return len(set(filled)) == len(filled)


def _differs_in_shape(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether every column but the first holds values of one shape below a cell of another: `1` above `6:10`."""
    if len(below) < 2 or len(row) < 2 or is_value(row[0]):
        return False
    for column, text in enumerate(row[1:], 1):
        shapes = [_shape(line[column]) for line in below if column < len(line) and line[column].strip()]
        if not text.strip() or not shapes or _shape(text) in shapes:
            return False
        if shapes.count(max(set(shapes), key=shapes.count)) < 0.7 * len(shapes):
            return False
    return True


def _shape(text: str) -> str:
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", text.strip()))


def _names_two(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether the first of rows of two cells names them; else each row is a label with its value."""
    if any(line[0].rstrip().endswith(":") for line in below) or row[0].rstrip().endswith(":"):
        return False
    values = sum(is_value(line[1]) for line in below)
    if values and values >= 0.6 * len(below):
        return True
    longest = max(len(text) for text in row)
    return len(below) > 1 and longest <= 40 and not values


def is_value(text: str) -> bool:
    """Whether a cell holds a number, a sum, a date or a time in figures, perhaps with a short unit."""
    return _VALUE.fullmatch(text.strip()) is not None
