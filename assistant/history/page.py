"""A conversation as one page of HTML that needs nothing else: no scripts, no network, light and dark, and printable.

Everything said is untrusted: texts are escaped, Markdown is rendered without raw HTML and without images (one could be
fetched from elsewhere), and the page forbids itself scripts and any connection.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from assistant.history.types import Conversation, StoredMessage, local_time
from assistant.pages import render_page
from assistant.presentation import Presentation
from assistant.text import printable
from assistant.types import Document, Role

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markupsafe import Markup


def as_html(conversation: Conversation) -> str:
    """The conversation as a page, the evidence marked in its surroundings and the verdict on every claim."""
    names = ", ".join(document.name for document in conversation.documents)
    documents: Sequence[Document] = ()
    messages: list[tuple[StoredMessage, Presentation | None]] = []
    for message in conversation.messages:
        if message.role is Role.USER:
            documents = message.documents
        messages.append((message, message.shown(documents) if message.role is Role.ASSISTANT else None))
    return render_page(
        "assistant.history",
        "page.html.j2",
        title=conversation.title or "Conversation",
        about=" · ".join(part for part in (_when(conversation.created), conversation.id, names) if part),
        messages=messages,
        markdown=_markdown,
        how=_how,
    )


def _how(message: StoredMessage) -> str:
    """How an answer came about: route, reason, model, seconds, time."""
    answer = message.read_answer()
    about = (
        (answer.route, message.reason, answer.models.generator, f"{answer.usage.seconds} s")
        if answer
        else (message.reason,)
    )
    return " · ".join(str(part) for part in (*about, _when(message.created)) if part)


def _when(moment: float) -> str:
    return local_time(moment).strftime("%Y-%m-%d %H:%M")


def _markdown(text: str) -> "Markup":
    from markupsafe import Markup

    return Markup(_parser().render(printable(text)))  # noqa: S704  (the parser escapes what it does not render)


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
