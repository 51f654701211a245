"""Conversations written out: Markdown for people, JSON for programs.

Everything said is untrusted. What could steer a terminal is left out of the Markdown and escaped in the JSON; HTML in
the Markdown is shown as text, and images are not fetched by whatever shows it.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from assistant.history.types import Conversation, Status, StoredMessage, local_time
from assistant.presentation import Headline
from assistant.records import inert_json
from assistant.text import one_line, printable
from assistant.types import Claim, Document, Probabilities, Role


def _when(moment: float) -> str:
    return local_time(moment).isoformat(timespec="seconds")


def as_json(conversation: Conversation) -> str:
    """The conversation as one JSON object; answers are JSON objects as `ask --json` prints them, as they were saved."""
    messages: list[dict[str, Any]] = []
    for stored in conversation.messages:
        message: dict[str, Any] = {"role": stored.role.value, "text": stored.text, "created": _when(stored.created)}
        if stored.role is Role.ASSISTANT:
            message["status"] = stored.status.value
            message["reason"] = stored.reason
            message["answer"] = stored.answer
        else:
            message["documents"] = [document.name for document in stored.documents]
        messages.append(message)
    record = json.dumps(
        {
            "id": conversation.id,
            "title": conversation.title,
            "created": _when(conversation.created),
            "updated": _when(conversation.updated),
            "documents": [
                {"name": document.name, "text": document.text, "pages": document.pages}
                for document in conversation.documents
            ],
            "messages": messages,
        },
        ensure_ascii=False,
        indent=2,
    )
    return inert_json(record)


def as_markdown(conversation: Conversation) -> str:
    """The conversation as Markdown, with the evidence and the verdict under each answer."""
    parts = [f"# {conversation.title or 'Conversation'}", f"{_when(conversation.created)} · {conversation.id}"]
    documents: tuple[Document, ...] = ()
    for stored in conversation.messages:
        if stored.role is Role.USER:
            documents = stored.documents
            parts.append(
                f"## {one_line(stored.text, len(stored.text))}"
                if "\n" not in stored.text
                else f"## Question\n\n{stored.text}"
            )
            if documents:
                parts.append("Documents: " + ", ".join(one_line(document.name) for document in documents))
        elif stored.status is Status.FAILED:
            parts.append(f"*Failed: {stored.text}*")
        else:
            parts += _answer(stored, documents)
    return _inert(printable("\n\n".join(parts))) + "\n"


def _answer(stored: StoredMessage, documents: Sequence[Document]) -> Iterator[str]:
    answer, shown = stored.read_answer(), stored.shown(documents)
    if shown.headline in (Headline.NOT_FOUND, Headline.NOT_SUPPORTED):
        yield f"*{shown.text}.*"
    elif shown.text:
        yield shown.text
    if shown.missing:
        yield "Not in the document:\n\n" + "\n".join(f"- {claim}" for claim in shown.missing)
    if shown.draft is not None:
        yield "Draft, not supported by the document:\n\n" + "\n".join(f"> {line}" for line in shown.draft.splitlines())
    if stored.cut_off:
        yield "*(stopped)*"
    if answer is not None and answer.models.generator:
        yield f"*Written by {one_line(answer.models.generator, 120)}*"
    for place in shown.places:
        quote = f"> {' '.join(place.evidence.text.split())}\n>\n> {place.source}"
        yield f"Closest passage:\n\n{quote}" if place.closest else quote
    if (verdict := shown.verdict) is not None:
        yield f"Verdict: **{verdict.label}** ({_shares(verdict.probabilities)})"
        yield "\n".join(map(_claim, verdict.claims))
    for notice in shown.notices:
        yield f"*Note: {one_line(notice, 300)}*"


def _inert(markdown: str) -> str:
    """The Markdown with its HTML and its images as plain text; code stays as it is.

    Blocks that hold either, as a CommonMark parser finds them, are escaped as a whole: what one parser takes for code
    another may not.
    """
    from markdown_it import MarkdownIt

    lines, at = markdown.split("\n"), [0, 0]
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        at = token.map or at  # the cells of a table have none: their row's is meant
        inside = {child.type for child in token.children or ()}
        if token.type == "html_block" or inside & {"html_inline", "image"}:
            for number in range(*at):
                lines[number] = lines[number].replace("<", "&lt;").replace("![", "!\\[")
    return "\n".join(lines)


def _claim(claim: Claim) -> str:
    line = f"- {' '.join(claim.text.split())}: **{claim.label}** ({_shares(claim.probabilities)})"
    if claim.evidence is not None:
        line += f"; decided by “{' '.join(claim.evidence.text.split())}”"
    return line


def _shares(probabilities: Probabilities) -> str:
    return ", ".join(f"{label} {share:.0%}" for label, share in probabilities.shares.items())
