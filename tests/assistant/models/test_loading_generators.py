"""Generators from folders: with adapters, in few bits, and what does not fit together is refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from assistant.errors import ModelError
from assistant.generation.generator import OwnSampling
from assistant.generation.stream import Sampling
from assistant.loading.generator import load_generator, load_language_model
from assistant.models.store import ResolvedModel
from assistant.types import Message, Role
from tests.assistant.generation.conftest import CHAT_TEMPLATE, make_tokenizer

QUESTION = [Message(Role.USER, "How do I sort a dictionary by value?")]
TARGETS = {"llama": ["q_proj", "k_proj", "v_proj", "o_proj"], "gpt2": ["c_attn", "c_proj"]}


def a_network(kind: str, vocabulary: int, layers: int = 2) -> PreTrainedModel:
    torch.manual_seed(5)
    if kind == "gpt2":
        return GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, n_embd=64, n_layer=layers, n_head=2, n_positions=256))
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary, hidden_size=64, intermediate_size=128, num_hidden_layers=layers,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.2,
        )
    )  # fmt: skip


def save_adapter(folder: Path, kind: str, layers: int = 2) -> Path:
    tokenizer = make_tokenizer(None)
    config = LoraConfig(
        r=4, lora_alpha=32, target_modules=TARGETS[kind], init_lora_weights=False, fan_in_fan_out=kind == "gpt2"
    )
    get_peft_model(a_network(kind, len(tokenizer), layers), config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("generators")
    for kind in TARGETS:
        tokenizer = make_tokenizer(CHAT_TEMPLATE if kind == "llama" else None)
        a_network(kind, len(tokenizer)).save_pretrained(root / kind)
        tokenizer.save_pretrained(root / kind)
        save_adapter(root / f"{kind}-adapter", kind)
    save_adapter(root / "deeper-adapter", "llama", layers=3)
    return {path.name: path for path in root.iterdir()}


@pytest.mark.parametrize("kind", TARGETS)
def test_an_adapter_is_merged_and_changes_the_answer(folders: dict[str, Path], kind: str) -> None:
    plain = load_language_model(ResolvedModel(kind, folders[kind]), fastest=False)[0]
    tuned = load_language_model(ResolvedModel(kind, folders[kind], folders[f"{kind}-adapter"]), fastest=False)[0]
    assert type(tuned) is type(plain)
    ids = torch.tensor([[5, 6, 7]])
    assert not torch.allclose(tuned(ids).logits, plain(ids).logits, atol=1e-3)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("quantisation", [None, "4bit", "8bit"])
def test_a_generator_with_an_adapter_answers(folders: dict[str, Path], kind: str, quantisation: str | None) -> None:
    generator = load_generator(ResolvedModel(kind, folders[kind], folders[f"{kind}-adapter"]), quantisation)
    stream = generator.stream(QUESTION, sampling=Sampling(max_new_tokens=6))
    list(stream)
    assert 0 < stream.completion_tokens <= 6


def test_a_model_brings_its_repetition_penalty_and_an_adapter_its_own(folders: dict[str, Path], tmp_path: Path) -> None:
    base, adapter = (shutil.copytree(folders[name], tmp_path / name) for name in ("llama", "llama-adapter"))

    def made(model: ResolvedModel, penalty: float | None = None) -> list[int]:
        stream = load_generator(model).stream(
            QUESTION, sampling=Sampling(max_new_tokens=60, repetition_penalty=penalty)
        )
        list(stream)
        return stream.generated_ids  # type: ignore[attr-defined,no-any-return]

    def asks(folder: Path, penalty: object) -> None:
        path = folder / "generation_config.json"
        found = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        path.write_text(json.dumps(found | {"repetition_penalty": penalty}), "utf-8")

    alone, tuned = ResolvedModel("base", base), ResolvedModel("tuned", base, adapter)
    assert made(alone) == made(alone, OwnSampling().greedy_penalty) != made(alone, 30.0)
    asks(base, 30.0)
    assert made(alone) == made(alone, 30.0)
    assert made(tuned) == made(tuned, 30.0) != made(tuned, 1.0)
    asks(adapter, 1.0)
    assert made(tuned) == made(tuned, 1.0)
    for nonsense in (0, -1.5, "much"):
        asks(adapter, nonsense)
        with pytest.raises(ModelError, match="repetition_penalty"):
            load_generator(tuned)


@pytest.mark.parametrize("quantisation", [None, "4bit"])
@pytest.mark.parametrize("adapter", ["gpt2-adapter", "deeper-adapter"])
def test_an_adapter_of_another_base_is_refused(
    folders: dict[str, Path], adapter: str, quantisation: str | None
) -> None:
    with pytest.raises(ModelError, match="does not fit the base"):
        load_generator(ResolvedModel("wrong", folders["llama"], folders[adapter]), quantisation)
