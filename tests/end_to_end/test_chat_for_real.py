"""The chat in a real terminal, on the embedded models."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.terminal import Terminal

from .conftest import AMAZON, environment

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

FILLER = (
    "The harbour town kept its old ropewalk, and every spring the apprentices swept it before the boats were painted. "
)
ARTICLE = "The harbour and the forest\n\n" + (FILLER * 6 + "\n\n") * 25 + AMAZON + "\n\n" + (FILLER * 6 + "\n\n") * 5


@pytest.fixture
def chat(home: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        terminal = Terminal([sys.executable, "-m", "assistant", *arguments], environment(home))
        opened.append(terminal)
        return terminal

    yield start
    for terminal in opened:
        terminal.close()


def test_an_article_is_pasted_asked_about_and_found_again_after_a_kill(chat: Callable[..., Terminal]) -> None:
    assert len(ARTICLE.split()) > 3000
    terminal = chat()
    terminal.wait_for("Help")
    terminal.paste(ARTICLE)
    terminal.wait_for("The harbour and the forest")
    terminal.type("Which country holds most of the rainforest?\r")
    text = terminal.wait_for(lambda text: "entailment" in text and "contradiction" in text)
    assert any(word in text for word in ("entailed", "unsupported", "contradicted"))
    assert "majority of the forest is contained within Brazil" in " ".join(text.replace("▌", " ").split())
    terminal.process.send_signal(signal.SIGKILL)
    terminal.process.wait(10)

    again = chat("--resume", "last")
    again.wait_for("Brazil")
    again.type("\x11")
    assert again.wait_for_end() == 0


def test_a_long_paste_is_asked_about_an_answer_stopped_and_all_of_it_resumed(chat: Callable[..., Terminal]) -> None:
    book = "The long book\n\n" + (FILLER * 6 + "\n\n") * 150 + AMAZON + "\n\n" + (FILLER * 6 + "\n\n") * 150
    assert len(book.encode()) > 200_000
    terminal = chat()
    terminal.wait_for("Help")
    terminal.paste(book)
    terminal.wait_for("The long book  ")
    terminal.type("Which country holds most of the rainforest?\r")
    terminal.wait_for(lambda text: "entailment" in text and "contradiction" in text, 240)
    terminal.type("Write a long Python program that manages a library of books.\r")
    terminal.wait_for("def ")
    terminal.resize(24, 80)
    terminal.type("\x1b")
    terminal.wait_for("stopped")
    terminal.type("\x11")
    assert terminal.wait_for_end() == 0

    again = chat("--resume", "last")
    again.wait_for("stopped")
    again.wait_for("The long book  ")
    again.type("\x11")
    assert again.wait_for_end() == 0


def test_a_question_typed_before_there_is_a_screen_is_answered(chat: Callable[..., Terminal]) -> None:
    terminal = chat()
    terminal.type("Write a Python function that adds two numbers.\r")
    terminal.wait_for("def ")
    terminal.type("\x11")
    assert terminal.wait_for_end() == 0


def test_the_chat_in_plain_lines(chat: Callable[..., Terminal], amazon: Path) -> None:
    terminal = chat("--plain", "--document", str(amazon))
    terminal.wait_for("Open: amazon.txt")
    terminal.type("Which country holds most of the rainforest?\r")
    terminal.wait_for("Claim ")
    assert "[Brazil]" in terminal.text
    assert "percent" in terminal.text
    terminal.type("/nonsense\r")
    terminal.wait_for("is not a command")
    terminal.type("A pasted text\r" + (FILLER + "\r") * 10)  # as keys: nobody asked for bracketed paste
    terminal.wait_for("Taken as a document: A pasted text")
    terminal.type("\x04")
    assert terminal.wait_for_end(240) == 0
