"""The cell of a table that a question asks for: where a row that it names meets a column that it names.

No model takes part. A look-up speaks only where every word of the question that could name something is accounted for:
by the cells that name the row, by the column's header or kind, or by what the table is called. In doubt it is silent.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistant.documents.tables import is_value
from assistant.layout import Table
from assistant.reading.question_words import AskedKind, ParsedQuestion, fits, is_empty, is_mark
from assistant.reading.table_columns import Columns, columns_of, forgiven, unit_positions
from assistant.reading.table_grid import Grid, NamedCell, Span, grids_of, row_of
from assistant.reading.vocabulary import vocabulary
from assistant.reading.words import split_words

MOST_ALTERNATIVES = 5
"""Cells that are given as one answer where a question names several rows or columns."""

_CANDIDATES = 40
_LONGEST_CELLS = 150  # characters on average; a table of longer ones is a page's layout
_TIME_OF_DAY = re.compile(r"\d{1,2}[:h]\d{2}(?:\s?[ap]\.?m\.?)?", re.IGNORECASE)
_WHOLE_HEADER, _ENTITY = 1, 1


@dataclass(frozen=True, slots=True)
class Hit:
    """A cell that a question asks for, with what names its row and its column; `said` counts the words that do.

    `statement` is the sentence that the table makes of it, where it is not "The column of row is cell.".
    """

    cell: Span
    row: int
    row_name: str
    column_name: str
    whole: bool
    said: int
    score: int
    statement: str = ""


@dataclass(frozen=True, slots=True)
class TableMatch:
    """What a table has to say to a question.

    Args:
        hits: the cells that are asked for; several where the question names several rows or columns.
        related: the question asks for one of the columns.
        rows: rows of the table that the question names, whether or not it says what of them is asked for.
        names_entity: it names something that no column, title or common word accounts for.
        others: columns that it does not name as fully as others; no answer of a named row stands there.
    """

    hits: tuple[Hit, ...] = ()
    related: bool = False
    rows: frozenset[int] = frozenset()
    names_entity: bool = False
    others: frozenset[int] = frozenset()


def match_table(question: ParsedQuestion, text: str, table: Table, context: frozenset[str]) -> TableMatch:
    """Look a question up in a table.

    Args:
        question: what is asked.
        text: the document's text.
        table: a table in it.
        context: stems of what the table is called and of the line above it.
    """
    if not table.cells or (table.end - table.start) > _LONGEST_CELLS * len(table.cells):
        return TableMatch()
    grids = grids_of(text, table)
    matches = [_match_grid(question, grid, table, context) for grid in grids]
    if not matches:
        return TableMatch()
    found = [(grid.upright, match.hits) for grid, match in zip(grids, matches, strict=True) if match.hits]
    # Where both ways of seeing the table give a cell, the way that it runs decides.
    upright = [hits for runs_so, hits in found if runs_so] or [hits for _, hits in found]
    agree = upright and all({hit.cell for hit in hits} == {hit.cell for hit in upright[0]} for hits in upright)
    best = upright[0] if agree else ()
    return TableMatch(
        best,
        any(match.related for match in matches),
        frozenset(row for match in matches for row in match.rows),
        all(match.names_entity for match in matches),
        frozenset().union(*(match.others for match in matches)),
    )


def _match_grid(question: ParsedQuestion, grid: Grid, table: Table, context: frozenset[str]) -> TableMatch:
    columns = columns_of(question, grid)
    spare = forgiven(question, context)
    open_positions = question.content - columns.all_positions - spare
    hits: list[Hit] = []
    rows: list[tuple[int, int]] = []  # how many words name a row, and the row
    candidates = grid.candidates(question, question.content, _CANDIDATES + 1)
    for record in candidates[:_CANDIDATES]:
        cells = [
            cell for cell in grid.named(record, question)
            if cell.whole or cell.positions - columns.all_positions - spare
        ]  # fmt: skip
        if not cells:
            continue
        own = frozenset().union(*(cell.positions for cell in cells)) & open_positions
        if own or any(cell.whole for cell in cells):
            rows += [(len(own), row) for row in _rows(grid, table, record)]
        hits += _hits_in(question, grid, table, columns, record, cells, spare)
        if (hit := _labelled(question, grid, table, record, spare)) is not None:
            hits.append(hit)
    if grid.height == 1:
        hits += _hits_in(question, grid, table, columns, 0, [], spare)
    highest = max((count for count, _ in rows), default=0)
    related = any(
        named or any(asks.weight > 1 and asks.kind.headers & words for asks in question.kinds.values())
        for named, words in zip(columns.named, grid.header_words, strict=True)
    )
    return TableMatch(
        _best(hits) if len(candidates) <= _CANDIDATES or hits else (),
        related,
        frozenset(row for count, row in rows if count == highest),
        bool(open_positions),
        _columns_named_less(columns) if grid.upright and not grid.exchanged and rows else frozenset(),
    )


def _columns_named_less(columns: Columns) -> frozenset[int]:
    """The columns that a question names by fewer words of their headers than another: "summer, return" for "single"."""
    most = max(map(len, columns.named), default=0)
    return frozenset(at for at, named in enumerate(columns.named) if 0 < len(named) < most)


def _hits_in(
    question: ParsedQuestion,
    grid: Grid,
    table: Table,
    columns: Columns,
    record: int,
    cells: Sequence[NamedCell],
    spare: frozenset[int],
) -> Iterator[Hit]:
    """The cells of a record that are asked for, given the cells that name it."""
    naming = {cell.column for cell in cells}
    by_cells = frozenset().union(*(cell.positions for cell in cells)) if cells else frozenset()
    if not cells and grid.height == 1:
        spare |= frozenset().union(*columns.named)  # labels of one thing: the invoice, of "when is the invoice due?"
    explained = by_cells | spare | frozenset().union(*(columns.positions(column) for column in naming))
    named_texts = [text for column in naming for text in (grid.header(column), grid.cell(record, column))]
    whole = any(cell.whole for cell in cells)
    name = next((grid.cell(record, cell.column) for cell in sorted(cells, key=lambda cell: not cell.whole)), "")
    roles = _role_columns(grid) if question.asks_who else frozenset()
    for column in range(grid.width):
        cell = grid.cell(record, column)
        if column in naming or column in roles or is_empty(cell):
            continue
        if column == 0 and not (grid.upright and grid.headers[0]):
            continue
        if question.asks_who_it_is and not columns.named[column] and by_cells >= question.content:
            continue
        score, positions = _score(question, grid, columns, column, cell)
        if not cells and not (columns.named[column] or columns.asked[column] & question.content):
            continue
        if not score or not _fits(question, grid, columns, column, cell):
            continue
        by_form = _by_form(question, grid, columns, column, cell, named_texts)
        missing = question.content - explained - positions - by_form
        if missing and missing - unit_positions(question, *named_texts, grid.header(column), cell):
            continue
        span = grid.span(record, column)
        row = _rows(grid, table, record, column)[0]
        timed = name and by_form and _TIME_OF_DAY.fullmatch(cell.strip())  # "the bus 3 of the hospital" says little
        statement = f"The time of {grid.header(column)} at {name} is {cell}." if timed else ""
        yield Hit(span, row, name, grid.header(column), whole, len(by_cells), score, statement)
    if (
        cells
        and question.asks_who
        and (hit := _marked(question, grid, table, record, naming, explained, name, len(by_cells)))
    ):
        yield hit


def _labelled(question: ParsedQuestion, grid: Grid, table: Table, record: int, spare: frozenset[int]) -> Hit | None:
    """The value of a row that holds only a label and a value, such as the total below the items of an invoice."""
    filled = [column for column in range(grid.width) if not is_empty(grid.cell(record, column))]
    if len(filled) != 2 or grid.width < 3 or grid.exchanged:
        return None
    label, value = (grid.cell(record, column) for column in filled)
    if is_value(label) or not is_value(value):
        return None
    known = vocabulary()
    words = frozenset(word.stem for word in split_words(label[:200])) - known.function_words
    telling = words - known.units or words
    if not telling <= {word.stem for word in question.words} or question.content - question.positions_of(words) - spare:
        return None
    row = _rows(grid, table, record, filled[1])[0]
    return Hit(grid.span(record, filled[1]), row, "", label, True, len(telling), 1, f"{label.rstrip(':')}: {value}.")


def _score(
    question: ParsedQuestion, grid: Grid, columns: Columns, column: int, cell: str
) -> tuple[int, frozenset[int]]:
    """How surely a cell's column is asked for, and the positions of the words that it accounts for."""
    score, positions = columns.scores[column], columns.positions(column)
    if columns.named[column] and len(columns.named[column]) == len(grid.header_words[column]):
        score += _WHOLE_HEADER
    if score and grid.upright and column == grid.entity:
        score += _ENTITY  # "who works in Ulm?" asks for what the rows are, not for another person in them
    for asks in question.kinds.values():
        if _has_form(question, asks, cell):
            positions |= asks.positions
            score += 0 if asks.kind.headers & grid.header_words[column] else asks.weight
    return score, positions


def _by_form(
    question: ParsedQuestion, grid: Grid, columns: Columns, column: int, cell: str, named: Sequence[str]
) -> frozenset[int]:
    """The positions of words that ask for a kind by which no column is called, told by a unit or by the cell's form.

    "How long" is accounted for by a row called "Charging, minutes", "leave" by a time of day in the column of a bus.
    """
    if not columns.named[column]:
        return frozenset()
    texts = (*named, grid.header(column), cell if is_value(cell) else "")
    words = {word.stem for text in texts for word in split_words(text[:200])}
    found: frozenset[int] = frozenset()
    for asks in question.kinds.values():
        if any(asks.kind.headers & header for header in grid.header_words):
            continue
        if asks.kind.units & words or (asks.kind.holds == "time" and _TIME_OF_DAY.fullmatch(cell.strip())):
            found |= asks.positions
    return found


def _has_form(question: ParsedQuestion, asks: AskedKind, cell: str) -> bool:
    """Whether a cell has the form of a kind that is asked for; "how many" asks for no sum of money."""
    if asks.kind.cells is None or (asks.weight == 1 and "many" in {word.text for word in question.words}):
        return False
    return asks.kind.cells.search(cell) is not None


def _fits(question: ParsedQuestion, grid: Grid, columns: Columns, column: int, cell: str) -> bool:
    """Whether what stands in a cell is of the kind that is asked for."""
    if len(columns.named[column]) and not question.asks_many:
        return True
    kinds = [asks.kind for asks in question.kinds.values() if asks.kind.headers & grid.header_words[column]]
    if question.asks_many and not any(character.isdigit() for character in cell):
        return bool({word.stem for word in split_words(cell[:100])} & vocabulary().number_words)
    if question.asks_who:  # who pays for it stands in a column of costs, what it costs is no answer
        return not kinds or (not is_value(cell) and not is_mark(cell))
    return not kinds or any(fits(kind, cell) for kind in kinds)


def _role_columns(grid: Grid) -> frozenset[int]:
    """The columns that stand for parties, where there are several: a mark in one says who."""
    roles = vocabulary().roles
    found = [column for column, words in enumerate(grid.header_words) if words and words <= roles]
    return frozenset(found) if len(found) > 1 else frozenset()


def _marked(
    question: ParsedQuestion,
    grid: Grid,
    table: Table,
    record: int,
    naming: set[int],
    explained: frozenset[int],
    name: str,
    said: int,
) -> Hit | None:
    """The header of the only column that has something for a row, where that is a mark or the columns are parties."""
    filled = [
        column for column in range(grid.width) if column not in naming and not is_empty(grid.cell(record, column))
    ]
    if len(filled) != 1 or grid.exchanged or not grid.headers[filled[0]]:
        return None
    column = filled[0]
    cell = grid.cell(record, column)
    if not is_mark(cell) and column not in _role_columns(grid):
        return None
    if (asks := question.kinds.get("responsible")) is not None:
        explained |= asks.positions
    explained |= question.positions_of(frozenset(word.stem for word in split_words(cell[:200])))
    if question.content - explained:
        return None
    return Hit(
        grid.headers[column][-1], _rows(grid, table, record, column)[0], name, grid.header(column), True, said, 1
    )


def _rows(grid: Grid, table: Table, record: int, column: int | None = None) -> list[int]:
    """The rows of the table that a record stands in: one, or where rows are columns, that of one of its cells."""
    if grid.exchanged and column is None:
        return []
    row = row_of(table, grid.span(record, column or 0)[0])
    return [row if row is not None else 0]


def _best(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """The hits whose rows are named best, and of each row those whose columns are asked for most surely."""
    if not hits:
        return ()
    rank = max((hit.whole, hit.said) for hit in hits)
    rows = [hit for hit in hits if (hit.whole, hit.said) == rank]
    score = max(hit.score for hit in rows)
    best = {hit.cell: hit for hit in rows if hit.score == score}
    return tuple(best.values()) if len(best) <= MOST_ALTERNATIVES else ()
