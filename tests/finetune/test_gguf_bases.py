"""A base whose weights are in a GGUF file: planned, trained, measured, merged, and answering over that very file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from assistant.cli import main as assistant_cli
from assistant.generation.stream import Sampling
from assistant.loading.generator import load_generator, load_language_model
from assistant.models.dequantised import FOLDER
from assistant.models.gguf import GGUFFile
from assistant.models.store import ModelStore
from assistant.types import Message, Role
from finetune.cli import main as cli
from finetune.plan.bases import base_facts, fetch_base
from finetune.recipe_files import read_run
from finetune.trainer.saving import write_merged

SETTINGS = [
    "data.held_out=0.2", "training.epochs=4", "training.learning_rate=5e-2", "training.batch_size=4",
    "training.accumulation=1", "lora.r=4", "lora.alpha=8", "lora.dropout=0.0", "data.grounded={}", "data.times={}",
    "data.self_answers={}",
]  # fmt: skip


@pytest.fixture
def gguf(tmp_path: Path, write_gguf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSISTANT_CACHE", str(tmp_path / "cache"))
    return write_gguf(tmp_path / "tiny.gguf", architecture="qwen2", splitting="qwen2", biased=True, context=512)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"prompt": f"add {n}", "completion": f"x += {n}"}) for n in range(24)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def finetune(monkeypatch: pytest.MonkeyPatch, capsys: Any, *arguments: str) -> str:
    monkeypatch.setattr("sys.argv", ["finetune", *arguments])
    assert assistant_cli.run(cli.app, "finetune") == 0, capsys.readouterr().err
    return str(capsys.readouterr().out)


def sets(gguf: Path, rows: Path, *more: str) -> list[str]:
    own = [f"base={gguf}", f'data.train=["{rows}"]', *SETTINGS, *more]
    return [part for setting in own for part in ("--set", setting)]


def test_the_weights_are_dequantised_once_and_are_those_of_the_file(gguf: Path) -> None:
    heard: list[str] = []
    reference, folder = fetch_base(str(gguf), lambda progress: heard.append(progress.stage))
    assert reference == str(gguf)
    network = AutoModelForCausalLM.from_pretrained(folder, dtype="bfloat16")
    for name, values in GGUFFile(gguf).state_dict():
        assert torch.equal(network.get_parameter(name), torch.tensor(values).to(torch.bfloat16)), name
    assert any("Dequantising tiny" in line for line in heard)
    heard.clear()
    assert fetch_base(str(gguf), lambda progress: heard.append(progress.stage)) == (reference, folder)
    assert not heard


def test_another_file_under_the_name_is_dequantised_anew_and_the_former_folder_goes(
    gguf: Path, write_gguf: Callable[..., Path], tmp_path: Path
) -> None:
    _, before = fetch_base(str(gguf), lambda _: None)
    write_gguf(gguf, architecture="qwen2", splitting="qwen2", kinds=("Q8_0",), biased=True)
    _, after = fetch_base(str(gguf), lambda _: None)
    assert after != before
    assert not before.exists()
    store = ModelStore()
    assert store.remove(str(gguf)) > 10_000
    assert not [path for path in (tmp_path / "cache" / FOLDER).iterdir() if path.is_dir()]


def test_what_the_file_says_of_its_model_is_enough_for_a_plan(
    gguf: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert base_facts(str(gguf)).config["model_type"] == "qwen2"
    plan = json.loads(finetune(monkeypatch, capsys, "plan", "code-qwen2.5-coder-0.5b", *sets(gguf, rows), "--json"))
    numbers = sum(int(np.prod(tensor.shape)) for tensor in GGUFFile(gguf).tensors.values())
    assert plan["parameters"]["total"] == numbers + plan["parameters"]["trained"]


@pytest.mark.parametrize("method", ["qlora", "lora"])
def test_from_recipe_to_answer_over_the_file(
    method: str, gguf: Path, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    run = tmp_path / "run"
    given = sets(gguf, rows, f"method={method}")
    figures = json.loads(finetune(monkeypatch, capsys, "run", "code-qwen2.5-coder-0.5b", *given, "--output", str(run)))
    assert figures["steps"] == figures["max_steps"] > 10
    assert {"test_loss", "test_perplexity"} <= figures.keys()

    model = ModelStore().resolve(str(run / "adapter"))
    assert model.gguf == gguf
    measured = finetune(
        monkeypatch, capsys, "evaluate", "code", "--data", str(rows), "--model", str(run), "--beside", "base", "--json"
    )
    report = json.loads(measured)
    assert report["loss"] < report["base"]["loss"] - 0.3, "it has learned, and its base is the run's own"
    trained = json.loads((run / "data.json").read_text("utf-8"))["train"]
    assert report["total"] == 24 - trained, "no row that it was trained on is measured"
    assert report["loss"] == pytest.approx(figures["test_loss"], abs=2e-3), "the same rows, in the same way"

    question = [Message(Role.USER, "add 3")]
    engine = load_generator(model, cache=tmp_path / "cache")
    tuned = "".join(engine.stream(question, sampling=Sampling(max_new_tokens=6)))
    plain = load_generator(ModelStore().resolve(str(gguf)), cache=tmp_path / "cache")
    assert tuned != "".join(plain.stream(question, sampling=Sampling(max_new_tokens=6)))
    assert tuned.startswith("x"), "beside the 4-bit matrices the adapter says what it was trained to say"

    merged = tmp_path / "merged"
    write_merged(run / "adapter", read_run(run), merged)
    whole = AutoModelForCausalLM.from_pretrained(merged, dtype="float32").eval()
    network, tokenizer = load_language_model(model, fastest=False)
    ids = torch.tensor([tokenizer("add 3")["input_ids"]])
    with torch.inference_mode():
        torch.testing.assert_close(whole(ids).logits, network(ids).logits, atol=0.1, rtol=0.02)


def test_an_adapter_of_another_shape_is_refused_over_the_file(gguf: Path, tmp_path: Path) -> None:
    from assistant.errors import AssistantError

    adapter = tmp_path / "adapter"
    adapter.mkdir()
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    save_file(
        {name.format("A"): torch.zeros(4, 32), name.format("B"): torch.zeros(32, 4)},
        adapter / "adapter_model.safetensors",
    )
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}
    (adapter / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": str(gguf)}))
    assert load_file(adapter / "adapter_model.safetensors")
    with pytest.raises(AssistantError, match="does not fit"):
        load_generator(ModelStore().resolve(str(adapter)), cache=tmp_path / "cache")
