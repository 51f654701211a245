"""Runs that are killed, swept, compared and shared among processes."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from assistant.cli import main as assistant_cli
from assistant.errors import UsageError
from finetune.cli import main as cli
from finetune.plan.smoke import smoke_recipe
from finetune.recipe import Training
from finetune.recipe_files import load_recipe
from finetune.run.comparison import RunResult, best, compare_runs, table
from finetune.run.plots import plot_comparison
from finetune.trainer.trainer import newest_checkpoint, out_of_memory, step_of


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "finetune", *arguments]


def run(monkeypatch: pytest.MonkeyPatch, capsys: Any, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["finetune", *arguments])
    code = assistant_cli.run(cli.app, "finetune")
    output = capsys.readouterr()
    return code, output.out if code == 0 else output.err


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("loop", ["trainer", "accelerate"])
def test_a_killed_run_ends_where_an_uninterrupted_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, loop: str
) -> None:
    monkeypatch.setenv("ASSISTANT_CACHE", str(tmp_path / "cache"))
    base = str(smoke_recipe(load_recipe("qa-distilbert"), tmp_path / "sample").base)
    wanted = [f"loop={loop}", f"base={base}", "training.precision=fp32", "training.eval_rows=0",
              "training.learning_rate=1e-3"]  # fmt: skip
    sets = [part for setting in wanted for part in ("--set", setting)]
    settings = ("run", "qa-distilbert", "--smoke", *sets, "--output")
    code, out = run(monkeypatch, capsys, *settings, str(tmp_path / "whole"))
    assert code == 0, out
    whole = json.loads(out)

    killed = tmp_path / "killed"
    process = subprocess.Popen(command(*settings, str(killed)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 800
    while newest_checkpoint(killed) is None and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    # Anywhere: between two steps, while a checkpoint is written, or when all is trained and the rest is not done.
    time.sleep(random.uniform(0.0, 1.5))
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = newest_checkpoint(killed)
    assert before is not None
    over = (killed / "figures.json").is_file()

    code, out = run(monkeypatch, capsys, *settings, str(killed))
    assert code == 0, out
    resumed = json.loads(out)
    for name in ("steps", "max_steps", "epoch"):
        assert resumed[name] == whole[name]
    assert resumed["resumed_at"] == (0 if over else step_of(before))
    for name in ("train_loss", "final_loss"):
        assert resumed[name] == pytest.approx(whole[name], rel=1e-3), "of the whole run, not of its second part"
    spent = json.loads((before / "run.json").read_text())["seconds"]
    assert resumed["train_runtime"] >= spent > 0
    first, second = (load_file(folder / "model" / "model.safetensors") for folder in (tmp_path / "whole", killed))
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=1e-4, rtol=1e-3)


@pytest.mark.slow
def test_a_sweep_makes_a_run_of_each_value_and_compares_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("ASSISTANT_CACHE", str(tmp_path / "cache"))
    rates = "training.learning_rate=[1e-4, 2e-4]"
    code, out = run(
        monkeypatch, capsys, "run", "nli-camemberta", "--smoke", "--set", rates, "--output", str(tmp_path / "sweep")
    )
    assert code == 0, out
    folders = sorted(folder.name for folder in (tmp_path / "sweep").iterdir())
    assert folders == ["learning_rate=0.0001", "learning_rate=0.0002"]
    assert all(f"| {folder} |" in out for folder in folders)
    runs = [str(tmp_path / "sweep" / folder) for folder in folders]
    code, out = run(monkeypatch, capsys, "compare", *runs, "--by", "accuracy", "--plot", str(tmp_path / "plot.png"))
    assert code == 0 and "Best: " in out and "f1_macro" in out
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    code, out = run(monkeypatch, capsys, "compare", *runs, "--by", "speed")
    assert code == 2 and "No run has a figure 'speed'" in out
    code, out = run(monkeypatch, capsys, "compare", str(tmp_path))
    assert code == 2 and "not the folder of a run" in out


def result(name: str, **figures: float) -> RunResult:
    return RunResult(Path(name), name, "qa", f"base-of-{name}", figures)


def test_the_table_of_the_source_work_names_its_best_reader(tmp_path: Path) -> None:
    results = [
        result("distilbert", exact_match=75.87, f1=84.47, seconds=100.0),
        result("roberta", exact_match=85.65, f1=91.90, seconds=200.0),
        result("deberta", exact_match=86.58, f1=93.07, seconds=400.0),
    ]
    assert table(results).splitlines()[2:] == [
        "| distilbert | base-of-distilbert |  | 75.87 | 84.47 | 100 |",
        "| roberta | base-of-roberta |  | 85.65 | 91.90 | 200 |",
        "| deberta | base-of-deberta |  | 86.58 | 93.07 | 400 |",
    ]
    assert best(results).name == "deberta"
    assert best(results, "seconds").name == "distilbert"
    plot_comparison(results, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_runs_of_different_tasks_are_not_compared(tmp_path: Path) -> None:
    for name in ("qa-bert", "nli-camembert"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipe.json").write_text(load_recipe(name).model_dump_json())
        (tmp_path / name / "figures.json").write_text('{"steps": 1.0}')
    with pytest.raises(UsageError, match="different tasks"):
        compare_runs([tmp_path / "qa-bert", tmp_path / "nli-camembert"])


def test_too_little_memory_is_answered_with_what_to_change() -> None:
    training = Training(batch_size=8, accumulation=2, learning_rate=1e-4)
    assert "--set training.batch_size=4 --set training.accumulation=4" in out_of_memory(training)
    assert "max_length" in out_of_memory(training.model_copy(update={"batch_size": 1}))
