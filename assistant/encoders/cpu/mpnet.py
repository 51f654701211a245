"""MPNet on a CPU: its attention block and encoder, in place of those of transformers.

transformers has one attention for MPNet, which passes over the scores five times (scale, bias, mask, softmax) and works
the bias of relative positions out anew for each batch and each row of it. Here the bias is worked out once, all layers
and windows share it, and it comes into the scores within the product that makes them.

Seconds of one core of an AMD EPYC (Zen 5) for a window of 384 tokens of MPNet-base, four at once, in turns in one run:
transformers in float32 0.730 and in bfloat16 0.205; this with `fuse_linear_layers` 0.184 (4.0 times float32), and with
50 layers in 8 bits 0.163 (4.5 times). The products of the linear layers are 80 % of what is left, attention a seventh,
copies between layouts 3 %, norms and sums 2 %. One product for queries, keys and values would be no faster than three
(11.3 against 11.6 ms for 1,536 tokens), and would keep models of one base from sharing their weights. In 8 bits the
layers that narrow would change what MPNet says: the logits' error is 0.28 instead of 0.04, and a third of the best
starts and ends move.

Import this where a model is at hand, not at the top of a module: it needs torch.
"""

from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutput

from assistant.encoders.cpu.attention import attend


class MPNetAttention(torch.nn.Module):
    """Attention with what follows it, for the modules of a layer of transformers' MPNet.

    Args:
        attention: the `MPNetAttention` of transformers that it replaces; it keeps its modules under the same names.
        queries: for how many tokens, counted from the first, to compute it; by default all.
    """

    def __init__(self, attention: Any, queries: int | None = None) -> None:
        super().__init__()
        self.attn, self.LayerNorm = attention.attn, attention.LayerNorm
        self.queries = queries

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        position_bias: torch.Tensor | None = None,
        **others: Any,
    ) -> tuple[torch.Tensor]:
        """New states of the first tokens, as many as `queries`.

        Args:
            hidden_states: shape (batch, length, hidden).
            attention_mask: true where a key may be seen, shape (batch, 1, length or 1, length); None if everywhere.
            position_bias: added to the scores, shape (1, heads, length, length).
            others: of no use here.
        """
        layers = self.attn
        # A slice of all would be another tensor, and queries, keys and values are quantised once if they are one.
        first = hidden_states if self.queries is None else hidden_states[:, : self.queries]
        if self.queries is not None:
            position_bias = None if position_bias is None else position_bias[:, :, : self.queries]
            attention_mask = None if attention_mask is None else attention_mask[:, :, : self.queries]
        shape = (-1, layers.attention_head_size)
        query, key, value = (
            layer(states).unflatten(-1, shape).transpose(1, 2)
            for layer, states in ((layers.q, first), (layers.k, hidden_states), (layers.v, hidden_states))
        )
        attended, _ = attend(layers, query, key, value, attention_mask, position_bias=position_bias)
        return (self.LayerNorm(layers.o(attended.flatten(2)).add_(first)),)


class MPNetEncoder(torch.nn.Module):
    """The layers of a transformers MPNet, with one bias of relative positions for all lengths.

    Args:
        encoder: the `MPNetEncoder` of transformers that it replaces; it keeps its modules under the same names. Its
            weights must not change any more.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.layer, self.relative_attention_bias = encoder.layer, encoder.relative_attention_bias
        self._compute_bias = encoder.compute_position_bias
        self._longest: torch.Tensor | None = None
        for layer in self.layer:
            layer.attention = MPNetAttention(layer.attention)

    def position_bias(self, states: torch.Tensor) -> torch.Tensor:
        """What is added to the scores of windows as long as the states are; shape (1, heads, length, length).

        It depends on how far two tokens are from each other alone, so that of short windows is a corner of that of
        long ones: the longest so far is kept (7 MB at most in bfloat16, for 12 heads and 512 tokens).
        """
        length, known = states.shape[1], self._longest
        if known is None or known.shape[-1] < length or known.dtype != self.relative_attention_bias.weight.dtype:
            with torch.inference_mode(mode=False), torch.no_grad():
                known = self._longest = self._compute_bias(states.new_empty(1, length, 0))
        return known[:, :, :length, :length]

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        output_hidden_states: bool = False,
        **others: Any,
    ) -> BaseModelOutput:
        """All layers, one after the other; shapes as `MPNetAttention` has them."""
        bias = self.position_bias(hidden_states)
        states = [hidden_states]
        for layer in self.layer:
            hidden_states = layer(hidden_states, attention_mask, bias)[0]
            if output_hidden_states:
                states.append(hidden_states)
        return BaseModelOutput(
            last_hidden_state=hidden_states, hidden_states=tuple(states) if output_hidden_states else None
        )
