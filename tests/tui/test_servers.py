"""The chat on a server: thinking that is folded, the model in the status line, and choosing another."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.events import Event, RouteChosen, TextDelta, TextTakenBack, ThinkingDelta, TurnFinished
from assistant.history.store import History
from assistant.settings import Settings, load_settings
from assistant.types import Answer, ModelNames, Route, Turn, Usage
from tests.assistant.generation.server.loopback import serving
from tests.tui.harness import open_chat
from tests.tui.scripted import Scripted
from tui.screens.models import ModelsScreen


class Thinks(Scripted):
    """Thinks until it is let go on; takes the beginning of its answer back where it is asked to."""

    generator_name = "qwen3:8b"

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def respond(self, turn: Turn, cancel: threading.Event | None = None) -> Iterator[Event]:
        yield RouteChosen(Route.OPEN, "no document is open")
        if "back" in turn.question:
            yield TextDelta("The person wants a loop, so")
            assert self.go_on.wait(30)
            yield TextTakenBack()
        yield ThinkingDelta("The person wants a loop, so I write one with a secret word: heron.")
        assert self.go_on.wait(30)
        yield TextDelta("Use a loop.")
        names, usage = ModelNames(generator="qwen3:8b"), Usage(1.0, 5, 30, thinking_tokens=24)
        yield TurnFinished(Answer(Route.OPEN, "Use a loop.", models=names, usage=usage))


async def test_thinking_is_folded_while_it_runs_and_kept_nowhere(tmp_path: Path) -> None:
    responder = Thinks()
    async with open_chat(tmp_path / "h.db", responder, size=(120, 30)) as chat:
        await chat.ready()
        assert "ready · qwen3:8b" in chat.said
        await chat.send("a loop please")
        await chat.until(lambda: "thinking · 14 words" in chat.shown())
        await chat.pilot.click(".thinking")
        await chat.until(lambda: "▾ thinking" in chat.shown() and "heron" in chat.shown())
        responder.go_on.set()
        await chat.until(lambda: chat.views[-1].complete)
        await chat.until(lambda: "thought for 24 tokens" in chat.shown())
        shown = chat.shown()
        assert "qwen3:8b" in chat.shown(chat.views[-1])
        assert "heron" not in shown
        assert "heron" not in chat.app.session.export("json")
        assert [message.text for message in chat.app.session.turn(chat.app.session.ask("and?")).history] == [
            "a loop please", "Use a loop.",
        ]  # fmt: skip


async def test_what_was_taken_back_leaves_the_screen_and_the_history(tmp_path: Path) -> None:
    responder = Thinks()
    async with open_chat(tmp_path / "h.db", responder, size=(120, 30)) as chat:
        await chat.ready()
        await chat.send("take it back")
        await chat.until(lambda: "The person wants a loop" in chat.shown())
        responder.go_on.set()
        await chat.until(lambda: chat.views[-1].complete)
        await chat.until(lambda: "Use a loop." in chat.shown())
        assert "The person wants" not in chat.shown()
    with History(tmp_path / "h.db") as history:
        assert "The person wants" not in history.export("last", "json")


async def test_another_model_of_the_server_is_chosen_in_the_conversation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_CONFIG", str(tmp_path / "settings.toml"))
    models = {"data": [{"id": name} for name in ("bge-m3", "qwen3", "llama3")]}
    with serving(lambda asked: asked.say("Yes."), models) as server:
        settings = Settings(server=server.url, server_model="qwen3")
        async with open_chat(tmp_path / "h.db", settings=settings, size=(120, 40)) as chat:
            await chat.ready()
            await chat.ask("echo one")
            await chat.send("/models")
            await chat.until(lambda: isinstance(chat.app.screen, ModelsScreen) and "llama3" in chat.shown())
            assert "bge-m3" not in chat.shown()
            assert "● qwen3" in chat.shown()
            await chat.pilot.press("down", "enter")
            await chat.until(lambda: chat.app.screen is chat.screen)
            assert chat.app.preferences.settings.server_model == "llama3"
            # The server was named for this time alone, and so is its model.
            assert load_settings().server_model is None
            # What was never chosen still is not, and no server is told of it.
            assert chat.app.preferences.settings.model_fields_set == {"server", "server_model"}
            await chat.ready()
            await chat.ask("echo two")
            assert [view.exchange.question for view in chat.views] == ["echo one", "echo two"]


async def test_a_server_that_does_not_answer_is_told_beside_the_profiles(tmp_path: Path) -> None:
    async with open_chat(tmp_path / "h.db", settings=Settings(server="http://127.0.0.1:9"), size=(120, 40)) as chat:
        await chat.ready()
        await chat.send("/models")
        await chat.until(lambda: "cannot be reached" in chat.shown())
        assert "embedded" in chat.shown()
