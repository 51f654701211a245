"""The open documents, as chips above the prompt."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from assistant.conversation import Document
from assistant.sanitize import one_line
from tui.language import language
from tui.messages import CloseDocument, ShowDocument


class ChipButton(Static):
    """A word of a chip that can be clicked."""


class DocumentChip(Horizontal, can_focus=True):
    """One open document: its title and length, `show` and a cross. Enter shows it, Delete closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "show", "Show"),
        Binding("delete,backspace", "close", "Close"),
    ]

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document

    def compose(self) -> ComposeResult:
        """Title, words, language, show, close."""
        yield Static(
            Content.assemble(
                ("▤ ", "$text-accent"),
                (one_line(self.document.name, 42), "bold"),
                (f"  {self.document.words:,} words{self._language()}  ", "$foreground 60%"),
            ),
            classes="chip-title",
        )
        yield ChipButton(Content.styled("show", "underline"), classes="chip-show")
        yield ChipButton(Content("✕"), classes="chip-close")

    def _language(self) -> str:
        known = language(self.document.text)
        return f" · {known}" if known else ""

    def on_click(self, event: events.Click) -> None:
        """A click on the cross closes the document, anywhere else shows it."""
        event.stop()
        if isinstance(event.widget, ChipButton) and event.widget.has_class("chip-close"):
            self.action_close()
        else:
            self.action_show()

    def action_show(self) -> None:
        """Show the document."""
        self.post_message(ShowDocument(self.document))

    def action_close(self) -> None:
        """Close the document."""
        self.post_message(CloseDocument(self.document))


class DocumentBar(Horizontal):
    """The chips of all open documents; takes no room when there are none."""

    async def show(self, documents: Sequence[Document]) -> None:
        """Show these documents."""
        chips = list(self.query(DocumentChip))
        wanted = {document.name for document in documents}
        for chip in chips:
            if chip.document.name not in wanted:
                await chip.remove()
        known = {chip.document.name for chip in chips}
        await self.mount_all(DocumentChip(document) for document in documents if document.name not in known)
        self.display = bool(documents)
