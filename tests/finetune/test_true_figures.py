"""What a run, its report, a comparison and a plan say is true of what was run."""

import json
from pathlib import Path

import pytest

from assistant.errors import UsageError
from finetune.plan.plan import make_plan
from finetune.plan.smoke import smoke_recipe
from finetune.recipe_files import load_recipe
from finetune.run.comparison import RunResult, best, warning_of
from tests.conftest import Run


@pytest.mark.parametrize("loop", ["trainer", "accelerate"])
def test_a_run_shorter_than_the_log_s_interval_has_a_loss(run: Run, tmp_path: Path, loop: str) -> None:
    sample = smoke_recipe(load_recipe("qa-distilbert"), tmp_path / "sample")
    settings = [
        f"base={sample.base}", f'data.train=["{sample.data.train[0]}"]', f"data.test={sample.data.test}",
        "max_length=64", "stride=16", "training.epochs=1", "training.batch_size=8", f"loop={loop}",
        "training.logging_steps=100", "data.held_out=0.25", "training.eval_rows=0",
    ]  # fmt: skip
    code, out, err = run("run", "qa-distilbert", "--output", "run", *(p for s in settings for p in ("--set", s)))
    assert code == 0, err
    figures = json.loads(out)
    assert figures["steps"] < 100
    assert figures["train_loss"] > 0.5
    assert figures["final_loss"] > 0.5


def test_what_the_source_had_is_not_said_of_another_base_or_fewer_rows() -> None:
    own = load_recipe("nli-camembert")
    assert "72.73" in own.source_result
    for setting in ("base=all-minilm-l6-v2", "data.limit=200", "method=full", "data.test=other.tsv"):
        changed = load_recipe("nli-camembert", [setting])
        assert changed.source_result == "", setting
        assert setting.partition("=")[2] in changed.description
        assert "CamemBERT" not in changed.description
    assert load_recipe("nli-camembert", ["training.epochs=2"]).source_result == own.source_result
    said = load_recipe("nli-camembert", ["data.limit=200", 'description="mine"', 'source_result="none"'])
    assert (said.description, said.source_result) == ("mine", "none")


def test_a_walk_with_a_random_model_claims_nothing_of_the_source(tmp_path: Path) -> None:
    made = smoke_recipe(load_recipe("nli-camembert"), tmp_path)
    assert made.source_result == ""
    assert "random" in made.description and "XNLI" not in made.licence


@pytest.mark.slow
def test_measuring_a_finished_run_again_leaves_what_is_known_of_its_training(run: Run, tmp_path: Path) -> None:
    settings = ("run", "nli-camemberta", "--smoke", "--output", "run")
    code, out, err = run(*settings)
    assert code == 0, err
    folder = tmp_path / "run"
    before = json.loads(out)
    record, log = json.loads((folder / "run.json").read_text()), (folder / "log.json").read_bytes()
    weights = (folder / "adapter" / "adapter_model.safetensors").stat().st_mtime_ns
    code, out, err = run(*settings, "--verbose")
    assert code == 0, err
    again, told = json.loads(out), json.loads((folder / "run.json").read_text())
    assert {k: v for k, v in again.items() if "seconds" not in k} == {
        k: v for k, v in before.items() if "seconds" not in k
    }
    assert told["command"] == record["command"]
    assert "--verbose" in told["measured"][0]["command"]
    assert told["at"] == record["at"] <= told["measured"][0]["at"]
    assert (folder / "log.json").read_bytes() == log
    assert (folder / "adapter" / "adapter_model.safetensors").stat().st_mtime_ns == weights


def _language_model(name: str, base: str, **figures: float) -> RunResult:
    return RunResult(Path(name), name, "code", base, figures)


def test_perplexities_of_different_tokenizers_are_not_compared_without_a_word() -> None:
    llama = _language_model("a", "meta-llama/Llama-3.2-1B@4e20", perplexity=2.0, bits_per_character=0.9)
    gpt2 = _language_model("b", "openai-community/gpt2-large", perplexity=3.0, bits_per_character=0.8)
    assert "Do not compare" in (warning_of([llama, gpt2]) or "")
    assert best([llama, gpt2]).name == "b", "by what does not depend on the tokens"
    assert best([llama, gpt2], "perplexity").name == "a", "who asks for it gets it"
    with pytest.raises(UsageError, match="None is the best"):
        best([llama, _language_model("c", "openai-community/gpt2-large", perplexity=3.0)])
    same = [llama, _language_model("d", "meta-llama/Llama-3.2-1B", perplexity=1.0)]
    assert warning_of(same) is None
    assert best(same).name == "d"


def test_camemberta_has_the_parameters_of_the_source_to_the_digit() -> None:
    made = make_plan(load_recipe("nli-camemberta", ['lora.modules_to_save=["classifier"]'])).parameters
    assert (made.trained, made.total) == (297_219, 112_694_790)


def test_the_plan_knows_the_times_of_the_source() -> None:
    for name, seconds in (("code-llama-3.2-1b", 4_539), ("code-gpt2-large", 7_373)):
        assert make_plan(load_recipe(name)).seconds == pytest.approx(seconds, rel=1 / 3)
    # CamemBERT in float32, if each pair was padded to 128 tokens.
    padded = ["data.choose_on=test", "training.precision=fp32", "data.declared.tokens=128"]
    assert make_plan(load_recipe("nli-camembert", padded), gpus=2).seconds == pytest.approx(551, rel=1 / 3)
    roberta, deberta = (make_plan(load_recipe(name)).seconds or 0 for name in ("qa-roberta", "qa-deberta"))
    assert deberta / roberta == pytest.approx(3, rel=1 / 3)


def test_the_plan_reckons_with_the_activations_that_a_layer_keeps() -> None:
    """Counted on the tensors that two more layers keep for the backward pass, under autocast."""
    import torch
    from transformers import AutoConfig, AutoModel

    def kept(layers: int) -> int:
        config = AutoConfig.for_model(
            "roberta", num_hidden_layers=layers, hidden_size=256, num_attention_heads=4, intermediate_size=1024,
            vocab_size=100,
        )  # fmt: skip
        model = AutoModel.from_config(config, attn_implementation="sdpa").train()
        own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
        seen: dict[int, int] = {}
        alive = []

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            alive.append(tensor)
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                seen[storage.data_ptr()] = storage.nbytes()
            return tensor

        ids = torch.randint(5, 99, (8, 384))
        hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
        with hooks, torch.autocast("cpu", torch.bfloat16):
            model(input_ids=ids, attention_mask=torch.ones_like(ids))
        return sum(seen.values())

    from finetune.plan.estimate import _ENCODER_BYTES, _PAIR_BYTES

    tokens = 8 * 384
    reckoned = _ENCODER_BYTES * tokens * 256 + _PAIR_BYTES * 4 * 384 * tokens
    assert (kept(3) - kept(1)) / 2 == pytest.approx(reckoned, rel=1 / 3)
