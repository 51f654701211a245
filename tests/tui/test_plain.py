"""The chat in plain lines, fed through a pipe as a screen reader's user would type."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant.conversation import Document
from assistant.history import History
from assistant.settings import Settings
from tests.tui.harness import ARTICLE
from tests.tui.scripted import Scripted
from tui.plain import run_plain

Talk = Callable[..., str]


@pytest.fixture
def talk(path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Talk]:
    """Types lines one after another, leaves with the end of the input, and returns what was said."""

    def run(*typed: str, documents: tuple[Document, ...] = (), resume: str | None = None) -> str:
        reading, writing = os.pipe()

        def write() -> None:
            for text in typed:
                time.sleep(0.15)  # lines that come at once are one paste
                os.write(writing, f"{text}\n".encode())
            time.sleep(0.15)
            os.close(writing)

        writer = threading.Thread(target=write)
        with os.fdopen(reading, encoding="utf-8", buffering=1) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            writer.start()
            assert run_plain(lambda _: Scripted(), documents, resume, Settings(), History(path)) == 0
            writer.join()
        return capfd.readouterr().out

    yield run


def test_an_answer_comes_with_its_place_and_its_verdict_in_words(talk: Talk):
    said = talk("How many steps, 187?", documents=(Document("light.txt", ARTICLE),))
    assert "Open: light.txt, 251 words" in said
    assert "Route extract: a document is open and the question asks for a fact" in said
    assert "Answer: 187" in said
    assert "[187]" in said
    assert "Verdict: entailed." in said
    assert "entailment 96 percent, neutral 3 percent, contradiction 1 percent" in said
    assert not set(said) & set("█▌✔✘◍"), "drawings mean nothing when they are read out"


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
        f"/open {file}", "How tall, 38?", f"/export {exported}", "/close", "/route open", "echo alone", "/nonsense"
    )
    assert "Open: notes.txt, 6 words" in said
    assert "Open: none" in said
    assert "You asked: echo alone" in said
    assert "Error: /nonsense is not a command here; /help lists them." in said
    assert json.loads(exported.read_text())["messages"][1]["answer"]["answer"] == "38"
    assert exported.stat().st_mode & 0o777 == 0o600
