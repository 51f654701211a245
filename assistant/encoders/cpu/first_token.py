"""Classifiers that read the first token alone compute the last layer for it alone.

The other tokens are still its keys and values there, but what the layer would make of them nobody reads: a sixth of
the work of an encoder with six layers, less what the keys and values cost.
"""

from typing import TYPE_CHECKING, Any

from assistant.encoders.cpu.attention import NAME, attend

if TYPE_CHECKING:
    import torch

_FAMILIES = frozenset({"bert", "roberta", "xlm-roberta", "camembert", "electra"})


def only_first_token(model: Any) -> None:
    """Let a sequence classifier compute its last layer for the first token alone; other families are left alone.

    Call it when the model attends by `use_cpu_attention`.
    """
    config = model.config
    if config.model_type == "mpnet" and config._attn_implementation == NAME:
        from assistant.encoders.cpu.mpnet import MPNetAttention

        layer = model.base_model.encoder.layer[-1]
        layer.attention = MPNetAttention(layer.attention, queries=1)
        return
    if config.model_type not in _FAMILIES or config._attn_implementation != NAME or config.is_decoder:
        return
    last = model.base_model.encoder.layer[-1]
    attention = last.attention
    whole = attention.forward

    def forward(hidden_states: "torch.Tensor", attention_mask: "torch.Tensor | None" = None, **options: Any) -> Any:
        if attention_mask is not None and attention_mask.shape[2] > 1:
            return whole(hidden_states, attention_mask, **options)
        projections = attention.self
        first = hidden_states[:, :1]

        def heads(states: "torch.Tensor") -> "torch.Tensor":
            parts: torch.Tensor = states.unflatten(-1, (-1, projections.attention_head_size))
            return parts.transpose(1, 2)

        attended, _ = attend(
            projections,
            heads(projections.query(first)),
            heads(projections.key(hidden_states)),
            heads(projections.value(hidden_states)),
            attention_mask,
            scaling=projections.scaling,
        )
        return attention.output(attended.flatten(2), first), None

    attention.forward = forward
