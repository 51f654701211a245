"""The arithmetic of the published work, without a GPU, a download or its data."""

import json
from pathlib import Path
from typing import Any

import pytest

from assistant.cli import main as assistant_cli
from assistant.errors import UsageError
from finetune.cli import main as cli
from finetune.data.question_answer import held_out_rows
from finetune.plan.plan import Plan, count_rows, make_plan, plan_lines, total_steps
from finetune.recipe_data import QAData
from finetune.recipe_files import load_recipe, recipe_names


@pytest.fixture(autouse=True)
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSISTANT_TEST_DATA", raising=False)


def plan(name: str, *settings: str, gpus: int = 1) -> Plan:
    return make_plan(load_recipe(name, list(settings)), gpus)


def test_a_fifth_of_the_24_899_texts_is_held_out_rounded_up() -> None:
    assert held_out_rows(24_899, 0.2) == 4_980
    assert 24_899 - held_out_rows(24_899, 0.2) == 19_919


@pytest.mark.parametrize(
    "name, steps, trained", [("code-llama-3.2-1b", 9_960, 3_407_872), ("code-gpt2-large", 12_450, 6_635_520)]
)
def test_the_code_assistants_take_the_steps_of_the_source(name: str, steps: int, trained: int) -> None:
    made = plan(name)
    assert (made.rows.train, made.rows.test, made.steps) == (19_919, 4_980, steps)
    assert made.parameters.trained == trained
    assert "declared" in made.rows.source
    assert sum(made.memory.values()) < 16e9


@pytest.mark.parametrize("gpus, steps", [(2, 790), (1, 1_570)])
@pytest.mark.parametrize("name", ["nli-camembert", "nli-camemberta"])
def test_the_french_verifiers_take_the_steps_of_the_source_on_two_gpus_and_one(
    name: str, gpus: int, steps: int
) -> None:
    assert plan(name, "data.choose_on=test", gpus=gpus).steps == steps
    held_out = plan(name, gpus=gpus)
    assert held_out.as_source_steps == steps
    assert held_out.steps < steps, "a tenth of the pairs chooses the checkpoint"


def test_the_french_verifiers_train_the_parameters_of_the_source_and_a_pooler() -> None:
    camembert, camemberta = plan("nli-camembert").parameters, plan("nli-camemberta").parameters
    assert (camembert.trained, camembert.without_pooler) == (887_811, None)
    assert camemberta.without_pooler == 297_219
    assert camemberta.trained == 297_219 + 768 * 768 + 768


def test_a_reader_is_planned_in_windows() -> None:
    made = plan("qa-bert", "data.choose_on=test")
    assert (made.rows.train, made.rows.units, made.rows.test) == (87_599, 88_729, 10_570)
    assert made.steps == 3 * 11_092
    assert made.parameters.trained == made.parameters.total


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_planned_without_its_data_and_fits_a_t4(name: str) -> None:
    made = plan(name)
    lines = dict(plan_lines(load_recipe(name), [made]))
    assert "declared by the recipe" in lines["rows, train / test"]
    assert "fits" in lines["GPU memory"] and "NOT" not in lines["GPU memory"]
    assert made.seconds is not None and made.licences["base"]


def test_the_page_says_what_the_plan_says() -> None:
    """The table of docs/finetune.md that holds the plan beside the times of the source."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "finetune.md").read_text("utf-8")
    rows = page.partition("## The plan beside")[2].split("\n")
    padded = plan("nli-camembert", "data.choose_on=test", "training.precision=fp32", "data.declared.tokens=128", gpus=2)
    expected = [
        ("`code-llama-3.2-1b`", plan("code-llama-3.2-1b")), ("`code-gpt2-large`", plan("code-gpt2-large")),
        ("`nli-camembert`, two GPUs, fp32", padded), ("`nli-camembert`, two GPUs, as", plan("nli-camembert", gpus=2)),
        ("`nli-camemberta`, two GPUs", plan("nli-camemberta", gpus=2)),
    ]  # fmt: skip
    for name, made in expected:
        [row] = [each for each in rows if each.startswith(f"| {name}")]
        assert f" {made.seconds:,.0f} s " in row, name
    [readers] = [each for each in rows if each.startswith("| `qa-distilbert`, `qa-roberta`, `qa-bert`")]
    names = ("qa-distilbert", "qa-roberta", "qa-bert", "qa-deberta")
    assert ", ".join(f"{plan(name).seconds:,.0f}" for name in names) + " s" in readers


def test_steps_are_counted_as_the_trainer_counts_them(tmp_path: Path) -> None:
    import torch
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    from finetune.trainer.arguments import training_arguments

    config = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=8)
    for rows, batch, accumulation, epochs in ((13, 4, 1, 2.0), (13, 4, 3, 2.0), (7, 2, 2, 1.5), (5, 8, 1, 1.0)):
        sets = [f"training.batch_size={batch}", f"training.accumulation={accumulation}", f"training.epochs={epochs}"]
        training = load_recipe("nli-camembert", [*sets, "training.checkpoints=steps"]).training
        items = [{"input_ids": torch.tensor([1, 2]), "labels": torch.tensor(0)}] * rows
        trainer = Trainer(
            model=BertForSequenceClassification(config),
            args=TrainingArguments(**training_arguments(training, tmp_path) | {"save_strategy": "no"}),
            train_dataset=items,  # type: ignore[arg-type]
        )
        trainer.train()
        assert trainer.state.max_steps == total_steps(rows, training)


def test_rows_are_counted_where_the_data_is_at_hand(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("question,answer\n" + "".join(f"Why {n}?,Because {n}.\n" for n in range(10)) + "Why?,\n")
    made = count_rows(load_recipe("code-gpt2-large", [f'data.train=["{path}"]']))
    assert (made.train, made.test, made.source) == (8, 2, "counted in the data")
    assert made.tokens == 5, "of about 18 characters, where the recipe's 270 are of other data"


def test_data_of_ones_own_on_the_hub_is_not_given_the_recipes_numbers() -> None:
    with pytest.raises(UsageError, match="does not declare how many rows hub:me/mine has; say it with"):
        plan("code-gpt2-large", 'data.train=["hub:me/mine"]')
    assert plan("code-gpt2-large", 'data.train=["hub:me/mine"]', "data.declared.train=80").steps == 50


def test_ones_own_rows_are_counted_though_the_test_set_is_on_the_hub(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("context,question,answers\n" + "".join(f"Lyon {n} has trees.,Who has?,Lyon\n" for n in range(100)))
    made = count_rows(load_recipe("qa-roberta", [f'data.train=["{path}"]']))
    assert (made.train, made.held_out > 0, made.test) == (97, True, None)
    assert made.source.startswith("counted")


def test_a_models_folder_is_planned_by_its_configuration(encoder_folder: Path, tmp_path: Path) -> None:
    made = plan("qa-bert", f"base={encoder_folder}")
    assert made.parameters.trained == made.parameters.total > 1000
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(UsageError, match="not that of a model"):
        plan("qa-bert", f"base={tmp_path}")


def test_data_that_is_neither_there_nor_declared_is_named() -> None:
    with pytest.raises(UsageError, match="no data file"):
        make_plan(load_recipe("qa-minilm").model_copy(update={"data": QAData(train=["squad/train-v1.1.json"])}))
    with pytest.raises(UsageError, match="nothing is known of the base"):
        plan("qa-bert", "base=owner/name")


def test_the_command_prints_names_and_numbers(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("sys.argv", ["finetune", "plan", "nli-camemberta", "--gpus", "1", "--gpus", "2"])
    assert assistant_cli.run(cli.app, "finetune") == 0
    out = capsys.readouterr().out
    assert "steps on 2 GPUs" in out and "790" in out and "1,570" in out and "297,219" in out and "pooler" in out
    monkeypatch.setattr("sys.argv", ["finetune", "plan", "code-llama-3.2-1b", "--json"])
    assert assistant_cli.run(cli.app, "finetune") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["steps"] == 9_960 and printed["fits_t4"] is True
    assert any("gated" in note for note in printed["notes"])


def test_a_sweep_is_planned_run_by_run(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    command = ["finetune", "plan", "nli-camembert", "--set", "training.epochs=3,10", "--set", "training.seed=1"]
    monkeypatch.setattr("sys.argv", command)
    assert assistant_cli.run(cli.app, "finetune") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("run ")] == [
        ["run", "training.epochs=3"],
        ["run", "training.epochs=10"],
    ]
    monkeypatch.setattr("sys.argv", [*command, "--json"])
    assert assistant_cli.run(cli.app, "finetune") == 0
    short, long = json.loads(capsys.readouterr().out)
    assert (short["settings"], long["settings"]) == (["training.epochs=3"], ["training.epochs=10"])
    assert long["steps"] > 3 * short["steps"]
