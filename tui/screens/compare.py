"""The last document question put to several readers, side by side: each fills in when it is ready."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ItemGrid, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from assistant.answering.comparison import OWN, Compared, agreement
from assistant.text import one_line
from assistant.types import Turn
from tui import messages
from tui.chat.worker import ModelWorker
from tui.widgets.comparison_column import ComparisonColumn

_NARROWEST = 34  # cells of a column


class CompareScreen(ModalScreen[None]):
    """A comparison. Esc stops it and closes.

    Args:
        turn: The question with its documents.
        names: Of the readers; the chat's own is asked first.
        worker: What asks them; it tells this screen of it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Stop and close", key_display="esc", id="compare.close"),
    ]

    def __init__(self, turn: Turn, names: Sequence[str], worker: ModelWorker) -> None:
        super().__init__()
        self._turn = turn
        self._names = [OWN, *names]
        self._worker = worker
        self._over = False

    def compose(self) -> ComposeResult:
        """The question, a column for each reader (below one another where there is no room), and how many agree."""
        with Vertical(id="compare"):
            yield Static(Content.styled(one_line(self._turn.question, 300), "bold"), id="compare-question")
            with VerticalScroll(id="compare-columns"), ItemGrid(min_column_width=_NARROWEST):
                for name in self._names:
                    shown = "the chat's reader" if name == OWN else name
                    yield ComparisonColumn(name, shown, self._turn.documents)
            yield Static(id="compare-agreement")

    def on_mount(self) -> None:
        """Begin."""
        self.query_one("#compare-columns").focus()
        self._say("Esc stops and closes")
        self._worker.compare(self._turn, self._names, self.post_message)

    @property
    def rows(self) -> list[Compared]:
        """What has come so far."""
        return [view.row for view in self.query(ComparisonColumn) if view.row is not None]

    def action_close(self) -> None:
        """Stop what is running, and go back to the conversation."""
        if not self._over:
            self._worker.stop()
        self.dismiss()

    @on(messages.ComparisonProgress)
    def tell(self, message: messages.ComparisonProgress) -> None:
        """Show how far the reader is whose turn it is."""
        if view := self._next():
            view.tell(message.progress)

    @on(messages.ComparisonAnswer)
    def fill(self, message: messages.ComparisonAnswer) -> None:
        """Show what a reader gave."""
        if view := self._next():
            view.fill(message.row)

    @on(messages.ComparisonOver)
    def over(self, message: messages.ComparisonOver) -> None:
        """Say how many agree, or why it ended."""
        self._over = True
        if message.error is not None:
            self._say(str(message.error))
            return
        agreed = agreement(self.rows)
        self._say(f"{agreed.sentence('reader')}  Esc closes" if agreed is not None else "Esc closes")

    def _next(self) -> ComparisonColumn | None:
        return next((view for view in self.query(ComparisonColumn) if view.row is None), None)

    def _say(self, text: str) -> None:
        self.query_one("#compare-agreement", Static).update(Content.styled(one_line(text, 300), "$text-accent"))
