"""Conversations written out: Markdown for people, JSON for programs.

Everything said is untrusted. What could steer a terminal is left out of the Markdown and escaped in the JSON; HTML in
the Markdown is shown as text, and images are not fetched by whatever shows it.
"""

import json
from collections.abc import Iterator
from typing import Any

from assistant.documents.excerpts import on_one_line
from assistant.history.types import Conversation, Status, local_time
from assistant.records import inert_json
from assistant.text import one_line, printable
from assistant.types import Role, Route


def _when(moment: float) -> str:
    return local_time(moment).isoformat(timespec="seconds")


def as_json(conversation: Conversation) -> str:
    """The conversation as one JSON object; answers are the contract's objects, as they were saved."""
    messages: list[dict[str, Any]] = []
    for said in conversation.messages:
        message: dict[str, Any] = {"role": said.role.value, "text": said.text, "created": _when(said.created)}
        if said.role is Role.ASSISTANT:
            message["status"] = said.status.value
            message["reason"] = said.reason
            message["answer"] = said.answer
        else:
            message["documents"] = [document.name for document in said.documents]
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
    for said in conversation.messages:
        if said.role is Role.USER:
            parts.append(
                "## " + " ".join(said.text.split()) if "\n" not in said.text else "## Question\n\n" + said.text
            )
            if said.documents:
                parts.append("Documents: " + ", ".join(one_line(document.name) for document in said.documents))
            continue
        if said.status is Status.FAILED:
            parts.append(f"*Failed: {said.text}*")
            continue
        stopped = said.status in (Status.STOPPED, Status.STREAMING)
        if said.text or not stopped:
            read = (said.answer or {}).get("route") == Route.EXTRACT  # words of a document: its lines are not theirs
            parts.append((on_one_line(said.text) if read else said.text) or "*Not in the document.*")
        if stopped:
            parts.append("*(stopped)*")
        if said.answer:
            parts.extend(_details(said.answer))
            parts.extend(f"*Note: {one_line(str(notice), 300)}*" for notice in said.answer.get("notices") or ())
    return _inert(printable("\n\n".join(parts))) + "\n"


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


def _details(record: dict[str, Any]) -> Iterator[str]:
    models = record.get("models")
    if isinstance(models, dict) and models.get("generator"):
        yield f"*Written by {one_line(str(models['generator']), 120)}*"
    for evidence in record.get("evidence") or ():
        quote = " ".join(evidence["text"].split())
        place = f"{_where(evidence)}characters {evidence['start']} to {evidence['end']}"
        yield f"> {quote}\n>\n> {evidence['document']}, {place}"
    if closest := record.get("closest"):
        quote = " ".join(closest["text"].split())
        place = f"{_where(closest)}from character {closest['start']}"
        yield f"Closest passage:\n\n> {quote}\n>\n> {closest['document']}, {place}"
    if verdict := record.get("verdict"):
        yield f"Verdict: **{verdict['label']}** ({_shares(verdict)})"
        claims = verdict.get("claims") or ()
        if claims:
            yield "\n".join(_claim(claim) for claim in claims)


def _claim(claim: dict[str, Any]) -> str:
    line = f"- {' '.join(claim['text'].split())}: **{claim['label']}** ({_shares(claim)})"
    if evidence := claim.get("evidence"):
        line += f"; decided by “{' '.join(evidence['text'].split())}”"
    return line


def _shares(probabilities: dict[str, Any]) -> str:
    return ", ".join(f"{name} {probabilities[name]:.0%}" for name in ("entailment", "neutral", "contradiction"))


def _where(evidence: dict[str, Any]) -> str:
    place, page = evidence.get("place"), evidence.get("page")  # records of older versions have neither
    if isinstance(place, str):
        return f"{one_line(place, 200)}, "
    return f"page {page}, " if page is not None else ""
