"""What a whole column tells surely: the row of its greatest or smallest value, and how many rows there are."""

import re
from collections.abc import Sequence

from assistant.layout import Table
from assistant.reading.question_words import ParsedQuestion, is_empty
from assistant.reading.table_columns import Columns, columns_of, forgiven
from assistant.reading.table_grid import Grid, grids_of, row_of
from assistant.reading.table_lookup import MOST_ALTERNATIVES, Hit
from assistant.reading.vocabulary import vocabulary
from assistant.reading.words import plain_number, split_words

_NUMBER = re.compile(r"[-−]?\d+(?:[.,'’ \u00a0\u2009\u202f]\d+)*")
_DATE = re.compile(r"\d[/:-]\d|\d\.\d+\.\d")


def extreme(question: ParsedQuestion, text: str, table: Table, context: frozenset[str]) -> tuple[Hit, ...] | None:
    """The cells of the rows whose value is the greatest or smallest, where a question asks for that.

    Returns:
        The cells that are asked for; empty where the question asks for it and it cannot be told surely; None where the
        question does not ask that of this table.
    """
    if question.superlative is None:
        return None
    for grid in grids_of(text, table):
        if grid.exchanged and not (grid.upright and grid.height > 1):
            continue
        if not grid.exchanged and not grid.upright:
            continue
        columns = columns_of(question, grid)
        value = _value_column(question, grid, columns)
        if value is None:
            return () if any(columns.scores) else None
        return _extreme_in(question, grid, table, columns, value, context)
    return None


def _value_column(question: ParsedQuestion, grid: Grid, columns: Columns) -> int | None:
    """The column whose values are compared; None where several or none may be meant."""
    superlative, own = question.superlative or (None, frozenset())
    if superlative is None:
        return None
    kinds = {kind.name: kind for kind in vocabulary().kinds}
    ranks = []
    for column in range(grid.width):
        if _values(grid, column, range(min(grid.height, 20))) is None:
            continue
        meant = any(kinds[name].headers & grid.header_words[column] for name in superlative.kinds)
        first = grid.cell(0, column)
        meant |= any((form := kinds[name].cells) is not None and form.search(first) for name in superlative.kinds)
        named = len(columns.named[column] - own)
        if meant or named or (columns.asked[column] and not superlative.kinds):
            ranks.append(((named, meant), column))
    best = [column for rank, column in ranks if rank == max(ranks)[0]]
    return best[0] if len(best) == 1 else None


def _extreme_in(
    question: ParsedQuestion, grid: Grid, table: Table, columns: Columns, value: int, context: frozenset[str]
) -> tuple[Hit, ...]:
    superlative, own = question.superlative or (None, frozenset())
    if superlative is None:
        return ()
    explained = own | columns.positions(value) | forgiven(question, context)
    others = [at for at in range(grid.width) if at != value and columns.named[at] - own]
    if len(others) > 1 or not superlative.sure:
        return ()
    asked_value = any(
        asks.weight > 1 and asks.positions - own and asks.kind.headers & grid.header_words[value]
        for asks in question.kinds.values()
    )
    target = others[0] if others else grid.entity
    if not others and not question.asks_who and (columns.named[value] - own or asked_value):
        target = value
    explained |= columns.positions(target)
    records = [record for record in range(grid.height) if not _is_total(grid, record)]
    values = _values(grid, value, records)
    if question.content - explained or not values or len(values) < 2 or (target == value and others):
        return ()
    best = (max if superlative.most else min)(number for _, number in values)
    hits = []
    for record, number in values:
        if number == best and not is_empty(grid.cell(record, target)):
            row = row_of(table, grid.span(record, target)[0]) or 0
            name = grid.cell(record, grid.entity)
            which = " ".join(question.words[at].text for at in sorted(own))
            value_cell, header = grid.cell(record, value), grid.header(value)
            statement = f"The {which} is {name}, {header} {value_cell}."
            if target not in (value, grid.entity):
                statement += f" The {grid.header(target)} of {name} is {grid.cell(record, target)}."
            hits.append(Hit(grid.span(record, target), row, name, grid.header(target), True, len(own), 1, statement))
    return tuple(hits) if len(hits) <= MOST_ALTERNATIVES else ()


def _is_total(grid: Grid, record: int) -> bool:
    words = split_words(grid.cell(record, grid.entity)[:60])
    return bool(words) and words[0].stem in vocabulary().beyond_words


def _values(grid: Grid, column: int, records: Sequence[int]) -> list[tuple[int, float]] | None:
    """The numbers of a column's cells that are not empty; None where one is no number, or has another unit."""
    found: list[tuple[int, float]] = []
    units = set()
    for record in records:
        cell = grid.cell(record, column).strip()
        if is_empty(cell):
            continue
        numbers = _NUMBER.findall(cell[:60])
        if len(numbers) != 1 or _DATE.search(cell) or len(cell) > 40:
            return None
        units.add(_NUMBER.sub("", cell).strip().lower())
        plain = plain_number(numbers[0].replace("−", "-").lstrip("-").strip())
        try:
            number = float(plain)
        except ValueError:
            return None
        found.append((record, -number if numbers[0][0] in "-−" else number))
    return found if found and len(units) == 1 else None


def count_rows(question: ParsedQuestion, text: str, table: Table, context: frozenset[str]) -> int | None:
    """How many rows a table has, where that is what a question asks: "how many stations are listed?"."""
    if not question.asks_many or question.superlative is not None or question.beyond:
        return None
    for grid in grids_of(text, table):
        if grid.exchanged or not grid.upright:
            continue
        spare = forgiven(question, context)
        columns = columns_of(question, grid)
        named = columns.named[grid.entity]
        people = (
            next(kind.headers for kind in vocabulary().kinds if kind.name == "person") & grid.header_words[grid.entity]
        )
        counted = named or (people and any(question.words[at].stem in _people() for at in spare))
        others = frozenset().union(*(columns.positions(at) for at in range(grid.width) if at != grid.entity))
        if not counted or question.content - named - spare or (others & question.content) - named - spare:
            return None
        names = [grid.cell(record, grid.entity).strip() for record in range(grid.height)]
        if any(_is_total(grid, record) for record in range(grid.height)) or len(set(names)) < len(names) or "" in names:
            return None
        return len(names)
    return None


def _people() -> frozenset[str]:
    return frozenset(word.stem for word in split_words("people persons employees colleagues workers members students"))
