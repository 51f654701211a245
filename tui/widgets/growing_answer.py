"""An answer while it is written: Markdown that grows, of which only the end is laid out as long as one follows it."""

import asyncio
from contextlib import suppress

from textual.containers import VerticalScroll
from textual.content import Content
from textual.css.query import NoMatches
from textual.widget import MountError
from textual.widgets import Markdown, Static
from textual.widgets.markdown import MarkdownStream

from assistant.text import printable

GONE = (MountError, NoMatches)
"""What Textual raises where the chat is left while more is put on its screen."""

_LEAST_KEPT = 20
_OF_HEIGHT = 0.75  # a block takes two rows at least, so that these are a screen and a half
_SAID_ABOVE = "⋯ the beginning is back as soon as the answer is complete or you scroll up"


class _Above(Static):
    """Stands for what has left the screen."""


class GrowingAnswer(Markdown):
    """Takes an answer piece by piece.

    Every block of it is laid out anew for each drawing, and no key is taken meanwhile: so what is far above leaves the
    screen while the end is followed, and is back once one scrolls up.
    """

    def __init__(self) -> None:
        super().__init__(open_links=False)
        self._stream: MarkdownStream | None = None
        self._is_cut = False

    async def write(self, text: str) -> None:
        """Add to the answer."""
        if self._around.is_vertical_scroll_end:
            await self._cut()
        elif self._is_cut:
            await self._restore()
        if self._stream is None:
            self._stream = Markdown.get_stream(self)
        await self._stream.write(printable(text))

    async def show(self, text: str) -> None:
        """The answer is complete: show all of it."""
        await self.end()
        await self._all(printable(text))

    async def end(self) -> None:
        """Take no more."""
        stream, self._stream = self._stream, None
        if stream is not None:
            # Cancelled by Textual, where the stream had not yet come to run.
            with suppress(asyncio.CancelledError, *GONE):
                await stream.stop()

    @property
    def _around(self) -> VerticalScroll:
        return self.query_ancestor(VerticalScroll)

    async def _cut(self) -> None:
        kept = max(_LEAST_KEPT, round(_OF_HEIGHT * self._around.size.height))
        if len(self.children) <= 2 * kept:
            return
        async with self.lock:
            await self.remove_children(list(self.children)[:-kept])
            await self.mount(_Above(Content.styled(_SAID_ABOVE, "$foreground 60%")), before=0)
        self._is_cut = True

    async def _all(self, text: str) -> None:
        self._is_cut = False
        await self.query_children(_Above).remove()
        await self.update(text)

    async def _restore(self) -> None:
        """Put back what was taken away, without moving what is being read."""
        await self.end()
        around = self._around
        below = around.virtual_size.height - around.scroll_y
        await self._all(self.source)

        def hold() -> None:
            around.scroll_to(y=around.virtual_size.height - below, animate=False, force=True)

        self.call_after_refresh(hold)
