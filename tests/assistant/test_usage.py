"""Requests that contradict themselves, and what is said to somebody who does not know a command yet."""

import io
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from assistant.types import Document, document_of
from tests.conftest import Run


@pytest.mark.parametrize(
    "option", [["--profile", "nosuch"], ["--document", "nosuch.txt"], ["--server", "x"], ["--plain"]]
)
def test_an_option_of_the_chat_before_another_command_is_refused_and_not_ignored(run: Run, option: list[str]) -> None:
    code, out, err = run(*option, "ask", "x")
    assert (code, out) == (2, "")
    assert f"put it behind: assistant ask … {option[0]}" in err


@pytest.mark.parametrize("group", ["models", "history", "config"])
def test_a_group_without_a_command_shows_its_help_line_by_line(run: Run, group: str) -> None:
    code, out, err = run(group)
    assert (code, out) == (2, "")
    assert err.startswith(f"Usage: assistant {group} [OPTIONS] COMMAND")
    assert any(line.lstrip().startswith("--help") for line in err.splitlines())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--pairs", "pairs.jsonl", "--question", "Who?"],
        ["--premise", "a", "--hypothesis", "b", "-o", "out.json"],
        ["--premise", "a", "--hypothesis", "b", "--overwrite"],
        ["--premise", "-", "--hypothesis", "@-"],
        ["--premise", " ", "--hypothesis", "b"],
    ],
)
def test_verify_refuses_what_it_would_have_to_ignore_before_a_model_is_loaded(run: Run, arguments: list[str]) -> None:
    Path("pairs.jsonl").write_text('{"premise": "a", "hypothesis": "b"}\n')
    code, out, err = run("verify", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert not Path("out.json").exists()


def test_verify_reads_a_premise_from_standard_input(run: Run, monkeypatch: Any) -> None:
    said = []
    for given in ("-", "It is hot. It rains."):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"It is hot. It rains.")))
        code, out, err = run("verify", "--premise", given, "--hypothesis", "It rains.", "--json")
        assert code == 0, err
        said.append({key: value for key, value in json.loads(out)["claims"][0].items() if key != "evidence"})
    assert said[0] == said[1]


def test_what_config_shows_is_toml_whatever_is_set(run: Run, environment: dict[str, str]) -> None:
    given = 'theme = "nord 🌊\\u007f"\n[keys]\n"chat.stop" = "f9"\n'
    Path(environment["ASSISTANT_CONFIG"]).write_text(given, "utf-8")
    shown = tomllib.loads(run("config", "show")[1])
    assert shown["keys"] == {"chat.stop": "f9"}
    assert shown["theme"] == "nord 🌊\x7f"


def test_a_report_does_not_take_the_place_of_the_answers(run: Run) -> None:
    Path("questions.jsonl").write_text('{"question": "x"}\n')
    for name in ("questions.jsonl", "./answers.jsonl"):
        code, _, err = run("batch", "questions.jsonl", "-o", "answers.jsonl", "--report", name)
        assert (code, err.count("\n")) == (2, 1)
    assert Path("questions.jsonl").read_text() == '{"question": "x"}\n'


def test_a_place_is_shown_in_the_document_that_it_is_from() -> None:
    old, new = Document("old.txt", "It is red. Then came blue."), Document("new.txt", "It is red. And so it stayed.")
    assert document_of(new.evidence(6, 9), [old, new]) is new
