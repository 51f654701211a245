import json
import signal
import threading
import time
from pathlib import Path

import pytest

from assistant.history.store import History, HistoryError, Status
from assistant.types import Document, Route
from tests.tui.harness import ARTICLE, SIZES, Chat, open_chat
from tests.tui.scripted import Scripted
from tui.chat.session import Session
from tui.widgets.evidence_card import EvidenceCard
from tui.widgets.verdict_view import VerdictView
from tui.widgets.welcome import Welcome


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
async def test_a_conversation_is_there_again_after_resuming(path: Path, size: tuple[int, int]):
    async with open_chat(path, size=size) as chat:
        await chat.ready()
        await chat.ask("echo first")
        await chat.paste(ARTICLE)
        await chat.ask("Is it 21?")
        await chat.ask("who says nothing?")
        await chat.ask("fail")
        saved = chat.app.session.id
    async with open_chat(path, size=size, resume=saved) as chat:
        await chat.ready()
        await chat.until(lambda: len(chat.views) == 4 and all(view.complete for view in chat.views))
        assert chat.documents == ["The light at Corran Head"]
        assert chat.views[1].query(EvidenceCard)
        assert "✔ entailed" in str(chat.views[1].query_one(VerdictView).render())
        assert chat.views[1].exchange.reason == "a document is open and the question asks for a fact"
        assert chat.views[2].exchange.found_nothing
        assert chat.views[3].exchange.status is Status.FAILED
        await chat.pilot.press("up")
        assert chat.prompt.text == "fail"
        await chat.ask("Is it 1984?")
        assert len(chat.responder.turns[-1].history) == 6
        assert chat.app.session.id == saved


async def test_an_answer_cut_off_by_the_end_of_the_program_is_resumed_as_stopped(path: Path):
    with History(path) as history:
        new = history.create()
        history.add_user_message(new, "q")
        history.save_answer(new, "half an ans", status=Status.STREAMING)
        history.add_user_message(new, "never answered")
        session = Session(history, resume=new)
        assert [(one.text, one.status) for one in session.exchanges] == [
            ("half an ans", Status.STOPPED),
            ("", Status.STOPPED),
        ]


async def test_questions_asked_while_another_is_answered_keep_their_own_answers(chat: Chat, path: Path):
    await chat.send("slow first")
    await chat.until(lambda: chat.shown().count("Keep two"))
    await chat.send("echo second")
    await chat.send("echo third")
    with History(path) as other:
        cut = Session(other, resume="last").exchanges
    assert [(one.question, bool(one.text)) for one in cut] == [
        ("slow first", True),
        ("echo second", False),
        ("echo third", False),
    ]
    await chat.pilot.press("escape")
    await chat.until(lambda: len(chat.views) == 3 and chat.views[-1].complete)
    with History(path) as other:
        resumed = Session(other, resume="last").exchanges
        exported = other.export("last", "markdown")
    assert [one.question in one.text for one in resumed[1:]] == [True, True]
    assert exported.index("## echo second") < exported.index("echo second", exported.index("## echo second") + 9)
    assert [one.question for one in resumed] == ["slow first", "echo second", "echo third"]


async def test_what_is_said_around_an_answer_is_saved_before_it_is_shown(chat: Chat, path: Path):
    await chat.send("slow, with a notice")
    await chat.until(lambda: "left out of the context" in chat.shown() and "open — no document is open" in chat.shown())
    with History(path) as other:
        (cut,) = Session(other, resume="last").exchanges
    assert (cut.status, cut.route, cut.reason) == (Status.STOPPED, Route.OPEN, "no document is open")
    assert cut.notices == ["3 earlier turns were left out of the context."]
    assert cut.text.startswith("Keep two")
    await chat.pilot.press("escape")
    await chat.until(lambda: chat.views[0].complete)
    with History(path) as other:
        (stopped,) = Session(other, resume="last").exchanges
    assert stopped.notices == cut.notices
    assert stopped.text.startswith(cut.text)


def test_resuming_what_does_not_exist_is_an_error(path: Path):
    with History(path) as history, pytest.raises(HistoryError):
        Session(history, resume="nothing")


async def test_leaving_in_the_middle_of_an_answer_is_prompt_and_keeps_it(path: Path):
    responder = Scripted()
    async with open_chat(path, responder) as chat:
        await chat.ready()
        await chat.send("slow")
        await chat.until(lambda: chat.views and "two pointers" in chat.shown())
        began = time.monotonic()
        await chat.pilot.press("ctrl+q")
    assert time.monotonic() - began < 3
    assert responder.closed.is_set()
    with History(path) as history:
        answer = history.conversation("last").messages[-1]
    assert answer.status is Status.STOPPED
    assert "two pointers" in answer.text


async def test_leaving_while_the_models_load_is_prompt(path: Path):
    responder = Scripted(gate=threading.Event())
    began = time.monotonic()
    async with open_chat(path, responder) as chat:
        await chat.until(lambda: "loading" in chat.said)
        await chat.send("/quit")
    assert time.monotonic() - began < 8
    assert responder.closed.is_set()


async def test_control_c_leaves_at_the_second_press(chat: Chat):
    await chat.pilot.press("ctrl+c")
    assert "again to leave" in chat.said
    assert chat.app.is_running
    await chat.pilot.press("ctrl+c")
    await chat.until(lambda: not chat.app.is_running or chat.app._exit)


async def test_control_c_copies_what_is_selected_instead(chat: Chat):
    chat.prompt.fill("some words")
    chat.prompt.select_all()
    await chat.pilot.press("ctrl+c", "ctrl+c")
    assert chat.app.clipboard == "some words"
    assert not chat.app._exit


async def test_text_selected_with_the_mouse_is_copied(chat: Chat):
    view = await chat.ask("echo hello there")
    row = next(y for y, line in enumerate(chat.shown().splitlines()) if "You asked" in line)
    column = chat.shown().splitlines()[row].index("You asked")
    await chat.pilot.mouse_down(offset=(column, row))
    await chat.pilot.hover(offset=(column + 9, row))
    await chat.pilot.mouse_up(offset=(column + 9, row))
    await chat.pilot.press("ctrl+c")
    assert chat.app.clipboard.startswith("You asked")
    assert view.complete


async def test_new_begins_another_conversation(chat: Chat):
    await chat.paste(ARTICLE)
    await chat.ask("Is it 21?")
    await chat.send("/new")
    await chat.until(lambda: chat.screen.query(Welcome))
    assert chat.documents == []
    await chat.ask("echo other")
    assert chat.responder.turns[-1].history == ()
    assert len(chat.history.list_conversations()) == 2


async def test_export_writes_a_private_file_and_never_over_another(chat: Chat, tmp_path: Path):
    await chat.paste(ARTICLE)
    await chat.ask("Is it 21?")
    file = tmp_path / "out.json"
    await chat.send(f"/export {file}")
    await chat.until(file.exists)
    exported = json.loads(file.read_text())
    assert exported["messages"][1]["answer"]["evidence"][0]["text"] == "21"
    assert file.stat().st_mode & 0o077 == 0
    await chat.send(f"/export {file}")
    await chat.until(lambda: "exists already" in chat.said)


async def test_documents_given_at_the_start_are_open(path: Path):
    async with open_chat(path, documents=(Document("a.txt", "It is 42 here."),)) as chat:
        await chat.ready()
        assert "▤ a.txt" in chat.shown()
        view = await chat.ask("Is it 42?")
        assert view.exchange.text == "42"


async def test_a_history_that_cannot_be_written_is_said_and_the_chat_goes_on(chat: Chat):
    chat.history.close()
    view = await chat.ask("echo unsaved")
    assert "You asked: echo unsaved" in chat.shown(view)
    await chat.until(lambda: "Not saved" in chat.said)


async def test_an_empty_chat_shows_examples_that_work(sized: Chat):
    assert "What would you like to know?" in sized.shown()
    await sized.pilot.press("tab")
    await sized.pilot.press("down", "enter")
    await sized.until(lambda: sized.views and sized.views[0].complete)
    assert sized.documents == ["lighthouse.txt"]
    assert sized.views[0].exchange.documents[0].text == ARTICLE
    assert "How tall is the tower?" in sized.said
    assert sized.prompt.has_focus


async def test_an_example_compares_two_ways_to_an_answer(chat: Chat):
    await chat.pilot.press("tab")
    await chat.pilot.press("down", "down", "enter")
    await chat.until(lambda: len(chat.views) == 2 and all(view.complete for view in chat.views))
    assert [turn.route for turn in chat.responder.turns] == [Route.EXTRACT, Route.GROUNDED]
    assert chat.app.session.route is None


async def test_the_app_leaves_in_order_when_it_is_asked_to_end(path: Path):
    async with open_chat(path) as chat:
        await chat.ready()
        signal.raise_signal(signal.SIGTERM)
        await chat.until(lambda: chat.app._exit)
    assert chat.app.return_code == 128 + signal.SIGTERM
