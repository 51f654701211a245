"""The engine for CPUs computes what the model does."""

from collections import Counter

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from assistant.generation.engines.base import TransformersEngine
from assistant.generation.generator import LocalGenerator, Sampling
from assistant.types import Message, Role

pytest.importorskip("onnxruntime")

from assistant.generation.engines import smoothing
from assistant.generation.engines.onnx import OnnxEngine
from assistant.generation.engines.onnx_graph import BLOCK, LONG_BLOCK, can_be_graph, llama_graph, quantise
from assistant.generation.engines.smoothing import smoothing_scales

ALL = frozenset({"qkv", "output", "gate_up", "down", "logits"})
TOKENS = [5, 9, 300, 17, 44, 44, 2, 128, 77, 301, 12]
LLAMA_3 = {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip


def a_llama(**settings: object) -> LlamaForCausalLM:
    torch.manual_seed(3)
    sizes = {
        "vocab_size": 384, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.3,
    }  # fmt: skip
    model = LlamaForCausalLM(LlamaConfig(**{**sizes, **settings})).eval()
    for name, weight in model.named_parameters():
        if "norm" in name:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    return model


def logits_of(model: PreTrainedModel, tokens: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=torch.tensor([tokens])).logits[:, -1]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tie_word_embeddings": True},
        {"num_key_value_heads": 4, "head_dim": 32},
        {"rope_parameters": LLAMA_3},
    ],
    ids=["plain", "tied", "other-head-size", "llama-3-positions"],
)
def test_in_float32_the_logits_are_those_of_transformers(settings: dict) -> None:
    model = a_llama(**settings)
    engine = OnnxEngine(model, exact=ALL)
    expected = logits_of(model, TOKENS)
    assert torch.allclose(engine.forward(TOKENS), expected, atol=1e-3, rtol=1e-3)
    engine.rewind(4)
    for token in TOKENS[4:]:
        last = engine.forward([token])
    assert torch.allclose(last, expected, atol=1e-3, rtol=1e-3)
    assert engine.length == len(TOKENS)


def test_far_positions_are_turned_as_far_as_in_transformers() -> None:
    model = a_llama()
    engine, tokens = OnnxEngine(model, exact=ALL), (TOKENS * 20)[:200]
    engine.forward(tokens[:150])
    assert torch.allclose(engine.forward(tokens[150:]), logits_of(model, tokens), atol=1e-3, rtol=1e-3)


def test_in_integers_the_logits_are_close() -> None:
    model = a_llama()
    found, expected = OnnxEngine(model).forward(TOKENS), logits_of(model, TOKENS)
    assert float((found - expected).norm() / expected.norm()) < 0.1


def test_a_few_large_channels_cost_little_once_they_are_smooth(monkeypatch: pytest.MonkeyPatch) -> None:
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

    def difference() -> float:
        return float((OnnxEngine(model).forward(TOKENS) - expected).norm() / expected.norm())

    smooth = difference()
    scales = smoothing_scales(model)
    monkeypatch.setattr(smoothing, "smoothing_scales", lambda model: {name: 1 + 0 * scales[name] for name in scales})
    assert smooth < difference() / 3


@pytest.mark.parametrize("settings", [{}, {"tie_word_embeddings": True}, {"num_key_value_heads": 4, "head_dim": 32}])
def test_each_channel_of_a_product_has_a_scale(settings: dict) -> None:
    model = a_llama(**settings)
    scales = smoothing_scales(model)
    assert len(scales) == 3 * 3 + 1 and all((scale > 0).all() for scale in scales.values())
    attention = model.model.layers[0].self_attn
    assert scales["qkv.0"].shape == scales["gate_up.0"].shape == scales["logits"].shape == (64,)
    assert scales["output.0"].shape == (attention.v_proj.weight.shape[0],)
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_what_was_rewound_is_forgotten() -> None:
    engine = OnnxEngine(a_llama())
    first = engine.forward(TOKENS[:6]).clone()
    engine.forward(TOKENS)
    assert engine.rewind(0) == 0
    assert torch.equal(engine.forward(TOKENS[:6]), first)


def test_tokens_beyond_the_context_are_refused_before_they_are_written_anywhere() -> None:
    engine = OnnxEngine(a_llama(max_position_embeddings=16))
    engine.forward(TOKENS)
    with pytest.raises(ValueError, match="cache of 16"):
        engine.forward(TOKENS)


def test_an_engine_that_computes_something_else_is_found_out() -> None:
    engine = OnnxEngine(a_llama())
    engine.check_against(a_llama())
    other = a_llama(rms_norm_eps=10.0)
    with pytest.raises(ArithmeticError, match="logits differ"):
        engine.check_against(other)


def test_answers_are_those_of_transformers(chat_tokenizer: PreTrainedTokenizerBase, llama: PreTrainedModel) -> None:
    question = [Message(Role.USER, "How do I sort a dictionary by value?")]
    texts = [
        "".join(LocalGenerator(engine, chat_tokenizer, "tiny", ends=frozenset()).stream(question, sampling=sampling))
        for sampling in [Sampling(max_new_tokens=30)]
        for engine in (OnnxEngine(llama, exact=ALL), TransformersEngine(llama))
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("settings", [{"attention_bias": True}, {"mlp_bias": True}, {"hidden_act": "gelu"}])
def test_a_model_with_other_parts_is_left_to_transformers(settings: dict) -> None:
    assert can_be_graph(a_llama())
    assert not can_be_graph(a_llama(**settings))


def test_another_architecture_is_left_to_transformers(gpt2: PreTrainedModel) -> None:
    assert not can_be_graph(gpt2)


@pytest.mark.parametrize("block", [BLOCK, LONG_BLOCK])
def test_rounded_numbers_are_within_half_a_step_of_their_block(block: int) -> None:
    weight = torch.randn(7, 2 * block + 5).numpy() * [[1e-6], [1], [1e3], [1], [1], [0], [1]]
    numbers, scales, zeros = quantise(weight.astype("float32"), block)
    assert numbers.shape == (7, 3, block)
    back = ((numbers.astype("float32") - zeros[..., None]) * scales[..., None]).reshape(7, -1)[:, : weight.shape[1]]
    steps = scales.repeat(block, axis=1)[:, : weight.shape[1]]
    assert (abs(back - weight) <= 1.001 * steps).all()


def test_no_product_is_kept_in_float32() -> None:
    model = a_llama()
    graph = llama_graph(model, 64, smoothing_scales(model))
    kinds = Counter(node.op_type for node in graph.model.graph.node)
    assert kinds["MatMul"] == 0 and kinds["MatMulNBits"] == 3 * 4 + 1
    wide = [array for array in graph.weights.values() if array.dtype == "float32" and array.ndim == 2]
    assert max(array.size for array in wide) <= 256 * 8 + 384 * 8  # positions and scales, no weights
