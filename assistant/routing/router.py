"""Which way a turn goes, and the question as the documents should be asked it.

Rules in English and French, few, ordered and without a model; each gives its reason as a sentence a person can check.
What they follow: a stretch of the document that could be quoted as the answer is for the reader (`extract`); what has
to be written (a reason, a list, a summary, a yes or a no), and what is asked in another language than the document's,
is for the generator with passages (`grounded`); what the document is not meant in, a courtesy, programming, the
assistant itself, is for the generator alone (`open`). In doubt the reader is asked: it says so when the document holds
no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from assistant.documents.language import holds_language, is_in_latin_script, question_language
from assistant.routing.followups import complete, is_wish, past_turns, without_lead
from assistant.routing.intents import (
    asks_to_write,
    asks_yes_or_no,
    is_about_assistant,
    is_courtesy,
    needs_no_document,
    without_politeness,
)
from assistant.routing.programming import holds_code, is_programming, speaks_of
from assistant.types import Document, Route, Turn

_READ = ("en", "fr")  # languages of the reader
_LOOKED_AT = 2_000  # characters at either end of a message; what it is for is said there


@dataclass(frozen=True, slots=True)
class Choice:
    """A route, the sentence that says why, and the question as it is put to the documents: completed, if need be."""

    route: Route
    reason: str
    standalone_question: str


def choose_route(turn: Turn) -> Choice:
    """The route of a turn: as asked for, or by rule. A question that leans on the turns before is completed."""
    question = turn.question
    if turn.route is not None:
        standalone = complete(question, turn.history) if turn.documents and turn.route is not Route.OPEN else question
        return Choice(turn.route, f"You asked for the {turn.route} route.", standalone)
    if not turn.documents:
        return Choice(Route.OPEN, "No document is open, so this goes to the generator.", question)
    standalone = complete(question, turn.history)
    route, reason = _by_rule(question, turn.documents)
    if standalone != question:
        if _document_left_aside(turn):
            route, reason = Route.OPEN, "This goes on from an answer that did not come from the document."
        elif is_wish(question):
            route, reason = Route.GROUNDED, "This asks for the answer before in another form."
        elif route is Route.EXTRACT:
            route, reason = _by_rule(standalone, turn.documents)
    return Choice(route, reason, question if route is Route.OPEN else standalone)


def _by_rule(question: str, documents: Sequence[Document]) -> tuple[Route, str]:
    """The first rule that a question meets."""
    if len(question) > 2 * _LOOKED_AT:
        question = f"{question[:_LOOKED_AT]}\n{question[-_LOOKED_AT:]}"
    alone = _without_document(question, documents)
    if alone is not None:
        return Route.OPEN, alone
    request = without_politeness(without_lead(question)[0])
    if asks_to_write(request):
        return Route.GROUNDED, "It asks for a text, so the generator writes one from passages."
    if asks_yes_or_no(request):
        return Route.GROUNDED, "This asks for a yes or a no, so the generator answers from passages."
    if (reason := _foreign(question, documents)) is not None:
        return Route.GROUNDED, reason
    return Route.EXTRACT, "It asks for a fact, so the reader looks for it."


def _foreign(question: str, documents: Sequence[Document]) -> str | None:
    """Why a question's language is one for the generator: the reader does not know it, or the document has another."""
    if not is_in_latin_script(question):
        return "The reader does not know this script, so the generator answers from passages."
    language = question_language(question)
    if language is None:
        return None
    if language not in _READ:
        return "The reader does not know this language, so the generator answers from passages."
    if not any(holds_language(document.text, language) for document in documents):
        return "The document is in another language than the question, so the generator answers from passages."
    return None


def _without_document(question: str, documents: Sequence[Document]) -> str | None:
    """Why a question is not for the documents; None where it may be."""
    if is_courtesy(question):
        return "This is a courtesy, not a question about the document."
    if holds_code(question):
        if not speaks_of(documents, question):
            return "This holds code or an error message that the document does not speak of."
    elif is_programming(question, documents):
        return "This is a programming question that the document does not speak of."
    question, _ = without_lead(question)
    if is_about_assistant(question):
        return "This is about the assistant itself, not about the document."
    if needs_no_document(question):
        return "This is a request that needs no document."
    return None


def _document_left_aside(turn: Turn) -> bool:
    """Whether the last exchange, courtesies aside, was not about the documents."""
    before = past_turns(turn.history)
    if not before:
        return False
    return "```" in before[-1].answer or _by_rule(before[-1].question, turn.documents)[0] is Route.OPEN
