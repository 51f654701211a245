"""The conversation on screen: the newest exchanges, older ones on demand."""

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.session import Exchange
from tui.widgets.exchange_view import ExchangeView
from tui.widgets.welcome import Welcome

_MOST = 40  # exchanges on screen; every answer is a dozen widgets, and a focus change visits them all
_MORE = 20


class Earlier(Static):
    """Says that there are earlier exchanges; a click shows some."""

    def on_click(self, event: events.Click) -> None:
        """Show more."""
        event.stop()
        self.run_worker(self.screen.query_one(Transcript).show_earlier(), exclusive=True)


class Transcript(VerticalScroll, can_focus=False):
    """The exchanges of a conversation, following the newest unless the user has scrolled away.

    Args:
        save: Saves an exchange before it is shown.
    """

    def __init__(self, save: Callable[[Exchange], None]) -> None:
        super().__init__(id="transcript")
        self._save = save
        self._exchanges: list[Exchange] = []

    def compose(self) -> ComposeResult:
        """The line about earlier exchanges; the rest comes with the conversation."""
        earlier = Earlier()
        earlier.display = False
        yield earlier

    def on_mount(self) -> None:
        """Follow the newest."""
        self.anchor()

    async def show(self, exchanges: list[Exchange]) -> None:
        """Show a conversation from its end, or the welcome of an empty one."""
        self._exchanges = exchanges
        await self.query("Transcript > ExchangeView, Transcript > Welcome").remove()
        if not exchanges:
            await self.mount(Welcome())
        await self.mount_all(ExchangeView(exchange, self._save) for exchange in exchanges[-_MORE:])
        self._count_earlier()
        self.anchor()

    async def add(self, exchange: Exchange) -> ExchangeView:
        """Show a new exchange at the end, and let the oldest go from the screen."""
        await self.query(Welcome).remove()
        view = ExchangeView(exchange, self._save)
        await self.mount(view)
        views = list(self.query(ExchangeView))
        for old in views[: max(0, len(views) - _MOST)]:
            if old.exchange.over:
                await old.remove()
        self._count_earlier()
        self.anchor()
        return view

    def view_of(self, number: int) -> ExchangeView | None:
        """The view of the exchange with this number, if it is on screen."""
        return next((view for view in self.query(ExchangeView) if view.exchange.number == number), None)

    async def show_earlier(self) -> None:
        """Show some exchanges from before the first on screen, without moving what is being read."""
        first = self._first()
        if not first:
            return
        below = self.max_scroll_y - self.scroll_y
        self.release_anchor()
        older = self._exchanges[max(0, first - _MORE) : first]
        await self.mount_all((ExchangeView(exchange, self._save) for exchange in older), after=0)
        self._count_earlier()
        self.call_after_refresh(lambda: self.scroll_to(y=self.max_scroll_y - below, animate=False))

    def _first(self) -> int:
        views = self.query(ExchangeView)
        return views.first().exchange.number if views else 0

    def _count_earlier(self) -> None:
        count = self._first()
        line = self.query_one(Earlier)
        line.display = count > 0
        line.update(Content.styled(f"↑ {count} earlier · click or Page Up at the top shows more", "$foreground 60%"))
