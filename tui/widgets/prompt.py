"""The prompt: a text area that grows, sends on Enter, and remembers what was asked."""

from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import TextArea

from assistant.errors import UsageError
from tui.chat.commands import NAMES, parse
from tui.messages import FocusExchange, Pasted, Say, Submitted
from tui.widgets.suggestions import Suggestions

_SETTLE = 0.04  # seconds after an Enter in which another key shows that it was pasted
_LATE = 0.1  # seconds between two keys, by when they were typed, after which they are no paste however late they come
_BURST = 0.02  # seconds between keys that no hand types


class Prompt(TextArea):
    """Where the user writes.

    A terminal without bracketed paste sends a pasted text as keys, its line ends as Enter. So an Enter waits a moment
    before it sends: when keys follow at once, or an earlier Enter of the same burst was a line end, it is one too.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send", key_display="⏎", id="prompt.send"),
        Binding("ctrl+j,shift+enter,alt+enter", "newline", "Newline", key_display="^j", id="prompt.newline"),
        Binding("pageup", "screen.scroll_transcript(-1)", show=False, id="prompt.page_up"),
        Binding("pagedown", "screen.scroll_transcript(1)", show=False, id="prompt.page_down"),
        Binding("shift+tab,ctrl+up", "exchanges", "Answers", key_display="⇧tab", show=False, id="prompt.answers"),
    ]

    def __init__(self, suggestions: Suggestions) -> None:
        super().__init__(
            id="prompt",
            soft_wrap=True,
            show_line_numbers=False,
            highlight_cursor_line=False,
            placeholder="Ask a question, or paste a document…",
        )
        self.past: list[str] = []
        self._suggestions = suggestions
        self._recalled: int | None = None
        self._draft = ""
        self._enter: Timer | None = None
        self.last_key = 0.0
        self._in_paste = False

    async def _on_key(self, event: events.Key) -> None:
        since, self.last_key = event.time - self.last_key, event.time
        burst = since < _BURST
        if self._enter is not None and since < _LATE:
            self._settle_as_newline()  # a key so soon after an Enter: the Enter was a line end of a paste
        elif self._enter is not None:  # the app is slow, not the hand
            self._settle()
        elif not burst:
            self._in_paste = False
        if not (burst and event.key == "tab") and self._move_in_suggestions(event.key):  # a pasted tab is text
            event.stop()
            event.prevent_default()
            return
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self._enter = self.set_timer(_SETTLE, self._settle)
            return
        await super()._on_key(event)

    def _move_in_suggestions(self, key: str) -> bool:
        """Use a key on what is suggested; Tab without suggestions goes to the documents or the examples."""
        chosen = self._suggestions.chosen
        if chosen is None:
            if key == "tab" and not self.text.startswith("/"):
                self.screen.focus_next("DocumentChip, Welcome OptionList")
            return key == "tab"
        match key:
            case "tab":
                self.fill(chosen.text)
            case "up":
                self._suggestions.action_cursor_up()
            case "down":
                self._suggestions.action_cursor_down()
            case "escape":
                self._suggestions.show([])
            case _:
                return False
        return True

    def _settle_as_newline(self) -> None:
        if self._enter is not None:
            self._enter.stop()
            self._enter = None
        self._in_paste = True
        self.insert("\n")

    def _settle(self) -> None:
        if self._in_paste:
            self._settle_as_newline()
            return
        if self._enter is not None:
            self._enter.stop()
            self._enter = None
        self.action_send()

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.post_message(Pasted(event.text))

    def action_send(self) -> None:
        """Hand over what was written, standalone_question as suggested; an empty prompt and a wrong command stay.

        The prompt is emptied here and now: what is typed next may come before the screen has looked at this.
        """
        chosen, text = self._suggestions.chosen, self.text.strip()
        # A whole command is sent as it is, unless one has gone down to what could follow it.
        open_ended = text[1:].lower() not in NAMES or bool(self._suggestions.highlighted)
        if chosen is not None and chosen.text == f"{text}/" and not self._suggestions.highlighted:
            open_ended = False  # a folder by its whole name; Tab goes into it
        if chosen is not None and open_ended and chosen.text.strip() != text:
            self.fill(chosen.text)
            if chosen.text.endswith((" ", "/")):
                return  # there is more to come
            text = chosen.text
        self._suggestions.show([])
        if not text:
            return
        try:
            parse(text)
        except UsageError as error:
            self.post_message(Say(str(error), error=True))
            return
        self._remember(text)
        self.post_message(Submitted(text))

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_exchanges(self) -> None:
        """Go up into the conversation."""
        self.post_message(FocusExchange(-1))

    @property
    def recalling(self) -> bool:
        """Whether what stands here was sent before, and not typed now."""
        return self._recalled is not None and self._recalled < len(self.past) and self.text == self.past[self._recalled]

    def _remember(self, text: str) -> None:
        if not self.past or self.past[-1] != text:
            self.past.append(text)
        self._recalled = None
        self.text = ""

    def fill(self, text: str) -> None:
        """Put a text in place of what is there, the cursor at its end."""
        self.text = text
        self.move_cursor(self.document.end)

    def lend(self, text: str) -> None:
        """As `fill`, but what is being written comes back with the up arrow."""
        if draft := self.text.strip():
            self.past.append(draft)
        self._recalled = None
        self.fill(text)

    def action_cursor_up(self, select: bool = False) -> None:
        """Move up; from the first line, go back to what was sent before."""
        if select or not self.navigator.is_first_wrapped_line(self.cursor_location):
            super().action_cursor_up(select)
        elif self.past and self._recalled != 0:
            if self._recalled is None:
                self._draft, self._recalled = self.text, len(self.past)
            self._recalled -= 1
            self.fill(self.past[self._recalled])

    def action_cursor_down(self, select: bool = False) -> None:
        """Move down; from the last line, come forward again to what was being written."""
        if select or self._recalled is None or not self.navigator.is_last_wrapped_line(self.cursor_location):
            super().action_cursor_down(select)
            return
        self._recalled += 1
        if self._recalled >= len(self.past):
            self._recalled = None
            self.fill(self._draft)
        else:
            self.fill(self.past[self._recalled])

    def action_copy(self) -> None:
        """Copy what is selected here."""
        if not self.selected_text:
            raise SkipAction  # the screen copies what is selected there; then the app asks whether to leave
        self.app.copy_to_clipboard(self.selected_text)
