"""What the commands and actions need of the chat that they act on."""

from typing import Protocol

from textual.app import App

from assistant.types import Route
from tui.chat.preferences import Preferences
from tui.chat.queue import Answering
from tui.chat.session import Exchange, Session
from tui.chat.worker import Engine
from tui.widgets.desk import Desk
from tui.widgets.status_bar import StatusBar
from tui.widgets.transcript import Transcript


class ChatView(Protocol):
    """A conversation on a screen: its parts, and what can be asked of it."""

    preferences: Preferences
    session: Session
    engine: Engine
    answering: Answering
    editing: Exchange | None
    generator: str | None

    @property
    def app(self) -> App[object]:
        """The running app."""

    @property
    def desk(self) -> Desk:
        """Documents and prompt."""

    @property
    def transcript(self) -> Transcript:
        """The conversation on screen."""

    @property
    def status(self) -> StatusBar:
        """The line that says how things are."""

    async def show_conversation(self, last: int | None = None) -> None:
        """Show the session's conversation, from its end or so that this exchange is the last on screen."""

    async def ask(self, question: str, route: Route | None = None) -> None:
        """Ask a question, the way that is chosen or this one."""

    def show_evidence_of(self, exchange: Exchange, at: int) -> None:
        """Show one of an exchange's places in its document."""

    def say(self, text: str, *, error: bool = False) -> None:
        """Say something to the user in the status line."""

    def copy(self, text: str, what: str = "") -> None:
        """Copy a text and say so."""
