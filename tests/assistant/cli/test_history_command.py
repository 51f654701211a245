import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.cli.main import app, run
from assistant.history.store import History
from assistant.types import Document

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `assistant history` with arguments on a history of two turns; gives the code, output and errors."""
    monkeypatch.setenv("ASSISTANT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ASSISTANT_CACHE", str(tmp_path / "cache"))
    with History() as history:
        new = history.create()
        history.add_user_message(new, "How large is it?", [Document("a.txt", "It is large.")])
        history.save_answer(new, "large")
        history.add_user_message(new, "How old?")
        history.save_answer(new, "old")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["assistant", "history", *arguments])
        code = run(app, "assistant")
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_a_conversation_is_renamed_and_forked(command: Command) -> None:
    assert command("rename", "last", "The size")[0] == 0
    code, copy, _ = command("fork", "last", "--turns", "1")
    assert code == 0
    with History() as history:
        forked = history.conversation(copy.strip())
        assert forked.title == "The size (fork)"
        assert [said.text for said in forked.messages] == ["How large is it?", "large"]
        assert len(history.list_conversations()) == 2


def test_the_form_is_asked_for_or_told_by_the_files_name(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "chat.html"
    assert command("export", "last", "-o", str(file))[0] == 0
    assert file.read_text().startswith("<!doctype html>")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(command("export", "last", "--format", "json")[1])["messages"][0]["text"] == "How large is it?"
    assert command("export", "last")[1].startswith("# How large is it?")
    code, _, said = command("export", "last", "--format", "pdf")
    assert code == 2
    assert "markdown, json, html" in said
