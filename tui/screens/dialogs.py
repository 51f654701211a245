"""Small questions to the user: a line to enter, and yes or no."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from assistant.text import printable


class EntryScreen(ModalScreen[str | None]):
    """Asks for a line of text; None when it was left with Esc.

    Args:
        question: What is asked.
        value: What stands there at first.
        hint: More about it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", id="dialog.cancel")]

    def __init__(self, question: str, value: str = "", hint: str = "") -> None:
        super().__init__(classes="dialog")
        self._question = question
        self._value = value
        self._hint = hint

    def compose(self) -> ComposeResult:
        """The question, the line, the hint."""
        with Vertical(classes="dialog-box"):
            yield Static(Content.styled(printable(self._question), "bold"))
            yield Input(self._value, compact=True)
            yield Static(Content.styled(f"{printable(self._hint)}\nEnter takes it, Esc leaves it.", "$foreground 60%"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give back what was written."""
        event.stop()
        self.dismiss(event.value)


class ConfirmScreen(ModalScreen[bool]):
    """Asks yes or no; anything but y is no.

    Args:
        question: What is asked.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes", id="dialog.yes"),
        Binding("n,escape,enter,q", "dismiss(False)", "No", id="dialog.no"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__(classes="dialog")
        self._question = question

    def compose(self) -> ComposeResult:
        """The question and the keys."""
        with Vertical(classes="dialog-box"):
            yield Static(Content.styled(printable(self._question), "bold"))
            yield Static(Content.assemble(("y", "bold"), " yes   ", ("n", "bold"), " no"))
