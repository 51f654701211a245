"""An answer as plain text, to select and copy any part of it with the keyboard."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Static, TextArea

from assistant.text import one_line, printable


class TextScreen(ModalScreen[str | None]):
    """A text to read and select in; what is to be copied comes back from it. Esc closes it.

    Args:
        heading: What it answers.
        text: The text.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Back", key_display="esc", id="text.back"),
        Binding("a", "all", "Select all", id="text.all"),
        Binding("c,y,enter,ctrl+c", "copy", "Copy", key_display="c", id="text.copy"),
    ]

    def __init__(self, heading: str, text: str) -> None:
        super().__init__()
        self._heading = heading
        self._text = text

    def compose(self) -> ComposeResult:
        """Heading, text, keys."""
        yield Static(Content.styled(one_line(self._heading, 200), "bold"), id="text-heading")
        yield TextArea(printable(self._text), read_only=True, soft_wrap=True, id="text", show_cursor=True)
        yield Static(Content.styled("Shift and the arrow keys select; c copies.", "$foreground 60%"), id="text-hint")
        yield Footer(show_command_palette=False)

    def action_all(self) -> None:
        """Select all of it."""
        self.query_one(TextArea).select_all()

    def action_copy(self) -> None:
        """Have what is selected copied, or all of it, and go back."""
        self.dismiss(self.query_one(TextArea).selected_text or self._text)
