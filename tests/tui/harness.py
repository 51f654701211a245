"""A running chat, and what a person does with it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual import events
from textual.pilot import Pilot, WaitForScreenTimeout

from assistant.history.store import History
from assistant.settings import Settings
from assistant.types import Document
from tests.tui.scripted import Scripted
from tui.app import ChatApp
from tui.chat.session import Session
from tui.screens.chat import ChatScreen
from tui.widgets.exchange_view import ExchangeView
from tui.widgets.prompt import Prompt
from tui.widgets.status_bar import StatusBar

ARTICLE = (Path(__file__).parents[2] / "tui" / "sample.txt").read_text(encoding="utf-8")
SIZES = [(80, 24), (160, 50)]


def talked(path: Path, turns: int) -> str:
    """Make a conversation of so many turns in the history there, and return its id."""
    with History(path) as history:
        conversation = history.create()
        for number in range(turns):
            history.add_user_message(conversation, f"question {number}")
            history.save_answer(conversation, f"answer {number}")
    return conversation


async def wait_until(pilot: Pilot, true: Callable[[], object], seconds: float = 30.0) -> None:
    """Let the app work until something is true, or fail."""
    end = asyncio.get_running_loop().time() + seconds
    while not true():
        assert asyncio.get_running_loop().time() < end, "it never became true"
        await pilot.pause(0.02)


def be_patient(pilot: Pilot) -> None:
    """Keep Textual's pilot from failing a test when a widget leaves the screen while it waits for all of them.

    Such a widget never answers, and after 30 s the pilot gives up; what the tests wait for they say themselves.
    """
    wait = pilot._wait_for_screen

    async def wait_a_little(timeout: float = 2.0) -> bool:
        try:
            return await wait(timeout)
        except WaitForScreenTimeout:
            return False

    pilot._wait_for_screen = wait_a_little  # type: ignore[method-assign]


class Chat:
    """A running app and what a person does with it."""

    def __init__(self, app: ChatApp, pilot: Pilot, responder: Scripted, history: History) -> None:
        self.app, self.pilot, self.responder, self.history = app, pilot, responder, history

    @property
    def screen(self) -> ChatScreen:
        return next(screen for screen in self.app.screen_stack if isinstance(screen, ChatScreen))

    @property
    def prompt(self) -> Prompt:
        return self.screen.query_one(Prompt)

    @property
    def said(self) -> str:
        """What the status line shows."""
        return str(self.screen.query_one(StatusBar).render())

    @property
    def views(self) -> list[ExchangeView]:
        return list(self.screen.query(ExchangeView))

    @property
    def documents(self) -> list[str]:
        return [document.name for document in self.app.session.documents]

    async def until(self, true: Callable[[], object]) -> None:
        await wait_until(self.pilot, true)

    async def ready(self) -> None:
        await self.until(lambda: self.screen.controller.queue.models == "ready")

    async def type(self, text: str) -> None:
        """Type at a human pace, as far as the prompt can tell."""
        for character in text:
            await self.pilot.press({" ": "space", "\n": "ctrl+j"}.get(character, character))

    async def send(self, text: str) -> None:
        self.prompt.fill(text)
        await self.pilot.press("enter")
        await self.until(lambda: self.prompt.text != text or self.said.startswith("✘"))

    async def ask(self, text: str) -> ExchangeView:
        """Ask and wait for the whole answer to be on screen."""
        await self.send(text)
        await self.until(lambda: self.views and self.views[-1].exchange.question == text)
        view = self.views[-1]
        await self.until(lambda: view.complete)
        await self.pilot.pause()
        return view

    async def paste(self, text: str) -> None:
        before = (self.documents, self.prompt.text, self.said)
        self.app.post_message(events.Paste(text))
        await self.until(lambda: (self.documents, self.prompt.text, self.said) != before)
        await self.pilot.pause(0.1)

    def shown(self, view: ExchangeView | None = None) -> str:
        """The text on screen, as a person reads it; with a view, only that of it."""
        region = view.region if view is not None else None
        lines = [strip.text for strip in self.app.screen._compositor.render_strips()]
        return "\n".join(lines if region is None else lines[max(0, region.y) : region.bottom])


@asynccontextmanager
async def open_chat(
    path: Path,
    responder: Scripted | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    documents: tuple[Document, ...] = (),
    resume: str | None = None,
    settings: Settings | None = None,
) -> AsyncIterator[Chat]:
    responder = responder or Scripted()
    with History(path) as history:
        app = ChatApp(lambda _: responder, Session(history, documents, resume), settings)
        async with app.run_test(size=size) as pilot:
            be_patient(pilot)
            yield Chat(app, pilot, responder, history)
    assert app.worker.join(5), "the worker's thread did not end"
