"""What can be done with one exchange, by keyboard and by command."""

from pathlib import Path

import pytest
from textual.widgets import Markdown, TextArea

from tests.support.chat_app import CODE
from tests.tui.harness import ARTICLE, Chat
from tui.screens.document import DocumentScreen
from tui.screens.text import TextScreen
from tui.widgets.verdict_view import VerdictView


async def up(chat: Chat, number: int) -> None:
    """Go to an exchange with the keyboard."""
    await chat.pilot.press("shift+tab")
    await chat.until(lambda: chat.views[-1].has_focus)
    for _ in range(chat.views[-1].exchange.number - number):
        await chat.pilot.press("up")
    await chat.until(lambda: next(view for view in chat.views if view.exchange.number == number).has_focus)


async def test_one_goes_up_to_the_answers_and_back_to_the_prompt(chat: Chat):
    for number in range(3):
        await chat.ask(f"echo {number}")
    await up(chat, 1)
    await chat.pilot.press("down", "down")
    await chat.until(lambda: chat.prompt.has_focus)
    await up(chat, 0)
    await chat.pilot.press("up")
    assert chat.views[0].has_focus
    await chat.pilot.press("escape")
    await chat.until(lambda: chat.prompt.has_focus)


async def test_an_answer_may_end_while_its_place_on_the_screen_is_taken_down(chat: Chat):
    """As when the chat is left at that moment: Textual takes the innermost down first."""
    await chat.send("slow")
    await chat.until(lambda: chat.views and list(chat.views[0].query(Markdown)))
    await chat.views[0].query(".answer").remove()
    await chat.pilot.press("escape")
    await chat.until(lambda: chat.app.session.exchanges[0].over)
    await chat.ask("echo again")
    assert chat.app.session.exchanges[1].text.startswith("You asked: echo again")


async def test_whoever_begins_to_write_while_reading_is_in_the_prompt(chat: Chat):
    await chat.ask("echo first")
    await up(chat, 0)
    await chat.type("Why so?")
    assert chat.prompt.has_focus
    assert chat.prompt.text == "Why so?"
    assert len(chat.app.session.exchanges) == 1


async def test_any_answer_is_copied_and_each_of_its_code_blocks(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    await chat.ask("How?")
    await chat.ask("echo one ```\nfirst\n``` and\n\n```\nsecond\n```")
    await up(chat, 0)
    await chat.pilot.press("c")
    await chat.until(lambda: chat.app.clipboard.split() == CODE.split())
    await chat.pilot.press("k")
    await chat.until(lambda: chat.app.clipboard.startswith("def reverse(head):"))
    assert "the code block, 5 lines" in chat.said


async def test_any_part_of_an_answer_is_selected_with_the_keyboard(chat: Chat):
    await chat.ask("echo hello")
    await up(chat, 0)
    await chat.pilot.press("enter")
    await chat.until(lambda: isinstance(chat.app.screen, TextScreen))
    assert chat.app.screen.query_one(TextArea).has_focus
    await chat.pilot.press(*["shift+right"] * 9, "c")
    await chat.until(lambda: chat.app.clipboard == "You asked")
    await chat.until(lambda: chat.app.screen is chat.screen)
    await chat.until(lambda: chat.said == "Copied 9 characters")


async def test_an_exchange_shows_its_evidence_and_its_claims(chat: Chat):
    await chat.paste(ARTICLE)
    await chat.ask("How many steps, 187?")
    await chat.ask("Is it 1984?")
    await up(chat, 0)
    await chat.pilot.press("v")
    await chat.until(lambda: chat.views[0].query_one(VerdictView).expanded)
    await chat.pilot.press("o")
    await chat.until(lambda: isinstance(chat.app.screen, DocumentScreen))
    await chat.pilot.press("escape")
    await chat.until(lambda: chat.views[0].has_focus)


async def test_all_that_was_found_in_a_document_is_gone_through_in_it(chat: Chat):
    await chat.paste(ARTICLE)
    await chat.ask("How many steps, 187?")
    await chat.ask("Is it 1984?")
    await chat.pilot.click(".chip-show")
    await chat.until(lambda: "evidence 1 of 2" in " ".join(chat.shown().split()))
    await chat.pilot.press("n")
    await chat.until(lambda: "evidence 2 of 2" in " ".join(chat.shown().split()))


async def test_a_changed_question_is_asked_in_a_copy_and_the_conversation_is_kept(chat: Chat):
    for text in ("echo one", "echo two", "echo three"):
        await chat.ask(text)
    before = chat.app.session.id
    await up(chat, 1)
    await chat.pilot.press("e")
    await chat.until(lambda: chat.prompt.text == "echo two")
    await chat.send("echo other")
    await chat.until(lambda: len(chat.views) == 2 and chat.views[1].complete)
    assert [exchange.question for exchange in chat.app.session.exchanges] == ["echo one", "echo other"]
    assert chat.responder.turns[-1].history[0].text == "echo one"
    assert len(chat.responder.turns[-1].history) == 2
    assert chat.app.session.id != before
    assert [said.text for said in chat.history.conversation(before or "").messages][::2] == [
        "echo one",
        "echo two",
        "echo three",
    ]


async def test_changing_a_question_can_be_left_off(chat: Chat):
    await chat.ask("echo one")
    before = chat.app.session.id
    await chat.send("/edit")
    await chat.until(lambda: chat.prompt.text == "echo one")
    await chat.pilot.press("escape")
    assert chat.prompt.text == ""
    await chat.ask("echo two")
    assert chat.app.session.id == before
    assert len(chat.app.session.exchanges) == 2


async def test_a_conversation_is_forked_from_an_exchange(chat: Chat):
    await chat.paste(ARTICLE)
    for text in ("Is it 21?", "echo two"):
        await chat.ask(text)
    before = chat.app.session.id
    await up(chat, 0)
    await chat.pilot.press("f")
    await chat.until(lambda: chat.app.session.id != before and len(chat.views) == 1)
    assert chat.documents == ["The light at Corran Head"]
    assert chat.app.session.title == "Is it 21? (fork)"
    await chat.until(lambda: chat.views[0].complete)
    assert chat.views[0].query(VerdictView)


async def test_any_question_is_asked_again(chat: Chat):
    await chat.ask("echo one")
    await chat.ask("echo two")
    await up(chat, 0)
    await chat.pilot.press("r")
    await chat.until(lambda: len(chat.views) == 3 and chat.views[2].complete)
    assert chat.views[2].exchange.question == "echo one"


async def test_a_conversation_is_renamed_by_command_and_exported_as_a_page(chat: Chat, tmp_path: Path):
    await chat.paste(ARTICLE)
    await chat.ask("Is it 21?")
    await chat.send("/rename The lighthouse")
    await chat.until(lambda: "now called The lighthouse" in chat.said)
    file = tmp_path / "out.html"
    await chat.send(f"/export {file}")
    await chat.until(file.exists)
    assert "<h1>The lighthouse</h1>" in file.read_text()
    assert "<mark>21</mark>" in file.read_text()


async def test_a_number_that_no_question_has_is_refused(chat: Chat):
    await chat.ask("echo one")
    await chat.send("/fork 2")
    await chat.until(lambda: "1 to 1" in chat.said)
