"""The reading order of a page: columns by their white bands, tables by rows and columns, paragraphs by distances."""

from collections.abc import Iterator, Sequence

from assistant.documents.blocks import TableBlock
from assistant.documents.pdf_columns import (
    belongs_to_columns,
    columns_of,
    end_of_run,
    is_of_columns,
    stand_side_by_side,
    white_bands,
)
from assistant.documents.pdf_grid import with_grids
from assistant.documents.pdf_paragraphs import Paragraph, paragraphs_of
from assistant.documents.pdf_rows import Row, rows_of
from assistant.documents.pdf_sides import uneven_columns
from assistant.documents.pdf_tables import table_of
from assistant.documents.pdf_tight import with_tight_rows
from assistant.documents.pdf_words import Rule, Word, runs_leftwards

_DEEPEST = 8  # columns within columns


def layout(words: Sequence[Word], rules: Sequence[Rule]) -> list[Paragraph | TableBlock]:
    """Paragraphs and tables of a page in reading order, footnotes last."""
    if not words:
        return []
    rows = rows_of(with_grids(words, rules))
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


def _is_block(row: Row) -> bool:
    return any(word.block is not None for word in row.words)


def _region(rows: list[Row], rules: Sequence[Rule], body: float, depth: int) -> Iterator[Paragraph | TableBlock]:
    """A region in reading order: first what two columns with levels of their own share is told from the rest."""
    while depth < _DEEPEST and (found := uneven_columns(rows, rules)) is not None:
        start, stop, band = found
        above, run = rows[:start], rows[start:stop]
        while above and belongs_to_columns(above, run, [band]):
            run = [above.pop(), *run]
        yield from _runs(above, rules, body, depth)
        yield from _columns(columns_of(run, [band]), rules, body, depth)
        rows = rows[stop:]
    yield from _runs(rows, rules, body, depth)


def _columns(
    columns: list[list[Row]], rules: Sequence[Rule], body: float, depth: int
) -> Iterator[Paragraph | TableBlock]:
    """Columns one after the other, as their script runs."""
    letters = "".join(filter(str.isalpha, "".join(row.text for column in columns for row in column)))
    for column in reversed(columns) if runs_leftwards(letters) else columns:
        yield from _region(column, rules, body, depth + 1)


def _runs(rows: list[Row], rules: Sequence[Rule], body: float, depth: int) -> Iterator[Paragraph | TableBlock]:
    """Go down a region: runs of rows that share white bands are columns or tables, what is between them paragraphs."""
    plain: list[Row] = []
    at = 0
    while at < len(rows):
        stop = end_of_run(rows, at) if depth < _DEEPEST else at
        if stop - at < 2:
            plain.append(rows[at])
            at += 1
            continue
        run = rows[at:stop]
        bands = white_bands(run, crossing=0.0)
        columns = columns_of(run, bands)
        if bands and stand_side_by_side(run, bands, columns, rules):
            while stop < len(rows) and is_of_columns(rows[stop], columns, bands):
                run.append(rows[stop])
                stop += 1
            while plain and belongs_to_columns(plain, run, bands):
                run = [plain.pop(), *run]
            columns = columns_of(run, bands)
            yield from paragraphs_of(plain, body)
            plain = []
            yield from _columns(columns, rules, body, depth)
            at = stop
            continue
        stop = next((number for number in range(at, stop) if _is_block(rows[number])), stop)
        if stop - at < 2:
            plain.append(rows[at])
            at += 1
            continue
        above = list(plain)
        run, stop = with_tight_rows(rows, at, stop, above)
        table, used = table_of(run, rules)
        if table is None:
            plain.append(rows[at])
            at += 1
            continue
        at -= len(plain) - len(above)
        plain = above
        before, after = used
        plain += run[:before]
        yield from paragraphs_of(plain, body)
        plain = []
        yield table
        at += after
    yield from paragraphs_of(plain, body)
