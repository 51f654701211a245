"""Blocks of text, as web pages and word processor files are made of them, put together to one text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from assistant.documents.tables import MOST_CELLS, guess_header_rows
from assistant.layout import Cell, Place, Table

SEPARATOR = " | "
_MAX_SPAN = 1000  # columns or rows that one cell covers


class BlockKind(Enum):
    """What a block is; neighbouring list items stand on lines without a blank one between, lines directly below."""

    PARAGRAPH = auto()
    ITEM = auto()
    LINE = auto()


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a file gave.

    Args:
        text: The document's text.
        pages: The offsets at which its pages begin, if it has pages.
        tables: The tables that stand in the text.
        places: From where on the text stands in which slide, message or chapter.
        notices: What was not read and how to get it, a sentence each.
    """

    text: str
    pages: tuple[int, ...] = ()
    tables: tuple[Table, ...] = ()
    places: tuple[Place, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of text that stands by itself; `place` says what begins with it, such as `slide 3`."""

    text: str
    kind: BlockKind = BlockKind.PARAGRAPH
    place: str | None = None


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table: rows of the texts of cells, all of one length, merged cells repeated in each place they cover.

    Args:
        rows: The texts.
        wide: The rows that are one cell over the whole width.
        header_rows: How many rows name the columns; None to tell by what stands in them.
        name: What the table is called.
        sheet: The sheet that it stands in; None where it is of no workbook.
        first_row: Where in the sheet it begins, counted from 0.
        first_column: Where in the sheet it begins, counted from 0.
        place: What begins with it.
    """

    rows: Sequence[Sequence[str]]
    wide: frozenset[int] = field(default=frozenset())
    header_rows: int | None = None
    name: str | None = None
    sheet: str | None = None
    first_row: int = 0
    first_column: int = 0
    place: str | None = None


def heading(level: int, text: str, place: str | None = None) -> Block:
    """A heading, written as Markdown writes it, so that splitting into passages sees it."""
    return Block(f"{'#' * min(max(level, 1), 6)} {' '.join(text.split())}", place=place)


def table_block(
    rows: Sequence[Sequence[tuple[str, int, int]]], *, header_rows: int | None = None, name: str | None = None
) -> TableBlock | None:
    """A table of cells that may cover several places.

    Args:
        rows: for each row its own cells: text, how many columns and how many rows it covers. Places that a cell of a
            row above covers are passed over.
        header_rows: how many rows name the columns; None to tell by what stands in them.
        name: what the table is called.
    """
    grid: list[dict[int, str]] = [{} for _ in rows]
    wide_spans: dict[int, int] = {}
    places = 0
    for number, row in enumerate(rows):
        column = 0
        for text, columns, height in row:
            while column in grid[number]:
                column += 1
            columns = min(max(columns, 1), _MAX_SPAN)  # noqa: PLW2901
            flat = " ".join(text.split())
            for below in range(number, min(number + min(max(height, 1), _MAX_SPAN), len(rows))):
                for across in range(column, column + columns):
                    grid[below].setdefault(across, flat)
                places += columns
            if len(row) == 1 and column == 0 and flat:
                wide_spans[number] = columns
            column += columns
            if places > MOST_CELLS:
                break
    width = max((max(row) + 1 for row in grid if row), default=0)
    if not width:
        return None
    full = [[row.get(column, "") for column in range(width)] for row in grid[: max(1, MOST_CELLS // width)]]
    kept = [at for at, row in enumerate(full) if any(row)]
    if not kept:
        return None
    wide = frozenset(new for new, at in enumerate(kept) if width > 1 and wide_spans.get(at) == width)
    if header_rows is not None:
        header_rows = sum(at < header_rows for at in kept)
    return TableBlock([full[at] for at in kept], wide, header_rows, name)


def join_blocks(blocks: Iterable[Block | TableBlock], notices: Iterable[str] = ()) -> Extracted:
    """The text of blocks in their order, blank lines between them, with the places of tables in it."""
    writer = BlockWriter()
    for block in blocks:
        writer.add(block)
    return writer.extracted((), notices)


class BlockWriter:
    """Puts blocks together to one text, one after the other."""

    def __init__(self) -> None:
        self.length = 0
        self._parts: list[str] = []
        self._tables: list[Table] = []
        self._places: list[Place] = []
        self._before: BlockKind | None = None
        self._heading: str | None = None

    def extracted(self, pages: tuple[int, ...] = (), notices: Iterable[str] = ()) -> Extracted:
        """All that was written, with the offsets at which pages begin and what was not read."""
        return Extracted("".join(self._parts), pages, tuple(self._tables), tuple(self._places), tuple(notices))

    def _write(self, text: str) -> None:
        self._parts.append(text)
        self.length += len(text)

    def add(self, block: Block | TableBlock) -> int:
        """Write a block; returns the offset at which it begins."""
        kind = block.kind if isinstance(block, Block) else BlockKind.PARAGRAPH
        if self._before is not None:
            together = kind is BlockKind.LINE or (kind is self._before is not BlockKind.PARAGRAPH)
            self._write("\n" if together and not (kind is BlockKind.LINE and block.place) else "\n\n")
        self._before = kind if kind is not BlockKind.LINE else BlockKind.PARAGRAPH
        start = self.length
        if block.place is not None:
            self._places.append(Place(self.length, block.place))
        if isinstance(block, TableBlock):
            self._table(block)
            return start
        if block.text.startswith("#"):
            self._heading = block.text.lstrip("# ")
        elif block.place is not None:
            self._heading = None
        self._write(block.text)
        return start

    def row_start(self, row: int) -> int:
        """The offset at which a row of the last table begins."""
        table = self._tables[-1]
        return table.cells[min(row, table.height - 1) * table.width].start

    def _table(self, block: TableBlock) -> None:
        start = self.length
        cells = []
        for number, row in enumerate(block.rows):
            if number:
                self._write("\n")
            at = self.length
            if number in block.wide:
                self._write(row[0])
                cells += [Cell(number, column, at, at + len(row[0])) for column in range(len(row))]
                continue
            line = SEPARATOR.join(row)
            for column, text in enumerate(row):
                cells.append(Cell(number, column, at, at + len(text)))
                at += len(text) + len(SEPARATOR)
            # A line of a table may begin and end with empty cells; the white space is part of it.
            self._write(line)
        header_rows = block.header_rows
        if header_rows is None:
            titles = 0
            while titles in block.wide:
                titles += 1
            names = [row for at, row in enumerate(block.rows[:200]) if at not in block.wide]
            header_rows = titles + guess_header_rows(names)
            header_rows = min(header_rows, len(block.rows))
        self._tables.append(
            Table(
                start, self.length, tuple(cells), header_rows, block.name or self._heading, block.sheet,
                block.first_row, block.first_column,
            )
        )  # fmt: skip
