"""What is piped into `ask` beside its question."""

import subprocess
import sys
from pathlib import Path

import pytest

from assistant.cli.ask import is_piped, with_piped_text
from assistant.errors import DocumentError
from assistant.types import Route, Turn

PROSE = "The mill was built in 1640 by the town. It ground oats for three villages. The wheel broke in 1702.\n"
DIFF = (
    "diff --git a/mean.py b/mean.py\n@@ -1,3 +1,3 @@\n def mean(xs):\n"
    "-    return sum(xs)\n+    return sum(xs) / len(xs)\n"
)


def pipe(monkeypatch: pytest.MonkeyPatch, folder: Path, data: bytes) -> None:
    file = folder / "piped"
    file.write_bytes(data)
    monkeypatch.setattr(sys, "stdin", file.open(encoding="utf-8"))


def test_a_text_is_the_document(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pipe(monkeypatch, tmp_path, PROSE.encode())
    assert is_piped()
    turn = with_piped_text(Turn("When did the wheel break?"), 1)
    assert [document.text for document in turn.documents] == [PROSE]
    assert (turn.question, turn.route) == ("When did the wheel break?", None)


@pytest.mark.parametrize("code", [DIFF, "def mean(xs):\n    return sum(xs) / len(xs)\n\nprint(mean([]))\n"])
def test_code_goes_with_the_question_to_the_generator(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str
) -> None:
    pipe(monkeypatch, tmp_path, code.encode())
    turn = with_piped_text(Turn("explain this"), 1)
    assert (turn.route, turn.documents) == (Route.OPEN, ())
    assert turn.question == f"explain this\n\n```\n{code.strip()}\n```"


def test_code_is_a_document_where_the_reader_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pipe(monkeypatch, tmp_path, DIFF.encode())
    assert with_piped_text(Turn("Which file?", route=Route.EXTRACT), 1).documents


@pytest.mark.parametrize("data", [b"", b" \n"])
def test_nothing_piped_in_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: bytes) -> None:
    pipe(monkeypatch, tmp_path, data)
    assert with_piped_text(Turn("How?"), 1) == Turn("How?")


def test_what_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pipe(monkeypatch, tmp_path, bytes(range(256)) * 20)
    with pytest.raises(DocumentError):
        with_piped_text(Turn("How?"), 1)


def test_a_program_that_shares_nothing_has_nothing_piped_in(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/null").open(encoding="utf-8") as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert not is_piped()
    monkeypatch.setattr(sys, "stdin", None)
    assert not is_piped()


def test_a_pipe_that_nobody_closes_is_told_of(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "assistant", "ask", "How large is it?", "--route", "extract"]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stderr and process.stdout
    assert process.stderr.readline() == "Waiting for the end of standard input; close it, or give </dev/null.\n"
    process.stdin.write("The forest covers 5.5 million square kilometers.")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert out
