"""How the chat's controller has things shown: the screen's transcript, composer and status line."""

from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget

from assistant.text import counted
from tui.chat.exchange import Exchange
from tui.chat.session import Session
from tui.screens.document import DocumentScreen
from tui.terminal.idle_gc import IdleGarbageCollector
from tui.widgets.composer import Composer
from tui.widgets.exchange_view import ExchangeView
from tui.widgets.status_bar import StatusBar
from tui.widgets.transcript import Transcript


class ChatDisplay(Screen[None]):
    """Shows a conversation, as the controller asks for it; the chat's screen adds keys and what widgets report."""

    session: Session
    idle_collector: IdleGarbageCollector

    @property
    def composer(self) -> Composer:
        """Documents and prompt."""
        return self.query_one(Composer)

    @property
    def transcript(self) -> Transcript:
        """The conversation on screen."""
        return self.query_one(Transcript)

    @property
    def status(self) -> StatusBar:
        """The line that says how things are."""
        return self.query_one(StatusBar)

    async def show_conversation(self, last: int | None = None) -> None:
        """Show the session's conversation, from its end or so that this exchange is the last on screen."""
        self.composer.prompt.past = [exchange.question for exchange in self.session.exchanges]
        await self.transcript.show(self.session.exchanges, last)
        self.idle_collector.later()
        await self.composer.show_documents()
        view = None if last is None else self.view_of(last)
        (view or self.composer.prompt).focus()

    async def show_exchange(self, exchange: Exchange) -> None:
        """Show a question that was just asked."""
        self.composer.prompt.focus()
        await self.transcript.add(exchange)

    async def show_documents(self) -> None:
        """Show which documents are open."""
        await self.composer.show_documents()

    def show_route(self) -> None:
        """Show which way questions go."""
        self.status.show_route(self.session.route)

    def view_of(self, number: int) -> ExchangeView | None:
        """The view of the exchange with this number, if it is on screen."""
        return self.transcript.view_of(number)

    def open_source(self, source: str) -> None:
        """Read a file, a folder or a pattern in the background, and open what can be read."""
        self.composer.open_source(source)

    def open_evidence(self, exchange: Exchange, at: int) -> None:
        """Show a place of an answer in its document, if that is there."""
        if document := exchange.document_of(exchange.places[at]):
            self.app.push_screen(DocumentScreen(document, exchange.places, at))

    def offer(self, text: str) -> None:
        """Put a text into the prompt; what stood there comes back with the up arrow."""
        self.composer.prompt.lend(text)
        self.composer.prompt.focus()

    def say(self, text: str, *, error: bool = False) -> None:
        """Say something to the user in the status line."""
        self.status.say(text, error=error)

    def hush(self) -> None:
        """Take back what was said."""
        self.status.hush()

    def copy(self, text: str, what: str = "") -> None:
        """Copy a text and say so."""
        self.app.copy_to_clipboard(text)
        self.say(f"Copied {what or counted(len(text), 'character')}")

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """As Textual's, but never a widget that has left the screen: a press on one during an update crashes."""
        widget, offset = super().get_widget_and_offset_at(x, y)
        if widget is not None and widget is not self and widget.parent is None:
            return None, None
        return widget, offset
