"""Attention of encoders on a CPU.

Heads of 32 or 64 dimensions spend more time on passes over the scores than in the matrix products, and torch's fused
kernel is slower there than plain products (the benchmarks measure both). A softmax needs neither its maximum nor a pass
of its own to divide, as long as no `exp` overflows, and padding can be left out of the values instead of the scores:

    softmax(s) v = (exp(s) [m v]) / (exp(s) m),    m = 1 where a key may be seen, else 0

Both products are one, the mask being a column beside the values. That nothing overflowed is seen at their sums. A
bias of the scores (of relative positions, say) is what the product that makes them is added to.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

NAME = "encoder_cpu"
_SCORES_AT_ONCE = 4 * 384 * 384
"""A megabyte in bfloat16: the scores of a few heads are multiplied while they are still in the core's cache."""
_LEAST_DIVISOR = 1e-30
_MOST = 1e38
"""float32 and bfloat16 have the same exponents: they lose digits below 1e-38, and overflow beyond 3e38."""


def attend(
    module: Any,
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attention_mask: "torch.Tensor | None",
    scaling: float | None = None,
    position_bias: "torch.Tensor | None" = None,
    **others: Any,
) -> tuple["torch.Tensor", None]:
    """Scaled dot-product attention without dropout, as transformers' `AttentionInterface` calls it.

    Args:
        module: the attention layer.
        query: shape (batch, heads, queries, size).
        key: shape (batch, heads, keys, size).
        value: the same shape as `key`.
        attention_mask: true where a key may be seen, shape (batch, 1, queries or 1, keys); None if everywhere.
        scaling: of the scores; by default one over the square root of the size.
        position_bias: added to the scores, shape (1, heads, queries, keys).
        others: of no use here.

    Returns:
        Shape (batch, queries, heads, size), and no weights.
    """
    import torch

    batch, heads, _, size = query.shape
    bias = None if position_bias is None else position_bias[0]
    query, key, value = (states.reshape(batch * heads, -1, size) for states in (query, key, value))
    scale = size**-0.5 if scaling is None else scaling
    # A mask that differs by query (a window around each, say) has no place beside the values.
    by_query = attention_mask is not None and attention_mask.shape[2] > 1
    attended = None if by_query else _quick(query, key, value, scale, attention_mask, bias)
    if attended is None:
        repeated = None if bias is None else bias.repeat(batch, 1, 1)
        scores = _scores(query, key, scale, repeated).view(batch, heads, query.shape[1], -1)
        if attention_mask is not None:
            scores.masked_fill_(~attention_mask, torch.finfo(scores.dtype).min)
        attended = torch.bmm(scores.softmax(dim=-1).flatten(0, 1), value)
    return attended.view(batch, heads, -1, size).transpose(1, 2).contiguous(), None


def _scores(
    query: "torch.Tensor", key: "torch.Tensor", scale: float, bias: "torch.Tensor | None" = None
) -> "torch.Tensor":
    import torch

    if bias is not None:
        return torch.baddbmm(bias, query, key.transpose(1, 2), alpha=scale)
    return torch.baddbmm(query.new_empty(1, 1, 1), query, key.transpose(1, 2), beta=0, alpha=scale)


def _quick(
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    scale: float,
    seen: "torch.Tensor | None",
    bias: "torch.Tensor | None" = None,
) -> "torch.Tensor | None":
    """What is attended to, by the formula above; None where an `exp` or a sum of them came near to an overflow.

    Args:
        query: shape (batch times heads, queries, size).
        key: shape (batch times heads, keys, size).
        value: the same shape as `key`.
        scale: of the scores.
        seen: shape (batch, 1, 1, keys).
        bias: of the scores, shape (heads, queries, keys).
    """
    import torch

    columns = torch.cat([value, value.new_ones(*value.shape[:-1], 1)], dim=-1)
    if seen is not None:
        columns.view(len(seen), -1, *columns.shape[1:]).mul_(seen.transpose(2, 3))
    sums = query.new_empty(*query.shape[:-1], columns.shape[-1])
    step = max(1, _SCORES_AT_ONCE // (query.shape[1] * key.shape[1]))
    if bias is not None:
        step, bias = _bias_of_steps(bias, step, len(query) // len(bias))
    for at in range(0, len(query), step):
        some = slice(at, at + step)
        added = None if bias is None else bias[at % len(bias) :][: min(step, len(query) - at)]
        torch.bmm(_scores(query[some], key[some], scale, added).exp_(), columns[some], out=sums[some])
    least, most = sums.aminmax()  # NaN if one is
    sums, divisors = sums[..., :-1], sums[..., -1:]
    if not (least > -_MOST and most < _MOST and divisors.amin() > _LEAST_DIVISOR):
        return None
    return sums / divisors


def _bias_of_steps(bias: "torch.Tensor", step: int, batch: int) -> tuple[int, "torch.Tensor"]:
    """Steps that begin at the same heads of a window each, or at a window, and the bias that they go round in.

    Args:
        bias: of one window's heads, shape (heads, queries, keys).
        step: how many heads to take at once, at most.
        batch: how many windows there are.
    """
    heads = len(bias)
    if step >= heads:
        windows = min(step // heads, batch)
        return windows * heads, bias.repeat(windows, 1, 1)
    return max(size for size in range(1, step + 1) if heads % size == 0), bias
