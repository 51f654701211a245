"""Comparing readers from the chat, with a real assistant and tiny real readers."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from assistant.answering.assistant import Assistant
from assistant.history.store import History
from assistant.settings import Settings
from assistant.types import Document
from tests.tui.harness import ARTICLE, Chat, be_patient, wait_until
from tui.app import ChatApp
from tui.chat.session import Session
from tui.screens.chat import ChatScreen
from tui.screens.compare import CompareScreen
from tui.widgets.comparison_column import ComparisonColumn

STEERING = "Corran Head [red]lighthouse[/red] \x1b[31mwas lit in 1854. "


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CACHE", "DATA", "CONFIG"):
        monkeypatch.setenv(f"ASSISTANT_{name}", str(tmp_path / name.lower()))


@asynccontextmanager
async def _chat(
    path: Path, settings: dict[str, Any], text: str | None = ARTICLE, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Chat, list[Assistant]]]:
    made: list[Assistant] = []

    def factory() -> Assistant:
        made.append(Assistant(Settings(**settings, windows=0, verify=False)))
        return made[0]

    documents = (Document("light[b]house.txt", text),) if text is not None else ()
    with History(path) as history:
        app = ChatApp(lambda _: factory(), Session(history, documents))
        async with app.run_test(size=size) as pilot:
            be_patient(pilot)
            chat = Chat(app, pilot, None, history)  # type: ignore[arg-type]
            await wait_until(pilot, lambda: chat.screen.controller.queue.models == "ready")
            yield chat, made
    assert app.worker.join(20), "the worker's thread did not end"


async def _asked(chat: Chat) -> None:
    await chat.send("/route extract")
    await chat.ask("When was the lighthouse first lit?")


def _screen(chat: Chat) -> CompareScreen:
    assert isinstance(chat.app.screen, CompareScreen)
    return chat.app.screen


def _rows(chat: Chat) -> list[ComparisonColumn]:
    return list(_screen(chat).query(ComparisonColumn))


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
async def test_each_reader_gets_a_column_and_a_failure_does_not_stop_the_others(
    path: Path, tiny_settings: dict[str, str], silent_reader_folder: Path, size: tuple[int, int]
) -> None:
    async with _chat(path, tiny_settings, size=size) as (chat, _):
        await _asked(chat)
        await chat.send(f"/compare {silent_reader_folder} /no/such/reader {tiny_settings['reader']}")
        await chat.until(lambda: isinstance(chat.app.screen, CompareScreen) and len(_screen(chat).rows) == 4)
        await chat.pilot.pause()
        places = [view.region for view in _rows(chat)]
        assert places[0].y == places[1].y and places[0].right <= places[1].x, "not side by side"
        assert len({place.y for place in places}) == (2 if size[0] == 80 else 1)
        own, silent, missing, again = _screen(chat).rows
        assert own.answer is not None and again.answer is not None and silent.answer is not None
        assert own.answer.text == again.answer.text == chat.app.session.exchanges[-1].text
        assert silent.answer.text is None
        assert "no model folder" in str(missing.error)
        shown = chat.shown()
        assert "the chat's reader" in shown
        assert "2 of 3 readers gave the same answer" in shown
        if size[0] > 100:
            assert "Not in the document" in shown and "no model folder" in shown and "Bert" in shown
        await chat.pilot.press("escape")
        await chat.until(lambda: isinstance(chat.app.screen, ChatScreen))


@pytest.mark.usefixtures("cache")
async def test_the_chats_own_models_stay_as_they_are(path: Path, tiny_settings: dict[str, str]) -> None:
    async with _chat(path, tiny_settings) as (chat, made):
        await _asked(chat)
        assistant = made[0]
        reader = assistant.models._reader
        await chat.send(f"/compare {tiny_settings['reader']}")
        await chat.until(lambda: isinstance(chat.app.screen, CompareScreen) and len(_screen(chat).rows) == 2)
        assert reader is not None and assistant.models._reader is reader
        await chat.pilot.press("escape")
        await chat.ask("How tall is the tower?")
        assert assistant.models._reader is reader


@pytest.mark.usefixtures("cache")
async def test_escape_stops_and_the_chat_goes_on(
    path: Path, tiny_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.loading import reader as loading

    loads, go_on = threading.Event(), threading.Event()
    load: Callable[[Any], Any] = loading.load_reader

    def slow(model: Any) -> Any:
        loads.set()
        go_on.wait(20)
        return load(model)

    async with _chat(path, tiny_settings) as (chat, _):
        await _asked(chat)
        monkeypatch.setattr(loading, "load_reader", slow)
        await chat.send(f"/compare {tiny_settings['reader']} {tiny_settings['reader']}")
        await chat.until(loads.is_set)
        await chat.until(lambda: "Loading the reader" in str(_rows(chat)[1].render()))
        assert len(_screen(chat).rows) == 1
        await chat.pilot.press("escape")
        await chat.until(lambda: isinstance(chat.app.screen, ChatScreen))
        go_on.set()
        await chat.ask("How tall is the tower?")
        await asyncio.sleep(0)
        assert not any(isinstance(screen, CompareScreen) for screen in chat.app.screen_stack)


@pytest.mark.usefixtures("cache")
async def test_nothing_of_a_text_or_a_name_is_taken_for_markup(
    path: Path, tiny_settings: dict[str, str], silent_reader_folder: Path
) -> None:
    async with _chat(path, tiny_settings, STEERING * 3, (160, 50)) as (chat, _):
        await _asked(chat)
        await chat.send(f"/compare {silent_reader_folder} '[bold]none[/bold]'")
        await chat.until(lambda: isinstance(chat.app.screen, CompareScreen) and len(_screen(chat).rows) == 3)
        await chat.pilot.pause()
        shown = chat.shown()
        assert "[red]lighthouse[/red]" in " ".join(shown.split())
        assert "[bold]none[/bold]" in shown
        assert "\x1b" not in shown


@pytest.mark.usefixtures("cache")
async def test_without_names_a_document_or_a_question_there_is_a_hint(
    path: Path, tiny_settings: dict[str, str]
) -> None:
    async with _chat(path, tiny_settings, None) as (chat, _):
        for typed, said in (
            ("/compare", "for example /compare"),
            ("/compare a/b", "Open a document and ask about it first"),
            ("/compare Who wasn't there?", "ask the question first"),
            ("/compare 'a", "quotation mark is not closed"),
        ):
            await chat.send(typed)
            await chat.until(lambda said=said: said in " ".join(chat.said.split()))
            assert isinstance(chat.app.screen, ChatScreen)
