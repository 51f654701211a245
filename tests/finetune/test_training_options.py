"""The options of a training, each seen by what it does to a tiny real model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

from assistant.errors import UsageError
from assistant.loading.generator import load_language_model
from assistant.models.store import ModelStore
from finetune.data.code import CodeExample
from finetune.plan.bases import base_facts
from finetune.plan.plan import computes_again, count_parameters, make_plan
from finetune.recipe import CodeRecipe
from finetune.recipe_files import load_recipe
from finetune.tasks.code.training import training_row
from finetune.tasks.registry import TASKS

Train = Callable[..., "Seen"]
SHORT = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-2, "save_steps": 4, "logging_steps": 1}


class Seen(TrainerCallback):
    """What a training looks like from within."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self.folder = Path()
        self.rates: list[tuple[float, list[str]]] = []
        self.recomputes = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Look at the model."""
        self.model = given["model"]

    def on_step_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Look at the optimizer, once it is there."""
        names = {id(parameter): name for name, parameter in given["model"].named_parameters()}
        self.recomputes = self.model.is_activation_checkpointing
        self.rates = [
            (group["initial_lr"], [names[id(each)] for each in group["params"]])
            for group in given["optimizer"].param_groups
        ]

    @property
    def log(self) -> list[dict[str, float]]:
        """The training's log."""
        entries: list[dict[str, float]] = json.loads((self.folder / "log.json").read_text("utf-8"))
        return entries


@pytest.fixture
def train(generator_folder: Path, tmp_path: Path) -> Train:
    """Trains a tiny code assistant with some settings."""
    rows = [{"prompt": f"Add {n} to x", "completion": f"It is 1{n} million: 19{n}0."} for n in range(24)]
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")

    def call(*, data: dict[str, Any] | None = None, lora: dict[str, Any] | None = None, **training: Any) -> Seen:
        recipe = CodeRecipe.model_validate(
            {
                "task": "code", "name": "tiny", "description": "a tiny run", "base": str(generator_folder),
                "licence": "none", "data": {"train": [str(path)], "held_out": 0.25} | (data or {}),
                "lora": {"r": 4, "alpha": 8, "targets": ["q_proj", "v_proj"]} | (lora or {}),
                "training": SHORT | training,
            }
        )  # fmt: skip
        seen = Seen()
        seen.folder = tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}"
        seen.folder.mkdir()
        seen.figures = TASKS["code"].train(recipe, generator_folder, seen.folder, [seen])
        return seen

    return call


def _layer(seen: Seen) -> Any:
    return seen.model.base_model.model.model.layers[0].self_attn.q_proj


def test_rslora_scales_by_the_root_of_the_rank(train: Train) -> None:
    assert _layer(train()).scaling["default"] == 2
    assert _layer(train(lora={"rslora": True})).scaling["default"] == 4


@pytest.mark.parametrize("lora", [{"dora": True}, {"rslora": True}])
def test_what_was_trained_so_is_what_the_product_runs(
    train: Train, generator_folder: Path, lora: dict[str, bool]
) -> None:
    from peft import PeftModel

    folder = train(lora=lora).folder / "adapter"
    assert any("magnitude" in name for name in load_file(folder / "adapter_model.safetensors")) == ("dora" in lora)
    ids = torch.tensor([[5, 6, 7, 8]])
    base = AutoModelForCausalLM.from_pretrained(generator_folder, dtype="float32").eval()
    network, _ = load_language_model(ModelStore().resolve(str(folder)), fastest=False)
    with torch.inference_mode():
        untrained, own = base(ids).logits, network.eval()(ids).logits
        tuned = PeftModel.from_pretrained(base, str(folder)).eval()(ids).logits
    assert torch.allclose(own.float(), tuned, atol=2e-2)
    assert not torch.allclose(untrained, tuned, atol=2e-2), "the adapter does something"


def test_lora_plus_gives_the_second_matrices_a_higher_rate(train: Train) -> None:
    rates = train(loraplus_ratio=16.0).rates
    assert {round(rate / 1e-2) for rate, names in rates if any("lora_A" in name for name in names)} == {1}
    assert {round(rate / 1e-2) for rate, names in rates if any("lora_B" in name for name in names)} == {16}


def test_neftune_puts_noise_on_what_is_trained_and_not_on_what_is_measured(train: Train) -> None:
    plain, noisy = train(eval_rows=4), train(eval_rows=4, neftune_alpha=50.0)
    losses = [[entry["loss"] for entry in seen.log if "loss" in entry] for seen in (plain, noisy)]
    assert losses[0][0] != pytest.approx(losses[1][0], abs=1e-4)
    embeddings = noisy.model.get_input_embeddings()
    ids = torch.tensor([[5, 6]])
    assert torch.equal(embeddings(ids), embeddings.weight[ids]), "nothing of it is left when the training has ended"


def test_packing_puts_several_texts_into_a_row_and_none_of_them_sees_another(train: Train) -> None:
    apart, packed = (train(data={"packing": each, "max_length": 1024}, batch_size=2) for each in (False, True))
    assert packed.figures["steps"] < apart.figures["steps"] / 2
    assert packed.figures["tokens"] == apart.figures["tokens"]
    whole = [train(data={"packing": each, "max_length": 1024}, batch_size=64, epochs=1) for each in (False, True)]
    first = [next(entry["loss"] for entry in seen.log if "loss" in entry) for seen in whole]
    assert first[0] == pytest.approx(first[1], abs=0.02), "all texts in one batch have one loss, packed or not"


def test_activations_are_computed_again_where_the_recipe_says_so(train: Train) -> None:
    assert not train().recomputes, "of a CPU's memory there is enough"
    assert train(gradient_checkpointing="on").recomputes


def test_auto_computes_again_only_what_would_not_fit() -> None:
    recipe = load_recipe("code-gpt2-large")
    facts = base_facts(recipe.base)
    parameters = count_parameters(recipe, facts)
    assert not computes_again(recipe, facts, parameters, 250, 80e9)
    assert computes_again(recipe, facts, parameters, 250, 2e9)
    on, off = (
        make_plan(load_recipe("code-gpt2-large", [f"training.gradient_checkpointing={each}"])) for each in ("on", "off")
    )
    assert on.memory["activations"] < off.memory["activations"]
    assert (on.seconds or 0) / (off.seconds or 1) == pytest.approx(1.5, rel=0.1)


def test_the_log_goes_to_tensorboard_too(train: Train) -> None:
    pytest.importorskip("tensorboard")
    folder = train(report_to=["tensorboard"]).folder
    assert list(folder.rglob("events.out.tfevents.*"))


def test_the_loss_of_held_out_questions_is_told_between_the_checkpoints(train: Train) -> None:
    seen = train(eval_rows=4, eval_steps=2, save_steps=4)
    assert [entry["step"] for entry in seen.log if "eval_loss" in entry] == [2, 4, 6]
    assert seen.figures["eval_loss"] > 0


def test_a_code_assistant_stops_early_and_keeps_its_best_checkpoint(train: Train) -> None:
    # With steps this large every one makes the held-out loss worse.
    seen = train(eval_rows=4, save_steps=1, early_stopping=1, learning_rate=5.0, epochs=4)
    assert seen.figures["steps"] < seen.figures["max_steps"]


def test_the_questions_are_learned_too_where_the_recipe_says_so(generator_folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(generator_folder)
    example = CodeExample("Why?", "Because.", "x")
    answer, whole = (training_row(example, tokenizer, on)["completion_mask"] for on in ("answer", "all"))
    assert sum(answer) < sum(whole) == len(whole)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["training.neftune_alpha=0"], "greater than 0"),
        (["training.eval_steps=3", "training.save_steps=4"], "no multiple"),
        (["training.loraplus_ratio=16", 'method="full"'], "lora and qlora"),
        (["training.early_stopping=1"], "eval_rows"),
        (['training.report_to=["mlflow"]'], "report_to"),
    ],
)
def test_options_that_do_not_go_together_are_refused(settings: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_recipe("code-gpt2-large", settings)
