"""What a run that goes on must not lose, mix up or take from an earlier one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.batch import journal
from assistant.batch.blocks import records_of
from assistant.batch.lines import Line
from assistant.cli import main as cli
from assistant.errors import AssistantError
from tests.assistant.generation.server.loopback import Asked, serving

Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `assistant batch` on four questions for a server."""
    monkeypatch.setenv("ASSISTANT_CONFIG", str(tmp_path / "settings.toml"))
    monkeypatch.chdir(tmp_path)
    rows = ({"id": f"q{number}", "question": f"Write loop {number}", "route": "open"} for number in range(4))
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def go(url: str, *options: str) -> int:
        arguments = ["assistant", "batch", "in.jsonl", "-o", "out.jsonl", "--server", url, "--requests", "1", *options]
        monkeypatch.setattr("sys.argv", arguments)
        return cli.run(cli.app, "assistant")

    return go


class Credit:
    """A server whose credit is used up for one question, until it is given more."""

    def __init__(self) -> None:
        self.more = False

    def __call__(self, asked: Asked) -> None:
        if not self.more and "loop 2" in asked.body["messages"][-1]["content"]:
            asked.refuse(402, "out of credit")
        else:
            message = {"role": "assistant", "content": f"by {asked.body['model']}"}
            asked.json({"id": "1", "choices": [{"message": message, "finish_reason": "stop"}]})


def records(path: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_what_is_being_written_is_not_cut_off_while_the_next_block_is_read(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    lines = [Line(number, f"q{number}", "d", error=AssistantError("no")) for number in range(1, 4)]
    written = "".join(json.dumps(record) + "\n" for record in records_of(lines[:1], [], "o"))
    path.write_text(written + '{"torn')
    work = journal.unfinished([[line] for line in lines], path, "o", lambda _: None)
    next(work)
    assert path.read_text() == written
    with path.open("a") as file:
        file.write('{"half of a record')
    next(work)
    assert path.read_text() == written + '{"half of a record'


def test_a_link_to_the_output_stays_one_and_the_output_is_whole(run: Run) -> None:
    Path("real").mkdir()
    Path("real/out.jsonl").touch()
    Path("out.jsonl").symlink_to("real/out.jsonl")
    credit = Credit()
    with serving(credit) as server:
        assert run(server.url, "--model", "m", "--overwrite") == 3
        credit.more = True
        assert run(server.url, "--model", "m", "--resume") == 0
    assert Path("out.jsonl").is_symlink()
    assert not [record for record in records("real/out.jsonl") if "error" in record]


def test_what_an_earlier_run_tried_again_is_not_put_into_one_with_other_options(run: Run) -> None:
    credit = Credit()
    with serving(credit) as server:
        assert run(server.url, "--model", "m") == 3
        tried = {**records()[2], "answer": "of the earlier run"}
        Path("out.jsonl.retried").write_text(json.dumps(tried) + "\n")  # killed before it was put in its place
        assert run(server.url, "--model", "m", "--overwrite", "--temperature", "0.5") == 3
        assert not Path("out.jsonl.retried").exists()
        Path("out.jsonl.retried").write_text(json.dumps(tried) + "\n")
        credit.more = True
        assert run(server.url, "--model", "m", "--resume", "--temperature", "0.5") == 0
    assert len({record["options_digest"] for record in records()}) == 1


def test_a_run_that_goes_on_with_another_model_says_so(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    credit, listed = Credit(), {"data": [{"id": "first"}, {"id": "second"}]}
    with serving(credit, lambda asked: asked.json(listed)) as server:
        run(server.url)
        assert "others by" not in capsys.readouterr().err
        credit.more = True
        listed["data"].reverse()
        run(server.url, "--resume")
    assert "written by first, others by second" in " ".join(capsys.readouterr().err.split())
