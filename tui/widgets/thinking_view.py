"""What a model thinks before it answers, folded into one line while it runs."""

from textual import events
from textual.content import Content
from textual.widgets import Static

from assistant.text import counted, one_line, printable

_SHOWN = 2_000  # characters of its end, once it is unfolded
_TAIL = 60


class ThinkingView(Static):
    """One line that says how much was thought, and its last words; a click unfolds the end of it."""

    def __init__(self) -> None:
        super().__init__(classes="thinking")
        self._text = ""
        self._folded = True

    def show(self, text: str) -> None:
        """Show what was thought by now."""
        if text != self._text:
            self._text = text
            self._draw()

    def toggle(self) -> None:
        """Unfold it, or fold it again."""
        self._folded = not self._folded
        self._draw()

    def on_click(self, event: events.Click) -> None:
        """As `toggle`."""
        event.stop()
        self.toggle()

    def _draw(self) -> None:
        words = counted(len(self._text.split()), "word")
        if self._folded:
            tail = one_line(self._text[-4 * _TAIL :], 4 * _TAIL)[-_TAIL:]
            self.update(Content.styled(f"▸ thinking · {words} · …{tail}", "$foreground 60%"))
        else:
            self.update(Content.styled(f"▾ thinking · {words}\n{printable(self._text[-_SHOWN:])}", "$foreground 60%"))
