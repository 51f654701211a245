"""The chat in plain lines, fed through a pipe as a screen reader's user would type."""

import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant.answering.assistant import Assistant
from assistant.events import Event, RouteChosen
from assistant.history.store import History
from assistant.settings import Settings
from assistant.types import Document, Route, Turn
from tests.assistant.generation.server.loopback import DONE, Asked, delta, serving
from tests.support.terminal import Terminal
from tests.trust.servers import piece
from tests.tui.harness import ARTICLE
from tests.tui.scripted import Scripted
from tui.chat.plain import run_plain
from tui.chat.worker import Responder

Talk = Callable[..., str]


@pytest.fixture
def talk(path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Talk]:
    """Types lines one after another, leaves with the end of the input, and returns what was said."""

    def run(
        *typed: str,
        documents: tuple[Document, ...] = (),
        resume: str | None = None,
        server: str | None = None,
    ) -> str:
        reading, writing = os.pipe()
        left = threading.Event()

        def write() -> None:
            for text in typed:
                os.write(writing, f"{text}\n".encode())
                # Until it was read: lines that come at once are one paste.
                while not left.is_set() and select.select([reading], [], [], 0)[0]:
                    time.sleep(0.02)
                time.sleep(0.3)
            os.close(writing)

        writer = threading.Thread(target=write)
        with os.fdopen(reading, encoding="utf-8", buffering=1) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            writer.start()
            settings = Settings() if server is None else Settings(server=server, server_model="m")
            assert run_plain(responder, documents, resume, settings, History(path)) == 0
            left.set()
            writer.join()
        return capfd.readouterr().out

    def responder(settings: Settings) -> Responder:
        return Scripted() if settings.server is None else Assistant(settings)

    yield run


THOUGHTS: dict[str, Callable[[Asked], None]] = {
    "in a field": lambda asked: asked.stream([delta(reasoning_content="heron "), piece("Use a loop."), DONE]),
    "in tags": lambda asked: asked.say("<think>heron</think>\n\nUse a loop.", 3),
    "without an opening tag": lambda asked: asked.say("heron.\n</think>\nUse a loop.", 3),
}


@pytest.mark.parametrize("how", THOUGHTS)
def test_thinking_is_told_and_stands_in_no_export_and_no_later_prompt(talk: Talk, tmp_path: Path, how: str) -> None:
    files = [tmp_path / f"chat.{form}" for form in ("md", "html", "json")]
    with serving(THOUGHTS[how]) as server:
        said = talk("Write a loop", "Write another", *(f"/export {file}" for file in files), server=server.url)
    lines = said.splitlines()
    assert "Thinking." in lines
    assert any(line.startswith("Thought for ") for line in lines)
    assert lines.count("Use a loop.") == 2
    assert not [line for line in lines if "heron" in line and line != "heron."], "taken back in plain sight"
    assert "heron" not in json.dumps(server.asked)
    for file in files:
        assert "Use a loop." in file.read_text("utf-8")
        assert "heron" not in file.read_text("utf-8")


def test_an_answer_that_is_not_complete_says_so_when_resumed_and_in_exports(talk: Talk, tmp_path: Path) -> None:
    files = [tmp_path / f"chat.{form}" for form in ("md", "html", "json")]
    with serving(lambda asked: asked.stream([piece("Half of an ans")], cut=True)) as server:
        said = talk("Write a loop", server=server.url)
        assert "Half of an ans\nNote: The answer is not complete: The server 127.0.0.1:" in said
        again = talk(*(f"/export {file}" for file in files), resume="last")
    assert "Answer: Half of an ans\nNote: The answer is not complete: The server 127.0.0.1:" in again
    for file in files:
        assert "The answer is not complete: The server 127.0.0.1:" in file.read_text("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="there the terminal has no line discipline")
def test_ctrl_d_pressed_while_an_answer_is_written_leaves_after_it(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "assistant", "--plain"]
    terminal = Terminal(command, environment | {"TERM": "xterm-256color"})
    try:
        terminal.wait_for(">")
        terminal.type("What is a list?\r")
        terminal.wait_for("Route open")
        terminal.type("\x04")
        assert terminal.wait_for_end() == 0
        assert "Saved. To go on with it" in terminal.text
    finally:
        terminal.close()


def test_an_answer_comes_with_its_place_and_its_verdict_in_words(talk: Talk):
    said = talk("How many steps, 187?", documents=(Document("light.txt", ARTICLE),))
    assert "Open: light.txt, 251 words" in said
    assert "Route extract: a document is open and the question asks for a fact" in said
    assert "Answer: 187" in said
    assert "[187]" in said
    assert "Verdict: entailed." in said
    assert "entailment 96 percent, neutral 3 percent, contradiction 1 percent" in said
    assert not set(said) & set("█▌✔✘◍"), "drawings mean nothing when they are read out"


def test_an_answer_over_a_lines_end_is_said_on_one_line_with_its_heading(talk: Talk):
    text = "# Delivery\n\nIt was brought by Torgeir\nLie in May."
    said = talk("Who brought it, was it Torgeir_Lie?", documents=(Document("minutes.md", text),))
    assert "Answer: Torgeir Lie\n" in said
    assert "Found in minutes.md, under “Delivery”, characters 30–41" in said


def test_what_is_not_in_the_document_is_said_with_the_closest_passage(talk: Talk):
    said = talk("who says nothing?", documents=(Document("light.txt", ARTICLE),))
    assert "Not in the document, 87 percent sure." in said
    assert "Closest passage light.txt" in said


def test_a_streamed_answer_is_said_once_and_there_again_when_resumed(talk: Talk):
    said = talk("echo hello")
    assert said.count("You asked: echo hello") == 1
    again = talk("/history hello", resume="last")
    assert "You: echo hello" in again
    assert "Answer: You asked: echo hello" in again


def test_commands_work_and_a_wrong_one_says_what_is_right(talk: Talk, tmp_path: Path):
    file = tmp_path / "notes.txt"
    file.write_text("The tower is 38 metres tall.")
    exported = tmp_path / "chat.json"
    said = talk(
        f"/open {file}",
        "How tall, 38?",
        f"/export {exported}",
        "/close",
        "/route open",
        "echo alone",
        "/exprot",
        "/zzz",
    )
    assert "Open: notes.txt, 6 words" in said
    assert "Open: none" in said
    assert "You asked: echo alone" in said
    assert "Error: /exprot is not a command; did you mean /export?" in said
    assert "Error: /zzz is not a command; /help lists the commands." in said
    assert json.loads(exported.read_text())["messages"][1]["answer"]["answer"] == "38"
    assert exported.stat().st_mode & 0o777 == 0o600


def test_a_dropped_file_is_opened_and_what_begins_with_a_slash_may_be_a_question(talk: Talk, tmp_path: Path):
    file = tmp_path / "notes.txt"
    file.write_text("The tower is 38 metres tall.")
    said = talk(str(file), "/close", "/etc/hosts echo what?", "/exit", "echo never")
    assert "Open: notes.txt, 6 words" in said
    assert "You asked: /etc/hosts echo what?" in said
    assert "You asked: echo never" not in said


def test_a_folder_opens_what_can_be_read_and_says_what_not(talk: Talk, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("The tower is 38 metres tall.")
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)) * 9)
    said = talk(f"/open {tmp_path}", "/close", f"/open {tmp_path}/n*.txt")
    assert said.count("Open: notes.txt, 6 words") == 2
    assert said.count("Not opened: noise.bin: ") == 1


def test_each_command_says_what_it_did(talk: Talk):
    said = talk("/history", "/route open", "/new", "/open", "/export", "/open ~nobody-of-this-name/x")
    assert "Nothing has been said yet." in said
    assert "Questions now go the open way." in said
    assert "A new conversation." in said
    assert "Error: /open needs the name of a file" in said
    assert "Error: /export needs the name of a file" in said
    assert "is not a file name" in said


@pytest.mark.usefixtures("interruptible")
def test_a_second_ctrl_c_ends_what_does_not_look_whether_it_should_stop(path: Path, monkeypatch: pytest.MonkeyPatch):
    class Deaf(Scripted):
        def respond(self, turn: Turn, cancel: threading.Event | None = None) -> Iterator[Event]:
            yield RouteChosen(Route.OPEN, "it is slow")
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("it went on")

    reading, writing = os.pipe()
    os.write(writing, b"echo slowly\n")
    with os.fdopen(reading, encoding="utf-8", buffering=1) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(KeyboardInterrupt):
            run_plain(lambda _: Deaf(), (), None, Settings(), History(path))
    os.close(writing)
    with History(path) as history:
        assert history.conversation("last").messages[0].text == "echo slowly"
