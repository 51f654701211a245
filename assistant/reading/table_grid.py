"""A table as look-ups see it: named columns over records, as it is written or with rows and columns exchanged."""

import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from assistant.documents.tables import is_value
from assistant.layout import Table
from assistant.reading.question_words import ParsedQuestion, is_empty, is_mark
from assistant.reading.vocabulary import vocabulary
from assistant.reading.words import fold, split_words, written_forms

Span = tuple[int, int]
Ints = npt.NDArray[np.int64]

MOST_HITS = 20_000
"""Of a word in a table; one that stands in more places names no row."""

MOST_EXCHANGED = 2_000
"""Cells of a table that is also looked at with rows and columns exchanged."""

MOST_COLUMNS = 300
"""Of a table that questions are looked up in."""

_LONGEST_NAME = 12
"""Words of a cell that names a row; longer ones tell something."""

_LONGEST_HEADER = 200
_SAMPLE = 50


@dataclass(frozen=True)
class NamedCell:
    """A cell that a question names: its column, the words' positions, and whether all of it is said."""

    column: int
    positions: frozenset[int]
    whole: bool


@dataclass(frozen=True)
class Grid:
    """Named columns over records.

    Args:
        text: the document's text.
        headers: for each column the spans of the cells that name it.
        starts: where cells begin, shape (records, columns).
        ends: where they end, shape (records, columns).
        exchanged: rows and columns are exchanged.
        upright: each column holds one kind of cells, rather than each record: its first column names the records.
    """

    text: str
    headers: tuple[tuple[Span, ...], ...]
    starts: Ints
    ends: Ints
    exchanged: bool = False
    upright: bool = True

    @property
    def height(self) -> int:
        """How many records it has."""
        return int(self.starts.shape[0])

    @property
    def width(self) -> int:
        """How many columns it has."""
        return int(self.starts.shape[1])

    def span(self, record: int, column: int) -> Span:
        """Where a cell stands."""
        return int(self.starts[record, column]), int(self.ends[record, column])

    def cell(self, record: int, column: int) -> str:
        """What stands in a cell."""
        start, end = self.span(record, column)
        return self.text[start:end]

    def header(self, column: int) -> str:
        """What names a column, from the top down, each name once."""
        names = (self.text[start:end][:_LONGEST_HEADER] for start, end in self.headers[column])
        return " ".join(dict.fromkeys(name.strip() for name in names if name.strip()))

    @cached_property
    def header_words(self) -> tuple[frozenset[str], ...]:
        """The stems of each column's header; one of common words alone is a word as a whole, too: "what_to_do"."""
        return tuple(_header_words(self.header(column)) for column in range(self.width))

    @cached_property
    def entity(self) -> int:
        """The column that names the records: the first one that does not hold values."""
        for column in range(self.width):
            cells = [cell for record in range(min(self.height, _SAMPLE)) if (cell := self.cell(record, column)).strip()]
            if cells and sum(map(is_value, cells)) < 0.5 * len(cells):
                return column
        return 0

    def named(self, record: int, question: ParsedQuestion) -> list[NamedCell]:
        """The cells of a record that a question names, whole or by some of their words."""
        cells = (self._named(record, column, question) for column in range(self.width))
        return [cell for cell in cells if cell is not None]

    def _named(self, record: int, column: int, question: ParsedQuestion) -> NamedCell | None:
        start, end = self.span(record, column)
        cell = self.text[start : min(end, start + 300)]
        if is_empty(cell) or is_mark(cell):
            return None
        words = split_words(cell)
        if len(words) > _LONGEST_NAME:
            return None
        known = vocabulary()
        value = is_value(cell)
        telling = {word.stem for word in words if word.stem not in (known.units if value else known.function_words)}
        telling = telling or {word.stem for word in words}
        said = frozenset(at for at in question.content if question.words[at].stem in telling)
        found = {question.words[at].stem for at in said}
        if not found or (value and not any(stem[0].isdigit() for stem in found)):
            return None
        if value and not telling <= found and not all(len(stem) == 4 and stem.isdigit() for stem in found):
            return None  # of a date the year names it; of other values no part does
        if value and any(self._is_of_another(question.words[at - 1].stem, column) for at in said if at):
            return None  # "plot 93" is not the row in which 93 is the rent
        units = {word.stem for word in words} - telling
        said |= frozenset(at for at in question.content if question.words[at].stem in units)
        return NamedCell(column, said, telling <= found)

    def _is_of_another(self, stem: str, column: int) -> bool:
        """Whether a word stands in the header of another column and not in that of this one."""
        return stem not in self.header_words[column] and any(stem in words for words in self.header_words)

    @cached_property
    def _flat(self) -> tuple[Ints, Ints]:
        """The cells that are not empty, in the order of the text: where they begin, and which record they are of."""
        starts, ends = self.starts.ravel(), self.ends.ravel()
        records = np.repeat(np.arange(self.height), self.width)
        filled = np.flatnonzero(ends > starts)
        order = filled[np.argsort(starts[filled], kind="stable")]
        return starts[order], records[order]

    def candidates(self, question: ParsedQuestion, positions: Collection[int], limit: int) -> list[int]:
        """The records in which most of the words at these positions stand, at most `limit`, in order.

        One pass over the table's text a word; how often a word is looked at is bounded.
        """
        if not self.height:
            return []
        begins, records = self._flat
        if not len(begins):
            return []
        folded = folded_text(self.text)
        first, last = int(begins[0]), int(self.ends.max())
        counts = np.zeros(self.height, dtype=np.int64)
        for stem in {question.words[at].stem for at in positions}:
            hits = _hits(folded, stem, first, last)
            if hits:
                at = np.searchsorted(begins, np.asarray(hits), side="right") - 1
                counts[np.unique(records[at])] += 1
        best = int(counts.max())
        if not best:
            return []
        order = np.argsort(-counts, kind="stable")[:limit]
        return [int(record) for record in order if counts[record] > 0]


_SHORT_NUMBERS = frozenset({"no", "nr", "n", "№"})
_NUMBERS = frozenset({"number", "numero"})


def _header_words(header: str) -> frozenset[str]:
    stems = [word.stem for word in split_words(header)]
    whole = {"_".join(stems)} if len(stems) > 1 and vocabulary().function_words.issuperset(stems) else set()
    number = _NUMBERS if stems and stems[-1] in _SHORT_NUMBERS else frozenset()  # "Invoice no." is the invoice number
    return frozenset({*stems, *whole, *number})


def _hits(folded: str, stem: str, first: int, last: int) -> list[int]:
    """Where words with a stem begin."""
    hits: list[int] = []
    root = stem[:-1] if len(stem) > 4 and stem.endswith("y") else stem  # "berries" begins with "berr"
    for form in written_forms(root):
        at = folded.find(form, first, last)
        while at >= 0 and len(hits) < MOST_HITS:
            if not (at and folded[at - 1].isalnum() and form[0].isascii()):
                hits.append(at)
            at = folded.find(form, at + len(form), last)
    return hits


_FOLDED: dict[int, tuple[str, str]] = {}
_FOLDED_KEPT = 4


def folded_text(text: str) -> str:
    """A document's text folded, kept for the next question."""
    known = _FOLDED.get(id(text))
    if known is not None and known[0] is text:
        return known[1]
    while len(_FOLDED) >= _FOLDED_KEPT:
        _FOLDED.pop(next(iter(_FOLDED)))
    folded = fold(text)
    _FOLDED[id(text)] = text, folded
    return folded


_GRIDS: dict[int, tuple[Table, str, list[Grid]]] = {}
_GRIDS_KEPT = 64


def grids_of(text: str, table: Table) -> list[Grid]:
    """The grids of a table, kept for the next question; see `_grids_of`."""
    known = _GRIDS.get(id(table))
    if known is not None and known[0] is table and known[1] is text:
        return known[2]
    while len(_GRIDS) >= _GRIDS_KEPT:
        _GRIDS.pop(next(iter(_GRIDS)))
    grids = _grids_of(text, table)
    _GRIDS[id(table)] = table, text, grids
    return grids


def _grids_of(text: str, table: Table) -> list[Grid]:
    """A table as it is written, where its columns have names, and a small one with rows and columns exchanged."""
    if not 2 <= table.width <= MOST_COLUMNS or not table.cells:
        return []
    starts, ends = _offsets(table)
    header = min(table.header_rows, table.height)
    upright = not header or _is_upright(text, table, header)
    grids = []
    if header and header < table.height:
        headers = tuple(  # plain numbers: an answer may stand there, and is written as JSON
            tuple(zip(starts[:header, at].tolist(), ends[:header, at].tolist(), strict=True))
            for at in range(table.width)
        )
        keep = _not_headers(text, starts, ends, header)
        grids.append(Grid(text, headers, starts[keep], ends[keep], upright=upright))
    if len(table.cells) <= MOST_EXCHANGED and _may_be_exchanged(text, table, header):
        rows = [row for row in range(header, table.height) if starts[row, 0] < ends[row, 0]]
        if rows:
            corner = ((int(starts[0, 0]), int(ends[0, 0])),) if header else ()
            headers = (corner, *(((int(starts[row, 0]), int(ends[row, 0])),) for row in rows))
            names = np.full((table.width - 1, 1), table.start, dtype=np.int64)
            top_starts = starts[header - 1, 1:, None] if header else names
            top_ends = ends[header - 1, 1:, None] if header else names
            records = (
                np.concatenate([top_starts, starts[rows, 1:].T], axis=1),
                np.concatenate([top_ends, ends[rows, 1:].T], axis=1),
            )
            grids.append(Grid(text, headers, *records, exchanged=True, upright=not header or not upright))
    return grids


def _offsets(table: Table) -> tuple[Ints, Ints]:
    shape = (-1, table.width)
    starts = np.fromiter((cell.start for cell in table.cells), np.int64, len(table.cells)).reshape(shape)
    ends = np.fromiter((cell.end for cell in table.cells), np.int64, len(table.cells)).reshape(shape)
    return starts, ends


def _may_be_exchanged(text: str, table: Table, header: int) -> bool:
    """Whether the first column can be names of what the others hold: short words, each once."""
    names = [table.cell_text(text, row, 0).strip() for row in range(header, table.height)]
    filled = [name for name in names if name]
    if not filled or len(set(filled)) < len(filled):
        return False
    return sum(is_value(name) or len(name) > 60 for name in filled) < 0.3 * len(filled)


def _is_upright(text: str, table: Table, header: int) -> bool:
    """Whether the cells of columns are more alike than those of rows."""
    shapes = [
        [_shape(table.cell_text(text, row, column)) for column in range(1, min(table.width, _SAMPLE))]
        for row in range(header, min(table.height, header + _SAMPLE))
    ]
    return _alike(list(zip(*shapes, strict=True))) >= _alike(shapes)


def _alike(lines: Sequence[Sequence[str]]) -> float:
    """The mean share, in each line, of its most frequent shape."""
    filled = [[shape for shape in line if shape] for line in lines]
    shares = [max(map(line.count, set(line))) / len(line) for line in filled if line]
    return sum(shares) / len(shares) if shares else 0.0


def _shape(cell: str) -> str:
    """What a cell holds, roughly: words, or a value with its marks and unit."""
    if not is_value(cell):
        return "words" if cell.strip() else ""
    return re.sub(r"\d+", "9", cell.strip())


def _not_headers(text: str, starts: Ints, ends: Ints, header: int) -> Ints:
    """The rows below the header that neither repeat it, as in tables over several pages, nor are one cell alone."""
    first = [text[start:end] for start, end in zip(starts[header - 1], ends[header - 1], strict=True)]
    lengths = np.asarray([len(name) for name in first])
    alike = np.flatnonzero(((ends - starts) == lengths).all(axis=1))
    repeats = {
        int(row)
        for row in alike
        if row >= header and [text[a:b] for a, b in zip(starts[row], ends[row], strict=True)] == first
    }
    one_cell = (starts == starts[:, :1]).all(axis=1) & (ends > starts).all(axis=1)
    return np.asarray([row for row in range(header, len(starts)) if row not in repeats and not one_cell[row]], np.int64)


def row_of(table: Table, offset: int) -> int | None:
    """The row of a table that a character of the document stands in; None outside the table."""
    if not table.start <= offset < table.end:
        return None
    at = bisect_left(table.cells, offset + 1, key=lambda cell: cell.start) - 1
    return table.cells[max(at, 0)].row
