import re
from pathlib import Path

import pytest

from assistant.history.store import History
from tests.tui.harness import ARTICLE, Chat, open_chat
from tui.screens.conversations import ConversationsScreen
from tui.screens.dialogs import ConfirmScreen, EntryScreen


@pytest.fixture
def full(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A history of three conversations; the ids, the oldest first."""
    monkeypatch.setenv("ASSISTANT_CACHE", str(tmp_path / "cache"))
    ids = []
    with History(path) as history:
        for subject in ("bees", "lamps", "boats"):
            ids.append(history.create())
            for number in range(30):
                history.add_user_message(ids[-1], f"question {number} about {subject}")
                history.save_answer(ids[-1], f"an answer about {subject}, number {number}")
    return ids


def screen_of(chat: Chat) -> ConversationsScreen:
    assert isinstance(chat.app.screen, ConversationsScreen)
    return chat.app.screen


async def opened(chat: Chat) -> None:
    await chat.ready()
    await chat.pilot.press("ctrl+r")
    await chat.until(lambda: "3 conversations" in chat.shown())


async def test_a_conversation_is_resumed_from_the_list(path: Path, full: list[str]):
    async with open_chat(path) as chat:
        await opened(chat)
        assert [row.conversation for row in screen_of(chat)._rows] == full[::-1]
        await chat.pilot.press("down", "enter")
        await chat.until(lambda: chat.views and all(view.complete for view in chat.views))
        assert chat.app.session.id == full[1]
        assert "question 29 about lamps" in chat.shown()
        assert chat.prompt.has_focus
        await chat.ask("echo more")
        assert chat.history.conversation(full[1]).messages[-2].text == "echo more"


async def test_everything_ever_said_is_searched_and_a_hit_is_opened_at_its_place(path: Path, full: list[str]):
    async with open_chat(path) as chat:
        await opened(chat)
        await chat.pilot.press(*"bees", "space", *"number", "space", "4")
        await chat.until(lambda: "1 found" in chat.shown())
        assert "number 4" in chat.shown()
        await chat.pilot.press("enter")
        await chat.until(lambda: any(view.has_focus for view in chat.views))
        assert chat.app.session.id == full[0]
        focused = next(view for view in chat.views if view.has_focus)
        assert focused.exchange.question == "question 4 about bees"


async def test_a_conversation_is_renamed(path: Path, full: list[str]):
    async with open_chat(path) as chat:
        await opened(chat)
        await chat.pilot.press("f2")
        await chat.until(lambda: isinstance(chat.app.screen, EntryScreen))
        await chat.pilot.press("ctrl+u", *"sails", "enter")
        await chat.until(lambda: isinstance(chat.app.screen, ConversationsScreen) and "sails" in chat.shown())
        assert chat.history.conversation(full[2]).title == "sails"


async def test_a_conversation_is_deleted_only_when_that_is_confirmed(path: Path, full: list[str]):
    async with open_chat(path) as chat:
        await opened(chat)
        await chat.pilot.press("ctrl+d")
        await chat.until(lambda: isinstance(chat.app.screen, ConfirmScreen))
        await chat.pilot.press("enter")
        await chat.until(lambda: isinstance(chat.app.screen, ConversationsScreen))
        assert len(chat.history.list_conversations()) == 3
        await chat.pilot.press("ctrl+d")
        await chat.until(lambda: isinstance(chat.app.screen, ConfirmScreen))
        await chat.pilot.press("y")
        await chat.until(lambda: "2 conversations" in chat.shown())
        assert [summary.id for summary in chat.history.list_conversations()] == [full[1], full[0]]
        await chat.pilot.press("ctrl+d")
        await chat.until(lambda: isinstance(chat.app.screen, ConfirmScreen))
        await chat.pilot.press("y")
        await chat.until(lambda: re.search(r"\b1 conversation\b", chat.shown()))


async def test_deleting_the_open_conversation_begins_a_new_one(path: Path, full: list[str]):
    async with open_chat(path, resume=full[2]) as chat:
        await opened(chat)
        await chat.pilot.press("ctrl+d")
        await chat.until(lambda: isinstance(chat.app.screen, ConfirmScreen))
        await chat.pilot.press("y")
        await chat.until(lambda: "2 conversations" in chat.shown())
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.session.id is None and not chat.views)
        await chat.ask("echo afresh")
        assert chat.app.session.id not in full


async def test_words_after_the_command_are_searched_for(path: Path, full: list[str]):
    async with open_chat(path) as chat:
        await chat.ready()
        await chat.send("/history lamps")
        await chat.until(lambda: isinstance(chat.app.screen, ConversationsScreen) and "lamps" in chat.shown())
        assert {row.conversation for row in screen_of(chat)._rows} == {full[1]}


async def test_a_pasted_document_is_kept_even_if_nothing_was_asked_yet(path: Path):
    async with open_chat(path) as chat:
        await chat.ready()
        await chat.paste(ARTICLE)
        kept = chat.history.conversation("last")
        assert kept.documents[0].text == ARTICLE
    async with open_chat(path, resume="last") as chat:
        await chat.ready()
        assert chat.documents == ["The light at Corran Head"]
