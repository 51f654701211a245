"""Answers that the structure of documents gives, put into the form that the flow of a turn works with."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from assistant.documents.language import foreign_language, foreign_script, names_of
from assistant.documents.table_search import tables_of
from assistant.reading.structure import FAQ, LIST, TABLE, LookUp, StructureAnswer, look_up
from assistant.types import Answer, Document, Evidence, Route, Turn, Verdict

if TYPE_CHECKING:
    from assistant.reading.reader import Reading

_SCORES = {TABLE: 0.97, LIST: 0.97, FAQ: 0.95}
REASON = {
    TABLE: "A cell of a table in the document answers it.",
    LIST: "A list in the document answers it.",
    FAQ: "The document asks the same question and answers it.",
}

_WORDS_THAT_TELL = 12


def look_up_turn(turn: Turn, route: Route) -> LookUp:
    """What structure says to a turn; nothing on the open route and where another way of answering was asked for.

    A question that a text would be written for may be one that the document answers itself, or ask for a list.
    """
    if route is Route.OPEN or turn.route is Route.GROUNDED or not turn.documents:
        return LookUp()
    looked = look_up(turn.question, turn.documents)
    if route is Route.GROUNDED and (looked.found is None or looked.found.kind == TABLE):
        return LookUp()
    return looked


def answer_of(answer: Answer, found: StructureAnswer) -> Answer:
    """The answer that structure gave: its places are the evidence."""
    score = _SCORES[found.kind]
    evidence = tuple(found.document.evidence(start, end, score) for start, end in found.spans)
    return replace(answer, text=found.text, score=score, evidence=evidence)


def near_of(found: StructureAnswer) -> tuple[Evidence, ...]:
    """What the answer is checked against: the rows, the list."""
    return tuple(found.document.evidence(start, end) for start, end in found.support)


def premise_of(found: StructureAnswer) -> Document | None:
    """What the table or list says in sentences, to check the answer against; None where the document's own will do."""
    if not found.statements or found.kind == FAQ:
        return None
    return Document(found.document.name, " ".join(found.statements))


def placed(verdict: Verdict, found: StructureAnswer) -> Verdict:
    """A verdict that was reached on such sentences, its evidence the places in the document that they come from."""
    places = near_of(found)
    return Verdict(tuple(replace(claim, evidence=places[0]) for claim in verdict.claims))


def without_barred(reading: "Reading", looked: LookUp, document: int) -> "Reading":
    """A reading without the spans that stand in rows of a table that the question does not name."""
    spans = tuple(span for span in reading.spans if looked.allows(document, span.start, span.end))
    return reading if len(spans) == len(reading.spans) else replace(reading, spans=spans)


def cells_apart(document: Document, place: Evidence) -> str | None:
    """The cells that an answer reaches over, each with its column's name; None where it stays within one.

    Of two cells of a row, a reader that gives both does not know which is meant: neither does who sees them unnamed.
    """
    if " | " not in place.text:
        return None
    for table in tables_of(document):
        if not table.start <= place.start < place.end <= table.end or not table.header_rows:
            continue
        cells = [cell for cell in table.cells if cell.start < place.end and cell.end > place.start]
        if len({cell.row for cell in cells}) != 1 or len(cells) < 2:
            return None
        named = []
        for cell in cells if cells[0].column else cells[1:]:  # the first column names the row
            text = document.text[cell.start : cell.end]
            header = table.header(cell.column)[-1]
            name = document.text[header.start : header.end]
            named.append(f"{text} ({name})" if name and cell.row >= table.header_rows else text)
        return "; ".join(named)
    return None


def language_notice(question: str, documents: Sequence[Document], languages: frozenset[str], model: str) -> str | None:
    """A word on a language that a model is not made for, of the documents or of the question; None where there is none.

    Args:
        question: what is asked; short, so that only its script tells.
        documents: what it is asked about.
        languages: two-letter codes of those that the model is made for; none where it does not say.
        model: what it is called in the sentence, such as "reader".
    """
    known = names_of(languages) if languages else ""
    for document in documents:
        if (language := foreign_language(document.text, languages)) is not None:
            return (
                f"{document.name} is in {language}; the {model} is made for {known}: "
                "what it gives, or does not find, may well be wrong."
            )
    if (language := foreign_script(question, languages)) is not None:
        return f"The question is in {language}; the {model} is made for {known}: what it gives may well be wrong."
    return None


def uncheckable(document: Document, claims: Sequence[str], languages: frozenset[str]) -> str | None:
    """Why claims are not checked: they or the document are in a language that the verifier is not made for.

    Of a short answer the script alone tells, since a name such as "La La Land" is of no language.
    """
    answer = "\n".join(claims)
    of_answer = foreign_language if len(answer.split()) >= _WORDS_THAT_TELL else foreign_script
    found = (("document", foreign_language(document.text, languages)), ("answer", of_answer(answer, languages)))
    for what, language in found:
        if language is not None:
            return f"The {what} is in {language}; the verifier is made for {names_of(languages)} and did not check it."
    return None
