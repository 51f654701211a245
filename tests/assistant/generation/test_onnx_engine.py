"""The engine for CPUs computes what the model does."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from assistant.generation.engines.base import TransformersEngine
from assistant.generation.engines.network_model import can_be_graph
from assistant.generation.engines.packing import BLOCK, pack_floats
from assistant.generation.engines.prepared import check_logits, prepare_network
from assistant.generation.engines.smoothing import smoothing_scales
from assistant.generation.generator import LocalGenerator, Sampling
from assistant.types import Message, Role

pytest.importorskip("onnxruntime")

from assistant.generation.engines.onnx import OnnxEngine, _room_for

MakeEngine = Callable[..., OnnxEngine]
ALL = frozenset({"qkv", "output", "gate_up", "down", "logits"})
TOKENS = [5, 9, 300, 17, 44, 44, 2, 128, 77, 301, 12]
LLAMA_3 = {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip


SIZES = {
    "vocab_size": 384, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.3,
}  # fmt: skip


def a_llama(**settings: object) -> LlamaForCausalLM:
    return _unlike_others(LlamaForCausalLM(LlamaConfig(**{**SIZES, **settings})))


def a_qwen(**settings: object) -> Qwen2ForCausalLM:
    return _unlike_others(Qwen2ForCausalLM(Qwen2Config(**{**SIZES, **settings})))


def _unlike_others(model: PreTrainedModel) -> PreTrainedModel:
    """The same random weights whenever it is asked for, none of them zero or one."""
    torch.manual_seed(3)
    for name, weight in model.named_parameters():
        if "norm" in name:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
        else:
            torch.nn.init.normal_(weight, std=0.3)
    return model.eval()


@pytest.fixture
def engine_of(tmp_path: Path) -> MakeEngine:
    """Prepares a model in a folder of its own and opens it."""

    def make(model: PreTrainedModel, **options: object) -> OnnxEngine:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        prepare_network(model, int(model.config.max_position_embeddings), folder, **options)
        return OnnxEngine(folder)

    return make


def logits_of(model: PreTrainedModel, tokens: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=torch.tensor([tokens])).logits[:, -1]


@pytest.mark.parametrize(
    "model",
    [
        a_llama(),
        a_llama(tie_word_embeddings=True),
        a_llama(num_key_value_heads=4, head_dim=32),
        a_llama(rope_parameters=LLAMA_3),
        a_qwen(),
        a_qwen(tie_word_embeddings=True, num_key_value_heads=1),
    ],
    ids=["plain", "tied", "other-head-size", "llama-3-positions", "qwen2", "qwen2-one-shared-head"],
)
def test_in_float32_the_logits_are_those_of_transformers(model: PreTrainedModel, engine_of: MakeEngine) -> None:
    engine = engine_of(model, exact=ALL)
    expected = logits_of(model, TOKENS)
    assert torch.allclose(engine.forward(TOKENS), expected, atol=1e-3, rtol=1e-3)
    engine.rewind(4)
    for token in TOKENS[4:]:
        last = engine.forward([token])
    assert torch.allclose(last, expected, atol=1e-3, rtol=1e-3)
    assert engine.length == len(TOKENS)


def test_far_positions_are_turned_as_far_as_in_transformers(engine_of: MakeEngine) -> None:
    model = a_llama()
    engine, tokens = engine_of(model, exact=ALL), (TOKENS * 20)[:200]
    engine.forward(tokens[:150])
    assert torch.allclose(engine.forward(tokens[150:]), logits_of(model, tokens), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("make", [a_llama, a_qwen])
def test_in_integers_the_logits_are_close(make: Callable[[], PreTrainedModel], engine_of: MakeEngine) -> None:
    model = make()
    found, expected = engine_of(model).forward(TOKENS), logits_of(model, TOKENS)
    assert float((found - expected).norm() / expected.norm()) < 0.1


def test_a_few_large_channels_cost_little_once_they_are_smooth(engine_of: MakeEngine) -> None:
    model = a_llama()
    with torch.no_grad():
        for layer in model.model.layers:
            layer.input_layernorm.weight[::16] *= 100
            layer.post_attention_layernorm.weight[::16] *= 100
            for product in (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj):
                product.weight[:, ::16] /= 100
            for product in (layer.mlp.gate_proj, layer.mlp.up_proj):
                product.weight[:, ::16] /= 100
    expected = logits_of(model, TOKENS)
    smooth = engine_of(model).forward(TOKENS)
    rough = engine_of(model, scales={name: 1 + 0 * scale for name, scale in smoothing_scales(model).items()})
    assert (smooth - expected).norm() < (rough.forward(TOKENS) - expected).norm() / 3


@pytest.mark.parametrize("settings", [{}, {"tie_word_embeddings": True}, {"num_key_value_heads": 4, "head_dim": 32}])
def test_each_channel_of_a_product_has_a_scale(settings: dict) -> None:
    model = a_llama(**settings)
    scales = smoothing_scales(model)
    assert len(scales) == 3 * 3 + 1 and all((scale > 0).all() for scale in scales.values())
    attention = model.model.layers[0].self_attn
    assert scales["qkv.0"].shape == scales["gate_up.0"].shape == scales["logits"].shape == (64,)
    assert scales["output.0"].shape == (attention.v_proj.weight.shape[0],)
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_what_was_rewound_is_forgotten(engine_of: MakeEngine) -> None:
    engine = engine_of(a_llama())
    first = engine.forward(TOKENS[:6]).clone()
    engine.forward(TOKENS)
    assert engine.rewind(0) == 0
    assert torch.equal(engine.forward(TOKENS[:6]), first)


_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(
    not _HUGE_PAGES.is_file() or "[always]" in _HUGE_PAGES.read_text(), reason="pages are of 4 KB only where asked for"
)
def test_a_cache_takes_as_much_memory_as_there_is_in_it() -> None:
    room = _room_for((1, 16, 4096, 128))
    assert not room.any() and room.nbytes == 32 << 20
    before = _resident()
    room = _room_for((1, 16, 4096, 128))
    room[:, :, :8] = 1
    assert _resident() - before < 4 << 20


def _resident() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


def test_tokens_beyond_the_context_are_refused_before_they_are_written_anywhere(engine_of: MakeEngine) -> None:
    engine = engine_of(a_llama(max_position_embeddings=16))
    engine.forward(TOKENS)
    with pytest.raises(ValueError, match="cache of 16"):
        engine.forward(TOKENS)


def test_logits_of_another_model_are_found_out(engine_of: MakeEngine) -> None:
    found = engine_of(a_llama()).forward(TOKENS)[0].numpy()
    check_logits(logits_of(a_llama(), TOKENS)[0].numpy(), found)
    with pytest.raises(ArithmeticError, match="logits differ"):
        check_logits(logits_of(a_llama(rms_norm_eps=10.0), TOKENS)[0].numpy(), found)


def test_answers_are_those_of_transformers(
    chat_tokenizer: PreTrainedTokenizerBase, llama: PreTrainedModel, engine_of: MakeEngine
) -> None:
    question = [Message(Role.USER, "How do I sort a dictionary by value?")]
    texts = [
        "".join(LocalGenerator(engine, chat_tokenizer, "tiny", ends=frozenset()).stream(question, sampling=sampling))
        for sampling in [Sampling(max_new_tokens=30)]
        for engine in (engine_of(llama, exact=ALL), TransformersEngine(llama))
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "settings", [{"attention_bias": True}, {"mlp_bias": True}, {"hidden_act": "gelu"}, {"head_dim": 24}]
)
def test_a_model_with_other_parts_is_left_to_transformers(settings: dict) -> None:
    assert can_be_graph(a_llama())
    assert not can_be_graph(a_llama(**settings))


def test_another_architecture_is_left_to_transformers(gpt2: PreTrainedModel) -> None:
    assert not can_be_graph(gpt2)


def test_a_window_of_attention_is_left_to_transformers() -> None:
    assert can_be_graph(a_qwen())
    assert not can_be_graph(a_qwen(use_sliding_window=True, sliding_window=8, max_window_layers=1))


def test_rounded_numbers_are_within_half_a_step_of_their_block() -> None:
    weight = (torch.randn(7, 2 * BLOCK + 5).numpy() * [[1e-6], [1], [1e3], [1], [1], [0], [1]]).astype("float32")
    packed = pack_floats(weight)
    assert packed.numbers.shape == (7, 3, BLOCK)
    steps = packed.scales.repeat(BLOCK, axis=1)[:, : weight.shape[1]]
    assert (abs(packed.floats() - weight) <= 0.501 * steps).all()


def test_no_large_product_is_kept_in_float32(tmp_path: Path) -> None:
    import onnx

    prepare_network(a_qwen(), 64, tmp_path)
    graph = onnx.load(str(tmp_path / "model.onnx"), load_external_data=False).graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("MatMul") == 0 and kinds.count("MatMulNBits") == 3 * 4 + 1
    facts = json.loads((tmp_path / "engine.json").read_text())
    table = np.fromfile(tmp_path / facts["embeddings"]["file"], np.float32).reshape(facts["embeddings"]["shape"])
    assert np.array_equal(table, a_qwen().get_input_embeddings().weight.detach().numpy())
