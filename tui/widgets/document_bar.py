"""The open documents, as chips above the prompt."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from assistant.documents.language import language_name
from assistant.text import counted, one_line
from assistant.types import Document
from tui.messages import CloseDocument, FocusExchange, ShowDocument

_ROUND = 6  # cells of a chip beside its title and `show`: the cross, and what is free around them
_LEAST = 14  # cells of a chip; with more of them than there is room for, the bar scrolls
_EDGES = 4  # cells left and right of the bar


class ChipButton(Static):
    """A word of a chip that can be clicked."""


class DocumentChip(Horizontal, can_focus=True):
    """One open document: its title and length, `show` and a cross. Enter shows it, Delete closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "show", "Show"),
        Binding("delete,backspace", "close", "Close"),
        Binding("escape", "back", "Back", key_display="esc"),
    ]

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document

    def compose(self) -> ComposeResult:
        """Title, words, language, show, close."""
        yield Static(self._title(), classes="chip-title")
        yield ChipButton(Content.styled("show", "underline"), classes="chip-show")
        yield ChipButton(Content("✕"), classes="chip-close")

    @property
    def whole(self) -> int:
        """The cells that it needs to say all of this."""
        return self._title().cell_length + _ROUND + len(" show")

    def fit(self, room: int | None) -> None:
        """Take only so many cells: the title's beginning and the cross; None says all."""
        self.query_one(".chip-show").display = room is None
        self.query_one(".chip-title", Static).update(self._title(room))

    def _title(self, room: int | None = None) -> Content:
        mark = ("▤ ", "$text-accent")
        if room is not None:
            return Content.assemble(mark, (one_line(self.document.name, max(1, room - _ROUND - 2)), "bold"))
        known = language_name(self.document.text)
        about = f"  {counted(self.document.words, 'word')}{f' · {known}' if known else ''}  "
        return Content.assemble(mark, (one_line(self.document.name, 42), "bold"), (about, "$foreground 60%"))

    def on_click(self, event: events.Click) -> None:
        """A click on the cross closes the document, anywhere else shows it."""
        event.stop()
        if isinstance(event.widget, ChipButton) and event.widget.has_class("chip-close"):
            self.action_close()
        else:
            self.action_show()

    def action_back(self) -> None:
        """Go back to the prompt."""
        self.post_message(FocusExchange(0))

    def action_show(self) -> None:
        """Show the document."""
        self.post_message(ShowDocument(self.document))

    def action_close(self) -> None:
        """Close the document."""
        self.post_message(CloseDocument(self.document))


def _key(document: Document) -> tuple[str, str]:
    """What tells a document from others: two conversations may each have a `notes.txt`."""
    return document.name, document.id


class DocumentBar(Horizontal):
    """The chips of all open documents; takes no room when there are none."""

    async def show(self, documents: Sequence[Document]) -> None:
        """Show these documents."""
        chips = {_key(chip.document): chip for chip in self.query(DocumentChip)}
        wanted = {_key(document): document for document in documents}
        for key in chips.keys() - wanted.keys():
            await chips[key].remove()
        await self.mount_all(DocumentChip(document) for key, document in wanted.items() if key not in chips)
        self.display = bool(documents)
        self._fit()

    def on_resize(self) -> None:
        """Say as much as there is room for now."""
        self._fit()

    def _fit(self) -> None:
        chips = list(self.query(DocumentChip))
        room = self.screen.size.width - _EDGES
        fits = sum(chip.whole for chip in chips) <= room
        for chip in chips:
            chip.fit(None if fits else max(_LEAST, room // len(chips)))
