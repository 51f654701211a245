"""Preferences, classifiers and written answers: each through a whole run with a tiny real model."""

import itertools
import json
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from assistant.errors import UsageError
from assistant.generation.prompts import SYSTEM_PROMPT, render
from assistant.loading.verifier import load_verifier
from assistant.models.store import ModelStore
from assistant.types import Message, Role
from finetune.data.labelled_texts import LabelledText, read_labelled_texts, split_by_class
from finetune.data.preferences import read_preferences, split_by_prompt
from finetune.data.sample import write_labelled_texts
from finetune.plan.smoke import smoke_recipe
from finetune.recipe_files import load_recipe
from finetune.tasks.classifier.classifier import ZeroShot, evaluate
from tests.conftest import Run


def _figures(out: str) -> dict[str, float]:
    figures: dict[str, float] = json.loads(out)
    return figures


def test_a_generator_learns_by_preferences_and_is_held_against_its_base(run: Run, tmp_path: Path) -> None:
    """Of the answers to a question that with "add" is chosen, and that with "sort" rejected."""
    sample = smoke_recipe(load_recipe("dpo-qwen2.5-coder-0.5b"), tmp_path / "sample")
    things = ("a list", "a string", "a dict", "a file", "Lyon", "Rome")
    rows = [
        {"prompt": f"How do I {verb} {each}?", "chosen": f"Use add on {each}.", "rejected": f"Use sort on {each}."}
        for verb, each in itertools.product(("remove", "find", "count", "print"), things)
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    settings = [
        f"base={sample.base}", f'data.train=["{path}"]', "data.held_out=0.25", "data.max_length=512", "lora.r=4",
        "lora.alpha=8", "training.learning_rate=1e-2", "training.warmup=0", "training.epochs=4",
        "training.accumulation=1", "training.logging_steps=1", "training.precision=fp32",
    ]  # fmt: skip
    code, out, err = run(
        "run", "dpo-qwen2.5-coder-0.5b", "--output", "run", *(part for each in settings for part in ("--set", each))
    )
    assert code == 0, err
    figures = _figures(out)
    log = json.loads((tmp_path / "run" / "log.json").read_text())
    assert log[0]["loss"] == pytest.approx(0.693, abs=0.001), "at first the model is its base: log 2"
    assert figures["final_loss"] < 0.5
    assert figures["held_out_loss"] < 0.5
    assert (figures["held_out_accuracy"], figures["held_out_margin"] > 0.5) == (100, True)
    adapter = tmp_path / "run" / "adapter"
    names = load_file(adapter / "adapter_model.safetensors")
    assert names and not any("ref" in name for name in names), "TRL's copy is not saved"
    assert not (adapter / "ref").exists()
    assert (tmp_path / "run" / "report.html").is_file()
    base, tuned = (preference_of_add(str(sample.base), folder) for folder in (None, adapter))
    assert tuned > base + 5, "what was saved has learned it, not only what was measured"


def preference_of_add(base: str, adapter: Path | None) -> float:
    """How much likelier than the rejected answer the chosen one is to a question of another kind, as a logarithm."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    network = AutoModelForCausalLM.from_pretrained(base, dtype="float32")
    if adapter is not None:
        network = PeftModel.from_pretrained(network, str(adapter))
    prompt = render([Message(Role.SYSTEM, SYSTEM_PROMPT), Message(Role.USER, "How do I sort Paris?")], tokenizer)
    likelihoods = []
    for answer in ("Use add on Paris.", "Use sort on Paris."):
        ids = tokenizer(answer, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logits = network(torch.tensor([[*prompt, *ids]])).logits[0, len(prompt) - 1 : -1]
        likelihoods.append(float(logits.log_softmax(-1)[range(len(ids)), ids].sum()))
    return likelihoods[0] - likelihoods[1]


def test_preferences_are_texts_or_messages(tmp_path: Path) -> None:
    asked, good, bad = ({"role": role, "content": text} for role, text in
                        (("user", "Which?"), ("assistant", "This."), ("assistant", "That.")))  # fmt: skip
    rows = [
        {"prompt": "Which?", "chosen": "This.", "rejected": "That."},
        {"prompt": "Which?", "chosen": [asked, good], "rejected": [asked, bad]},
        {"prompt": "Which?", "chosen": "This.", "rejected": "This."},
        {"prompt": None, "chosen": "This.", "rejected": "That."},
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    found, left_out = read_preferences(str(path), {}, 1000)
    assert found[0] == found[1] and len(found) == 2
    assert sum(left_out.values()) == 2
    assert [len(part) for part in split_by_prompt(found, 0.5)] in ([2, 0], [0, 2])


def test_a_dpo_recipe_is_for_adapters(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lora and qlora"):
        load_recipe("dpo-qwen2.5-coder-0.5b", ['method="full"'])


@pytest.mark.parametrize("settings", [(), ("--set", 'method="lora"', "--set", "lora.r=4", "--set", "lora.alpha=8",
                                           "--set", 'lora.targets=["query","value"]')])  # fmt: skip
def test_a_classifier_learns_labels_of_ones_own(run: Run, tmp_path: Path, settings: tuple[str, ...]) -> None:
    rate = ("--set", "training.learning_rate=5e-3", "--set", "training.warmup=0")
    code, out, err = run("run", "classifier-minilm", "--smoke", "--output", "run", *rate, *settings)
    assert code == 0, err
    assert {"held_out_accuracy", "test_accuracy", "test_f1_macro"} <= _figures(out).keys()
    folder = tmp_path / "run" / ("adapter" if settings else "model")
    assert json.loads((folder / "labels.json").read_text()) == ["people", "trees", "weather"]
    path = write_labelled_texts(tmp_path / "texts.csv")
    code, out, err = run("classify", str(path), "--model", "run")
    assert code == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == 24
    assert all(line["label"] == max(line["scores"], key=line["scores"].get) for line in lines)
    code, out, err = run("classify", str(path), "--model", "run", "--label-column", "label")
    right = sum(
        line["label"] == text.label for line, text in zip(lines, read_labelled_texts(str(path), {})[0], strict=True)
    )
    assert _figures(out)["accuracy"] == pytest.approx(100 * right / 24)
    code, _, err = run("classify", str(path), "--model", "run", "--label", "x")
    assert code == 2 and "labels of its own" in err


def test_texts_without_a_label_are_left_out_and_each_label_is_held_out(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("text,label\n" + "".join(f"text {n},{'ab'[n % 2]}\n" for n in range(40)) + "none,\n,a\n")
    texts, left_out = read_labelled_texts(str(path), {})
    assert (len(texts), left_out) == (40, {"no text or no label": 2})
    _, held_out = split_by_class(texts, 0.1, 1)
    assert sorted(each.label for each in held_out) == ["a", "a", "b", "b"]


def test_any_labels_are_told_by_what_a_text_entails(verifier_folder: Path, run: Run, tmp_path: Path) -> None:
    verifier = load_verifier(ModelStore().resolve(str(verifier_folder)))
    text = "The Amazon rainforest covers 5.5 million square kilometers."
    zero_shot = ZeroShot(verifier, ["forest", "report"], "It is about a {}.")
    [row] = zero_shot.probabilities([text])
    entailed = [
        each[0] for each in verifier.probabilities([(text, f"It is about a {word}.") for word in ("forest", "report")])
    ]
    assert row == pytest.approx([each / sum(entailed) for each in entailed], abs=1e-4)
    assert evaluate(zero_shot, [LabelledText(text, "forest"), LabelledText(text, "river")])["left_out"] == 1
    with pytest.raises(UsageError, match="at least two"):
        ZeroShot(verifier, ["forest"])
    path = write_labelled_texts(tmp_path / "texts.csv")
    labels = ("--label", "trees", "--label", "people")
    code, out, err = run("classify", str(path), "--model", str(verifier_folder), *labels, "--limit", "3")
    assert code == 0, err
    assert [set(json.loads(line)["scores"]) for line in out.splitlines()] == [{"trees", "people"}] * 3


@pytest.mark.parametrize("settings", [(), ("--set", 'method="lora"', "--set", "lora.r=4", "--set", "lora.alpha=8",
                                           "--set", 'lora.targets=["q","v"]')])  # fmt: skip
def test_an_encoder_decoder_writes_answers(run: Run, tmp_path: Path, settings: tuple[str, ...]) -> None:
    rate = ("--set", "training.learning_rate=1e-2")
    code, out, err = run("run", "answers-t5-small", "--smoke", "--output", "run", *rate, *settings)
    assert code == 0, err
    figures = _figures(out)
    assert {"held_out_f1", "test_exact_match", "test_f1"} <= figures.keys()
    assert figures["final_loss"] < json.loads((tmp_path / "run" / "log.json").read_text())[0]["loss"]
    assert "test" in (tmp_path / "run" / "report.md").read_text()
    code, _, err = run("merge", "run", "--output", "whole")
    assert code == 0, err
