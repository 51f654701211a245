"""A Llama model as an ONNX graph for decoding on a CPU, in ten operations a layer.

The operations are ONNX Runtime's own (docs/ContribOperators.md there): rotary positions, the cache and attention are
one of them, the residual sum and its norm another. Products with the query, key and value matrices are one product, and
so are those of gate and up.

Decoding reads every weight once a token, so its speed is that of the memory. The large matrices are kept as 8-bit
integers with a scale and a zero point for every block of numbers. Products of integers round their input too, block by
block, so inputs are made smooth first (see `smoothing`), and blocks are short but in the two largest matrices, where
they would cost most time. `benchmarks.generator` measures what is lost.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, ValueInfoProto
    from transformers import LlamaForCausalLM

BLOCK = 16
LONG_BLOCK = 32
_LARGEST = frozenset({"gate_up", "logits"})
_ROPE_TYPES = {"default", "linear", "llama3", "yarn"}  # those whose angles do not depend on the length of the text
_CONTRIB = "com.microsoft"
_ACCURACY_INT8 = 4  # MatMulNBits: the input is rounded to 8 bits for each block, and integers are multiplied
_SMALL = 64  # numbers; what is smaller stays in the graph itself

Array = npt.NDArray[Any]


class Graph(NamedTuple):
    """A model without its weights, the weights by name, and the embedding of each token, which is looked up outside."""

    model: "ModelProto"
    weights: dict[str, Array]
    embeddings: Array


def can_be_graph(model: Any) -> bool:
    """Whether a model is a Llama whose every feature the graph has."""
    config = model.config
    if getattr(config, "model_type", None) != "llama" or getattr(model, "is_quantized", False):
        return False
    plain = config.hidden_act == "silu" and not config.attention_bias and not config.mlp_bias
    rope = config.rope_parameters or {}
    return bool(plain and rope.get("rope_type", "default") in _ROPE_TYPES and config.head_dim % 8 == 0)


def llama_graph(
    model: "LlamaForCausalLM",
    context_tokens: int,
    scales: Mapping[str, Array],
    *,
    exact: frozenset[str] = frozenset(),
    all_logits: bool = False,
) -> Graph:
    """The graph of a Llama model.

    Inputs: `hidden`, the embeddings of the tokens, float32 of shape (rows, tokens, hidden size); `last`, the index of
    each row's last token in the cache; `total`, how many tokens are in the longest row of it then; for each layer N
    `key.N` and `value.N`, the cache, of shape (rows, heads, context, head size). Several rows take one token at a time.
    Outputs: `logits`, and the caches as `new_key.N` and `new_value.N`, which may be the same memory.

    Args:
        model: float32, its adapter merged.
        context_tokens: the longest cache.
        scales: what the inputs of products are divided by, as `smoothing_scales` finds them.
        exact: the products to compute in float32, of `qkv`, `output`, `gate_up`, `down` and `logits`.
        all_logits: give those after every token instead of after the last.
    """
    return _Builder(exact, scales).build(model, context_tokens, all_logits=all_logits)


class _Builder:
    """Collects nodes and weights."""

    def __init__(self, exact: frozenset[str], scales: Mapping[str, Array]) -> None:
        self._exact = exact
        self._scales = scales
        self._nodes: list[NodeProto] = []
        self._weights: dict[str, Array] = {}

    def build(self, model: "LlamaForCausalLM", context_tokens: int, *, all_logits: bool) -> Graph:
        from onnx import helper

        config = model.config
        self._epsilon = float(config.rms_norm_eps)
        self._rotations(model, context_tokens)
        layers = model.model.layers
        self._weight("norm.0", array_of(layers[0].input_layernorm.weight) / self._scales["qkv.0"])
        normed, residual = "normed.0", "hidden"
        self._node(
            "SimplifiedLayerNormalization", ["hidden", "norm.0"], [normed], domain="", axis=-1, epsilon=self._epsilon
        )
        for at, layer in enumerate(layers):
            if at + 1 < len(layers):
                norm = array_of(layers[at + 1].input_layernorm.weight) / self._scales[f"qkv.{at + 1}"]
            else:
                norm = array_of(model.model.norm.weight) / self._scales["logits"]
            normed, residual = self._layer(at, layer, norm, normed, residual, config)
        if not all_logits:
            for name, value in (("from", -1), ("to", np.iinfo(np.int64).max), ("axis", 1)):
                self._weight(name, np.array([value], np.int64))
            normed = self._node("Slice", [normed, "from", "to", "axis"], ["last_normed"], domain="")
        self._product("logits", normed, array_of(model.lm_head.weight) * self._scales["logits"], "logits")
        inputs, outputs = _signature(config)
        graph = helper.make_graph(
            self._nodes, "llama", inputs, outputs, initializer=[_initializer(*item) for item in self._weights.items()]
        )
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(_CONTRIB, 1)]
        outside = {name: array for name, array in self._weights.items() if array.size >= _SMALL}
        return Graph(helper.make_model(graph, opset_imports=opsets, ir_version=10), outside, _embeddings(model))

    def _layer(self, at: int, layer: Any, norm: Array, normed: str, residual: str, config: Any) -> tuple[str, str]:
        """One layer; returns the names of its normed output, by the norm that follows it, and of its residual sum."""
        attention, mlp = layer.self_attn, layer.mlp
        query, key, value = (array_of(each.weight) for each in (attention.q_proj, attention.k_proj, attention.v_proj))
        value = value / self._scales[f"output.{at}"][:, None]
        stacked = np.concatenate([query, key, value]) * self._scales[f"qkv.{at}"]
        qkv = self._product("qkv", normed, stacked, f"qkv.{at}")
        attended = self._node(
            "GroupQueryAttention",
            [qkv, "", "", f"key.{at}", f"value.{at}", "last", "total", "cos", "sin"],
            [f"attended.{at}", f"new_key.{at}", f"new_value.{at}"],
            num_heads=config.num_attention_heads,
            kv_num_heads=config.num_key_value_heads,
            do_rotary=1,
        )
        of_heads = self._scales[f"output.{at}"].reshape(config.num_key_value_heads, 1, -1)
        shared = of_heads.repeat(config.num_attention_heads // config.num_key_value_heads, axis=1).reshape(-1)
        output = self._product("output", attended, array_of(attention.o_proj.weight) * shared, f"output.{at}")
        scale = self._scales[f"gate_up.{at}"]
        middle = array_of(layer.post_attention_layernorm.weight) / scale
        normed, residual = self._add_and_norm(f"middle.{at}", output, residual, middle)
        wide = np.concatenate([array_of(mlp.gate_proj.weight), array_of(mlp.up_proj.weight)]) * scale
        both = self._product("gate_up", normed, wide, f"gate_up.{at}")
        self._node("Split", [both], [f"gate.{at}", f"up.{at}"], domain="", axis=-1, num_outputs=2)
        self._node("QuickGelu", [f"gate.{at}"], [f"silu.{at}"], alpha=1.0)  # x times sigmoid(x), which is SiLU
        inner = self._node("Mul", [f"silu.{at}", f"up.{at}"], [f"inner.{at}"], domain="")
        down = self._product("down", inner, array_of(mlp.down_proj.weight), f"down.{at}")
        return self._add_and_norm(f"end.{at}", down, residual, norm)

    def _add_and_norm(self, name: str, added: str, residual: str, norm: Array) -> tuple[str, str]:
        self._weight(f"{name}.norm", norm)
        outputs = [f"{name}.normed", "", "", f"{name}.sum"]
        self._node(
            "SkipSimplifiedLayerNormalization", [added, residual, f"{name}.norm"], outputs, epsilon=self._epsilon
        )
        return outputs[0], outputs[-1]

    def _product(self, kind: str, left: str, weight: Array, name: str) -> str:
        """`left` times the transposed `weight`, of shape (outputs, inputs)."""
        if kind in self._exact:
            self._weight(f"{name}.weight", weight.T)
            return self._node("MatMul", [left, f"{name}.weight"], [name], domain="")
        block = LONG_BLOCK if kind in _LARGEST else BLOCK
        parts = quantise(weight, block)
        for part, array in zip(("numbers", "scales", "zeros"), parts, strict=True):
            self._weight(f"{name}.{part}", array)
        return self._node(
            "MatMulNBits",
            [left, f"{name}.numbers", f"{name}.scales", f"{name}.zeros"],
            [name],
            K=weight.shape[1],
            N=weight.shape[0],
            bits=8,
            block_size=block,
            accuracy_level=_ACCURACY_INT8,
        )

    def _rotations(self, model: "LlamaForCausalLM", context_tokens: int) -> None:
        """Cosines and sines of the rotary positions, of shape (context, half a head), as the model itself has them."""
        import torch

        positions = torch.arange(context_tokens)[None]
        with torch.inference_mode():
            cos, sin = model.model.rotary_emb(torch.zeros(1), positions)
        half = cos.shape[-1] // 2
        self._weight("cos", cos[0, :, :half].numpy())
        self._weight("sin", sin[0, :, :half].numpy())

    def _weight(self, name: str, array: Array) -> None:
        self._weights[name] = np.ascontiguousarray(array)

    def _node(self, kind: str, inputs: list[str], outputs: list[str], domain: str = _CONTRIB, **settings: Any) -> str:
        from onnx import helper

        self._nodes.append(
            helper.make_node(kind, inputs, outputs, name=f"{kind}:{outputs[0]}", domain=domain, **settings)
        )
        return outputs[0]


def quantise(weight: Array, block: int = BLOCK) -> tuple[Array, Array, Array]:
    """Round a matrix of shape (outputs, inputs) to 8-bit integers, each block of inputs from its least to its greatest.

    Returns:
        Integers of shape (outputs, blocks, block), scales and zero points of shape (outputs, blocks); a number is
        (integer - zero point) * scale.
    """
    rows, columns = weight.shape
    blocks = -(-columns // block)
    padded = np.pad(weight, ((0, 0), (0, blocks * block - columns))).reshape(rows, blocks, block)
    least, greatest = np.minimum(padded.min(-1), 0), np.maximum(padded.max(-1), 0)
    scales = (greatest - least) / np.float32(255)
    scales[scales == 0] = 1
    zeros = np.rint(-least / scales)
    numbers = np.rint(padded / scales[..., None]) + zeros[..., None]
    return np.clip(numbers, 0, 255).astype(np.uint8), scales.astype(np.float32), zeros.astype(np.uint8)


def _signature(config: Any) -> tuple[list["ValueInfoProto"], list["ValueInfoProto"]]:
    from onnx import TensorProto, helper

    cache = ["rows", config.num_key_value_heads, "context", config.head_dim]
    names = [f"{part}.{at}" for at in range(config.num_hidden_layers) for part in ("key", "value")]
    inputs = [
        helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["rows", "tokens", config.hidden_size]),
        helper.make_tensor_value_info("last", TensorProto.INT32, ["rows"]),
        helper.make_tensor_value_info("total", TensorProto.INT32, [1]),
        *(helper.make_tensor_value_info(name, TensorProto.FLOAT, cache) for name in names),
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", "positions", config.vocab_size]),
        *(helper.make_tensor_value_info(f"new_{name}", TensorProto.FLOAT, cache) for name in names),
    ]
    return inputs, outputs


def _initializer(name: str, array: Array) -> Any:
    """A weight of the graph; of a large one only its shape, as it is handed over when the graph is loaded."""
    from onnx import TensorProto, helper, numpy_helper

    if array.size < _SMALL:
        return numpy_helper.from_array(array, name)
    tensor = TensorProto(
        name=name,
        dims=array.shape,
        data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
        data_location=TensorProto.EXTERNAL,
    )
    tensor.external_data.add(key="location", value="handed over")
    return tensor


def _embeddings(model: Any) -> Array:
    """One row a token, in float16 where that is exactly the same."""
    table = array_of(model.get_input_embeddings().weight)
    short = table.astype(np.float16)
    return short if np.array_equal(short.astype(np.float32), table) else table


def array_of(tensor: Any) -> Array:
    """The numbers of a tensor in float32; they may be the tensor's own, so nothing is written to them."""
    array: Array = tensor.detach().float().cpu().numpy()
    return array
