"""Whether a text supports a statement: the verifier by itself, in one call."""

import re
import threading
from typing import TYPE_CHECKING

from assistant.errors import AssistantError, UsageError
from assistant.types import Document, Verdict
from assistant.verification.claims import span_claim, text_claims
from assistant.verification.verifier import Check

if TYPE_CHECKING:
    from assistant.answering.assistant import Assistant

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
        assistant: whose verifier checks; by default one with the default settings.
        cancel: set by another thread to stop checking.

    Raises:
        UsageError: a text is empty or not valid Unicode.
        AssistantError: the verifier cannot be fetched or loaded, or was stopped.
    """
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
        from assistant.answering.assistant import Assistant

        assistant = Assistant()
    from assistant.events import unheard

    verifier = assistant.models.verifier(unheard)
    made = Check(read, claims)
    verifier.check_lengths(made)
    verdict = next(iter(verifier.verify([made], cancel=cancel)), None)
    if verdict is None:
        raise AssistantError("A verdict is missing: the check was stopped.")
    return verdict
