"""A message that is a text and a question about it, taken apart: the text is then a document to be read."""

import re

from assistant.routing.intents import asks_to_write
from assistant.routing.programming import holds_code, is_programming
from assistant.types import Document, Route, Turn

NAME = "your message"
_SHORTEST_TEXT = 100  # characters
_SHORTEST_AHEAD = 200  # characters of a text that runs on into its question
_LONGEST_QUESTION = 300  # characters
_LABELLED = re.compile(
    r"\s*(?:context|contexte|text|texte|passage|document|article|paragraph)e?\s*:\s*(?P<text>.+?)"
    r"\s*(?:^|(?<=[.!?\"»”)])\s+)(?:question|q)\s*:\s*(?P<question>\S[^\n]*?)\s*(?:^\s*(?:answer|réponse)\s*:)?\s*\Z",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
_SENTENCE_END = re.compile(r"[.!?…][\"'»”’)\]]*(?=\s)")
_FIRST_PERSON = re.compile(r"\b(?:I|I['’]\w+|my|me|we|our|je|j['’]\w+|mon|ma|mes|moi|nous|notre)\b", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»")


def split_message(message: str) -> tuple[str, str] | None:  # noqa: PLR0911  (one way out for each shape)
    """The text and the question that a message is made of; None where it is one thing.

    Known are "Context: ... Question: ...", prose with a question on a line of its own behind or before it, and prose
    that ends with a question, unless somebody tells there what he has and wants. Code is left as it is.
    """
    message = message.strip()
    if len(message) < _SHORTEST_TEXT or holds_code(message):
        return None
    if labelled := _LABELLED.match(message):
        return _both(labelled["text"], labelled["question"], 1)
    first, _, after = message.partition("\n")
    before, _, last = message.rpartition("\n")
    if before and (parts := _both(before, last, _SHORTEST_TEXT)):
        return parts
    if after and first.rstrip().endswith(("?", ":")) and (parts := _both(after, first.rstrip(" :"), _SHORTEST_TEXT)):
        return parts
    if "\n" in message or _FIRST_PERSON.search(_QUOTED.sub("", message)):
        return None
    ends = [match.end() for match in _SENTENCE_END.finditer(message)]
    if not ends or not message.endswith("?"):
        return None
    return _both(message[: ends[-1]], message[ends[-1] :], _SHORTEST_AHEAD)


def with_own_document(turn: Turn) -> Turn:
    """A turn without documents whose message holds a text and a question about it, with that text as its document."""
    if turn.documents or turn.route is Route.OPEN:
        return turn
    parts = split_message(turn.question)
    if parts is None:
        return turn
    text, question = parts
    return Turn(
        question, (Document(NAME, text),), turn.history, turn.route, turn.verify, turn.top_k, turn.windows, turn.system
    )


def _both(text: str, question: str, shortest: int) -> tuple[str, str] | None:
    text, question = text.strip(), question.strip()
    asks = question.endswith("?") or asks_to_write(question)
    fits = len(text) >= shortest and 0 < len(question) <= _LONGEST_QUESTION
    is_prose = shortest == 1 or len(_SENTENCE_END.findall(f"{text} ")) > 1
    return (text, question) if asks and fits and is_prose and not is_programming(question, ()) else None
