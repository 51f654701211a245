import asyncio
import threading
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Markdown
from textual.widgets.markdown import MarkdownFence

from assistant.history.store import History, Status
from assistant.types import Role, Route
from tests.support.chat_app import CODE
from tests.tui.harness import Chat, open_chat, talked
from tests.tui.scripted import Scripted
from tui.app import ChatApp
from tui.chat.session import Session
from tui.widgets.welcome import Welcome


async def test_an_open_question_streams_markdown_with_highlighted_code(sized: Chat):
    view = await sized.ask("How do I reverse a list?")
    fence = view.query_one(MarkdownFence)
    assert fence.lexer == "python"
    assert len({span.style for span in fence._highlighted_code.spans}) > 2
    assert view.query_one(Markdown).source.split() == CODE.split()
    assert "open — no document is open · 2.5s · 12 → 95 tokens · 38 tok/s" in sized.shown(view)
    assert not sized.screen.query(Welcome)


async def test_text_is_shown_while_it_still_streams(chat: Chat):
    await chat.send("slow")
    await chat.until(lambda: chat.views and "two pointers" in chat.shown())
    assert not chat.views[0].complete
    assert "Esc stops" in chat.shown()


async def test_escape_stops_the_answer_and_keeps_what_came(chat: Chat):
    await chat.send("slow")
    await chat.until(lambda: chat.views and "two pointers" in chat.shown())
    await chat.pilot.press("escape")
    view = chat.views[0]
    await chat.until(lambda: view.complete)
    await chat.pilot.pause()
    assert "■ stopped" in chat.shown()
    assert "two pointers" in view.query_one(Markdown).source
    saved = chat.history.conversation("last").messages[-1]
    assert (saved.status, saved.text) == (Status.STOPPED, view.exchange.text)
    assert (await chat.ask("again")).exchange.status is Status.DONE


async def test_what_is_shown_is_saved_before(chat: Chat):
    await chat.send("slow")
    await chat.until(lambda: chat.views and chat.views[0].query(Markdown))
    for _ in range(20):
        await chat.pilot.pause(0.02)
        shown = chat.views[0].query_one(Markdown).source
        saved = chat.history.conversation("last").messages[-1]
        assert saved.role is Role.ASSISTANT
        assert saved.status is Status.STREAMING
        assert saved.text.startswith(shown)


async def test_a_second_question_waits_for_the_first_and_knows_its_answer(chat: Chat):
    await chat.send("slow one")
    await chat.send("echo two")
    await chat.until(lambda: len(chat.views) == 2)
    await chat.until(lambda: "◌ next" in chat.shown())
    await chat.until(lambda: chat.views[0].exchange.text)
    await chat.pilot.press("escape")
    await chat.until(lambda: chat.views[1].complete)
    assert chat.responder.turns[1].history[0].text == "slow one"
    assert "You asked: echo two" in chat.shown()


async def test_a_question_typed_before_the_models_are_ready_waits_and_is_answered(path: Path):
    gate = threading.Event()
    async with open_chat(path, Scripted(gate=gate)) as chat:
        await chat.until(lambda: "loading the reader" in chat.said)
        await chat.type("echo early")
        assert chat.prompt.text == "echo early"
        await chat.pilot.press("enter")
        await chat.until(lambda: "waiting for the models" in chat.shown())
        assert not chat.responder.turns
        gate.set()
        await chat.until(lambda: chat.views[0].complete)
        assert "You asked: echo early" in chat.shown()


async def test_a_waiting_question_can_be_taken_back(path: Path):
    async with open_chat(path, Scripted(gate=threading.Event())) as chat:
        await chat.send("echo early")
        await chat.until(lambda: chat.views)
        await chat.pilot.press("escape")
        assert chat.prompt.text == "echo early"
        await chat.until(lambda: chat.views[0].complete)


async def test_models_that_cannot_be_loaded_are_reported_and_loaded_again_on_retry(path: Path):
    async with open_chat(path, Scripted(failures=1)) as chat:
        await chat.until(lambda: chat.screen.controller.queue.models == "failed")
        assert "no network" in chat.said
        assert "/retry" in chat.said
        chat.prompt.fill("still typing")
        assert chat.prompt.text == "still typing"
        await chat.send("/retry")
        await chat.ready()
        assert "ready" in chat.said
        await chat.ask("echo fine")


async def test_asking_after_a_failed_load_loads_again(path: Path):
    async with open_chat(path, Scripted(failures=1)) as chat:
        await chat.until(lambda: chat.screen.controller.queue.models == "failed")
        assert (await chat.ask("echo now")).exchange.text


async def test_a_failed_turn_is_an_error_block_and_the_chat_goes_on(sized: Chat):
    view = await sized.ask("fail please")
    assert "✘ The question is longer than the model can read; shorten it." in " ".join(sized.shown(view).split())
    assert sized.history.conversation("last").messages[-1].status is Status.FAILED
    await sized.ask("echo fine")
    assert sized.responder.turns[-1].history == ()


async def test_a_fault_in_the_program_does_not_end_the_chat(chat: Chat):
    view = await chat.ask("crash")
    assert "KeyError" in chat.shown(view)
    await chat.send("/retry")
    await chat.until(lambda: len(chat.views) == 2)
    assert chat.views[1].exchange.question == "crash"


async def test_notices_are_shown_with_the_answer(chat: Chat):
    view = await chat.ask("notice me")
    assert "· 3 earlier turns were left out of the context." in chat.shown(view)


async def test_a_forced_route_is_shown_and_taken(chat: Chat):
    await chat.send("/route extract")
    await chat.until(lambda: "extract ·" in chat.said)
    await chat.ask("echo forced")
    assert chat.responder.turns[-1].route is Route.EXTRACT
    await chat.send("/route auto")
    await chat.ask("echo free")
    assert chat.responder.turns[-1].route is None


async def test_markup_and_escape_sequences_are_shown_as_nothing_but_text(chat: Chat):
    view = await chat.ask("echo [bold red]x[/] \x1b[31m [link=http://a]b[/link]")
    assert "[bold red]x[/]" in chat.shown(view)
    assert "\x1b" not in chat.shown(view)
    assert "\x1b" not in view.query_one(Markdown).source


async def test_a_link_is_copied_and_not_opened(chat: Chat, monkeypatch):
    opened: list[str] = []
    monkeypatch.setattr(chat.app, "open_url", opened.append)
    view = await chat.ask("echo [here](http://evil.example/x)")
    view.query_one(Markdown).post_message(Markdown.LinkClicked(view.query_one(Markdown), "http://evil.example/x"))
    await chat.until(lambda: "http://evil.example/x" in chat.said)
    assert opened == []
    assert chat.app.clipboard == "http://evil.example/x"


async def test_the_last_answer_and_its_code_can_be_copied(chat: Chat):
    await chat.pilot.press("ctrl+y")
    assert "no answer to copy" in chat.said
    await chat.ask("How?")
    await chat.pilot.press("ctrl+y")
    assert chat.app.clipboard.split() == CODE.split()
    await chat.send("/copy code")
    await chat.until(lambda: chat.app.clipboard.startswith("def reverse(head):"))
    assert "```" not in chat.app.clipboard


async def test_earlier_exchanges_are_loaded_on_scroll(path: Path):
    async with open_chat(path, resume=talked(path, 30)) as chat:
        await chat.ready()
        await chat.until(lambda: chat.views and all(view.complete for view in chat.views))
        assert [view.exchange.number for view in chat.views] == list(range(24, 30))
        for _ in range(60):
            await chat.pilot.press("pageup")
            await chat.pilot.pause(0.05)
        assert chat.views[0].exchange.number == 0
        assert "question 0" in chat.shown()


async def test_a_long_conversation_is_never_on_screen_as_a_whole(path: Path):
    async with open_chat(path, resume=talked(path, 100)) as chat:
        await chat.ready()
        transcript = chat.screen.transcript
        seen = set()

        async def travel(earlier: bool) -> None:
            for _ in range(60):  # a call while something is still being loaded does nothing
                if chat.views[0 if earlier else -1].exchange.number == (0 if earlier else 100):
                    return
                transcript.load(earlier=earlier)
                await chat.until(lambda: not transcript._loading)
                numbers = [view.exchange.number for view in chat.views]
                assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
                assert len(numbers) <= 16
                seen.update(numbers)

        seen.update(view.exchange.number for view in chat.views)
        await travel(earlier=True)
        assert seen == set(range(100))
        assert chat.views[0].exchange.number == 0
        assert "later" in str(transcript.query_one("#later").render())
        view = await chat.ask("echo from up here")
        assert view is chat.views[-1]
        assert view.exchange.number == 100
        assert "You asked: echo from up here" in chat.shown()
        for _ in range(3):
            transcript.load(earlier=True)
            await chat.until(lambda: not transcript._loading)
        await travel(earlier=False)
        assert chat.views[-1].exchange.number == 100


async def test_what_is_being_read_stays_in_place_when_earlier_exchanges_are_loaded(path: Path):
    async with open_chat(path, resume=talked(path, 60)) as chat:
        await chat.ready()
        await chat.until(lambda: chat.views and all(view.complete for view in chat.views))
        chat.screen.transcript.scroll_home(animate=False)
        await chat.until(lambda: chat.views[0].exchange.number == 46)
        await chat.until(lambda: all(view.complete for view in chat.views))
        await chat.pilot.pause(0.3)
        assert "question 54" in chat.shown()


async def test_a_streaming_answer_that_was_scrolled_away_from_is_whole_when_one_comes_back(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
):
    await chat.send("slow")
    await chat.until(lambda: chat.views and "two pointers" in chat.shown())
    await chat.screen.transcript.show(chat.app.session.exchanges)
    await chat.until(lambda: chat.views and chat.views[0].query(Markdown))
    await chat.until(lambda: "two pointers" in chat.shown())
    await chat.pilot.press("escape")
    await chat.until(lambda: chat.views[0].complete)
    assert chat.views[0].query_one(Markdown).source.startswith("Keep two pointers")


async def test_an_answer_goes_on_being_drawn_while_somebody_types_without_a_pause(chat: Chat):
    await chat.send("slow")
    await chat.until(lambda: chat.views and chat.views[0].query(Markdown))
    shown = chat.views[0].query_one(Markdown)
    begun = len(shown.source)
    for _ in range(100):
        await chat.pilot.press("a")
        await chat.pilot.pause(0.02)
        if len(shown.source) > begun + 10:
            break
    assert len(shown.source) > begun + 10
    assert chat.app.session.exchanges[0].status is Status.STREAMING


async def test_exchanges_far_above_the_newest_leave_the_screen(chat: Chat):
    await chat.pilot.resize_terminal(80, 16)
    for number in range(12):
        await chat.ask(f"echo {number}")
    shown = [view.exchange.number for view in chat.views]
    assert shown[0] > 0 and shown == list(range(shown[0], 12))
    assert f"↑ {shown[0]} earlier" in str(chat.screen.query_one("#earlier").render())
    above = chat.views[-1].virtual_region.y - chat.views[0].virtual_region.y
    assert above >= chat.screen.query_one("#transcript").size.height, "one can still look at what was just said"


async def test_resizing_while_an_answer_streams_keeps_it_going(chat: Chat):
    await chat.send("slow")
    for size in ((40, 12), (200, 60), (80, 24)):
        await chat.pilot.resize_terminal(*size)
        before = len(chat.views[0].exchange.text) if chat.views else 0
        await chat.until(lambda: chat.views and len(chat.views[0].exchange.text) > before)  # noqa: B023
    await chat.pilot.press("escape")
    await chat.until(lambda: chat.views[0].complete)


async def test_the_mouse_can_press_anywhere_while_an_answer_streams(chat: Chat):
    await chat.send("slow")
    await chat.until(lambda: chat.views and chat.views[0].query(Markdown))
    for step in range(12):
        await chat.pilot.mouse_down(offset=(4 + 3 * step, step))
        await chat.pilot.mouse_up(offset=(10 + 3 * step, step))
    assert not chat.views[0].complete


async def test_what_was_being_written_comes_back_after_a_question_was_taken_back(path: Path):
    async with open_chat(path, Scripted(gate=threading.Event())) as chat:
        await chat.send("echo early")
        await chat.until(lambda: chat.views)
        chat.prompt.fill("half a draft")
        await chat.pilot.press("escape")
        assert chat.prompt.text == "echo early"
        await chat.pilot.press("up")
        assert chat.prompt.text == "half a draft"


def test_a_fault_in_the_app_is_one_line_that_quotes_nothing(path: Path, capfd: pytest.CaptureFixture[str]):
    async def fail(pilot: Pilot) -> None:
        def fault() -> None:
            secret = "what was said in confidence"
            raise ZeroDivisionError(secret)

        pilot.app.call_later(fault)
        await asyncio.sleep(30)

    with History(path) as history:
        app = ChatApp(lambda _: Scripted(), Session(history))
        app.run(headless=True, auto_pilot=fail)
    assert app.return_code == 1
    said = capfd.readouterr().err
    assert " ".join(said.split()).startswith("assistant: a fault in the program (ZeroDivisionError)")
    assert "confidence" not in said


def test_a_conversation_that_was_deleted_is_not_kept(path: Path):
    with History(path) as history:
        session = Session(history)
        assert not session.is_kept
        session.ask("echo hello")
        assert session.is_kept
        assert session.id is not None
        history.delete(session.id)
        assert not session.is_kept


async def test_what_the_model_is_told_holds_for_the_next_questions_of_the_conversation(chat: Chat, tmp_path: Path):
    await chat.ask("one")
    (tmp_path / "role.txt").write_text("Answer in rhyme.", "utf-8")
    await chat.send(f"/system @{tmp_path}/role.txt")
    await chat.until(lambda: "Answer in rhyme." in chat.shown())
    await chat.ask("two")
    await chat.send("/system default")
    await chat.ask("three")
    assert [turn.system for turn in chat.responder.turns] == [None, "Answer in rhyme.", None]
