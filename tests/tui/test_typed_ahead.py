"""Keys from before the app was ready for them, and keys that come late because it is slow."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual import events

import tui.app
from assistant.history.store import History
from tests.support.terminal import Terminal
from tests.tui.harness import Chat, be_patient, wait_until
from tests.tui.scripted import Scripted
from tui.app import ChatApp
from tui.chat.session import Session

QUESTION = "echo the words of this sentence in the order in which they were typed"


class TypedAt(ChatApp):
    """A chat whose user types the first half before there is a screen and goes on while it becomes ready."""

    CSS_PATH = Path(tui.app.__file__).with_name("chat.tcss")

    def on_load(self) -> None:
        for character in QUESTION[:30]:
            self.post_message(events.Key(character, character))

    def on_ready(self) -> None:  # Textual calls this one first, then the chat's own
        for character in QUESTION[30:]:
            self.post_message(events.Key(character, character))
        self.post_message(events.Key("enter", "\r"))


async def test_what_is_typed_before_and_while_the_screen_comes_stays_in_order(path: Path):
    with History(path) as history:
        app = TypedAt(lambda _: Scripted(), Session(history))
        async with app.run_test() as pilot:
            be_patient(pilot)
            await wait_until(pilot, lambda: app.session.exchanges)
            assert app.session.exchanges[0].question == QUESTION
            assert app._chat is not None
            assert app._chat.composer.prompt.text == ""


async def test_a_key_that_comes_late_does_not_make_a_line_end_of_enter(chat: Chat):
    """While the app is busy keys pile up; when they were typed is told by their own clock."""
    keys = [*"echo one", "enter", *"echo two", "enter", *"more"]
    for at, name in enumerate(keys):
        key = events.Key("space" if name == " " else name, None if name == "enter" else name)
        key.time += 0.15 * at
        chat.app.post_message(key)
    await chat.until(lambda: len(chat.app.session.exchanges) == 2)
    assert [exchange.question for exchange in chat.app.session.exchanges] == ["echo one", "echo two"]
    await chat.until(lambda: chat.prompt.text == "more")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Terminal]]:
    """The chat in a terminal of its own, without models, as a process that has just been started."""
    terminals: list[Terminal] = []

    def begin() -> Terminal:
        places = {f"ASSISTANT_{name}": str(tmp_path / name.lower()) for name in ("CACHE", "DATA", "CONFIG")}
        command = [sys.executable, "-m", "tests.support.chat_app", str(tmp_path / "history.db"), "0"]
        terminals.append(Terminal(command, {**os.environ, **places, "TERM": "xterm-256color"}))
        return terminals[-1]

    yield begin
    for terminal in terminals:
        terminal.close()


def asked(folder: Path) -> str:
    with History(folder / "history.db") as history:
        return history.conversation("last").messages[0].text


def test_a_question_that_the_terminal_kept_for_the_app_is_sent(start: Callable[[], Terminal], tmp_path: Path):
    terminal = start()
    os.write(terminal.master, f"{QUESTION}\r".encode())  # the terminal is not yet raw: it makes a line end of Enter
    terminal.wait_for("Esc stops")
    assert asked(tmp_path) == QUESTION


def test_a_question_typed_all_through_the_start_is_whole(start: Callable[[], Terminal], tmp_path: Path):
    terminal, typed = start(), ""
    while "Help" not in terminal.text or len(typed) % 10:
        typed += "abcdefghij"[len(typed) % 10]
        terminal.type(typed[-1])
    terminal.type("\r")
    terminal.wait_for("Esc stops")
    assert asked(tmp_path) == typed
