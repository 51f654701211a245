"""All conversations: a search over everything ever said, and resuming, renaming and deleting."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from assistant.history.store import History, HistoryError
from assistant.history.types import local_time
from assistant.models.index_files import IndexFiles
from assistant.models.store import default_cache
from assistant.text import counted, one_line
from assistant.types import Role
from tui.screens.dialogs import ConfirmScreen, EntryScreen

_MOST = 500

Chosen = tuple[str, int | None]
"""A conversation, and the message of it that was found."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the list: a conversation, or a message in one."""

    conversation: str
    title: str
    message: int | None
    shown: Content


class ConversationsScreen(ModalScreen[Chosen | None]):
    """The list. The search keeps the focus; the arrow keys move in the list below it.

    Args:
        history: Where the conversations are.
        current: The one that is open.
        words: What to search for at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", key_display="esc", id="history.back"),
        Binding("enter", "resume", "Resume", key_display="⏎", priority=True, id="history.resume"),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
        Binding("f2", "rename", "Rename", priority=True, id="history.rename"),
        Binding("ctrl+d", "delete", "Delete", key_display="^d", priority=True, id="history.delete"),
    ]

    def __init__(self, history: History, current: str | None, words: str = "") -> None:
        super().__init__()
        self._history = history
        self._current = current
        self._words = words
        self._rows: list[_Row] = []

    def compose(self) -> ComposeResult:
        """Search, list, a line to say something in, keys."""
        with Vertical(id="conversations"):
            yield Input(self._words, placeholder="Search in everything ever said…", id="conversations-search")
            yield OptionList(id="conversations-list")
            yield Static(id="conversations-line")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show the list."""
        self.query_one(OptionList).can_focus = False
        self._fill()

    @on(Input.Changed)
    def search(self, event: Input.Changed) -> None:
        """Search for what is there so far."""
        self._words = event.value.strip()
        self._fill()

    def _fill(self) -> None:
        listed = self.query_one(OptionList)
        at = listed.highlighted or 0
        try:
            self._rows = self._found() if self._words else self._all()
        except HistoryError as error:
            self._rows = []
            self._say(str(error), error=True)
        else:
            self._say(self._count())
        listed.clear_options()
        listed.add_options(Option(row.shown) for row in self._rows)
        listed.highlighted = min(at, len(self._rows) - 1) if self._rows else None

    def _count(self) -> str:
        if not self._rows:
            return "Nothing was found." if self._words else "Nothing has been said yet."
        more = " or more" if len(self._rows) >= _MOST else ""
        noun = "found" if self._words else "conversation" if len(self._rows) == 1 else "conversations"
        return f"{len(self._rows)}{more} {noun}"

    def _all(self) -> list[_Row]:
        return [
            _Row(
                summary.id,
                summary.title,
                None,
                self._line(summary.id, summary.title, summary.updated, counted(summary.messages, "message")),
            )
            for summary in self._history.list_conversations(_MOST)
        ]

    def _found(self) -> list[_Row]:
        wanted = self._words.lower()
        titles = [row for row in self._all() if wanted in row.title.lower()]
        rows = []
        for match in self._history.search(self._words, _MOST):
            who = "you" if match.role is Role.USER else "answer"
            line = self._line(match.conversation, match.title, match.created, who)
            excerpt = Content.styled(f"\n    {one_line(match.excerpt, 160)}", "$foreground 60%")
            rows.append(_Row(match.conversation, match.title, match.message, Content.assemble(line, excerpt)))
        return [*titles, *rows][:_MOST]

    def _line(self, conversation: str, title: str, moment: float, more: str) -> Content:
        when = local_time(moment).strftime("%Y-%m-%d %H:%M")
        mark = "● " if conversation == self._current else "  "
        return Content.assemble(
            (mark, "$text-accent"),
            (f"{when}  ", "$foreground 60%"),
            (one_line(title, 70) or "untitled", "bold"),
            (f"  {more}", "$foreground 60%"),
        )

    @property
    def _chosen(self) -> _Row | None:
        at = self.query_one(OptionList).highlighted
        return self._rows[at] if at is not None and at < len(self._rows) else None

    def action_move(self, step: int) -> None:
        """Go up or down in the list."""
        listed = self.query_one(OptionList)
        listed.action_cursor_up() if step < 0 else listed.action_cursor_down()

    def action_page(self, step: int) -> None:
        """Go up or down in the list by a page."""
        listed = self.query_one(OptionList)
        for _ in range(max(1, listed.size.height - 1)):
            listed.action_cursor_up() if step < 0 else listed.action_cursor_down()

    def action_resume(self) -> None:
        """Go on with the chosen conversation, at the message that was found."""
        if row := self._chosen:
            self.dismiss((row.conversation, row.message))

    @on(OptionList.OptionSelected)
    def selected(self, event: OptionList.OptionSelected) -> None:
        """A click on a line."""
        event.stop()
        self.action_resume()

    def action_rename(self) -> None:
        """Give the chosen conversation another title."""
        if (row := self._chosen) is None:
            return

        def rename(title: str | None) -> None:
            if title and title.strip():
                self._change(lambda: self._history.rename(row.conversation, title))

        self.app.push_screen(EntryScreen("The new title", row.title), rename)

    def action_delete(self) -> None:
        """Delete the chosen conversation, after asking."""
        if (row := self._chosen) is None:
            return

        def delete() -> None:
            self._history.delete(row.conversation, IndexFiles(default_cache()).forget)

        def confirmed(sure: bool | None) -> None:
            if sure:
                self._change(delete)

        self.app.push_screen(
            ConfirmScreen(f"Delete “{one_line(row.title, 60)}” and its documents for good?"), confirmed
        )

    def _change(self, change: Callable[[], None]) -> None:
        try:
            change()
        except HistoryError as error:
            self._say(str(error), error=True)
        else:
            self._fill()

    def _say(self, text: str, *, error: bool = False) -> None:
        style = "$text-error" if error else "$foreground 60%"
        self.query_one("#conversations-line", Static).update(Content.styled(one_line(text, 200), style))
