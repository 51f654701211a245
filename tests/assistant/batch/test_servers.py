"""Batches on a server that limits its rate, fails, is slow and goes away: every line is answered in the end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.answering.assistant import Assistant
from assistant.generation.server.generator import Timing
from assistant.settings import Settings
from tests.assistant.generation.server.loopback import Asked, Reply, serving
from tests.trust.servers import piece

FOREST = "The Amazon rainforest covers 5.5 million square kilometers. It holds about 390 billion trees."
Timeless = Callable[[Path], list[dict[str, Any]]]


def rows(count: int) -> list[dict[str, Any]]:
    """Questions that the reader answers, that a server answers from a document, and that it answers alone."""
    made = []
    for number in range(count):
        row: dict[str, Any] = {"id": f"q{number}", "question": f"Write loop number {number} in Python"}
        if number % 4 == 1:
            row |= {"question": "How large is the forest?", "document": FOREST}
        elif number % 4 == 2:
            row |= {"question": f"Explain the forest, part {number}", "document": FOREST, "route": "grounded"}
        made.append(row)
    return made


def answer(asked: Asked) -> None:
    """Answer by the question alone, as a model does at a temperature of 0."""
    question = asked.body["messages"][-1]["content"].rpartition("Question: ")[2]
    asked.say(f"The rainforest covers much; this is about: {question}")


class Limited:
    """Allows so many requests in a while, and fails one in ten of those, each time in another way."""

    def __init__(self, requests: int, seconds: float) -> None:
        self._requests, self._seconds = requests, seconds
        self._times: deque[float] = deque()
        self._lock = threading.Lock()
        self._allowed = 0
        self.refused = self.failed = 0

    def __call__(self, asked: Asked) -> None:
        with self._lock:
            now = time.monotonic()
            while self._times and now - self._times[0] > self._seconds:
                self._times.popleft()
            wait = self._seconds - (now - self._times[0]) if len(self._times) >= self._requests else 0
            if wait:
                self.refused += 1
            else:
                self._times.append(now)
                self._allowed += 1
            fails = not wait and self._allowed % 10 == 3
            self.failed += fails
            number = self.failed
        if wait:
            sentence = f"Rate limit reached: {self._requests} requests. Please try again in {wait:.3f}s."
            asked.json({"error": {"message": sentence}}, 429)
        elif fails and number % 2:
            asked.refuse(500, "Internal error")
        elif fails:
            asked.stream([piece("The rainfor")], cut=True)
        else:
            answer(asked)


@pytest.fixture
def command(environment: Path, tiny_settings: dict[str, str]) -> Callable[..., list[str]]:
    """A run of `assistant batch`, with tiny models and a server."""
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(40)), "utf-8")
    (environment / "settings.toml").write_text('server_model = "m"\n')

    def make(url: str, output: str, *options: str) -> list[str]:
        return [sys.executable, "-m", "assistant", "batch", "in.jsonl", "-o", output, "--server", url, *options]

    return make


def without_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSISTANT_GENERATOR", raising=False)


@pytest.mark.slow
def test_a_batch_on_a_limited_and_failing_server_is_whole_and_equal_to_an_undisturbed_one(
    command: Callable[..., list[str]], timeless: Timeless, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_generator(monkeypatch)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    limited = Limited(10, 1.5)
    current: list[Reply] = [answer]
    with serving(lambda asked: current[0](asked)) as server:  # noqa: PLW0108  (looked up anew each time)
        done = subprocess.run(
            command(server.url, "whole.jsonl"),
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        current[0] = limited
        run = subprocess.Popen(command(server.url, "out.jsonl"), env=environment, stderr=subprocess.PIPE)
        end = time.monotonic() + 150
        while not Path("out.jsonl").exists() or Path("out.jsonl").read_bytes().count(b"\n") < 8:
            assert time.monotonic() < end and run.poll() is None, run.communicate()
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        kept = Path("out.jsonl").read_bytes()
        assert kept.count(b"\n") < 40
        questions = len(server.asked)
        done = subprocess.run(
            command(server.url, "out.jsonl", "--resume"),
            env=environment, capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        asked_again = [body["messages"][-1]["content"] for body in server.asked[questions:]]
    assert limited.refused and limited.failed
    assert Path("out.jsonl").read_bytes().startswith(kept[: kept.rfind(b"\n") + 1])
    assert not [text for text in asked_again if text == "Write loop number 0 in Python"], "what was done is asked anew"
    whole, out = timeless(Path("whole.jsonl")), timeless(Path("out.jsonl"))
    assert [record["id"] for record in out] == [f"q{number}" for number in range(40)]
    for left, right in zip(whole, out, strict=True):
        assert left == right
    assert all(record["answer"] for record in out if record["route"] != "extract")


@pytest.fixture
def run_batch_on(
    environment: Path, tiny_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    """Runs `assistant batch` on a server in this process; its exit code and records."""
    from assistant.cli import main as cli

    without_generator(monkeypatch)
    monkeypatch.setenv("ASSISTANT_SERVER_MODEL", "m")

    def run(url: str, *options: str, questions: str = "in.jsonl") -> tuple[int, list[dict[str, Any]]]:
        arguments = ["assistant", "batch", questions, "-o", "out.jsonl", "--server", url, *options]
        monkeypatch.setattr("sys.argv", arguments)
        code = cli.run(cli.app, "assistant")
        return code, [json.loads(line) for line in Path("out.jsonl").read_text("utf-8").splitlines()]

    return run


def _open_rows(count: int) -> None:
    lines = [json.dumps({"question": f"Write loop number {number} in Python"}) for number in range(count)]
    Path("in.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def test_lines_that_failed_for_passing_reasons_are_tried_again_by_resume_and_all_by_retry_failed(
    run_batch_on: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("ASSISTANT_SERVER_PATIENCE", "0")
    broken = [True]

    def reply(asked: Asked) -> None:
        question = asked.body["messages"][-1]["content"]
        if "number 2" in question and broken:
            asked.json({"error": {"message": "Too many requests"}}, 429, {"Retry-After": "9"})
        elif "number 3" in question and broken:
            asked.refuse(400, "This question is refused")
        else:
            answer(asked)

    _open_rows(6)
    with serving(reply) as server:
        code, records = run_batch_on(server.url)
        assert code == 3
        errors = {at: record["error"] for at, record in enumerate(records) if "error" in record}
        assert set(errors) == {2, 3}
        assert (errors[2]["passing"], "passing" in errors[3]) == (True, False)
        assert "Too many requests" in errors[2]["message"]
        assert "1 line failed for passing reasons; --resume tries it again" in (told := capsys.readouterr().err)
        assert "1 line failed at the model; once that is fixed, --retry-failed tries it again" in told
        broken.clear()
        before = len(server.asked)
        code, records = run_batch_on(server.url, "--resume")
        assert (code, len(server.asked) - before) == (3, 1)
        assert [("error" in record) for record in records] == [False, False, False, True, False, False]
        assert "number 2" in records[2]["answer"]
        assert "5 answered, 1 failed, 5 done before, 1 tried again" in capsys.readouterr().err
        code, records = run_batch_on(server.url, "--retry-failed")
        assert (code, [record for record in records if "error" in record]) == (0, [])
        assert [f"number {at}" in record["answer"] for at, record in enumerate(records)] == [True] * 6
        assert not list(Path().glob("out.jsonl.*"))


def test_what_was_tried_again_before_a_kill_is_kept(run_batch_on: Callable[..., Any]) -> None:
    _open_rows(3)
    current: list[Reply] = [lambda asked: asked.refuse(429, "Quota", code="insufficient_quota")]
    with serving(lambda asked: current[0](asked)) as server:  # noqa: PLW0108  (looked up anew each time)
        code, failed = run_batch_on(server.url)
        assert code == 3
        # As a run leaves it that was killed after the first line: its record, and the beginning of another.
        new = {key: value for key, value in failed[0].items() if key not in ("error", "line")}
        new |= {
            "question": "Write loop number 0 in Python", "route": "open", "answer": "kept", "score": None,
            "evidence": [], "verdict": None, "closest": None, "models": {}, "usage": {"seconds": 0},
        }  # fmt: skip
        Path("out.jsonl.retried").write_text(json.dumps(new) + "\n" + '{"id": "2", "torn')
        current[0] = answer
        code, records = run_batch_on(server.url, "--resume")
    assert code == 0
    assert records[0]["answer"] == "kept"
    assert [f"number {at}" in records[at]["answer"] for at in (1, 2)] == [True, True]
    assert not Path("out.jsonl.retried").exists()


def test_a_server_with_one_slot_and_one_that_is_restarted_lose_no_line(
    run_batch_on: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = threading.Lock()

    def one_at_a_time(asked: Asked) -> None:
        with slot:
            time.sleep(0.05)
            answer(asked)

    _open_rows(30)
    with serving(one_at_a_time) as server:
        code, records = run_batch_on(server.url)
        assert (code, server.most_at_once > 1) == (0, True)
        assert [f"number {at}" in record["answer"] for at, record in enumerate(records)] == [True] * 30
        assert run_batch_on(server.url, "--overwrite", "--requests", "1")[0] == 0


def test_each_line_is_on_disk_as_soon_as_it_and_those_before_are_done(
    tiny_settings: dict[str, str], tmp_path: Path
) -> None:
    from assistant.batch import BatchOptions
    from assistant.batch.blocks import blocks_of
    from assistant.batch.executors import LocalExecutor
    from assistant.batch.lines import read_lines
    from assistant.batch.rows import Row

    go_on = threading.Event()

    def reply(asked: Asked) -> None:
        if "number 2" in asked.body["messages"][-1]["content"]:
            assert go_on.wait(60)
        answer(asked)

    numbered = [Row(at + 1, str(at), {"question": f"Write loop number {at}"}) for at in range(4)]
    with serving(reply) as server:
        settings = Settings(**{**tiny_settings, "generator": None}, server=server.url, server_model="m")
        engine = LocalExecutor(Assistant(settings))
        records = iter(engine.answer(blocks_of(read_lines(numbered, BatchOptions()))))
        first: list[Any] = []
        while len(first) < 2:
            first += next(records)
        assert [record["id"] for record in first] == ["1", "2"], "the others wait for the third"
        go_on.set()
        assert [record["id"] for block in records for record in block] == ["3", "4"]


def test_a_written_answer_is_right_where_it_contains_the_expected_one(
    run_batch_on: Callable[..., Any], capsys: Any
) -> None:
    lines = [
        {"question": "Name 1", "answers": ["about: Name 1"]},
        {"question": "Name 2", "answers": ["Paris"]},
    ]
    Path("in.jsonl").write_text("".join(json.dumps({**line, "route": "open"}) + "\n" for line in lines), "utf-8")
    with serving(answer) as server:
        code, records = run_batch_on(server.url)
    assert code == 0
    assert [record["contains"] for record in records] == [1.0, 0.0]
    assert "50.0% of written answers contain an expected one" in capsys.readouterr().err


def test_an_answer_that_is_cut_says_so_in_its_record_and_in_the_summary(
    run_batch_on: Callable[..., Any], capsys: Any
) -> None:
    _open_rows(2)
    with serving(
        lambda asked: asked.say("for x in", finish=["stop", "length"]["number 0" in str(asked.body)])
    ) as server:
        _, records = run_batch_on(server.url)
    assert [record.get("incomplete") for record in records] == ["length", None]
    assert "not complete" in capsys.readouterr().err


def test_the_default_patience_is_for_a_night() -> None:
    assert Timing().patience == Settings().server_patience >= 600
    assert Settings().server_first_token_timeout >= 300


def test_a_pipe_needs_no_leave_to_be_written_to(tmp_path: Path) -> None:
    from assistant.cli.files import check_paths

    pipe, questions = tmp_path / "pipe", tmp_path / "questions.jsonl"
    os.mkfifo(pipe)
    questions.write_text('{"question": "Why?"}\n', "utf-8")
    check_paths(str(questions), str(pipe), None, resume=False, overwrite=False)


def test_a_line_whose_document_was_missing_is_answered_by_retry_failed_once_it_is_there(
    run_batch_on: Callable[..., Any],
) -> None:
    rows = [{"question": f"Write loop number {number}", "id": f"q{number}", "route": "open"} for number in range(3)]
    rows[1]["document_path"] = "notes.txt"
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with serving(answer) as server:
        code, records = run_batch_on(server.url)
        assert code == 3
        assert ["error" in record for record in records] == [False, True, False]
        Path("notes.txt").write_text("Loops repeat.", "utf-8")
        assert run_batch_on(server.url, "--resume") == (3, records)
        code, again = run_batch_on(server.url, "--retry-failed")
        assert code == 0
        assert [again[0], again[2]] == [records[0], records[2]]
        assert "number 1" in again[1]["answer"]
        assert run_batch_on(server.url, "--resume") == (0, again)


def _put(rows: list[dict[str, Any]]) -> None:
    Path("in.jsonl").write_text("".join(json.dumps({"route": "open", **row}) + "\n" for row in rows), "utf-8")


def test_a_line_whose_id_is_the_number_of_another_is_tried_again_in_its_own_place(
    run_batch_on: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_SERVER_PATIENCE", "0")
    broken = [True]
    _put(
        [
            {"question": "Write loop number 1", "document_path": "notes.txt"},
            {"question": "Write loop number 2", "id": "1"},
        ]
    )

    def reply(asked: Asked) -> None:
        if broken:
            asked.json({"error": {"message": "Too many requests"}}, 429, {"Retry-After": "9"})
        else:
            answer(asked)

    with serving(reply) as server:
        code, records = run_batch_on(server.url)
        assert (code, ["error" in record for record in records]) == (3, [True, True])
        broken.clear()
        code, records = run_batch_on(server.url, "--resume")
        assert ["error" in record for record in records] == [True, False]
        assert "number 2" in records[1]["answer"]
        Path("notes.txt").write_text("Loops repeat.", "utf-8")
        code, records = run_batch_on(server.url, "--retry-failed")
        assert code == 0
        assert [f"number {at}" in record["answer"] for at, record in enumerate(records, 1)] == [True, True]


def test_lines_with_one_id_are_gone_on_with_and_tried_again_each_for_itself(
    run_batch_on: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_SERVER_PATIENCE", "0")
    broken = [True]
    _put([{"question": f"Write loop number {at}", "id": "same" if at < 3 else "other"} for at in (1, 2, 3)])

    def reply(asked: Asked) -> None:
        if broken and "number 1" in asked.body["messages"][-1]["content"]:
            asked.json({"error": {"message": "Too many requests"}}, 429, {"Retry-After": "9"})
        else:
            answer(asked)

    with serving(reply) as server:
        assert run_batch_on(server.url)[0] == 3
        broken.clear()
        for option in ("--resume", "--retry-failed", "--resume"):
            code, records = run_batch_on(server.url, option)
            assert (code, [record["id"] for record in records]) == (3, ["same", "same", "other"])
            assert "number 1" in records[0]["answer"]
            assert "that of line 1 already" in records[1]["error"]["message"]
            assert "number 3" in records[2]["answer"]


def test_a_server_whose_answers_are_spoilt_on_the_way_now_and_then_loses_no_line(
    run_batch_on: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.generation.server.pace.FIRST_WAIT", 0.01)
    packed = bytearray(zlib.compress(b"".join(piece(f"word{at}") for at in range(90)), wbits=31))
    packed[40:60] = b"\xff" * 20

    def reply(asked: Asked) -> None:
        if asked.number % 3 == 0:
            asked.raw(bytes(packed), 200, {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"})
        else:
            answer(asked)

    _open_rows(9)
    with serving(reply) as server:
        code, records = run_batch_on(server.url)
    assert code == 0
    assert [f"number {at}" in record["answer"] for at, record in enumerate(records)] == [True] * 9


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("questions.txt", "What is a loop?\nWhat is a list?\n", True),
        ("questions", "What is a loop\nWhat is a list\n", True),
        ("questions.csv", "What is a loop?\nWhat is a list?\n", True),
        ("questions.csv", "question\nWhat is a loop?\n", False),
        ("questions.txt", "id,question\n1,What is a loop?\n", False),
        ("questions.jsonl", '{"question": "What is a loop?"}\nodd\n', False),
    ],
)
def test_a_text_file_of_questions_is_told_how_it_would_be_read(
    run_batch_on: Callable[..., Any], capsys: Any, name: str, text: str, told: bool
) -> None:
    Path(name).write_text(text, "utf-8")
    with serving(answer) as server:
        run_batch_on(server.url, questions=name)
    err = capsys.readouterr().err
    assert err.count("a text file of questions, one a line, is read with a first line that says") == told
