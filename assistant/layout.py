"""What a document's text is made of beside its characters: tables with their cells, and named places, by offsets."""

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class Place:
    """From this offset on, up to the next place, the text stands in what the label says; an empty one says nothing."""

    start: int
    label: str


LANGUAGES = {
    suffix: language
    for language, suffixes in {
        "c": ".c .h",
        "cobol": ".cbl .cob",
        "cpp": ".cc .cpp .cxx .hh .hpp .hxx",
        "csharp": ".cs",
        "elixir": ".ex .exs",
        "go": ".go",
        "haskell": ".hs",
        "java": ".java",
        "js": ".cjs .js .jsx .mjs .svelte .vue",
        "kotlin": ".kt .kts",
        "latex": ".latex .tex",
        "lua": ".lua",
        "php": ".php",
        "powershell": ".ps1 .psm1",
        "proto": ".proto",
        "python": ".py .pyi",
        "rst": ".rst",
        "ruby": ".rb",
        "rust": ".rs",
        "scala": ".scala",
        "sol": ".sol",
        "swift": ".swift",
        "ts": ".mts .ts .tsx",
    }.items()
    for suffix in suffixes.split()
}
"""Endings of source files, with the name that langchain-text-splitters has for the language."""
