"""Every recipe file against the real signatures of the installed libraries, and through a whole run."""

import json
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest
import torch

from assistant.answering.assistant import Assistant
from assistant.cli import main as assistant_cli
from assistant.settings import Settings
from assistant.types import Document, Route, Turn
from assistant.verification.candidates import Check
from assistant.verification.head import Head
from finetune.cli import main as cli
from finetune.plan.bases import base_facts, known_bases, meta_model
from finetune.recipe import CodeRecipe, NLIRecipe, QARecipe, Seq2SeqRecipe
from finetune.recipe_files import load_recipe, recipe_names
from finetune.tasks.registry import TASKS
from finetune.trainer.arguments import training_arguments
from finetune.trainer.peft_configs import lora_config
from finetune.trainer.peft_methods import quantization
from finetune.trainer.saving import trained_folder

SOURCE_RECIPES = {
    "code-llama-3.2-1b", "code-gpt2-large", "qa-distilbert", "qa-roberta", "qa-deberta", "qa-bert", "nli-camembert",
    "nli-camemberta", "qa-distilbert-v2", "qa-roberta-v2", "qa-deberta-v2",
}  # fmt: skip
EMBEDDED_RECIPES = {
    "code-qwen2.5-coder-1.5b", "code-qwen2.5-coder-0.5b", "qa-minilm", "qa-mpnet", "qa-mpnet-hard", "nli-minilm",
    "nli-mpnet",
}  # fmt: skip
MORE_RECIPES = {"dpo-qwen2.5-coder-0.5b", "classifier-minilm", "answers-t5-small"}
QA_FIGURES, NLI_FIGURES = {"exact_match", "f1", "f1_all"}, {"accuracy", "f1_macro"}


def test_all_recipes_of_the_source_work_and_the_embedded_ones_are_there() -> None:
    assert set(recipe_names()) == SOURCE_RECIPES | EMBEDDED_RECIPES | MORE_RECIPES


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_fits_the_real_signatures_of_the_libraries(name: str, tmp_path: Path) -> None:
    from transformers import TrainingArguments
    from trl.trainer.sft_config import SFTConfig

    recipe = load_recipe(name)
    best_by = None if isinstance(recipe, CodeRecipe) or not recipe.training.eval_rows else "f1"
    values = training_arguments(recipe.training, tmp_path, best_by)
    # TRL's own default says it by the name that will be removed.
    said = {"activation_checkpointing": True} if isinstance(recipe, CodeRecipe) else {}
    arguments = (SFTConfig if isinstance(recipe, CodeRecipe) else TrainingArguments)(**values, **said)
    training = recipe.training
    assert arguments.learning_rate == training.learning_rate
    assert arguments.per_device_train_batch_size == training.batch_size
    assert arguments.max_grad_norm == training.max_grad_norm
    assert arguments.get_warmup_steps(1000) == round(1000 * training.warmup)
    assert not arguments.fp16, "fp16 on a CPU raises"
    assert TrainingArguments(**(values | {"optim": training.optimizer})).optim == training.optimizer
    if training.best_by:
        assert training.best_by in (QA_FIGURES if isinstance(recipe, QARecipe | Seq2SeqRecipe) else NLI_FIGURES)
    quantization(recipe)


@pytest.mark.parametrize("name", recipe_names())
def test_what_a_recipe_trains_is_there_in_its_base(name: str) -> None:
    recipe = load_recipe(name)
    model = meta_model(base_facts(recipe.base), recipe.task)
    if recipe.lora is None:
        assert recipe.method == "full"
        return
    config = lora_config(recipe.lora, "SEQ_CLS")
    names = {part for full, _ in model.named_modules() for part in full.split(".")}
    targets = recipe.lora.targets
    assert isinstance(targets, str) or set(targets) <= names
    assert set(config.modules_to_save or []) <= names


def test_the_table_of_the_source_work_is_what_the_recipes_say() -> None:
    llama, gpt2 = load_recipe("code-llama-3.2-1b"), load_recipe("code-gpt2-large")
    for recipe, epochs, batch, length, targets in (
        (llama, 2, 4, 2048, ["q_proj", "k_proj", "v_proj", "o_proj"]),
        (gpt2, 5, 8, 1024, ["c_attn", "c_fc"]),
    ):
        assert isinstance(recipe, CodeRecipe)
        training, lora = recipe.training, recipe.adapter
        assert (recipe.method, recipe.quantization, recipe.data.form) == ("qlora", "nf4", "question-answer")
        assert (recipe.data.max_characters, recipe.data.held_out, recipe.data.max_length) == (1024, 0.2, length)
        assert (lora.r, lora.alpha, lora.dropout, lora.targets) == (16, 32, 0.2, targets)
        assert (training.epochs, training.batch_size, training.learning_rate) == (epochs, batch, 3e-4)
        assert (training.scheduler, training.warmup, training.weight_decay) == ("cosine", 0.03, 0.001)
        assert (training.optimizer, training.max_grad_norm, training.precision) == ("paged_adamw_32bit", 0.3, "fp16")
        assert (training.save_steps, training.logging_steps, training.keep) == (20, 20, 10)
        assert (training.seed, training.group_by_length, training.tensorboard) == (42, True, True)
    for name in ("distilbert", "roberta", "deberta"):
        for version, best_by in (("", "f1"), ("-v2", "f1_all")):
            recipe = load_recipe(f"qa-{name}{version}")
            assert isinstance(recipe, QARecipe)
            training = recipe.training
            assert (recipe.method, recipe.max_length, recipe.stride) == ("full", 384, 128)
            assert (training.learning_rate, training.batch_size, training.epochs) == (3e-5, 16, 3)
            assert (training.scheduler, training.precision, training.best_by) == ("linear", "fp16", best_by)
            assert training.early_stopping
    bert = load_recipe("qa-bert")
    assert (bert.training.learning_rate, bert.training.batch_size, bert.training.weight_decay) == (2e-5, 8, 0.01)
    for name, targets in (("camembert", ["query", "value"]), ("camemberta", ["query_proj", "value_proj"])):
        recipe = load_recipe(f"nli-{name}")
        assert isinstance(recipe, NLIRecipe)
        training, lora = recipe.training, recipe.adapter
        assert (lora.r, lora.alpha, lora.dropout, lora.targets) == (8, 32, 0.1, targets)
        assert (training.learning_rate, training.batch_size, training.epochs) == (2e-4, 32, 10)
        assert (training.early_stopping, training.weight_decay, training.best_by) == (3, 0.01, "f1_macro")
        assert (recipe.data.max_length, training.seed, training.precision) == (128, 42, "fp16")


@pytest.mark.parametrize("name", sorted(known_bases()))
def test_the_facts_about_a_base_give_its_published_size(name: str) -> None:
    published = {
        "meta-llama/Llama-3.2-1B": 1_235_814_400,
        "openai-community/gpt2-large": 774_030_080,
        "distilbert/distilbert-base-uncased": 66_362_880,
        "FacebookAI/roberta-base": 124_645_632,
        "microsoft/deberta-v3-base": 183_831_552,
        "google-bert/bert-base-cased": 108_310_272,
        "qwen2.5-coder-1.5b-instruct": 1_543_714_304,
        "qwen2.5-coder-0.5b-instruct": 494_032_768,
        "google-t5/t5-small": 60_506_624,
        "all-minilm-l6-v2": 22_713_216,
        "all-mpnet-base-v2": 109_486_464,
    }
    if name not in published:
        pytest.skip("its publisher gives only a rounded number")
    facts = base_facts(name)
    if name in ("meta-llama/Llama-3.2-1B", "openai-community/gpt2-large") or name.startswith("qwen"):
        model = meta_model(facts, "code")
    elif name == "google-t5/t5-small":
        model = meta_model(facts, "seq2seq")
    else:
        from transformers import AutoConfig, AutoModel

        options = dict(facts.config)
        with torch.device("meta"):
            model = AutoModel.from_config(AutoConfig.for_model(options.pop("model_type"), **options))
    assert sum(parameter.numel() for parameter in model.parameters()) == published[name]


VARIANTS = [
    "qa-bert loop=accelerate", "code-gpt2-large method=prompt", "code-llama-3.2-1b method=full",
    "code-llama-3.2-1b quantization=int8", "code-qwen2.5-coder-1.5b method=prompt", "qa-minilm method=qlora",
    "nli-minilm method=full", "qa-minilm method=full",
]  # fmt: skip


@pytest.mark.parametrize("wanted", [*recipe_names(), *VARIANTS])
def test_a_recipe_is_trained_measured_saved_and_answers_in_the_assistant(
    wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, tiny_settings: dict[str, str]
) -> None:
    name, *settings = wanted.split()
    monkeypatch.setenv("ASSISTANT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ASSISTANT_TEST_DATA", raising=False)
    sets = [part for setting in settings for part in ("--set", setting)]
    folder = tmp_path / "run"
    monkeypatch.setattr("sys.argv", ["finetune", "run", name, *sets, "--smoke", "--output", str(folder)])
    assert assistant_cli.run(cli.app, "finetune") == 0, capsys.readouterr().err
    figures = json.loads(capsys.readouterr().out)
    assert figures["steps"] == figures["max_steps"] > 5
    measured = {
        "qa": "test_f1", "nli": "test_f1_macro", "code": "test_perplexity", "dpo": "held_out_accuracy",
        "classifier": "test_f1_macro", "seq2seq": "test_f1",
    }  # fmt: skip
    assert measured[load_recipe(name).task] in figures

    trained = trained_folder(folder)
    assert trained is not None and figures["model"] == str(trained)
    assert not [path for path in trained.rglob("*") if path.suffix in (".bin", ".pt", ".pth", ".pkl")]
    assert (folder / "report.html").is_file() and "## Plots" in (folder / "report.md").read_text("utf-8")
    record = json.loads((next(folder.glob("checkpoint-*")) / "run.json").read_text())
    assert record["seed"] == 42 and record["versions"]["torch"] and record["recipe"]["name"] == name

    part = TASKS[load_recipe(name).task].role.lower()
    if not part:
        return  # the chat has no part for it
    assistant = Assistant(Settings(**(tiny_settings | {part: str(trained), "max_new_tokens": 6})))  # type: ignore[arg-type]
    _ask(assistant, part, trained)


def _ask(assistant: Assistant, part: str, trained: Path) -> None:
    """The trained part answers in the chat, beside tiny models in the other parts."""
    document = Document("trees.txt", "Lyon has 05 million trees. Marie Curie lived there in 1900.")
    if part == "generator":
        answer = assistant.answer(Turn("How do I add items of a list?", route=Route.OPEN))
        assert answer.usage.completion_tokens and "<|prompt_" not in (answer.text or "")
    else:
        answer = assistant.answer(Turn("How many trees has Lyon?", documents=(document,), route=Route.EXTRACT))
        assert answer.text is None or answer.evidence[0].text in document.text
    assert getattr(answer.models, part) is not None or (part == "verifier" and answer.text is None)
    if part == "verifier":
        assert assistant.models.verifier(lambda _: None).head == Head.load(trained), "calibrated as it was trained"
        check = Check(document, ["Marie Curie lived there."])
        [verdict] = assistant.models.verifier(lambda _: None).verify([check])
        assert verdict is not None and sum(astuple(verdict.probabilities)[:3]) == pytest.approx(1, abs=1e-3)
