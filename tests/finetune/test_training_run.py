"""Whole runs of the command line on a tiny encoder: train, go on, measure."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from assistant.encoders.cpu.eight_bits import load_ranges
from assistant.encoders.pairs import PairEncoder
from assistant.errors import UsageError
from assistant.loading.reader import load_reader
from assistant.loading.verifier import load_verifier
from assistant.models.store import ModelStore, ResolvedModel
from assistant.types import Label
from finetune.data.pairs import Pair
from finetune.tasks.nli.training import training_items
from finetune.trainer.int8 import cost_of_int8
from finetune.trainer.trainer import newest_checkpoint
from tests.conftest import Run

CITIES = ["Lyon", "Paris", "Berlin", "Rome", "Madrid", "Lisbon"]


def _squad(path: Path, *, unanswerable: bool) -> Path:
    articles = []
    for number in range(6):
        paragraphs = []
        for city in CITIES:
            context = f"{city} has {number}5 million trees. Marie Curie lived there in 19{number}0."
            qas: list[dict[str, Any]] = [
                {
                    "id": f"{number}-{city}",
                    "question": f"How many trees has {city}?",
                    "answers": [{"text": f"{number}5 million", "answer_start": context.index(f"{number}5")}],
                }
            ]
            if unanswerable:
                qas.append(
                    {"id": f"{number}-{city}-no", "question": "Who is king?", "answers": [], "is_impossible": True}
                )
            paragraphs.append({"context": context, "qas": qas})
        articles.append({"title": f"Article {number}", "paragraphs": paragraphs})
    path.write_text(json.dumps({"data": articles}))
    return path


def _tsv(path: Path) -> Path:
    rows = [f"{city} is hot.\t{city} is {word}.\t{label}" for city in CITIES for word, label in (
        ("warm", "entailment"), ("cold", "contradiction"), ("large", "neutral"))]  # fmt: skip
    path.write_text("premise\thypothesis\tlabel\n" + "\n".join(rows) + "\n")
    return path


SMALL = ["training.batch_size=4", "training.accumulation=1", "lora.r=4", "lora.alpha=8", "training.logging_steps=1"]


def _sets(*settings: str) -> list[str]:
    return [part for setting in (*SMALL, *settings) for part in ("--set", setting)]


def test_a_reader_is_trained_goes_on_from_its_checkpoint_and_is_measured(
    run: Run, tmp_path: Path, encoder_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = _squad(tmp_path / "train.json", unanswerable=False)
    settings = _sets(
        f"base={encoder_folder}", f'data.train=["{data}"]', "data.held_out=0.2", "max_length=64", "stride=16",
        "training.save_steps=2", "data.limit=16",
    )  # fmt: skip
    code, out, err = run("run", "qa-minilm", *settings, "--output", "run")
    assert code == 0, err
    figures = json.loads(out)
    assert figures["steps"] == figures["max_steps"] > 2
    assert {"train_loss", "held_out_f1", "held_out_exact_match"} <= set(figures)
    adapter = tmp_path / "run" / "adapter"
    assert {path.name for path in adapter.iterdir()} >= {
        "adapter_config.json", "adapter_model.safetensors", "calibration.json",
    }  # fmt: skip
    assert json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"] == str(encoder_folder)

    # The run is killed while it writes its last checkpoint: the next goes on from the one before.
    newest = newest_checkpoint(tmp_path / "run")
    assert newest is not None
    (newest / "trainer_state.json").unlink()
    shutil.rmtree(adapter)
    before = newest_checkpoint(tmp_path / "run")
    assert before is not None and before != newest
    code, out, err = run("run", "qa-minilm", *settings, "--output", "run")
    assert code == 0, err
    assert f"going on from {before.relative_to(tmp_path)}" in caplog.text
    assert json.loads(out)["steps"] == figures["steps"]

    code, out, err = run("evaluate", "qa", "--data", str(data), "--model", "run", "--json", "--limit", "10")
    assert code == 0, err
    report = json.loads(out)
    assert set(report) == {"exact_match", "f1", "calibration_error", "errors", "total", "seconds"}
    assert report["total"] == 10
    both = _squad(tmp_path / "both.json", unanswerable=True)
    files = ("--errors", "errors.jsonl", "--plot", "plot.png")
    report = json.loads(run("evaluate", "qa", "--data", str(both), "--model", "run/adapter", *files, "--json")[1])
    parts = {"has_answer", "no_answer"}
    assert set(report) == {"exact_match", "f1", "calibration_error", "errors", "total", "seconds", *parts}
    wrong = (tmp_path / "errors.jsonl").read_text("utf-8").splitlines()
    assert len(wrong) == round(sum(report["errors"].values()) * report["total"] / 100)
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert report["has_answer"]["total"] + report["no_answer"]["total"] == report["total"] == 72
    share = report["has_answer"]["total"] / report["total"]
    expected = share * report["has_answer"]["f1"] + (1 - share) * report["no_answer"]["f1"]
    assert report["f1"] == pytest.approx(expected)


@pytest.mark.parametrize("loop", ["trainer", "accelerate"])
def test_a_run_that_stopped_early_is_over_wherever_its_folder_goes(
    run: Run, tmp_path: Path, encoder_folder: Path, loop: str
) -> None:
    data = _squad(tmp_path / "train.json", unanswerable=False)
    settings = [
        f"base={encoder_folder}", f'data.train=["{data}"]', f"data.test={data}", f"loop={loop}", "max_length=64",
        "stride=16", "data.held_out=0.2", "training.batch_size=4", "training.learning_rate=1e-5", "training.epochs=6",
        "training.early_stopping=1",
    ]  # fmt: skip
    sets = [part for setting in settings for part in ("--set", setting)]
    code, out, err = run("run", "qa-bert", *sets, "--output", "run")
    assert code == 0, err
    first = json.loads(out)
    assert first["steps"] < first["max_steps"], "nothing is learned at such a rate, so it stops early"
    state = json.loads((tmp_path / "run" / f"checkpoint-{first['steps']:.0f}" / "trainer_state.json").read_text())
    best = load_file(tmp_path / "run" / Path(state["best_model_checkpoint"]).name / "model.safetensors")

    (tmp_path / "run").rename(tmp_path / "moved")
    (tmp_path / "moved" / "figures.json").unlink()  # it was killed while it was measured
    code, out, err = run("run", "qa-bert", *sets, "--output", "moved")
    assert code == 0, err
    again = json.loads(out)
    assert (again["steps"], again["max_steps"]) == (first["steps"], first["max_steps"])
    assert again["resumed_at"] == first["steps"]
    trained = load_file(tmp_path / "moved" / "model" / "model.safetensors")
    assert all(torch.equal(trained[name], best[name]) for name in best), "the best checkpoint's, not the last one's"


def test_a_run_is_not_gone_on_with_by_another_recipe(run: Run, tmp_path: Path, encoder_folder: Path) -> None:
    data = _squad(tmp_path / "train.json", unanswerable=False)
    settings = _sets(
        f"base={encoder_folder}", f'data.train=["{data}"]', "max_length=64", "stride=16", "data.limit=8",
        "training.learning_rate=6e-4", "training.epochs=2",
    )  # fmt: skip
    assert run("run", "qa-minilm", *settings, "--output", "run")[0] == 0
    report = (tmp_path / "run" / "report.md").read_text("utf-8")
    for other, said in (
        ("training.learning_rate=1e-5", "training.learning_rate = 0.0006, this one has 1e-05"),
        ("data.limit=16", "data.limit = 8, this one has 16"),
        ("base=all-minilm-l6-v2", f"base = {encoder_folder.name}, this one has all-minilm-l6-v2"),
    ):
        code, out, err = run("run", "qa-minilm", *settings, "--set", other, "--output", "run")
        assert (code, out) == (2, "") and said in err and "--fresh" in err
    assert (tmp_path / "run" / "report.md").read_text("utf-8") == report
    # More memory-saving batches, a longer training, or the same data in another place are the same run.
    (tmp_path / "elsewhere").mkdir()
    moved = data.rename(tmp_path / "elsewhere" / data.name)
    more = ("training.batch_size=2", "training.accumulation=2", "training.epochs=3", f'data.train=["{moved}"]')
    sets = [part for setting in more for part in ("--set", setting)]
    code, out, err = run("run", "qa-minilm", *settings, *sets, "--output", "run")
    assert code == 0, err
    assert json.loads(out)["epoch"] == 3


def test_the_command_of_a_run_can_be_pasted(run: Run, tmp_path: Path, encoder_folder: Path) -> None:
    data = _squad(tmp_path / "own data.json", unanswerable=False)
    settings = _sets(f"base={encoder_folder}", f'data.train=["{data}"]', "max_length=64", "stride=16", "data.limit=8")
    assert run("run", "qa-minilm", *settings, "--output", "run")[0] == 0
    command = json.loads((tmp_path / "run" / "run.json").read_text())["command"]
    assert shlex.split(command) == ["finetune", "run", "qa-minilm", *settings, "--output", "run"]


def test_too_little_gpu_memory_anywhere_in_a_run_is_answered_with_what_to_change(
    run: Run, encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = torch.nn.Embedding.forward

    def none_left_to_measure(module: torch.nn.Embedding, ids: torch.Tensor) -> torch.Tensor:
        if module.training:
            return forward(module, ids)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(torch.nn.Embedding, "forward", none_left_to_measure)
    code, _, err = run("run", "nli-camembert", "--smoke", "--set", "training.eval_rows=0")
    assert code == 1
    assert "--set training.batch_size=2 --set training.accumulation=2" in err


def test_a_training_whose_weights_are_no_longer_numbers_ends_with_what_to_change(run: Run, tmp_path: Path) -> None:
    code, _, err = run("run", "nli-minilm", "--smoke", "--set", "training.learning_rate=1e38", "--output", "run")
    assert code == 1
    assert "the weights are no longer numbers" in err
    assert "--set training.precision=fp32" in err
    assert not (tmp_path / "run" / "adapter").exists()


def test_a_run_starts_from_the_weights_of_another_adapter(
    run: Run, tmp_path: Path, encoder_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = _squad(tmp_path / "train.json", unanswerable=False)
    settings = _sets(
        f"base={encoder_folder}", f'data.train=["{data}"]', "max_length=64", "stride=16", "data.limit=16",
        "training.learning_rate=1e-9", "method=lora",
    )  # fmt: skip
    assert run("run", "qa-minilm", *settings, "--output", "first")[0] == 0
    going_on = (*settings, "--set", "lora.start_from=first/adapter", "--set", "training.seed=7")
    assert run("run", "qa-minilm", *going_on, "--output", "second")[0] == 0
    assert "going on from the weights of first/adapter" in caplog.text
    first, second = (
        load_file(tmp_path / name / "adapter" / "adapter_model.safetensors") for name in ("first", "second")
    )
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=1e-3, rtol=0)
    code, _, err = run("run", "qa-minilm", *settings, "--set", "lora.start_from=nowhere", "--output", "third")
    assert code == 2
    assert "lora.start_from" in err
    code, _, err = run("run", "qa-minilm", *going_on, "--set", "lora.r=3", "--output", "third")
    assert code == 2
    assert "cannot be gone on from" in err


@pytest.mark.parametrize("name", ["qa-minilm", "nli-minilm"])
def test_weights_that_were_trained_in_full_are_kept_as_an_adapter_that_answers(
    run: Run, tmp_path: Path, name: str
) -> None:
    code, out, err = run("run", name, "--smoke", "--set", "method=extracted", "--output", "run")
    assert code == 0, err
    assert json.loads(out)["model"] == "run/adapter"
    weights = load_file(tmp_path / "run" / "adapter" / "adapter_model.safetensors")
    assert any("lora_B" in key and bool(tensor.any()) for key, tensor in weights.items())
    assert "trained in full" in (tmp_path / "run" / "adapter" / "README.md").read_text()
    task = name.partition("-")[0]
    load = load_reader if task == "qa" else load_verifier
    assert load(ModelStore().resolve("run/adapter")).name


def test_a_verifier_is_trained_and_measured(run: Run, tmp_path: Path, encoder_folder: Path) -> None:
    data = _tsv(tmp_path / "pairs.tsv")
    data.write_text(data.read_text() + "Nobody agreed.\tOn this one.\t-\n")
    other = "data.columns.hypothesis=hypothesis"
    settings = _sets(
        f"base={encoder_folder}", f'data.train=["{data}"]', f"data.test={data}", other, "training.epochs=2",
        "data.held_out=0.34", 'lora.modules_to_save=["pooler", "classifier"]', "training.learning_rate=1e-3",
    )  # fmt: skip
    code, out, err = run("run", "nli-camembert", *settings, "--output", "run")
    assert code == 0, err
    figures = json.loads(out)
    assert figures["steps"] > 0 and "test_f1_macro" in figures and "held_out_accuracy" in figures
    survey = json.loads((tmp_path / "run" / "data.json").read_text())
    assert (survey["train"], survey["held_out"], survey["in_train_and_test"]) == (12, 6, 12)
    assert survey["left_out"] == {"a label that is none of the three": 1}
    assert "12 of 18 test rows are in the training data too" in (tmp_path / "run" / "report.md").read_text()
    code, out, err = run("evaluate", "nli", "--data", str(data), "--model", "run", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert set(report) == {
        "accuracy", "f1_macro", "f1_weighted", "precision_macro", "precision_weighted", "recall_macro",
        "recall_weighted", "confusion_matrix", "labels", "total", "seconds", "left_out",
    }  # fmt: skip
    assert report["labels"] == ["entailment", "neutral", "contradiction"]
    assert sum(map(sum, report["confusion_matrix"])) == report["total"] == 18
    hits = sum(report["confusion_matrix"][at][at] for at in range(3))
    assert report["accuracy"] == pytest.approx(100 * hits / 18)
    assert "accuracy" in run("evaluate", "nli", "--data", str(data), "--model", "run")[1]


def test_pairs_too_long_for_training_are_left_out_and_never_cut(encoder: PairEncoder) -> None:
    pairs = [Pair("forest " * words, "It is large.", Label.NEUTRAL) for words in (5, 50, 500)]
    items = training_items(pairs, encoder, 128)
    assert len(items) == 2
    assert [item["labels"] for item in items] == [1, 1]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["run", "qa-minilml"], "Did you mean qa-minilm"),
        (["run", "qa-minilm", "--set", "training.epoch=2"], "did you mean epochs"),
        (["run", "qa-minilm", "--set", 'data.train=["none.json"]', "--set", "base=ENCODER"], "no data file"),
        (["run", "nli-camembert", "--smoke", "--set", 'lora.targets=["nothing"]'], "its linear layers are"),
        (["run", "nli-camembert", "--smoke", "--set", "training.optimizer=adamw_torh"], "did you mean adamw_torch"),
        (["run", "qa-bert", "--set", 'data.train=["faulty.json"]', "--set", "base=ENCODER"], "no question to train on"),
        (["run", "nli-camembert", "--set", 'data.train=["x.tsv"]', "--set", "base=ENCODER"], "the table has no rows"),
        (["evaluate", "speech", "--data", "x"], "choose qa, nli, code"),
        (["evaluate", "qa", "--data", "none.json"], "no data file"),
        (["evaluate", "qa", "--data", "."], "folder"),
        (["evaluate", "nli", "--data", "x.tsv", "--model", "base"], "no head"),
        (["show", "nothing"], "no recipe"),
        (["nothing"], "nothing"),
    ],
)
def test_a_wrong_request_is_one_line(
    run: Run, tmp_path: Path, encoder_folder: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "x.tsv").write_text("premise\thypothesis\tlabel\n")
    faulty = {"id": "1", "question": "What?", "answers": [{"text": "not there", "answer_start": 0}]}
    articles = [{"title": "T", "paragraphs": [{"context": "Lyon has trees.", "qas": [faulty]}]}]
    (tmp_path / "faulty.json").write_text(json.dumps({"data": articles}))
    code, out, err = run(*(argument.replace("ENCODER", str(encoder_folder)) for argument in arguments))
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_recipes_are_listed_and_shown(run: Run) -> None:
    code, out, _ = run("list")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()} >= {"qa-minilm", "nli-minilm", "code-qwen2.5-coder-1.5b"}
    code, out, _ = run("show", "qa-minilm")
    assert code == 0
    assert "[lora]" in out and "#" in out


def test_eight_bits_are_measured_against_what_the_model_was_and_kept_if_wanted(
    run: Run, reader_folder: Path, tmp_path: Path
) -> None:
    data, model = _squad(tmp_path / "data.json", unanswerable=False), tmp_path / "model"
    shutil.copytree(reader_folder, model)
    code, out, err = run("evaluate", "qa", "--data", str(data), "--model", str(model), "--int8", "--json")
    assert code == 0, err
    report = json.loads(out)
    eight = report["int8"]
    assert eight["cost"]["f1"] == pytest.approx(report["f1"] - eight["f1"], abs=1e-3)
    assert 0 < eight["megabytes"] < eight["megabytes_before"]
    assert eight["layers"] == 10, "five of each of the two layers"
    assert not (model / "ranges.json").exists()
    code, _, err = run("evaluate", "qa", "--data", str(data), "--model", str(model), "--int8", "--keep")
    assert code == 0, err
    assert len(load_ranges(model)) == 10
    (model / "ranges.json").unlink()
    (model / "ranges.json").mkdir()  # nothing can be written there
    code, _, err = run("evaluate", "qa", "--data", str(data), "--model", str(model), "--int8", "--keep")
    assert code == 2 and "not kept" in err and "Traceback" not in err
    code, _, err = run("evaluate", "code", "--data", str(data), "--int8")
    assert code == 2 and "for qa and nli" in err
    code, _, err = run("evaluate", "qa", "--data", str(data), "--keep")
    assert code == 2 and "--int8" in err


def test_a_model_that_has_read_nothing_has_no_ranges_for_8_bits(reader_folder: Path) -> None:
    reader = load_reader(ResolvedModel("tiny", reader_folder))
    with pytest.raises(UsageError, match="8 bits are for encoders"):
        cost_of_int8(reader, read=lambda: None, measure=dict, report={})


def test_a_runs_folder_is_a_profile(tmp_path: Path) -> None:
    from assistant.models.catalogue import load_catalogue
    from finetune.recipe_files import load_recipe

    catalogue = load_catalogue()
    folder = tmp_path / "run"
    for name in ("adapter", "model"):
        (folder / name).mkdir(parents=True)
    (folder / "recipe.json").write_text(load_recipe("qa-bert").model_dump_json())
    with pytest.raises(UsageError, match="no profile"):
        catalogue.profile(str(folder))
    (folder / "model" / "config.json").write_text("{}")
    profile = catalogue.profile(str(folder))
    assert profile.reader.base == str(folder / "model")
    assert profile.generator == catalogue.profile("embedded").generator
