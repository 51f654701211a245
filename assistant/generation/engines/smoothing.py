"""Scales that make the inputs of a Llama's products easier to round to 8 bits.

A few channels of an activation are far larger than the others, and the integers of a block are spread over all of its
range. Dividing a channel by a scale and multiplying the weights that meet it by the same changes no result, but moves a
part of that range into the weights, where it harms less (SmoothQuant: Xiao et al., 2023). The division costs nothing
either: the norm before the product takes it on, or the value projection before attention's output.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.generation.engines.network_model import array_of
from assistant.generation.engines.onnx_graph import Array

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_TOKENS = 128
_LEAST = 1e-5  # a channel that is always zero needs no scale


def smoothing_scales(model: "PreTrainedModel") -> dict[str, Array]:
    """What to divide each input channel of a product by, found with tokens from all over the vocabulary.

    Half of a channel's range goes into the weights: the scale is the root of its largest activation over its largest
    weight.

    Args:
        model: on the CPU; it is run once.

    Returns:
        For `qkv.N`, `output.N` and `gate_up.N` of each layer and for `logits`, an array with a scale for each channel.
        Heads that share a value projection share the scales of `output.N`, which has one for each of its channels.
    """
    network: Any = model
    layers = network.model.layers
    largest = _largest_inputs(network)
    scales = {"logits": _scale(largest["logits"], [network.lm_head])}
    shared = int(network.config.num_key_value_heads or 1)
    heads = shared, int(network.config.num_attention_heads) // shared
    for at, layer in enumerate(layers):
        attention, mlp = layer.self_attn, layer.mlp
        scales[f"qkv.{at}"] = _scale(largest[f"qkv.{at}"], [attention.q_proj, attention.k_proj, attention.v_proj])
        scales[f"gate_up.{at}"] = _scale(largest[f"gate_up.{at}"], [mlp.gate_proj, mlp.up_proj])
        scales[f"output.{at}"] = _scale(largest[f"output.{at}"], [attention.o_proj], heads)
    return scales


def _largest_inputs(model: Any) -> dict[str, Array]:
    import torch

    largest: dict[str, Array] = {}
    hooks = []
    for at, layer in enumerate(model.model.layers):
        attention = layer.self_attn
        for name, module in (("qkv", attention.q_proj), ("output", attention.o_proj), ("gate_up", layer.mlp.gate_proj)):
            hooks.append(module.register_forward_pre_hook(_note(largest, f"{name}.{at}")))
    vocabulary = int(model.config.vocab_size)
    count = min(_TOKENS, vocabulary, int(model.config.max_position_embeddings))
    try:
        with torch.inference_mode():
            spread = torch.arange(count)[None] * (vocabulary // count)
            largest["logits"] = _largest(model.model(input_ids=spread, use_cache=False).last_hidden_state)
    finally:
        for hook in hooks:
            hook.remove()
    return largest


def _note(largest: dict[str, Array], name: str) -> Any:
    def note(module: object, inputs: tuple["torch.Tensor", ...]) -> None:
        largest[name] = _largest(inputs[0])

    return note


def _largest(activations: "torch.Tensor") -> Array:
    """The largest magnitude of each channel; the first token is left out: much attention rests on it alone."""
    return array_of(activations[0, 1:].abs().amax(0))


def _scale(inputs: Array, products: list[Any], heads: tuple[int, int] | None = None) -> Array:
    weights = np.max([np.abs(array_of(product.weight)).max(0) for product in products], axis=0)
    if heads is not None:
        inputs, weights = (each.reshape(*heads, -1).max(1).reshape(-1) for each in (inputs, weights))
    scale: Array = np.sqrt(np.maximum(inputs, _LEAST) / np.maximum(weights, _LEAST))
    return scale
