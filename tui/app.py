"""The Textual app, and `run_chat`, through which the command line starts it."""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.console import RenderableType
from textual.app import App
from textual.binding import Binding, BindingType
from textual.message import Message

from assistant.conversation import Document
from assistant.history import History
from tui.engine import Engine, Responder
from tui.screens.chat import ChatScreen
from tui.screens.help import HelpScreen
from tui.session import Session

_TWICE = 2.0  # seconds between the two Ctrl+C that leave
_PATIENCE = 2.0  # seconds the models have to stop after that


class ChatApp(App[None]):
    """The chat app.

    Args:
        responder_factory: Makes what answers; called in the engine's thread.
        session: The conversation to begin with.
    """

    TITLE = "assistant"
    CSS_PATH = "chat.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", priority=True, id="app.help"),
        Binding("ctrl+q", "quit", "Quit", key_display="^q", priority=True, id="app.quit"),
    ]

    def __init__(self, responder_factory: Callable[[], Responder], session: Session) -> None:
        super().__init__()
        self.session = session
        self.engine = Engine(responder_factory, self._post_to_chat)
        self._chat: ChatScreen | None = None
        self._interrupted = 0.0

    def get_default_screen(self) -> ChatScreen:
        """The chat."""
        self._chat = ChatScreen(self.session, self.engine)
        return self._chat

    def _post_to_chat(self, message: Message) -> None:
        if self._chat is not None:
            self._chat.post_message(message)

    def on_mount(self) -> None:
        """Leave in order when the terminal is closed or the process is asked to end."""
        import asyncio

        if sys.platform != "win32":
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self.exit, None, 128 + number)

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """Leave; the engine is told first, so that it is done by the time the screen is."""
        self.engine.shut_down()
        super().exit(result, return_code, message)

    def on_unmount(self) -> None:
        """Stop the engine without waiting for it, and save what is unfinished."""
        self.engine.shut_down()
        self.session.close()

    def action_help(self) -> None:
        """Show the help, once."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def action_help_quit(self) -> None:
        """Ctrl+C: leave at the second one."""
        now = time.monotonic()
        if now - self._interrupted < _TWICE:
            self.exit()
        self._interrupted = now
        if self._chat is not None:
            self._chat.say("Press Ctrl+C again to leave; everything is saved")

    def action_scroll_transcript(self, pages: int) -> None:
        """Scroll the conversation while the prompt keeps the focus."""
        if self._chat is not None:
            self._chat.scroll_transcript(pages)


def run_chat(
    responder_factory: Callable[[], Responder],
    documents: Sequence[Document] = (),
    resume: str | None = None,
    history: History | None = None,
    *,
    color: bool = True,
) -> int:
    """Run the chat until the user leaves, and return the exit code.

    Args:
        responder_factory: Makes what answers, an `Assistant`; called in another thread, once the app is on screen.
        documents: Documents to open at the start.
        resume: The id of a conversation to go on with, the beginning of one, or `last`.
        history: Where conversations are kept, by default the user's history.
        color: Whether to use colours; `NO_COLOR` in the environment switches them off as well.

    Raises:
        HistoryError: the history cannot be used, or holds no conversation to resume.
    """
    if not color:
        os.environ["NO_COLOR"] = "1"
    with history or History() as kept:
        session = Session(kept, documents, resume)
        app = ChatApp(responder_factory, session)
        app.run()
        session.close()
        code = app.return_code or 0
        if session.id is not None:
            print(f"Saved. To go on with it: assistant --resume {session.id}", file=sys.stderr)  # noqa: T201
    if not app.engine.join(_PATIENCE):
        # A download or a forward pass is still running and cannot be interrupted; ending the interpreter under
        # it could hang or abort. Everything is saved, so leave at once.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
