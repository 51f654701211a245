from pathlib import Path

import pytest
from textual import events

from tests.tui.harness import Chat
from tui.screens.help import HelpScreen
from tui.widgets.suggestions import Suggestions


def keys_at_once(chat: Chat, text: str) -> None:
    """Send keys as a terminal without bracketed paste does: all in one read."""
    for character in text:
        name = {"\n": "enter", " ": "space"}.get(character, character)
        chat.app.post_message(events.Key(name, None if character == "\n" else character))


async def test_the_prompt_grows_with_its_lines_and_not_for_ever(sized: Chat):
    before = sized.prompt.size.height
    await sized.type("one\ntwo\nthree\nfour")
    await sized.pilot.pause()
    assert sized.prompt.text == "one\ntwo\nthree\nfour"
    assert sized.prompt.size.height == before + 3
    sized.prompt.fill("line\n" * 100)
    await sized.pilot.pause()
    assert sized.prompt.size.height <= 12


async def test_an_empty_prompt_sends_nothing(chat: Chat):
    chat.prompt.fill("  \n ")
    await chat.pilot.press("enter")
    await chat.pilot.pause(0.2)
    assert not chat.views


async def test_lines_pasted_without_bracketed_paste_do_not_send(chat: Chat):
    keys_at_once(chat, "first line\nsecond line\n\nfourth\n")
    await chat.until(lambda: "fourth" in chat.prompt.text)
    await chat.pilot.pause(0.2)
    assert chat.prompt.text == "first line\nsecond line\n\nfourth\n"
    assert not chat.views
    await chat.pilot.press("enter")
    await chat.until(lambda: chat.views)
    assert chat.views[0].exchange.question == "first line\nsecond line\n\nfourth"


async def test_a_line_and_enter_written_by_a_program_are_sent(chat: Chat):
    keys_at_once(chat, "echo hello\n")
    await chat.until(lambda: chat.views and chat.views[0].complete)
    assert chat.views[0].exchange.question == "echo hello"


async def test_what_was_asked_comes_back_with_the_arrow_keys(chat: Chat):
    await chat.ask("echo one")
    await chat.ask("echo two")
    await chat.type("draft")
    await chat.pilot.press("up")
    assert chat.prompt.text == "echo two"
    await chat.pilot.press("up", "up")
    assert chat.prompt.text == "echo one"
    await chat.pilot.press("down", "down")
    assert chat.prompt.text == "draft"


async def test_the_arrow_keys_move_within_several_lines_first(chat: Chat):
    await chat.ask("echo one")
    chat.prompt.fill("a\nb")
    await chat.pilot.press("up")
    assert chat.prompt.text == "a\nb"
    await chat.pilot.press("up")
    assert chat.prompt.text == "echo one"


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("/opne x", "did you mean /open?"),
        ("/route groundd", "did you mean grounded?"),
        ("/route", "choose one of auto, open, extract, grounded"),
        ("/open", "/open needs the name of a file"),
        ("/close", "No document is open"),
        ("/export", "/export needs the name of a file"),
        ("/export chat.txt", "end the name in .md"),
        ("/export /tmp/none.md", "nothing to export"),
        ("/retry", "Nothing was asked yet"),
        ("/copy kode", "/copy code"),
    ],
)
async def test_a_wrong_command_says_what_is_right(chat: Chat, typed: str, hint: str):
    await chat.send(typed)
    await chat.until(lambda: "✘" in chat.said)
    assert hint in chat.said
    assert not chat.views


async def test_a_wrong_command_stays_in_the_prompt_to_be_mended(chat: Chat):
    await chat.send("/exprot chat.md")
    assert chat.prompt.text == "/exprot chat.md"


async def test_commands_are_listed_while_one_is_typed(chat: Chat):
    await chat.type("/")
    await chat.until(lambda: "/open FILE" in chat.shown() and "open a document, a folder or *.pdf" in chat.shown())
    await chat.type("ex")
    await chat.until(lambda: "/open FILE" not in chat.shown() and "/export FILE" in chat.shown())
    await chat.pilot.press("tab")
    assert chat.prompt.text == "/export "
    chat.prompt.fill("")
    await chat.until(lambda: "/export" not in chat.shown())


async def test_a_suggestion_is_chosen_with_the_arrow_keys_and_taken_with_enter(chat: Chat):
    await chat.type("/ro")
    await chat.until(lambda: chat.screen.query_one(Suggestions).display)
    await chat.pilot.press("enter")
    await chat.until(lambda: chat.prompt.text == "/route ")
    await chat.until(lambda: chat.screen.query_one(Suggestions).option_count == 4)  # the routes
    await chat.pilot.press("down", "down", "enter")
    await chat.until(lambda: "extract ·" in chat.said)
    await chat.type("/route e")
    await chat.until(lambda: chat.screen.query_one(Suggestions).display)
    await chat.pilot.press("escape")
    assert not chat.screen.query_one(Suggestions).display
    assert chat.prompt.text == "/route e"


async def test_files_are_suggested_while_a_path_is_typed(chat: Chat, tmp_path: Path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "two.txt").write_text("It is 42 here.")
    (tmp_path / ".hidden").touch()
    chat.prompt.fill(f"/open {tmp_path}/n")
    await chat.until(lambda: "notes/" in chat.shown())
    await chat.pilot.press("tab")
    await chat.until(lambda: "two.txt" in chat.shown())
    await chat.pilot.press("enter")
    await chat.until(lambda: chat.documents == ["two.txt"])


async def test_what_was_typed_in_full_is_taken_and_not_a_longer_name(chat: Chat, tmp_path: Path):
    (tmp_path / "a").write_text("It is 42 here.")
    (tmp_path / "a.txt").write_text("It is 43 here.")
    chat.prompt.fill(f"/open {tmp_path}/a")
    await chat.until(lambda: chat.screen.query_one(Suggestions).display)
    await chat.pilot.press("enter")
    await chat.until(lambda: chat.documents == ["a"])


async def test_help_opens_with_f1_and_with_the_command(sized: Chat):
    await sized.pilot.press("f1")
    await sized.until(lambda: isinstance(sized.app.screen, HelpScreen))
    assert "Ctrl+J" in sized.shown()
    await sized.pilot.press("escape")
    await sized.send("/help")
    await sized.until(lambda: isinstance(sized.app.screen, HelpScreen))


async def test_the_editor_writes_the_question(chat: Chat, monkeypatch):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    await chat.pilot.press("ctrl+g")
    await chat.until(lambda: "EDITOR" in chat.said)


async def test_the_footer_names_the_main_keys(sized: Chat):
    await sized.until(lambda: "Send" in sized.shown().splitlines()[-1])
    last = sized.shown().splitlines()[-1]
    for hint in ("Send", "Newline", "Stop", "Quit", "Help"):
        assert hint in last
