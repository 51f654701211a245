"""Kills a chat at random moments and looks whether all that was on its screen is there when it is resumed.

Run as a program by `test_killed`: the chat is imported once and forked for every kill, which needs a process without
threads.
"""

import fcntl
import os
import pty
import random
import re
import select
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte

from assistant.events import Event, RouteChosen, TextDelta, TurnFinished
from assistant.history.store import History
from assistant.types import Answer, Route, Turn
from tui.app import run_chat
from tui.chat.session import Session

ROWS, COLUMNS = 30, 100
DESK = 6  # rows at the bottom that are prompt, status and keys: what stands there was not sent yet
TURNS = 10  # kills in one conversation
LONGEST = 1.0  # seconds from the question to the kill
WORD, QUESTION = re.compile(r"w\d+-\d+w"), re.compile(r"q\d+-\d+q")


class Counting:
    """Says numbered words for as long as it is let."""

    def load(self, on_event: Callable[[Event], None]) -> None: ...

    def look_ahead(self, turn: Turn, answer: Answer, cancel: threading.Event) -> None: ...

    def close(self) -> None: ...

    def respond(self, turn: Turn, cancel: threading.Event | None = None) -> Iterator[Event]:
        yield RouteChosen(Route.OPEN, "no document is open")
        number, said = turn.question.split("-")[0].removeprefix("q"), ""
        for count in range(1000 if number.endswith("7") else 60):
            word = f"w{number}-{count}w "
            said += word
            yield TextDelta(word)
            time.sleep(0.004)
        yield TurnFinished(Answer(Route.OPEN, said))


def main(folder: Path, kills: int, seed: int) -> int:
    chance = random.Random(seed)
    seen = 0
    for number in range(kills):
        text, screen = _killed(folder, number, chance.uniform(0.0, LONGEST))
        with History(folder / "history.db") as history:
            resumed = Session(history, resume="last").exchanges if history.list_conversations() else []
        kept = " ".join(f"{exchange.question} {exchange.text}" for exchange in resumed)
        shown = set(WORD.findall(text)) | set(QUESTION.findall(text))
        seen += len(shown)
        if lost := sorted(shown - set(WORD.findall(kept)) - set(QUESTION.findall(kept))):
            print(f"kill {number}: shown and lost: {lost}\n{screen}")  # noqa: T201
            return 1
        asked = [exchange.question for exchange in resumed]
        if len(set(asked)) != len(asked):
            print(f"kill {number}: a question is there twice")  # noqa: T201
            return 1
    print(seen)  # noqa: T201
    return 0


def _killed(folder: Path, number: int, moment: float) -> tuple[str, str]:
    """What the conversation on screen showed when it was killed, and the whole screen."""
    begin, go = os.pipe()
    pid, master = pty.fork()
    if pid == 0:
        os.read(begin, 1)
        resume = "last" if number % TURNS else None
        os._exit(run_chat(lambda _: Counting(), resume=resume, history=History(folder / "history.db")))
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    os.write(go, b"x")
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    try:
        _read(master, stream, 60, lambda: "● ready" in "".join(screen.display))
        os.write(master, f"q{number}-0q".encode())
        _read(master, stream, 0.1, lambda: False)
        os.write(master, b"\r")
        _read(master, stream, moment, lambda: False)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        _read(master, stream, 0.2, lambda: False)
    finally:
        for descriptor in (begin, go, master):
            os.close(descriptor)
    # A busy machine may have drawn the app smaller than the terminal, so its last row is looked for.
    rows = screen.display
    bottom = max((at for at, row in enumerate(rows, 1) if "Send" in row and "Quit" in row), default=ROWS)
    return "\n".join(rows[: bottom - DESK]), "\n".join(rows)


def _read(master: int, stream: pyte.ByteStream, seconds: float, until: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not until():
        if select.select([master], [], [], left)[0]:
            try:
                data = os.read(master, 65536)
            except OSError:  # the other side is gone
                return
            if not data:
                return
            stream.feed(data)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
