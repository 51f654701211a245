"""What a chat is shown by, as its controller needs it: a screen, or plain lines."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from tui.chat.exchange import Exchange
from tui.chat.queue import ExchangeDisplay

Handler = Callable[[str], Awaitable[object] | None]


class ChatView(Protocol):
    """What shows a chat: a screen, or plain lines."""

    @property
    def commands(self) -> Mapping[str, Handler]:
        """The commands that this view has beside the controller's own, by their names."""

    def say(self, text: str, *, error: bool = False) -> None:
        """Say something to the user."""

    def view_of(self, number: int) -> ExchangeDisplay | None:
        """What shows the exchange with this number, if anything does."""

    async def show_conversation(self, last: int | None = None) -> None:
        """Show the session's conversation, from its end or so that this exchange is the last that is seen."""

    async def show_exchange(self, exchange: Exchange) -> None:
        """Show a question that was just asked."""

    async def show_documents(self) -> None:
        """Show which documents are open."""

    def show_route(self) -> None:
        """Show which way questions go."""

    def offer(self, text: str) -> None:
        """Put a text where the user can change it and send it."""

    def open_source(self, source: str) -> object:
        """Read a file, a folder or a pattern, as this view can wait for it, and add what opens to the session."""
