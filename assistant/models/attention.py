"""Attention of encoders on a CPU.

Heads of 32 or 64 dimensions spend more time in the softmax than in the matrix products, and torch's fused kernel is
slower there than plain products (the benchmarks measure both). Where the scores are small enough for `exp` not to
overflow, which two norms tell beforehand, the softmax needs neither its maximum nor a pass of its own to divide:

    softmax(s) v = (exp(s) v) / sum(exp(s))
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

NAME = "encoder_cpu"
_LARGEST_SCORE = 40.0
_MASKED = -86.0
"""Its exp is the smallest normal float32: nothing beside a score within the bound, and yet no division by zero."""


def use_cpu_attention(model: Any) -> None:
    """Let an encoder on a CPU attend in the way above; families that bring an attention of their own are left alone."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    if model.device.type != "cpu" or not model._can_set_attn_implementation():
        return
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)


def attend(
    module: Any,
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attention_mask: "torch.Tensor | None",
    scaling: float | None = None,
    **_: Any,
) -> tuple["torch.Tensor", None]:
    """Scaled dot-product attention without dropout, as transformers' `AttentionInterface` calls it.

    Args:
        module: the attention layer.
        query: shape (batch, heads, length, size).
        key: the same shape.
        value: the same shape.
        attention_mask: true where a key may be seen, shape (batch, 1, length or 1, length); None if everywhere.
        scaling: of the scores; by default one over the square root of the size.

    Returns:
        Shape (batch, length, heads, size), and no weights.
    """
    import torch

    query = query * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    largest = query.norm(dim=-1).max() * key.norm(dim=-1).max()
    scores = torch.matmul(query, key.transpose(2, 3))
    if attention_mask is not None:
        scores.masked_fill_(~attention_mask, _MASKED if largest <= _LARGEST_SCORE else torch.finfo(scores.dtype).min)
    if largest <= _LARGEST_SCORE:
        weights = scores.exp_()
        attended = torch.matmul(weights, value) / weights.sum(dim=-1, keepdim=True)
    else:
        attended = torch.matmul(scores.softmax(dim=-1), value)
    return attended.transpose(1, 2).contiguous(), None
