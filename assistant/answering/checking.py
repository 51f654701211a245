"""Whether a text supports a statement: the verifier by itself, in one call."""

import re
import threading
from functools import cache
from typing import TYPE_CHECKING

from assistant.errors import AssistantError, UsageError
from assistant.types import Document, Verdict
from assistant.verification.candidates import Check
from assistant.verification.claims import span_claim, text_claims

if TYPE_CHECKING:
    from assistant.answering.assistant import Assistant

_DEFAULT_LOCK = threading.Lock()  # one thread at a time may use an assistant
_SURROGATE = re.compile("[\ud800-\udfff]")


def check(
    statement: str,
    document: Document | str,
    *,
    question: str | None = None,
    assistant: "Assistant | None" = None,
    cancel: threading.Event | None = None,
) -> Verdict:
    """Say whether a text entails a statement, contradicts it, or says nothing on it.

    Args:
        statement: a statement or several sentences, each of which becomes a claim; with `question`, a bare answer.
        document: the text to check against; of a long one the passages that bear on each claim are taken.
        question: what `statement` answers, where it is a bare answer.
        assistant: whose verifier checks; by default one with the default settings, which is kept for the next call.
        cancel: set by another thread to stop checking.

    Raises:
        UsageError: a text is empty or not valid Unicode.
        AssistantError: the verifier cannot be fetched or loaded, or was stopped.
    """
    if not isinstance(statement, str):
        raise UsageError(f"The statement is {type(statement).__name__}, not a text.")
    if not statement.strip():
        raise UsageError("The statement is empty; give what is to be checked.")
    if _SURROGATE.search(statement + (question or "")):
        raise UsageError("The statement is not valid Unicode: it holds a lone surrogate.")
    read = Document("premise", document) if isinstance(document, str) else document
    if question and question.strip():
        claims = [span_claim(question, statement)]
    else:
        claims = text_claims(statement) or [statement.strip()]
    if assistant is None:
        with _DEFAULT_LOCK:
            return _checked(_default(), read, claims, cancel)
    return _checked(assistant, read, claims, cancel)


@cache
def _default() -> "Assistant":
    from assistant.answering.assistant import Assistant

    return Assistant()


def _checked(
    assistant: "Assistant", document: Document, claims: list[str], cancel: threading.Event | None
) -> Verdict:  # fmt: skip
    from assistant.events import unheard

    verifier = assistant.models.verifier(unheard)
    made = Check(document, claims)
    verifier.check_lengths(made)
    verdict = next(iter(verifier.verify([made], cancel=cancel)), None)
    if verdict is None:
        raise AssistantError("A verdict is missing: the check was stopped.")
    return verdict
