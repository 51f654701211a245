"""The chat in a real terminal (a pty, its screen kept by pyte), on the embedded models."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest

from .conftest import AMAZON, environment

pytestmark = pytest.mark.embedded

ROWS, COLUMNS = 40, 120
FILLER = (
    "The harbour town kept its old ropewalk, and every spring the apprentices swept it before the boats were painted. "
)
ARTICLE = "The harbour and the forest\n\n" + (FILLER * 6 + "\n\n") * 25 + AMAZON + "\n\n" + (FILLER * 6 + "\n\n") * 5


class Terminal:
    """A program in a terminal of our own: type, and look at the screen."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True, close_fds=True
        )
        os.close(slave)

    def type(self, keys: str) -> None:
        data = keys.encode("utf-8")
        while data:
            select.select([], [self.master], [], 5)
            data = data[os.write(self.master, data[:1024]) :]
            self.read(0.01)

    def paste(self, text: str) -> None:
        self.type(f"\x1b[200~{text}\x1b[201~")

    def read(self, seconds: float) -> None:
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            try:
                self._stream.feed(os.read(self.master, 65536))
            except OSError:
                return

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, seen: str | Callable[[str], bool], seconds: float = 120) -> str:
        holds = (lambda text: seen in text) if isinstance(seen, str) else seen
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.read(0.2)
            if holds(self.text):
                return self.text
            assert self.process.poll() is None, f"the program ended with {self.process.returncode}:\n{self.text}"
        raise AssertionError(f"waited {seconds} s for {seen!r}; the screen was:\n{self.text}")

    def wait_for_end(self, seconds: float = 30) -> int:
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.2)
        return self.process.wait(1)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
        os.close(self.master)


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
    assert "majority of the forest is contained within Brazil" in " ".join(text.split())
    terminal.process.send_signal(signal.SIGKILL)
    terminal.process.wait(10)

    again = chat("--resume", "last")
    again.wait_for("Brazil")
    again.type("\x11")
    assert again.wait_for_end() == 0


def test_an_open_question_is_answered_and_can_be_stopped(chat: Callable[..., Terminal]) -> None:
    terminal = chat()
    terminal.wait_for("Help")
    terminal.type("Write a Python function that adds two numbers.\r")
    terminal.wait_for("def ")
    terminal.type("\x11")
    assert terminal.wait_for_end() == 0
