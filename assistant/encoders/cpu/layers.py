"""Linear layers that take the place of torch's: with what follows them in the same oneDNN kernel, or in 8 bits.

Import this where a model is at hand, not at the top of a module: it needs torch.
"""

import threading
from typing import Any

import torch

_STEPS = 255
_FROM_SIGNED = 128


class FusedLinear(torch.nn.Linear):
    """A linear layer that adds its bias, and applies the activation behind it, while the product is in the cache.

    Args:
        linear: the layer it replaces; weight and bias are the same tensors, not copies.
        activation: what follows the layer: "gelu" (the exact one), or "none".
    """

    def __init__(self, linear: torch.nn.Linear, activation: str = "none") -> None:
        torch.nn.Module.__init__(self)  # that of Linear would make new weights
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        self.activation = activation

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """The product; shape (..., inputs) to (..., outputs)."""
        algorithm = "none" if self.activation == "gelu" else ""
        fused: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            states, self.weight, self.bias, self.activation, [], algorithm
        )
        return fused


class LastQuantised:
    """The input that was quantised last in each thread: queries, keys and values are made of the same."""

    def __init__(self) -> None:
        self._last = threading.local()

    def quantised(self, states: torch.Tensor, scale: float, zero: float) -> torch.Tensor:
        """Numbers of 0 to 255 for the states, of the same shape."""
        last = self._last.__dict__
        if last.get("states") is states and last["within"] == (scale, zero):
            known: torch.Tensor = last["numbers"]
            return known
        shift = torch.full((1,), zero - _FROM_SIGNED, dtype=torch.float32)
        signed = torch.add(shift, states, alpha=1 / scale).round_().clamp_(-_FROM_SIGNED, _FROM_SIGNED - 1)
        # By way of signed numbers, as the conversion to unsigned ones is five times slower.
        numbers = signed.to(torch.int8).view(torch.uint8).bitwise_xor_(_FROM_SIGNED)
        last.update(states=states, within=(scale, zero), numbers=numbers)
        return numbers


class QuantisedLinear(torch.nn.Module):
    """What a linear layer does, with an activation behind it if it had taken in one, in 8 bits.

    Args:
        linear: the layer it replaces.
        ends: between which numbers its inputs lie; what lies beyond counts as the end.
        inputs: shared by the layers of a model.
    """

    def __init__(self, linear: Any, ends: tuple[float, float], inputs: LastQuantised) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach().float()
        scales = (weight.abs().amax(1) / 127).clamp(min=1e-12)
        numbers = (weight / scales[:, None]).round_().to(torch.int8)
        self.register_buffer("weight", torch.ops.onednn.qlinear_prepack(numbers, None), persistent=False)
        self.register_buffer("scales", scales, persistent=False)
        self.register_buffer("zeros", torch.zeros(len(scales), dtype=torch.int32), persistent=False)
        self.bias = None if linear.bias is None else torch.nn.Parameter(linear.bias.detach().float(), False)
        self.scale = (ends[1] - ends[0]) / _STEPS
        self.zero = round(-ends[0] / self.scale)
        self.activation = linear.activation if isinstance(linear, FusedLinear) else "none"
        self._inputs = inputs

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """The product in the number format of the states; shape (..., inputs) to (..., outputs)."""
        numbers = self._inputs.quantised(states, self.scale, self.zero)
        product: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            numbers, self.scale, self.zero, self.weight, self.scales, self.zeros, self.bias, 1.0, 0, states.dtype,
            self.activation, [], "none" if self.activation == "gelu" else "",
        )  # fmt: skip
        return product
