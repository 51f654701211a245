import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from assistant.cli.console import StatusLine
from assistant.events import Progress, Waiting
from tests.conftest import Run

TEXT = (
    "The Amazon rainforest covers 5.5 million square kilometers.\r\nIt holds 390 billion trees 😀 e\u0301te\u0301.\r\n"
)
STEERING = "\x1b]0;owned\x07 \x1b[31mred\x1b[0m \x9b2J \x7f \u202edesrever\u202c The forest covers 5.5 million km2. "


@pytest.fixture(autouse=True)
def article(tmp_path: Path) -> None:
    (tmp_path / "amazon.txt").write_bytes(TEXT.encode())
    (tmp_path / "empty").mkdir()


def _start(arguments: list[str], environment: dict[str, str], **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "assistant", *arguments], env=environment, **options)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["ask"], ["ask", "--help"], ["batch", "x", "--no"]])
def test_nothing_heavy_is_imported_on_the_way_to_help_or_an_argument_error(arguments: list[str]) -> None:
    code = (
        "import sys; from assistant.cli import main as cli; sys.argv[0] = 'assistant'; cli.run(cli.app, 'assistant')\n"
        "print([m for m in ('torch', 'transformers', 'textual', 'trl', 'peft', 'datasets', 'tui', 'finetune') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Traceback" not in done.stderr


def test_ask_prints_one_json_object_that_keeps_the_contract(run: Run) -> None:
    code, out, _ = run("ask", "How large is it?", "--document", "amazon.txt", "--json")
    assert code == 0
    assert out.count("\n") == 1
    record = json.loads(out)
    [place] = record["evidence"]
    assert TEXT[place["start"] : place["end"]] == place["text"] == record["answer"]
    assert (place["document"], record["route"], record["question"]) == ("amazon.txt", "extract", "How large is it?")


def test_ask_prints_the_answer_on_standard_output_and_all_else_on_standard_error(run: Run) -> None:
    answer = json.loads(run("ask", "How large?", "--document", "amazon.txt", "--json")[1])["answer"]
    code, out, err = run("ask", "How large?", "--document", "amazon.txt")
    assert code == 0
    assert " ".join(answer.split()) in " ".join(out.split())
    assert "entailment" in out
    assert "\x1b" not in out + err
    code, out, err = run("ask", "How large?", "--document", "amazon.txt", "--quiet", "--no-verify")
    assert (code, err) == (0, "")
    assert "entailment" not in out


def test_a_generated_answer_is_printed(run: Run) -> None:
    code, out, err = run("ask", "Write a loop in Python", "--no-color")
    assert code == 0
    assert out.endswith("\n")
    assert "Traceback" not in err


@pytest.mark.parametrize("form", [["--json"], []])
@pytest.mark.parametrize("route", ["extract", "grounded"])
def test_nothing_of_a_text_steers_the_terminal(run: Run, tmp_path: Path, form: list[str], route: str) -> None:
    (tmp_path / "bad\x1b[31m.txt").write_text(STEERING, "utf-8")
    code, out, err = run("ask", f"How large {STEERING}?", "--document", "bad\x1b[31m.txt", "--route", route, *form)
    assert code == 0, err
    for char in "\x1b\x07\x9b\x7f\u202e":
        assert char not in out + err
    _, out, err = run("ask", "x", "--document", "none\x1b[31m\n.txt")
    assert "\x1b" not in out + err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["ask", "", "--document", "amazon.txt"], 2, "question is empty"),
        (["ask", "x", "--document", "none.txt"], 2, "no such file"),
        (["ask", "x", "--document", "empty"], 2, "folder"),
        (["ask", "x", "--route", "extract"], 2, "needs a document"),
        (["ask", "x", "--route", "north"], 2, "choose auto"),
        (["ask", "x", "--profile", "embeded"], 2, "embedded"),
        (["ask", "x", "--fail-on", "bad"], 2, "--fail-on"),
        (["ask", "-", "--document", "-"], 2, "standard input"),
        (["ask", "x", "--document", "-", "--document", "-"], 2, "once"),
        (["ask", "x", "--no-such-option"], 2, "--no-such-option"),
        (["ask"], 2, "question"),
        (["nonsense"], 2, "nonsense"),
        ([], 2, "needs a terminal"),
        (["verify", "--premise", "x"], 2, "--hypothesis"),
        (["verify", "--premise", " ", "--hypothesis", "x"], 2, "premise is empty"),
        (["verify", "--premise", "x", "--hypothesis", "\udcff"], 2, "not valid Unicode"),
        (["verify", "--premise", "@none", "--hypothesis", "x"], 2, "no such file"),
        (["verify", "--premise", "@", "--hypothesis", "x"], 2, "name a file"),
        (["verify", "--premise", "x", "--hypothesis", "y " * 400], 2, "too long"),
    ],
)
def test_a_wrong_request_is_one_line_with_the_right_code(run: Run, arguments: list[str], code: int, said: str) -> None:
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert said in err
    assert err.strip().count("\n") == 0 or err.startswith("Loading"), err
    assert "Traceback" not in err


def test_a_wrong_setting_is_one_line(run: Run, environment: dict[str, str]) -> None:
    Path(environment["ASSISTANT_CONFIG"]).write_text("temprature = 1")
    code, _, err = run("ask", "x")
    assert (code, "did you mean temperature" in err, err.count("\n")) == (2, True, 1)


def test_failing_on_a_verdict_is_exit_code_4(run: Run, silent_reader_folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("ASSISTANT_READER", str(silent_reader_folder))
    assert run("ask", "How large?", "--document", "amazon.txt", "--route", "extract", "--fail-on", "no-answer")[0] == 4
    assert run("ask", "How large?", "--document", "amazon.txt", "--fail-on", "contradiction,neutral")[0] == 0


def test_verbose_shows_the_traceback_and_otherwise_a_fault_is_one_line(run: Run, monkeypatch: Any) -> None:
    def fault(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("assistant.cli.ask.read_documents", fault)
    code, _, err = run("ask", "x")
    assert (code, err.count("\n"), "fault in the program" in err) == (1, 1, True)
    code, _, err = run("ask", "x", "--verbose")
    assert code == 1
    assert "Traceback" in err and "ZeroDivisionError" in err


def test_verify_gives_each_sentence_its_claim(run: Run) -> None:
    arguments = ["verify", "--premise", "@amazon.txt", "--hypothesis", "It is large. It has read_file trees."]
    code, out, _ = run(*arguments, "--json")
    verdict = json.loads(out)
    assert code == 0
    assert [claim["text"] for claim in verdict["claims"]] == ["It is large.", "It has read_file trees."]
    for claim in verdict["claims"]:
        assert claim["entailment"] + claim["neutral"] + claim["contradiction"] == pytest.approx(1)
        assert TEXT[claim["evidence"]["start"] : claim["evidence"]["end"]] == claim["evidence"]["text"]
    code, out, _ = run(*arguments)
    assert code == 0 and "contradiction" in out
    one = json.loads(run("verify", "--premise", "x", "--hypothesis", "5", "--question", "How many?", "--json")[1])
    assert [claim["text"] for claim in one["claims"]] == ["How many? 5"]
    assert json.loads(run("verify", "--premise", "x", "--hypothesis", "5", "--json")[1])["claims"][0]["text"] == "5"


def test_verify_takes_a_file_of_pairs_with_bad_lines_in_place(run: Run, tmp_path: Path) -> None:
    rows = [
        '{"id": "a", "premise": "Lyon is hot.", "hypothesis": "It is hot."}',
        "bad",
        '{"premise": "Lyon", "hypothesis": ""}',
        "",
        '{"premise": "Lyon", "hypothesis": "\\ud800"}',
        '{"premise": "\\u00ad\\u200b", "hypothesis": "x"}',
        '{"premise": "Lyon", "hypothesis": "hot", "question": 5}',
        '{"premise": "Lyon", "hypothesis": "It is hot.", "question": "How is it?"}',
        json.dumps({"premise": "Lyon", "hypothesis": "hot " * 500}),
    ]
    (tmp_path / "pairs.jsonl").write_text("\n".join(rows))
    code, _, err = run("verify", "--pairs", "pairs.jsonl", "-o", "out.jsonl")
    assert code == 3, err
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [record["id"] for record in records] == ["a", "2", "3", "5", "6", "7", "8", "9"]
    assert [record["id"] for record in records if "error" not in record] == ["a", "8"]
    assert list(records[0]) == ["id", "label", "entailment", "neutral", "contradiction", "claims"]
    assert run("verify", "--pairs", "pairs.jsonl", "-o", "out.jsonl")[0] == 2
    assert run("verify", "--pairs", "pairs.jsonl", "-o", "out.jsonl", "--overwrite")[0] == 3


def test_config_shows_what_is_in_force(run: Run) -> None:
    import tomllib

    code, out, _ = run("config", "show")
    assert code == 0
    shown = tomllib.loads(out)
    assert (shown["profile"], shown["max_new_tokens"]) == ("embedded", 6)
    assert run("config", "path")[1].strip() == os.environ["ASSISTANT_CONFIG"]


def test_a_closed_pipe_ends_the_run_without_a_word(environment: dict[str, str], tmp_path: Path) -> None:
    rows = [json.dumps({"question": "How large is it?", "document": TEXT})] * 200
    (tmp_path / "in.jsonl").write_text("\n".join(rows))
    with _start(
        ["batch", str(tmp_path / "in.jsonl"), "-o", "-", "--no-verify"],
        environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        assert running.stdout is not None and running.stderr is not None
        assert json.loads(running.stdout.readline())["id"] == "1"
        running.stdout.close()
        error = running.stderr.read().decode()
    assert "Traceback" not in error and "Exception" not in error and "in.jsonl" not in error
    assert running.returncode == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_from_the_start_is_no_fault(environment: dict[str, str], closed: str) -> None:
    command = f'"{sys.executable}" -m assistant config show {closed}'
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("profile" in done.stdout) == (">&-" not in closed.replace("2>&-", ""))


def test_a_full_disk_behind_standard_output_is_one_error(environment: dict[str, str], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "assistant", "config", "show"],
            env=environment, stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.decode().count("\n") == 1
    assert b"No space left" in done.stderr


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_while_reading_ends_at_once_with_130(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text(TEXT * 20_000)
    with _start(
        ["ask", "How large?", "--document", str(tmp_path / "long.txt"), "--route", "extract", "--windows", "0"],
        environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        for line in iter(running.stderr.readline, b""):
            if line.startswith(b"Reading"):
                break
        time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        began = time.monotonic()
        error = running.stderr.read().decode()
    assert running.returncode == 130, error
    assert error.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in error
    assert time.monotonic() - began < 20


def test_standard_input_in_another_locale_gives_utf8(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "assistant", "ask", "-", "--route", "open", "--json"],
        env={**environment, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"},
        input="Où est l'été 😀 ?".encode(), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode("utf-8"))["question"] == "Où est l'été 😀 ?"


def test_a_stage_of_unknown_length_is_told_apart_from_how_fast_it_goes(capsys: Any, monkeypatch: Any) -> None:
    clock = itertools.count(100.0, 10.0)
    monkeypatch.setattr("assistant.cli.console.time.monotonic", lambda: next(clock))
    with StatusLine() as status:
        for done, total in ((0, 0), (5, 0), (10, 20)):
            status(Progress("Answering", done, total))
    assert capsys.readouterr().err.splitlines() == [
        "Answering", "Answering 0.5 a second", "Answering 50%, 0.5 a second, 0:00:20 left",
    ]  # fmt: skip


def test_lines_of_several_threads_are_written_each_at_once(monkeypatch: Any) -> None:
    written: list[str] = []
    stream = io.StringIO()
    monkeypatch.setattr(stream, "write", written.append)
    monkeypatch.setattr("sys.stderr", stream)
    with StatusLine() as status:
        status(Progress("Answering"))
        status.say("The file was read as UTF-16.")
        status(Waiting("Waiting for the server", 0, 1))
    assert written == ["Answering\n", "The file was read as UTF-16.\n", "Waiting for the server (0 of 1 s)\n"]


def test_verify_finds_the_columns_of_a_table_made_by_a_person(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("ID;Premise; Hypothesis \na;Lyon is hot.;It is hot.\n", "utf-8")
    code, _, err = run("verify", "--pairs", "pairs.csv", "-o", "out.jsonl")
    assert code == 0, err
    [record] = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert record["id"] == "a"
