"""The chat as a person feels it: how soon it takes keys, whether typing stays smooth, and what it holds in memory.

Everything happens in a terminal of our own (a pty), as a user meets it.
- Start: from the command to the first key shown. A key is typed again and again from the moment the program is begun;
  the first that is seen counts. Every start but the first finds its files in the system's cache. Our chat loads its
  models meanwhile. Beside it other chats, where their commands are named.
- Echo: from a key to its character on the screen, while an answer streams at 40 tokens a second below a conversation
  that was resumed. A stand-in streams, so that no model takes the processor from the screen.
- Memory: of that process, without models, after its conversation was scrolled through from end to end.
"""

import argparse
import os
import queue
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import default_threads, machine, number, table, write_json
from tests.support.terminal import Terminal

KEY = "§"
EVERY = 0.02  # seconds between the keys typed at a start
LONGEST = 120.0
LONGEST_START = 30.0
PAUSES = (0.06, 0.2)  # seconds between keys, anything from here to there: eight a second, as uneven as hands are
SCROLLS = 400
GOALS = {"start": 1.0, "echo_p99": 0.050}


@dataclass(frozen=True, slots=True)
class Start:
    """A program to begin. `ready` is on its screen once it can take keys; empty where any screen will do.

    `shown` is on its screen once it has taken the key, and not before. A program that `reads_lines` leaves it to the
    terminal whether keys are shown, so they are typed once it is ready.
    """

    name: str
    command: Sequence[str]
    ready: str = ""
    key: str = KEY
    shown: str = KEY
    reads_lines: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and write the JSON file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.chat", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--starts", type=int, default=15, help="how often each program is begun (%(default)s)")
    parser.add_argument("--keys", type=int, default=300, help="typed while an answer streams (%(default)s)")
    parser.add_argument("--messages", default="0,100,500", help="in the resumed conversation (%(default)s)")
    parser.add_argument("--oterm", metavar="COMMAND", help="oterm's command, to compare starts")
    parser.add_argument("--llm", metavar="COMMAND", help="llm's command, to compare the starts of `llm chat`")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--quick", action="store_true", help="3 starts, 30 keys: to see that it works")
    options = parser.parse_args(arguments)
    if options.quick:
        options.starts, options.keys = 3, 30
    try:
        lengths = [int(count) for count in options.messages.split(",")]
    except ValueError:
        parser.error("--messages takes numbers, such as 100,500")
    if min(options.starts, options.keys) < 1 or min(lengths) < 0:
        parser.error("numbers must be at least 1, those of --messages at least 0")
    programs = [Start("assistant", [sys.executable, "-m", "assistant"], "Send")]
    if options.oterm:
        # Without a server it has no chat to type into: Ctrl+P opens its command palette.
        programs.append(Start("oterm", [options.oterm], key="\x10", shown="Search for commands"))
    if options.llm:
        programs.append(Start("llm chat", [options.llm, "chat"], "\n>", key="~", shown="~", reads_lines=True))
    report = {
        "machine": machine(default_threads()),
        "goals": GOALS,
        "starts": list(_starts(programs, options.starts)),
        "echo": [{"messages": count, **measure_echo(count, options.keys)} for count in lengths],
    }
    print(render(report))
    if options.output:
        write_json(options.output, report)
    return 0


def _starts(programs: Sequence[Start], times: int) -> Iterator[dict[str, Any]]:
    """A row for each program; another's that cannot be measured here is left out, and why is said."""
    for place, program in enumerate(programs):
        try:
            yield {"program": program.name, **measure_starts(program, times)}
        except SystemExit as error:
            if place == 0:
                raise
            print(error, file=sys.stderr)


def measure_starts(program: Start, times: int) -> dict[str, Any]:
    """The seconds from the command to the first key shown: the first start, and the median and worst of the others."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = [_start(program, _environment(Path(folder))) for _ in range(times + 1)]
    warm = seconds[1:]
    return {"first": seconds[0], "median": statistics.median(warm), "worst": max(warm), "seconds": warm}


def _start(program: Start, environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    # With echo, the terminal itself would show the key.
    terminal = Terminal(program.command, environment, echo=program.reads_lines)
    try:
        typed = 0.0
        while (now := time.perf_counter() - began) < LONGEST_START:
            if now - typed >= EVERY and (program.ready in terminal.text or not program.reads_lines):
                typed = now
                os.write(terminal.master, program.key.encode())
            if terminal.read(EVERY / 4) and program.shown in (text := terminal.text) and program.ready in text:
                return time.perf_counter() - began
            if terminal.process.poll() is not None:
                raise SystemExit(f"chat: {program.name} ended by itself; its screen was:\n{terminal.text}")
        raise SystemExit(f"chat: {program.name} took no key in {LONGEST_START:.0f} s; its screen was:\n{terminal.text}")
    finally:
        terminal.close()


def measure_echo(messages: int, keys: int) -> dict[str, Any]:
    """The seconds from a key to its character while an answer streams, and the memory in bytes, scrolled through."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "history.db"
        command = [sys.executable, "-m", "tests.support.chat_app", str(file), str(messages)]
        terminal = Terminal(command, _environment(Path(folder)))
        try:
            terminal.wait_for("● ready", LONGEST)
            begun = _memory(terminal.process.pid)
            terminal.type("Stream please.")
            _settle(terminal, 0.3)
            terminal.type("\r")
            terminal.wait_for("Esc stops", LONGEST)
            _settle(terminal, 1.0)
            recorder = _Recorder(terminal)
            recorder.start()
            pauses = random.Random(keys)
            seconds = [_echo(terminal, recorder, at, pauses.uniform(*PAUSES)) for at in range(keys)]
            recorder.stop()
            terminal.type("\x1b")
            terminal.wait_for("stopped", LONGEST)
            for _ in range(SCROLLS if messages else 0):
                terminal.type("\x1b[5~")
                _settle(terminal, 0.01)
            _settle(terminal, 2.0)
            scrolled = _memory(terminal.process.pid)
        finally:
            terminal.close()
    ordered = sorted(seconds)
    return {
        "median": statistics.median(ordered),
        "p99": ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))],
        "worst": ordered[-1],
        "keys": keys,
        "memory_begun": begun,
        "memory_scrolled": scrolled,
    }


class _Recorder(threading.Thread):
    """Takes what the program writes, with the moment at which it came.

    Drawing it here takes as long as the app needs to write it: who did both in turn would keep the app waiting.
    """

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(daemon=True)
        self._terminal = terminal
        self._came: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            if written := self._terminal.take(0.05):
                self._came.put((time.perf_counter(), written))

    def drawn(self) -> Iterator[float]:
        """Put on the screen what has come; yields after each piece the moment at which it came."""
        while not self._came.empty():
            moment, written = self._came.get()
            self._terminal.feed(written)
            yield moment

    def stop(self) -> None:
        """Leave the terminal to others again."""
        self._over.set()
        self.join()
        for _ in self.drawn():
            pass


def _echo(terminal: Terminal, recorder: _Recorder, at: int, pause: float) -> float:
    """Type the next letter and pause; how long it took until all that was typed so far on its line was shown."""
    letters = "abcdefghij"
    if at and at % 40 == 0:
        os.write(terminal.master, b"\x15")  # the line is emptied before it wraps
        time.sleep(pause)
    line = "".join(letters[one % 10] for one in range(at - at % 40, at + 1))
    for _ in recorder.drawn():
        pass
    began = time.perf_counter()
    os.write(terminal.master, line[-1].encode())
    while time.perf_counter() - began < LONGEST:
        time.sleep(pause)
        # Looked for where it is expected, below the conversation.
        shown = (moment for moment in recorder.drawn() if any(line in row for row in terminal.screen.display[-8:]))
        if (moment := next(shown, None)) is not None:
            return moment - began
    return LONGEST


def _settle(terminal: Terminal, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        terminal.read(left)


def _environment(folder: Path) -> dict[str, str]:
    """The user's own, so that the models are found, with a history and settings that are nobody's."""
    places = {"ASSISTANT_DATA": str(folder / "data"), "ASSISTANT_CONFIG": str(folder / "settings.toml")}
    others = {"OPENAI_API_KEY": "none", "LLM_USER_PATH": str(folder / "llm")}  # `llm chat` begins without a connection
    return {**os.environ, **places, **others, "TERM": "xterm-256color"}


def _memory(process: int) -> int:
    """The resident memory of a process, in bytes; 0 where the system does not say."""
    try:
        status = Path(f"/proc/{process}/status").read_text("utf-8")
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)


def render(report: dict[str, Any]) -> str:
    """The report as two tables."""
    found = report["machine"]
    starts = [
        [row["program"], *(number(row[column], 2) for column in ("first", "median", "worst"))]
        for row in report["starts"]
    ]
    echo = [
        [
            number(row["messages"]),
            *(number(1000 * row[column], 1) for column in ("median", "p99", "worst")),
            *(number(row[column] / 1e6) for column in ("memory_begun", "memory_scrolled")),
        ]
        for row in report["echo"]
    ]
    return "\n".join(
        [
            f"{found['processor']}, {found['cores']} cores",
            "",
            table(["seconds to the first key", "first", "median", "worst"], starts),
            "",
            table(["messages", "echo ms", "p99 ms", "worst ms", "MB begun", "MB scrolled"], echo),
            "",
            f"Goals: a median start of {GOALS['start']:.1f} s, a p99 of {1000 * GOALS['echo_p99']:.0f} ms.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
