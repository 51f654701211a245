"""Hostile texts on the chat's screens and in its plain lines: nothing that is drawn could steer the terminal."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.strip import Strip

from assistant import events
from assistant.errors import AssistantError, ModelError
from assistant.history.store import History
from assistant.settings import Settings
from assistant.types import Answer, Claim, Document, Evidence, Label, Probabilities, Route, Turn, Usage, Verdict
from tests.trust.hostile import LARGE, SMALL, active
from tests.tui.harness import Chat, open_chat
from tests.tui.scripted import Scripted
from tui.chat.plain import PlainChat
from tui.chat.session import Session

ALL = "\n".join(SMALL.values())
_DRAWN = ("zalgo", "zero-width flood", "joiner flood", "gigantic line", "quote bomb", "bracket bomb", "table bomb")
BIG = {name: LARGE[name][:20_000] for name in _DRAWN}


class Hostile(Scripted):
    """Says a hostile text in every field that an event has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def load(self, on_event: Callable[[events.Event], None]) -> None:
        on_event(events.Progress(self.text[:500], 1, 2))

    def respond(self, turn: Turn, cancel: threading.Event | None = None) -> Iterator[events.Event]:
        text = self.text
        route = Route.EXTRACT if turn.documents and "open" not in turn.question else Route.OPEN
        yield events.RouteChosen(route, text[:500], text[:500])
        yield events.Progress(text[:500], 1, 2)
        yield events.Notice(text[:1_000])
        if "fail" in turn.question:
            yield events.TurnFailed(AssistantError(text[:2_000]))
            return
        if route is Route.OPEN:
            for at in range(0, len(text), 997):
                yield events.TextDelta(text[at : at + 997])
            yield events.TurnFinished(Answer(route, text, usage=Usage(0.1), asked=text[:200]))
            return
        document = turn.documents[0]
        end = min(400, len(document.text))
        place = Evidence(document.name, 0, end, document.text[:end], 0.5)
        verdict = Verdict((Claim(text[:500], Label.NEUTRAL, Probabilities(0.2, 0.6, 0.2), place),) * 2)
        yield events.EvidenceFound((place,), place)
        yield events.TextDelta(document.text[:end])
        yield events.VerdictReached(verdict)
        yield events.TurnFinished(
            Answer(route, document.text[:end], 0.5, (place,), verdict=verdict, usage=Usage(0.1), asked=text[:200])
        )


def drawn(strips: list[Strip]) -> str:
    """What the driver would write, without the styles that Textual itself puts around it."""
    lines = []
    for strip in strips:
        assert not any(segment.control for segment in strip)
        assert not any(segment.style and segment.style.link for segment in strip), "a hyperlink (OSC 8)"
        lines.append(strip.text)
    return "\n".join(lines)


def check(chat: Chat) -> None:
    shown = drawn(chat.app.screen._compositor.render_strips())
    assert not active(shown), active(shown)


async def check_everywhere(chat: Chat) -> None:
    """Ask, fail, look at the document, the history and a search."""
    for question in ("What is open?", "Please fail now"):
        await chat.ask(question)
        check(chat)
    for command, screen in (("/history", "ConversationsScreen"), ("/history forest", "ConversationsScreen"),
                            ("/help", "HelpScreen"), ("/settings", "SettingsScreen")):  # fmt: skip
        chat.prompt.fill(command)
        await chat.pilot.press("enter")
        await chat.until(lambda screen=screen: type(chat.app.screen).__name__ == screen)
        await chat.pilot.pause(0.05)
        check(chat)
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.screen is chat.screen)


@pytest.mark.parametrize("name", ["all", *BIG])
async def test_nothing_hostile_is_drawn(tmp_path: Path, name: str) -> None:
    text = ALL if name == "all" else BIG[name]
    document = Document(text[:300] + ".txt", f"{text} The forest is large.")
    settings = Settings(reader=text[:200].replace("\x00", ""), theme="textual-dark")
    async with open_chat(tmp_path / "h.db", Hostile(text), documents=(document,), settings=settings) as chat:
        await chat.ready()
        check(chat)
        if name == "all":
            await check_everywhere(chat)
        view = await chat.ask("How large is it?")
        check(chat)
        chat.prompt.fill(text[:2_000])
        await chat.pilot.pause(0.05)
        check(chat)
        chat.prompt.fill("")
        view.focus()
        await chat.pilot.press("e")
        await chat.pilot.pause(0.1)
        check(chat)


async def test_each_text_is_pasted_asked_answered_and_resumed_inert(tmp_path: Path) -> None:
    responder = Hostile("")
    async with open_chat(tmp_path / "h.db", responder) as chat:
        await chat.ready()
        for text in SMALL.values():
            responder.text = text
            await chat.paste(text)
            check(chat)
            chat.prompt.fill("")
            await chat.ask(f"open: {' '.join(text.splitlines())}".rstrip())
            check(chat)
    async with open_chat(tmp_path / "h.db", responder, resume="last", size=(120, 50)) as chat:
        await chat.until(lambda: chat.views)
        for _ in range(len(SMALL)):
            check(chat)
            await chat.pilot.press("pageup")
        await chat.pilot.pause()
        check(chat)


async def test_a_hostile_reason_why_models_cannot_be_loaded_is_drawn_inert(tmp_path: Path) -> None:
    class Broken(Hostile):
        def load(self, on_event: Callable[[events.Event], None]) -> None:
            raise ModelError(ALL)

    async with open_chat(tmp_path / "h.db", Broken(ALL)) as chat:
        await chat.until(lambda: chat.screen.controller.queue.models == "failed")
        await chat.pilot.pause(0.05)
        check(chat)


async def test_hostile_names_of_files_are_suggested_inert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in SMALL.values():
        name = "x" + text.replace("/", "").replace("\x00", "")[:60] + ".txt"
        (tmp_path / name).write_text("The forest.", "utf-8")
    async with open_chat(tmp_path / "h.db", Hostile("x")) as chat:
        await chat.ready()
        await chat.type("/open x")
        await chat.pilot.pause(0.3)
        check(chat)


@pytest.mark.parametrize("name", ["all", *BIG])
def test_the_plain_chat_says_nothing_raw(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    text = ALL if name == "all" else BIG[name]
    lines = iter(
        ["How large is it?", "What is open?", "Please fail", "/history", "/history forest", "/help", f"/{text}"]
    )
    monkeypatch.setattr("tui.chat.plain._typed", lambda: lines)
    with History(tmp_path / "h.db") as history:
        session = Session(history, [Document(text[:300], f"{text} The forest is large.")])
        PlainChat(session, Settings(), lambda _: Hostile(text)).run()
    out = capsysbinary.readouterr()
    assert b"Found in" in out.out and b"Verdict" in out.out
    assert not active(out.out), active(out.out)
    assert not active(out.err)
