"""Columns of yes and no: which rows say the one or the other, where a question asks who has and who has not."""

from assistant.layout import Table
from assistant.reading.question_words import ParsedQuestion, is_mark
from assistant.reading.table_columns import forgiven
from assistant.reading.table_lookup import Hit
from assistant.reading.vocabulary import vocabulary
from assistant.reading.words import split_words

_YES = frozenset("yes y oui true ja".split())
_NO = frozenset("no n non false nein ✗ ✘ - –".split())
_NOT = frozenset(
    "not no never without pas sans hasn haven isn aren didn don doesn wasn weren hasnt havent isnt arent didnt".split()
)
_ASKING = frozenset("who whom whose which what qui quel quelle quels quelles".split())
_MAX_ROWS = 50


def marked_rows(question: ParsedQuestion, text: str, table: Table, context: frozenset[str]) -> tuple[Hit, ...]:
    """The names of the rows that say yes to a question, or no where it asks who has not; none where it asks no such."""
    words = [word.text for word in question.words]
    if not words or words[0] not in _ASKING or not table.header_rows or question.superlative or question.asks_many:
        return ()
    negations = frozenset(at for at, word in enumerate(words) if word in _NOT)
    if question.beyond - negations or table.width < 2:
        return ()
    asked = question.content - negations
    around = context | _stems(text, table, 0)
    found = []
    for column in range(1, table.width):
        header = _stems(text, table, column)
        own = frozenset(at for at in asked if question.words[at].stem in header)
        if own and not asked - own - forgiven(question, around) and (answers := _answers(text, table, column)):
            found.append((column, answers))
    if len(found) != 1:
        return ()
    [(column, answers)] = found
    rows = [row for row, says in answers.items() if says is not bool(negations)]
    name = table.cell_text(text, table.header_rows - 1, column)
    hits = []
    for row in rows if len(rows) <= _MAX_ROWS else ():
        cell = table.cell(row, 0)
        who, value = text[cell.start : cell.end], table.cell_text(text, row, column).strip()
        said = f"The {name} of {who} is {value or 'empty'}."
        hits.append(Hit((cell.start, cell.end), row, who, name, whole=True, said=1, score=1, statement=said))
    return tuple(hits) if all(hit.row_name for hit in hits) else ()


def _answers(text: str, table: Table, column: int) -> dict[int, bool] | None:
    """By row what a column of yes and no says; None where it is none."""
    answers = {}
    for row in range(table.header_rows, table.height):
        value = table.cell_text(text, row, column).strip().lower()
        if value not in _YES | _NO and value and not is_mark(value):
            return None
        answers[row] = bool(value) and value not in _NO
    return answers if len(answers) > 1 and any(answers.values()) else None


def _stems(text: str, table: Table, column: int) -> frozenset[str]:
    known = vocabulary()
    words = [word.stem for cell in table.header(column) for word in split_words(text[cell.start : cell.end][:200])]
    return frozenset(word for word in words if word not in known.function_words)
