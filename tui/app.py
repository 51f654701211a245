"""The Textual app, and `run_chat`, through which the command line starts it."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES, Theme

from assistant.errors import SettingsError
from assistant.history.store import History
from assistant.settings import Settings
from assistant.types import Document
from tui.chat.commands import COMMANDS
from tui.chat.preferences import Preferences
from tui.chat.session import Session
from tui.chat.worker import ModelWorker, Responder
from tui.screens.chat import ChatScreen
from tui.screens.help import HelpScreen
from tui.terminal import clipboard
from tui.terminal.ascii_filter import AsciiFilter
from tui.terminal.escape_filter import EscapeFilter
from tui.terminal.idle_gc import take_over

_TWICE = 2.0  # seconds between the two Ctrl+C that leave
_TERMINAL_LOOKED_AT = 2.0  # every so many seconds
_PATIENCE = 2.0  # seconds the models have to stop after that
_ESCAPE_FILTER = EscapeFilter()
_LOOKS = {
    "theme",
    "keys",
    "mouse",
    "unicode",
    "plain",
    "roles",
    "prompts",
    "titles",
}  # settings that the models have nothing to do with


class ChatApp(App[None]):
    """The chat app.

    Args:
        responder_for: Makes what answers with these settings; called in the worker's thread.
        session: The conversation to begin with.
        settings: Those to begin with.
        verbose: Whether a fault in the program shows where it is.
    """

    TITLE = "assistant"
    CSS_PATH = "chat.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", priority=True, id="app.help"),
        Binding("ctrl+q", "quit", "Quit", key_display="^q", priority=True, id="app.quit"),
    ]

    def __init__(
        self,
        responder_for: Callable[[Settings], Responder],
        session: Session,
        settings: Settings | None = None,
        *,
        verbose: bool = False,
    ) -> None:
        super().__init__()
        self.session = session
        self.preferences = Preferences(settings or Settings(), self._setting_changed)
        self._responder_for = responder_for
        self._verbose = verbose
        self.worker = ModelWorker(self._responder, self._post_to_chat)
        self._chat: ChatScreen | None = None
        self._interrupted = 0.0
        self._typed_ahead: list[events.Key | events.Paste] | None = []  # None once the prompt takes keys
        self.register_theme(_terminal_theme())

    def _responder(self) -> Responder:
        return self._responder_for(self.preferences.settings)

    def get_default_screen(self) -> ChatScreen:
        """The chat."""
        self._chat = ChatScreen(self.session, self.worker, self.preferences)
        return self._chat

    def _post_to_chat(self, message: Message) -> None:
        if self._chat is not None:
            self._chat.post_message(message)

    def on_mount(self) -> None:
        """Look as the settings say; leave in order when the terminal is closed or the process is asked to end."""
        import asyncio

        self._look()
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        if sys.platform != "win32":
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self.exit, None, 128 + number)
            if not self.is_headless and not self.is_web:
                self.set_interval(_TERMINAL_LOOKED_AT, self._leave_without_terminal)

    def _leave_without_terminal(self) -> None:
        """Leave where the terminal is gone and no signal told of it: the app would draw for nobody for ever."""
        import termios

        try:
            termios.tcgetattr(0)
        except termios.error:
            self.exit(None, 128 + signal.SIGHUP)

    # --- keys from before there was a prompt

    def get_driver_class(self) -> type[Driver]:
        """As Textual's; on a Unix terminal, one that knows what was typed before the app began."""
        chosen = super().get_driver_class()
        if chosen.__name__ != "LinuxDriver":
            return chosen
        from tui.terminal.type_ahead_driver import TypeAheadDriver

        return TypeAheadDriver

    async def on_event(self, event: events.Event) -> None:
        """Keep what is typed while the screen is being made: nobody has the focus yet, and Textual would drop it."""
        if self._typed_ahead is not None and isinstance(event, events.Key | events.Paste):
            self._typed_ahead.append(event)
            return
        await super().on_event(event)

    async def on_ready(self) -> None:
        """Hand over what was typed meanwhile, here and now: put back into the queue, it would come after newer keys."""
        if self._chat is not None and self.screen.focused is None:
            # A browser's page tells only later that it has the focus, and until then Textual gives it to no widget.
            self.screen.set_focus(self._chat.composer.prompt)
        ahead, self._typed_ahead = self._typed_ahead or [], None
        for event in ahead:
            await super().on_event(event)

    # --- settings

    def _look(self) -> None:
        settings = self.preferences.settings
        self.set_keymap(settings.keys)
        if settings.theme in self.available_themes:
            self.theme = settings.theme
        elif self._chat is not None:
            self._chat.say(f"{settings.theme} is no theme; /theme shows those there are", error=True)

    def _keep_theme(self, theme: Theme) -> None:
        if theme.name != self.preferences.settings.theme:
            try:
                self.preferences.change("theme", theme.name)
            except SettingsError as error:
                self._say_later(str(error))

    def _say_later(self, text: str) -> None:
        if self._chat is not None:
            self._chat.say(text, error=True)

    def _setting_changed(self, name: str) -> None:
        self._look()
        self.refresh()
        if name not in _LOOKS and self._chat is not None:
            self.worker.replace(self._responder)
            self._chat.controller.queue.forget_models()
            self._chat.controller.queue.load()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Draw nothing that steers the terminal, and in plain ASCII where the settings or the terminal want it."""
        filters = [*super().get_line_filters(), _ESCAPE_FILTER]
        wanted = self.preferences.settings.unicode
        if wanted if wanted is not None else _draws_unicode():
            return filters
        return [*filters, AsciiFilter()]

    # --- what keys and the palette do

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: the chat's commands that need nothing more, then Textual's."""
        if isinstance(screen, ChatScreen):
            for command in COMMANDS:
                if not command.argument or command.argument.startswith("["):
                    yield SystemCommand(f"/{command.name}", command.help.capitalize(), screen.runs(command.name))
        shown = {"Theme", "Keys", "Screenshot"}
        yield from (command for command in super().get_system_commands(screen) if command.title in shown)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy by the terminal (OSC 52), and by the desktop's or tmux's own tool where there is one."""
        super().copy_to_clipboard(text)
        if not self.is_headless:
            self.run_worker(lambda: clipboard.copy(text), thread=True, exit_on_error=False, group="clipboard")

    def action_help(self) -> None:
        """Show the help for where one is, once."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def action_help_quit(self) -> None:
        """Ctrl+C: leave at the second one."""
        now = time.monotonic()
        if now - self._interrupted < _TWICE:
            self.exit()
        self._interrupted = now
        if self._chat is not None:
            self._chat.say("Press Ctrl+C again to leave; everything is saved")

    # --- leaving

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """Leave; the worker is told first, so that it is done by the time the screen is."""
        self.worker.shut_down()
        super().exit(result, return_code, message)

    def _fatal_error(self) -> None:
        """Say in one line that there is a fault: Textual's pages about it quote what was said here."""
        if self._verbose:
            super()._fatal_error()
            return
        kind = type(self._exception).__name__
        self.panic(Text(f"assistant: a fault in the program ({kind}); everything is saved. --verbose shows where."))

    def on_unmount(self) -> None:
        """Stop the worker without waiting for it, and save what is unfinished."""
        self.worker.shut_down()
        self.session.close()


def _terminal_theme() -> Theme:
    """The terminal's own colours; dark unless the terminal says that its background is light."""
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    light = background.isdecimal() and int(background) in {7, *range(9, 16)}
    return replace(BUILTIN_THEMES["ansi-light" if light else "ansi-dark"], name="terminal")


def _draws_unicode() -> bool:
    if "TEXTUAL_DRIVER" in os.environ:  # a browser
        return True
    encoding = (sys.__stdout__.encoding if sys.__stdout__ is not None else None) or "utf-8"
    return encoding.lower().replace("-", "").startswith("utf")


def _conversation_of(tab: Path | None, history: History) -> str | None:
    """The conversation that a tab had, if the history has it still."""
    try:
        known = tab.read_text("ascii").strip() if tab is not None else ""
    except (OSError, ValueError):
        return None
    return known if known and history.has(known) else None


def _keep(tab: Path, conversation: str | None) -> None:
    with suppress(OSError):  # a reload then begins anew
        tab.write_text(conversation or "", "ascii")


def run_chat(
    responder_for: Callable[[Settings], Responder],
    documents: Sequence[Document] = (),
    resume: str | None = None,
    history: History | None = None,
    *,
    settings: Settings | None = None,
    color: bool = True,
    verbose: bool = False,
    tab: Path | None = None,
) -> int:
    """Run the chat until the user leaves, and return the exit code.

    Args:
        responder_for: Makes what answers, an `Assistant`; called in another thread, once the app is on screen.
        documents: Documents to open at the start.
        resume: The id of a conversation to go on with, the beginning of one, or `last`.
        history: Where conversations are kept, by default the user's history.
        settings: Those in force.
        color: Whether to use colours; `NO_COLOR` in the environment switches them off as well.
        verbose: Whether a fault in the program shows where it is.
        tab: A file with the conversation to go on with, if it is still there, and to keep that of this chat in.

    Raises:
        HistoryError: the history cannot be used, or holds no conversation to resume.
    """
    if not color:
        os.environ["NO_COLOR"] = "1"
    settings = settings or Settings()
    take_over()
    with history or History() as kept:
        session = Session(kept, documents, resume or _conversation_of(tab, kept))
        if tab is not None:
            session.tell_id_to(lambda conversation: _keep(tab, conversation))
        app = ChatApp(responder_for, session, settings, verbose=verbose)
        app.run(mouse=settings.mouse)
        session.close()
        code = app.return_code or 0
        if session.is_kept:
            print(f"Saved. To go on with it: assistant --resume {session.id}", file=sys.stderr)  # noqa: T201
    if not app.worker.join(_PATIENCE):
        # A download or a forward pass is still running and cannot be interrupted; ending the interpreter under
        # it could hang or abort. Everything is saved, so leave at once.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
