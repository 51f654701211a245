"""The same input gives the same answers, however busy the machine is; records say with what they were computed."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from assistant.answering.assistant import Assistant
from assistant.batch import BatchOptions
from assistant.batch.blocks import blocks_of, to_json_line
from assistant.batch.executors import LocalExecutor
from assistant.batch.journal import computed_otherwise
from assistant.batch.lines import read_lines
from assistant.batch.rows import Row
from assistant.encoders import precision, processor
from assistant.encoders.cpu.eight_bits import measure_ranges, save_ranges
from assistant.encoders.precision import computed_with
from assistant.settings import Settings
from tests.conftest import NLI_LABELS, mpnet_tokenizer, tiny_model

Rows = Callable[[int], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def mpnet_settings(tiny_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Tiny MPNet models as reader and verifier, which run in 8 bits where that is faster."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("reader", "verifier")}
    usual = {"initializer_range": 0.2}
    models = {
        "reader": tiny_model("mpnet", "QuestionAnswering", **usual),
        "verifier": tiny_model("mpnet", "SequenceClassification", num_labels=3, id2label=NLI_LABELS, **usual),
    }
    ids = torch.arange(5, 53).view(2, 24)
    for name, folder in folders.items():
        models[name].save_pretrained(folder)
        mpnet_tokenizer().save_pretrained(folder)
        with torch.inference_mode():
            ranges = measure_ranges(models[name], lambda: models[name](input_ids=ids))  # noqa: B023  (called at once)
        save_ranges(ranges, folder)
    return Settings(**{**tiny_settings, **{name: str(folder) for name, folder in folders.items()}}, max_new_tokens=4)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def busy() -> Iterator[Callable[[], None]]:
    """Starts two loops that keep two cores busy until the test ends."""
    loops: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        loops.extend(subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2))

    yield start
    for loop in loops:
        loop.kill()
        loop.wait()


def _run(settings: Settings, rows: list[dict[str, Any]]) -> str:
    """The output of a batch whose models are loaded anew, all choices made again, without the seconds."""
    for choice in (processor.features, precision.best_precision, precision.eight_bits_pay, computed_with):
        choice.cache_clear()
    lines = read_lines([Row(number, str(number), row) for number, row in enumerate(rows, 1)], BatchOptions())
    records = [record for block in LocalExecutor(Assistant(settings), "o").answer(blocks_of(lines)) for record in block]
    for record in records:
        record["usage"].pop("seconds")
    return "\n".join(to_json_line(record) for record in records)


def test_a_batch_beside_a_busy_loop_is_the_same_byte_for_byte(
    mpnet_settings: Settings, many_rows: Rows, two_threads: None, busy: Callable[[], None]
) -> None:
    rows = many_rows(60)
    quiet = _run(mpnet_settings, rows)
    assert len({json.loads(line)["answer"] for line in quiet.splitlines()}) > 10, "answers that differ show more"
    busy()
    for _ in range(2):
        assert _run(mpnet_settings, rows) == quiet


def test_each_record_says_with_what_it_was_computed(tiny_assistant: Assistant, many_rows: Rows) -> None:
    lines = read_lines([Row(1, "1", many_rows(1)[0]), Row(2, "2", {"question": ""})], BatchOptions())
    records = [record for block in LocalExecutor(tiny_assistant, "o").answer(blocks_of(lines)) for record in block]
    assert [record["computed_with"] for record in records] == [computed_with()] * 2
    assert "float" in computed_with()


def test_a_run_that_goes_on_on_another_kind_of_machine_says_so() -> None:
    here = "cpu bfloat16 int8"
    assert computed_otherwise({"computed_with": here}, here) is None
    assert computed_otherwise({}, here) is None, "of an earlier version nobody knows"
    said = computed_otherwise({"computed_with": "cpu float32"}, here)
    assert said is not None and "cpu float32" in said and here in said


def test_going_on_says_once_that_the_machine_is_another(
    environment: Path, many_rows: Rows, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from assistant.cli import main as cli

    def run(*arguments: str) -> int:
        monkeypatch.setattr(
            sys, "argv", ["assistant", "batch", "in.jsonl", "-o", "out.jsonl", "--no-verify", *arguments]
        )
        return cli.run(cli.app, "assistant")

    rows = [json.dumps(row) for row in many_rows(3)]
    Path("in.jsonl").write_text("\n".join(rows[:2]) + "\n")
    assert run() == 0
    capsys.readouterr()
    Path("out.jsonl").write_text(Path("out.jsonl").read_text().replace(computed_with(), "cpu elsewhere"))
    Path("in.jsonl").write_text("\n".join(rows) + "\n")
    assert run("--resume") == 0
    assert capsys.readouterr().err.count("cpu elsewhere") == 1
    answered = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [record["computed_with"] for record in answered] == ["cpu elsewhere"] * 2 + [computed_with()]
