"""Every screen, in a small and a large terminal, dark and light, looks as it did."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from assistant.answering.comparison import Compared
from assistant.settings import Settings
from assistant.types import Answer, Route, Usage
from tests.tui.harness import ARTICLE, SIZES, Chat, open_chat
from tests.tui.snapshots import assert_looks_as_before
from tui import messages
from tui.screens.compare import CompareScreen

NOON = 1_700_000_000.0
Scene = Callable[[Chat], Awaitable[None]]


async def welcome(chat: Chat) -> None:
    await chat.pilot.pause()


async def conversation(chat: Chat) -> None:
    await chat.ask("How do I reverse a linked list in Python?")
    await chat.paste(ARTICLE)
    await chat.ask("How many steps does the tower have, 187?")


async def verdicts(chat: Chat) -> None:
    await chat.paste(ARTICLE)
    await chat.ask("two claims, unsure 1984")
    await chat.pilot.press("f2")
    await chat.ask("who says nothing?")


async def failure(chat: Chat) -> None:
    await chat.ask("fail please")
    await chat.ask("notice me")


async def selected(chat: Chat) -> None:
    await chat.ask("How do I reverse a linked list in Python?")
    await chat.pilot.press("shift+tab")
    await chat.until(lambda: chat.views[0].has_focus)


async def run(chat: Chat) -> None:
    await chat.ask("How do I reverse a linked list in Python?")
    await chat.pilot.press("f7")
    await chat.until(lambda: "ran in the sandbox" in chat.shown())


async def roles(chat: Chat) -> None:
    chat.app.preferences.settings = Settings(roles={"reviewer": "You review Python.", "terse": "Be terse."})
    await chat.pilot.press("f3")
    await chat.until(lambda: "reviewer" in chat.shown())


async def parameters(chat: Chat) -> None:
    await chat.ask("echo this")
    await chat.pilot.press("f9")
    await chat.until(lambda: "temperature=0.7" in chat.shown())


async def suggestions(chat: Chat) -> None:
    await chat.type("/re")
    await chat.until(lambda: "/rename [TITLE]" in chat.shown())


async def document(chat: Chat) -> None:
    await chat.paste(ARTICLE)
    await chat.ask("How many steps, 187?")
    await chat.pilot.press("ctrl+o")
    await chat.until(lambda: "evidence 1 of 1" in " ".join(chat.shown().split()))


async def history(chat: Chat) -> None:
    await chat.ask("echo the first question")
    await chat.send("/new")
    await chat.until(lambda: not chat.app.session.exchanges)
    await chat.ask("echo another one, about lighthouses")
    await chat.pilot.press("ctrl+r")
    await chat.until(lambda: "2 conversations" in chat.shown())


async def history_search(chat: Chat) -> None:
    await history(chat)
    await chat.pilot.press(*"first")
    await chat.until(lambda: "echo the first question" in chat.shown() and "another" not in chat.shown())


async def confirmation(chat: Chat) -> None:
    await history(chat)
    await chat.pilot.press("ctrl+d")
    await chat.until(lambda: "for good?" in chat.shown())


async def thinking(chat: Chat) -> None:
    await chat.send("ponder on a loop")
    await chat.until(lambda: "▸ thinking" in chat.shown())
    await chat.pilot.press("shift+tab", "t")
    chat.views[-1]._started = None  # a clock that runs differs from picture to picture
    await chat.until(lambda: "▾ thinking" in chat.shown() and "0s · Esc" in chat.shown())


async def text(chat: Chat) -> None:
    await selected(chat)
    await chat.pilot.press("enter")
    await chat.until(lambda: "Select all" in chat.shown())


async def settings(chat: Chat) -> None:
    await chat.send("/settings")
    await chat.until(lambda: "server_requests" in chat.shown())


async def models(chat: Chat) -> None:
    await chat.send("/models")
    await chat.until(lambda: "On this machine" in chat.shown())


async def help_(chat: Chat) -> None:
    await chat.pilot.press("f1")
    await chat.until(lambda: "Keys here" in chat.shown())


async def comparison(chat: Chat) -> None:
    await chat.paste(ARTICLE)
    await chat.ask("How many steps, 187?")
    await chat.send("/compare other/reader")
    await chat.until(lambda: isinstance(chat.app.screen, CompareScreen) and chat.app.screen._over)
    screen = chat.app.screen
    exchange = chat.app.session.exchanges[0]
    found = Answer(Route.EXTRACT, "187", 0.9, exchange.evidence, usage=Usage(0.2, windows=3))
    for row in (
        Compared("(own)", found, parameters=22_000_000),
        Compared("other/reader", Answer(Route.EXTRACT, None, 0.6)),
    ):
        screen.post_message(messages.ComparisonAnswer(row))
    screen.post_message(messages.ComparisonOver())
    await chat.until(lambda: "Esc closes" in chat.shown() and "Not in the document" in chat.shown())


SCENES: dict[str, Scene] = {
    "welcome": welcome, "conversation": conversation, "verdicts": verdicts, "failure": failure, "selected": selected,
    "run": run, "roles": roles, "parameters": parameters, "suggestions": suggestions, "document": document,
    "history": history, "history-search": history_search,
    "confirmation": confirmation, "thinking": thinking, "text": text, "settings": settings, "models": models,
    "help": help_, "comparison": comparison,
}  # fmt: skip


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing on screen that differs from run to run: clocks, folders, the cursor."""
    monkeypatch.setattr("tui.chat.exchange.time.time", lambda: NOON)
    monkeypatch.setattr("assistant.history.store.time.time", lambda: NOON)
    monkeypatch.setattr("tui.screens.settings.settings_path", lambda: Path("settings.toml"))
    monkeypatch.setattr("tui.screens.models.machine_memory", lambda: 16_000_000_000)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    for name in ("CACHE", "DATA"):
        monkeypatch.setenv(f"ASSISTANT_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("ASSISTANT_CONFIG", str(tmp_path / "settings.toml"))


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
@pytest.mark.parametrize("scene", SCENES)
async def test_a_screen_looks_as_before(path: Path, still: None, scene: str, size: tuple[int, int]):
    async with open_chat(path, size=size) as chat:
        await chat.ready()
        chat.prompt.cursor_blink = False
        await SCENES[scene](chat)
        for theme in ("textual-dark", "textual-light"):
            chat.app.theme = theme
            for widget in chat.app.screen.query("TextArea, Input"):
                widget.cursor_blink = False
                widget._cursor_visible = True
            await chat.pilot.pause(0.1)
            await chat.pilot.pause()
            assert_looks_as_before(chat.app, f"{scene}-{size[0]}x{size[1]}-{theme.removeprefix('textual-')}")
