"""A conversation as one page of HTML that needs nothing else: no scripts, no network, light and dark, and printable.

Everything said is untrusted: texts are escaped, Markdown is rendered without raw HTML and without images (one could be
fetched from elsewhere), and the page forbids itself scripts and any connection.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from assistant.documents.excerpts import Excerpt, excerpt, position
from assistant.history.types import Conversation, StoredMessage, local_time
from assistant.pages import render_page
from assistant.text import printable
from assistant.types import Document, Label

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markupsafe import Markup


def as_html(conversation: Conversation) -> str:
    """The conversation as a page, the evidence marked in its surroundings and the verdict on every claim."""
    documents: dict[str, Document] = {document.name: document for document in conversation.documents}
    names = ", ".join(document.name for document in conversation.documents)
    return render_page(
        "assistant.history",
        "page.html.j2",
        title=conversation.title or "Conversation",
        about=" · ".join(part for part in (_when(conversation.created), conversation.id, names) if part),
        messages=conversation.messages,
        badges={label.value: label.badge for label in Label},
        opened=lambda said: documents.update({document.name: document for document in said.documents}),
        place_in=lambda place: _place(place, documents),
        markdown=_markdown,
        how=_how,
    )


def _how(said: StoredMessage, record: dict[str, Any]) -> str:
    """How an answer came about: route, reason, model, seconds, time."""
    models = record.get("models")
    model = models.get("generator") if isinstance(models, dict) else None
    seconds = f"{record['usage']['seconds']} s" if record.get("usage") else None
    parts = (record.get("route"), said.reason, model, seconds, _when(said.created))
    return " · ".join(str(part) for part in parts if part)


def _place(place: dict[str, Any], documents: dict[str, Document]) -> tuple[Excerpt, str]:
    """A piece of evidence in its surroundings, and where in the document it stands, if it does."""
    start, end, text = place["start"], place["end"], place["text"]
    document = documents.get(place["document"])
    if document is None or document.text[start:end] != text:
        return excerpt(text, 0, len(text)), ""
    return excerpt(document.text, start, end), position(
        document.text, start, end, place.get("page"), place.get("place")
    )


def _when(moment: float) -> str:
    return local_time(moment).strftime("%Y-%m-%d %H:%M")


def _markdown(text: str) -> "Markup":
    from markupsafe import Markup

    return Markup(_parser().render(printable(text)))  # noqa: S704  (the parser escapes what it does not render)


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
