"""What is wrong with data, options, bases and the network is one line that says so, before anything is spent."""

import json
import logging
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from assistant.errors import AssistantError
from assistant.generation.prompts import render
from assistant.types import Label, Message, Role
from finetune.data.code import CodeExample, read_code
from finetune.data.pairs import read_labelled_pairs, read_pairs
from finetune.data.question_answer import read_question_answers
from finetune.data.squad import read_questions
from finetune.plan.bases import base_facts, meta_model
from finetune.plan.vocabulary import write_vocabulary
from finetune.recipe_files import load_recipe
from finetune.run.hub import create_private
from finetune.tasks.code.training import training_row
from finetune.trainer.peft_configs import lora_config
from finetune.trainer.peft_methods import positions, with_method
from tests.conftest import Run


def _sets(*settings: str) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def test_the_space_before_an_answer_is_of_its_first_word() -> None:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    write_vocabulary(backend, ["<|end|>"], ["### Question: How do I sort? Sure, sort it."], size=400)
    plain_tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|end|>")
    assert "ĠSure" in plain_tokenizer.get_vocab()
    example = CodeExample("How do I sort?", "Sure, sort it.", "x")
    row = training_row(example, plain_tokenizer)
    whole = "### Question: How do I sort?\n### Answer: Sure, sort it."
    assert row["input_ids"][:-1] == plain_tokenizer(whole, add_special_tokens=False)["input_ids"]
    prompt = render([Message(Role.USER, "How do I sort?")], plain_tokenizer)
    assert row["input_ids"][: len(prompt)] == prompt
    assert sum(row["completion_mask"]) == len(row["input_ids"]) - len(prompt)


def test_windows_longer_than_the_base_are_refused_before_the_training(run: Run, tmp_path: Path) -> None:
    from finetune.plan.smoke import smoke_recipe

    sample = smoke_recipe(load_recipe("qa-roberta"), tmp_path / "sample")
    settings = _sets(
        f"base={sample.base}", f'data.train=["{sample.data.train[0]}"]', f"data.test={sample.data.test}",
        "max_length=600",
    )  # fmt: skip
    code, _, err = run("run", "qa-roberta", *settings, "--output", "run")
    assert code == 2
    assert "--set max_length=" in err and "fault" not in err


@pytest.mark.parametrize(
    "name, most", [("qa-roberta", 512), ("qa-bert", 512), ("qa-deberta", None), ("nli-camembert", 512)]
)
def test_the_positions_of_a_base_are_known(name: str, most: int | None) -> None:
    assert positions(meta_model(base_facts(load_recipe(name).base), "qa")) == most


def test_texts_longer_than_the_positions_are_left_out_of_a_verifier_s_training(run: Run, tmp_path: Path) -> None:
    from finetune.plan.smoke import smoke_recipe

    sample = smoke_recipe(load_recipe("nli-camembert"), tmp_path / "sample")
    path = Path(sample.data.train[0])
    path.write_text(path.read_text("utf-8") + f"{'hot ' * 700}\tcold\tneutral\n", "utf-8")
    settings = _sets(
        f"base={sample.base}", f'data.train=["{path}"]', f"data.test={sample.data.test}", "data.max_length=4000",
        "data.columns={}", "training.epochs=1", "data.held_out=0", "training.eval_rows=0",
    )  # fmt: skip
    code, _, err = run("run", "nli-camembert", *settings, "--output", "run")
    assert code == 0, err
    left_out = json.loads((tmp_path / "run" / "data.json").read_text())["left_out"]
    assert [count for why, count in left_out.items() if "tokens" in why] == [1]


def test_an_empty_cell_of_a_table_of_questions_is_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "questions.csv"
    path.write_text("context,question,answers\nRome is old.,What is old?,Rome\n,What?,\nRome is old.,,Rome\n", "utf-8")
    left_out: Counter[str] = Counter()
    assert len(read_questions(str(path), left_out=left_out)) == 1
    assert left_out == {"no question or no context": 2}
    with caplog.at_level(logging.WARNING):
        assert len(read_questions(str(path))) == 1
    assert "left out: 2 with no question or no context" in caplog.text


def test_rows_of_wrong_types_are_not_taken_as_text(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    rows = [
        {"premise": "a b", "hypothesis": "c", "label": 0}, {"premise": {"text": "a"}, "hypothesis": "c", "label": 1},
        {"premise": "a", "hypothesis": 5, "label": "neutral"},
    ]  # fmt: skip
    pairs.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    read, left_out = read_labelled_pairs(str(pairs), {})
    assert [pair.label for pair in read] == [Label.ENTAILMENT]
    assert left_out == {"a premise or hypothesis that is no text": 2}

    code = tmp_path / "code.jsonl"
    code.write_text('{"prompt": ["x"], "completion": "y"}\n{"prompt": "x", "completion": "y"}\n', "utf-8")
    examples, left_out = read_code(code)
    assert len(examples) == 1 and left_out == {"a question or answer that is no text": 1}

    table = tmp_path / "table.jsonl"
    table.write_text('{"question": 1, "answer": "y"}\n{"question": "x", "answer": "y"}\n', "utf-8")
    examples, left_out = read_question_answers(str(table), {}, 100)
    assert len(examples) == 1 and left_out == {"a question or answer that is no text": 1}

    questions = tmp_path / "questions.jsonl"
    row = {"context": "Rome is old.", "question": "What is old?", "answers": "Rome"}
    questions.write_text(f"{json.dumps(row)}\n{json.dumps(row | {'question': 7})}\n", "utf-8")
    left_out = Counter()
    assert len(read_questions(str(questions), left_out=left_out)) == 1
    assert left_out == {"a question or context that is no text": 1}


def test_a_row_that_is_not_measured_is_told(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("premise\thypothesis\tlabel\na\tb\tneutral\na\tb\t-\na\t\tneutral\n", "utf-8")
    left_out: Counter[str] = Counter()
    assert len(read_pairs(path, left_out)) == 1
    assert left_out == {"a label that is none of the three": 1, "no premise or no hypothesis": 1}


@pytest.mark.embedded
def test_evaluate_says_which_pairs_it_leaves_out(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("premise\thypothesis\tlabel\nRome is old.\tRome is old.\tentailment\na\tb\t-\n", "utf-8")
    code, out, err = run("evaluate", "nli", "--data", str(path), "--model", "light", "--json")
    assert code == 0, err
    assert json.loads(out)["left_out"] == {"a label that is none of the three": 1}
    assert "not measured: 1 row with a label that is none of the three" in err


@pytest.mark.slow
def test_a_head_that_stays_frozen_goes_with_the_adapter(run: Run, tmp_path: Path) -> None:
    """CamemBERTa as the source trained it: the pooler random and frozen, which no base holds."""
    from safetensors.torch import load_file

    setting = ("--set", 'lora.modules_to_save=["classifier"]')
    code, out, err = run("run", "nli-camemberta", "--smoke", *setting, "--output", "run")
    assert code == 0, err
    assert "test_accuracy" in json.loads(out)
    adapter = tmp_path / "run" / "adapter"
    assert "base_model.model.pooler.dense.weight" in load_file(adapter / "adapter_model.safetensors")
    assert "pooler" in json.loads((adapter / "adapter_config.json").read_text())["modules_to_save"]
    test = next((tmp_path / "run" / "sample").glob("test.tsv"))
    first, second = (
        json.loads(run("evaluate", "nli", "--data", str(test), "--model", "run", "--json")[1])["confusion_matrix"]
        for _ in range(2)
    )
    assert first == second == json.loads((tmp_path / "run" / "test.json").read_text())["confusion_matrix"]


def test_peft_does_not_change_a_recipe() -> None:
    recipe = load_recipe("nli-camembert")
    before = recipe.model_dump_json()
    with_method(meta_model(base_facts(recipe.base), "nli"), recipe, "SEQ_CLS")
    config = lora_config(recipe.adapter, "SEQ_CLS")
    assert recipe.model_dump_json() == before
    assert config.modules_to_save is not recipe.adapter.modules_to_save


@pytest.mark.parametrize(
    "settings, said",
    [
        (['data.train=["none.tsv"]'], "none.tsv"),
        (['data.train=["TABLE"]', "data.columns.hypothesis=wrong"], "no column named wrong"),
        (['data.train=["TABLE"]', 'training.optimizer="adamw_torhc"'], "did you mean adamw_torch"),
    ],
)
def test_data_and_options_are_looked_at_before_a_base_is_fetched(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: list[str], said: str
) -> None:
    def fetched(*_: object) -> None:
        raise AssertionError("the base was fetched")

    monkeypatch.setattr("finetune.run.run.fetch_base", fetched)
    table = tmp_path / "table.tsv"
    table.write_text("premise\thypo\tlabel\na\tb\tneutral\n", "utf-8")
    settings = [setting.replace("TABLE", str(table)) for setting in settings]
    code, _, err = run("run", "nli-camembert", *_sets(*settings), "--output", "run")
    assert code == 2
    assert said in err


def test_without_a_network_nobody_is_told_to_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    from huggingface_hub import HfApi

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with pytest.raises(AssistantError, match="cannot be reached") as told:
        create_private(HfApi(endpoint=f"http://127.0.0.1:{port}", token="hf_x"), "me/model")
    assert "log in" not in str(told.value).lower()


@pytest.mark.embedded
@pytest.mark.slow
def test_the_folder_of_a_run_is_a_reader_to_compare(run: Run, tmp_path: Path) -> None:
    code, _, err = run("run", "qa-distilbert", "--smoke", "--output", "runs/X")
    assert code == 0, err
    (tmp_path / "rome.txt").write_text("Rome has 25 million trees. Marie Curie lived there in 1920.", "utf-8")
    assistant = [sys.executable, "-m", "assistant", "compare", "How many trees has Rome?", "--document", "rome.txt"]
    done = subprocess.run(
        [*assistant, "--reader", "runs/X", "--json"], cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    [answer] = json.loads(done.stdout)["answers"]
    assert answer["model"] == "runs/X" and "error" not in answer
