"""The conversation on screen: some exchanges of it; others are loaded when one scrolls to them."""

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.chat.exchange import Exchange
from tui.widgets.exchange_view import ExchangeView
from tui.widgets.welcome import Welcome

# Exchanges on screen. Every answer is a dozen widgets, and all are looked at for every frame while one streams.
_FIRST, _MORE, _MOST = 6, 8, 16


class MoreExchanges(Static):
    """Says how many exchanges there are above or below those on screen; a click shows some."""

    def on_click(self, event: events.Click) -> None:
        """Show more."""
        event.stop()
        self.screen.query_one(Transcript).load(earlier=self.id == "earlier")


class Transcript(VerticalScroll, can_focus=False):
    """The exchanges of a conversation, following the newest unless the user has scrolled away.

    Args:
        save: Saves an exchange before it is shown.
        let_go: Called when exchanges have left the screen.
    """

    def __init__(self, save: Callable[[Exchange], None], let_go: Callable[[], None]) -> None:
        super().__init__(id="transcript")
        self._let_go = let_go
        self._save = save
        self._exchanges: list[Exchange] = []
        self._loading = False

    def compose(self) -> ComposeResult:
        """The lines about exchanges above and below; the rest comes with the conversation."""
        for name in ("earlier", "later"):
            line = MoreExchanges(id=name)
            line.display = False
            yield line

    def on_mount(self) -> None:
        """Follow the newest."""
        self.anchor()

    @property
    def views(self) -> list[ExchangeView]:
        """The exchanges on screen, from the top."""
        return list(self.query(ExchangeView))

    async def show(self, exchanges: list[Exchange], last: int | None = None) -> None:
        """Show a conversation from its end (or so that this exchange is the last), or the welcome of an empty one."""
        self._exchanges = exchanges
        end = len(exchanges) if last is None else last + 1
        with self.app.batch_update():
            await self.query("Transcript > ExchangeView, Transcript > Welcome").remove()
            if not exchanges:
                await self.mount(Welcome(), before="#later")
            await self._mount(exchanges[max(0, end - _FIRST) : end], before="#later")
        self._count()
        if last is None:
            self.anchor()

    async def add(self, exchange: Exchange) -> None:
        """Show a new exchange at the end, and let the oldest go from the screen."""
        views = self.views
        if views and views[-1].exchange.number != exchange.number - 1:  # the user is elsewhere in the conversation
            await self.show(self._exchanges)
            return
        await self.query(Welcome).remove()
        await self._mount([exchange], before="#later")
        await self._drop(self._far_above())
        self._count()
        self.anchor()

    def _far_above(self) -> list[ExchangeView]:
        """The exchanges more than two screens above the end: each is looked at for every frame that streams."""
        views = self.views
        bottom = max((view.virtual_region.bottom for view in views), default=0)
        return [view for view in views[:-1] if view.virtual_region.bottom < bottom - 2 * self.size.height]

    def view_of(self, number: int) -> ExchangeView | None:
        """The view of the exchange with this number, if it is on screen."""
        return next((view for view in self.views if view.exchange.number == number), None)

    def load(self, *, earlier: bool) -> None:
        """Show some exchanges from above or below those on screen, without moving what is being read."""
        if not self._loading and self._more_exchanges(earlier=earlier):
            self._loading = True
            self.run_worker(self._load(earlier=earlier))

    async def _load(self, *, earlier: bool) -> None:
        try:
            views = self.views
            if not views:
                return
            self.release_anchor()
            kept = views[0] if earlier else views[-1]
            offset = kept.virtual_region.y - self.scroll_y
            more = self._more_exchanges(earlier=earlier)
            with self.app.batch_update():
                if earlier:
                    await self._mount(more[-_MORE:], after="#earlier")
                    await self._drop(self.views[_MOST:])
                else:
                    await self._mount(more[:_MORE], before="#later")
                    await self._drop(self.views[:-_MOST])
                self._count()
            self.call_after_refresh(self._hold, kept, offset)
        finally:
            self._loading = False

    def _hold(self, view: ExchangeView, offset: float) -> None:
        if view.is_attached:
            self.scroll_to(y=view.virtual_region.y - offset, animate=False, force=True)

    async def _mount(self, exchanges: list[Exchange], *, before: str | None = None, after: str | None = None) -> None:
        await self.mount_all([ExchangeView(exchange, self._save) for exchange in exchanges], before=before, after=after)

    async def _drop(self, views: list[ExchangeView]) -> None:
        for view in views:
            if not view.has_focus:
                await view.remove()
        if views:
            self._let_go()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """At either end, load what is beyond it."""
        super().watch_scroll_y(old_value, new_value)
        if new_value <= 0 and old_value > new_value:
            self.load(earlier=True)
        elif new_value >= self.max_scroll_y and new_value > old_value:
            self.load(earlier=False)

    def scroll_pages(self, pages: int) -> None:
        """Scroll by pages; where the top is reached already, load what is above."""
        if pages > 0:
            self.scroll_page_down(animate=False)
            return
        if self.scroll_y <= 0:
            self.load(earlier=True)
        self.release_anchor()
        self.scroll_page_up(animate=False)

    async def focus_from(self, step: int) -> bool:
        """Focus the exchange above (-1) or below (1) the focused one, or the last; whether there is one."""
        views = self.views
        if not views:
            return False
        at = next((at for at, view in enumerate(views) if view.has_focus), len(views)) + step
        if at < 0 and self._more_exchanges(earlier=True):
            await self._load(earlier=True)
            views = self.views
            at = next((at for at, view in enumerate(views) if view.has_focus), 1) - 1
        if at >= len(views):
            return False
        self.release_anchor()
        views[max(0, at)].focus()
        return True

    def _more_exchanges(self, *, earlier: bool) -> list[Exchange]:
        views = self.views
        if not views:
            return []
        return (
            self._exchanges[: views[0].exchange.number] if earlier else self._exchanges[views[-1].exchange.number + 1 :]
        )

    def _count(self) -> None:
        for line in self.query(MoreExchanges):
            earlier = line.id == "earlier"
            count = len(self._more_exchanges(earlier=earlier))
            line.display = count > 0
            words = f"↑ {count} earlier · scroll up for more" if earlier else f"↓ {count} later · scroll down for more"
            line.update(Content.styled(words, "$foreground 60%"))
