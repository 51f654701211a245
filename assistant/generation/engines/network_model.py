"""The weights of a transformers model as the decoding graph takes them: made smooth and rounded to 8 bits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.generation.engines.onnx_graph import Array, Decoder, Layer, Matrix
from assistant.generation.engines.packing import pack_floats

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_FAMILIES = frozenset({"llama", "qwen2"})
_ROPE_TYPES = frozenset({"default", "linear", "llama3", "yarn"})
"""Those whose angles do not depend on the length of the text."""


def can_be_graph(model: Any) -> bool:
    """Whether the graph has every feature of a model."""
    config = model.config
    if getattr(config, "model_type", None) not in _FAMILIES or getattr(model, "is_quantized", False):
        return False
    plain = config.hidden_act == "silu" and not getattr(config, "mlp_bias", False)
    whole = all(kind == "full_attention" for kind in getattr(config, "layer_types", None) or ())
    attention = model.model.layers[0].self_attn
    rope = config.rope_parameters or {}
    known = rope.get("rope_type", "default") in _ROPE_TYPES
    return bool(plain and whole and known and attention.head_dim % 16 == 0 and attention.o_proj.bias is None)


def decoder_of_network(
    model: "PreTrainedModel", context_tokens: int, scales: Mapping[str, Array], *, exact: frozenset[str] = frozenset()
) -> Decoder:
    """The sizes of a model, and what surrounds its layers.

    Args:
        model: float32, its adapter merged.
        context_tokens: the longest cache.
        scales: what the inputs of products are divided by, as `smoothing_scales` finds them.
        exact: the products to compute in float32, of `qkv`, `output`, `gate_up`, `down` and `logits`.
    """
    network: Any = model
    config = network.config
    cos, sin = _rotations(network, context_tokens)
    return Decoder(
        layers=int(config.num_hidden_layers),
        hidden=int(config.hidden_size),
        heads=int(config.num_attention_heads),
        shared_heads=int(config.num_key_value_heads),
        head_size=int(network.model.layers[0].self_attn.head_dim),
        vocabulary=int(network.lm_head.weight.shape[0]),
        epsilon=float(config.rms_norm_eps),
        cos=cos,
        sin=sin,
        rotates_neighbours=False,
        norm=array_of(network.model.norm.weight) / scales["logits"],
        logits=_matrix("logits", array_of(network.lm_head.weight) * scales["logits"], exact),
    )


def layers_of_network(
    model: "PreTrainedModel", scales: Mapping[str, Array], *, exact: frozenset[str] = frozenset()
) -> Iterator[Layer]:
    """The layers of a model, one after the other; arguments as for `decoder_of_network`."""
    network: Any = model
    config = network.config
    groups = int(config.num_attention_heads) // int(config.num_key_value_heads)
    for at, layer in enumerate(network.model.layers):
        attention, mlp = layer.self_attn, layer.mlp
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        query, key, value = (array_of(each.weight) for each in projections)
        of_values = scales[f"output.{at}"]
        bias = None
        if attention.q_proj.bias is not None:
            query_bias, key_bias, value_bias = (array_of(each.bias) for each in projections)
            bias = np.concatenate([query_bias, key_bias, value_bias / of_values])
        shared = of_values.reshape(int(config.num_key_value_heads), 1, -1).repeat(groups, axis=1).reshape(-1)
        qkv = np.concatenate([query, key, value / of_values[:, None]]) * scales[f"qkv.{at}"]
        wide = np.concatenate([array_of(mlp.gate_proj.weight), array_of(mlp.up_proj.weight)]) * scales[f"gate_up.{at}"]
        yield Layer(
            attention_norm=array_of(layer.input_layernorm.weight) / scales[f"qkv.{at}"],
            qkv=[_matrix("qkv", qkv, exact)],
            qkv_bias=bias,
            output=_matrix("output", array_of(attention.o_proj.weight) * shared, exact),
            mlp_norm=array_of(layer.post_attention_layernorm.weight) / scales[f"gate_up.{at}"],
            gate_up=[_matrix("gate_up", wide, exact)],
            down=_matrix("down", array_of(mlp.down_proj.weight), exact),
        )


def embeddings_of(model: "PreTrainedModel") -> Array:
    """The embedding of each token, in float16 where that is exactly the same."""
    table = array_of(model.get_input_embeddings().weight)
    short = table.astype(np.float16)
    return short if np.array_equal(short.astype(np.float32), table) else table


def array_of(tensor: Any) -> Array:
    """The numbers of a tensor in float32; they may be the tensor's own, so nothing is written to them."""
    array: Array = tensor.detach().float().cpu().numpy()
    return array


def _matrix(kind: str, weight: Array, exact: frozenset[str]) -> Matrix:
    return weight if kind in exact else pack_floats(weight)


def _rotations(model: Any, context_tokens: int) -> Sequence[Array]:
    """Cosines and sines of the rotary positions, of shape (context, half a head), as the model itself has them."""
    import torch

    positions = torch.arange(context_tokens)[None]
    with torch.inference_mode():
        both = model.model.rotary_emb(torch.zeros(1), positions)
    return [part[0, :, : part.shape[-1] // 2].numpy() for part in both]
