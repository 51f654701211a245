"""What the structure of documents says to a question, before any model reads: tables, lists, questions with answers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from assistant.documents.table_search import tables_of
from assistant.layout import Table
from assistant.reading.list_lookup import ListHit, find_answered, find_in_lists
from assistant.reading.question_words import LONGEST_QUESTION, ParsedQuestion, parse_question
from assistant.reading.table_figures import count_rows, extreme
from assistant.reading.table_lookup import Hit, TableMatch, match_table
from assistant.reading.table_marks import marked_rows
from assistant.reading.text_lists import Span, structure_of
from assistant.reading.tick_boxes import find_ticked, not_chosen
from assistant.reading.vocabulary import vocabulary
from assistant.reading.words import split_words
from assistant.types import Document

MOST_TABLES = 200
"""Of a document; the rest is left to the reader."""

_MOSTLY_TABLE = 0.8
_LONGEST_TITLE = 200
_HEADING = re.compile(r"^#{1,6}[ \t]+(\S.*)", re.MULTILINE)

TABLE, LIST, FAQ = "table", "list", "question"


@dataclass(frozen=True, slots=True)
class StructureAnswer:
    """An answer that stands at places of a document.

    Args:
        document: where.
        text: the answer; that of the only place, unless there are several or it is a count.
        spans: the places.
        support: what shows that they are right: the rows, or the whole list.
        kind: TABLE, LIST or FAQ.
        statements: what the structure says, a sentence each: "The town of Tom Beck is Ulm."
    """

    document: Document
    text: str
    spans: tuple[Span, ...]
    support: tuple[Span, ...]
    kind: str
    statements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LookUp:
    """What structure says to a question.

    Args:
        found: the answer; None where structure does not tell.
        barred: by the position of a document, stretches of tables in which no answer may stand: their rows are not
            those that the question names.
        notice: what the question asks for that no cell holds.
        unticked: by the position of a document, what stands beside empty boxes, and is no answer either.
    """

    found: StructureAnswer | None = None
    barred: tuple[tuple[Span, ...], ...] = ()
    notice: str | None = None
    unticked: tuple[tuple[Span, ...], ...] = ()

    def allows(self, document: int, start: int, end: int) -> bool:
        """Whether an answer may stand at `[start, end)` of one of the documents."""
        spans = (
            span for each in (self.barred, self.unticked) for span in (each[document] if document < len(each) else ())
        )
        return not any(start < stop and end > begin for begin, stop in spans)


def look_up(question: str, documents: Sequence[Document]) -> LookUp:
    """Look a question up in the tables, lists and answered questions of documents; the cost is linear in their size."""
    if len(question) > LONGEST_QUESTION or not documents:
        return LookUp()
    parsed = parse_question(question)
    if not parsed.words:
        return LookUp()
    lookups = [_in_document(parsed, document) for document in documents]
    found = [lookup.found for lookup in lookups if lookup.found is not None]
    barred = tuple(lookup.barred[0] if lookup.barred else () for lookup in lookups)
    notice = next((lookup.notice for lookup in lookups if lookup.notice), None)
    chosen = [not_chosen(parsed, document.text) for document in documents]
    unticked = tuple(chosen) if any(chosen) else ()
    texts = {lookup.text for lookup in found}
    if len(texts) == 1:
        return LookUp(found[0], barred, unticked=unticked)
    return LookUp(None, barred, notice if not found else None, unticked)


def _in_document(question: ParsedQuestion, document: Document) -> LookUp:
    structure = structure_of(document.text)
    if (answered := find_answered(question, structure.questions)) is not None:
        text = document.text[slice(*answered.answer)]
        return LookUp(StructureAnswer(document, text, (answered.answer,), (answered.answer,), FAQ))
    if question.explains or not question.content:
        return LookUp()
    if (ticked := find_ticked(question, document.text)) is not None:
        return LookUp(_of_list(document, (ticked,)))
    tables = tables_of(document)[:MOST_TABLES]
    in_tables = _in_tables(question, document, tables)
    if in_tables.found is not None or in_tables.notice is not None:
        return in_tables
    labelled = _in_tables(question, document, [label for label in structure.labels if not _inside(label, tables)])
    if labelled.found is not None:
        return replace(in_tables, found=labelled.found)
    lists = [
        text_list
        for text_list in structure.lists
        if not any(table.start <= text_list.span[0] < table.end for table in tables)
    ]
    hits = find_in_lists(question, document.text, lists)
    return replace(in_tables, found=_of_list(document, hits)) if hits else in_tables


def _inside(table: Table, others: Sequence[Table]) -> bool:
    return any(other.start <= table.start < other.end for other in others)


def _of_list(document: Document, hits: Sequence[ListHit]) -> StructureAnswer:
    text = document.text
    pieces = [hit.text or text[slice(*hit.span)] for hit in hits]
    answer = pieces[0] if len(set(pieces)) == 1 else "; ".join(hit.label for hit in hits)
    statements = tuple(
        f"{hit.lead}: {hit.label or ', '.join(line.strip(' -*•+') for line in text[slice(*hit.whole)].splitlines())}."
        for hit in hits
    )
    return StructureAnswer(
        document, answer, tuple(hit.span for hit in hits), tuple(hit.whole for hit in hits), LIST, statements
    )


def _in_tables(question: ParsedQuestion, document: Document, tables: Sequence[Table]) -> LookUp:
    text = document.text
    contexts = [_context(document, table) for table in tables]
    for table, context in zip(tables, contexts, strict=True):
        if marked := marked_rows(question, text, table, context):
            return LookUp(_of_hits(document, table, marked))
    matches = [match_table(question, text, table, context) for table, context in zip(tables, contexts, strict=True)]
    ranked = [
        ((match.hits[0].whole, match.hits[0].said + _named_by(question, context), match.hits[0].score), at)
        for at, (match, context) in enumerate(zip(matches, contexts, strict=True))
        if match.hits
    ]
    if ranked:
        best = [at for rank, at in ranked if rank == max(ranked)[0]]
        answers = [_of_hits(document, tables[at], matches[at].hits) for at in best]
        if len({answer.text for answer in answers}) == 1:
            return LookUp(answers[0])
        hits = [at for _, at in ranked]
        return LookUp(None, (tuple(_whole(tables[at]) for at in hits),))
    barred: list[Span] = []
    notice = None
    for table, context, match in zip(tables, contexts, matches, strict=True):
        figures = None if match.rows else extreme(question, text, table, context)
        if figures:
            return LookUp(_of_hits(document, table, figures))
        mostly = table.end - table.start >= _MOSTLY_TABLE * len(text.strip())
        count = None if match.rows or not mostly else count_rows(question, text, table, context)
        if count is not None:
            whole = _whole(table)
            return LookUp(StructureAnswer(document, str(count), (whole,), (whole,), TABLE))
        beyond = (question.beyond and (match.related or match.rows)) or figures == ()
        if beyond:
            notice = _beyond(table)
            barred.append(_whole(table))
        else:
            barred += _barred(table, match)
    return LookUp(None, (tuple(barred),), notice)


def _named_by(question: ParsedQuestion, context: frozenset[str]) -> int:
    """How many words of a question a table's title says."""
    return sum(question.words[at].stem in context for at in question.content)


def _of_hits(document: Document, table: Table, hits: Sequence[Hit]) -> StructureAnswer:
    text = document.text
    cells = [text[slice(*hit.cell)] for hit in hits]
    several_rows = len({hit.row for hit in hits}) > 1
    names = [hit.row_name if several_rows else hit.column_name for hit in hits]
    answer = cells[0]
    if len(set(names)) == 1:
        names = [""] * len(cells)
    if len(set(cells)) > 1:
        answer = "; ".join(
            f"{cell} ({name})" if name and name != cell else cell for cell, name in zip(cells, names, strict=True)
        )
    rows = tuple(dict.fromkeys(_row_span(table, hit.row) for hit in hits))
    statements = tuple(hit.statement or _statement(hit, cell) for hit, cell in zip(hits, cells, strict=True))
    return StructureAnswer(document, answer, tuple(hit.cell for hit in hits), rows, TABLE, statements)


def _statement(hit: Hit, cell: str) -> str:
    of = f" of {hit.row_name}" if hit.row_name not in ("", cell) else ""
    return f"The {hit.column_name}{of} is {cell}."


def _row_span(table: Table, row: int) -> Span:
    cells = table.cells[row * table.width : (row + 1) * table.width]
    return min(cell.start for cell in cells), max(cell.end for cell in cells)


def _whole(table: Table) -> Span:
    """A table without the rows that name its columns."""
    header = min(table.header_rows, table.height - 1)
    return _row_span(table, header)[0], table.end


def _beyond(table: Table) -> str:
    name = f" “{table.name[:60]}”" if table.name else ""
    return f"No cell of the table{name} holds what the question asks for; it would have to be worked out from several."


def _barred(table: Table, match: TableMatch) -> Iterator[Span]:
    """Rows in which no answer may stand: all but those that are named, where the question names a row or should."""
    begin, stop = _whole(table)
    if match.rows:
        for row in sorted(match.rows):
            first, last = _row_span(table, row)
            if first > begin:
                yield begin, first
            begin = max(begin, last)
            cells = (table.cell(row, column) for column in match.others if column < table.width)
            yield from ((cell.start, cell.end) for cell in cells)
        if begin < stop:
            yield begin, stop
    elif match.related and table.height - table.header_rows > 1:
        yield begin, stop


@lru_cache(maxsize=256)
def _title(text: str) -> str:
    heading = _HEADING.search(text, 0, 5_000)
    return heading[1] if heading else ""


def _context(document: Document, table: Table) -> frozenset[str]:
    """Stems of what a table is called: its name, its sheet, the line above it, the document's first heading."""
    text = document.text
    above = text[max(0, table.start - 2 * _LONGEST_TITLE) : table.start].rstrip().rsplit("\n", 1)[-1].strip(" |-:")
    parts = [table.name or "", table.sheet or "", above if len(above) <= _LONGEST_TITLE else "", _title(text)]
    known = vocabulary()
    words = (word.stem for part in parts for word in split_words(part[:_LONGEST_TITLE]))
    return frozenset(word for word in words if word not in known.function_words and word not in known.beyond_words)
