"""Linear layers of encoders in 8 bits, on CPUs whose 8-bit products are faster than their others.

Weights are rounded to 8 bits, one scale for each output; inputs as they come, within a range for each layer that was
measured on text (post-training static quantisation, Jacob et al., 2018). The product is exact in 32-bit integers and
comes out in the model's own number format. A reader or verifier runs so if its folder says within which ranges:
`finetune evaluate --int8 --keep` measures them, and what they cost.

Layers that narrow stay as they are: rounding their many inputs takes as long as it saves, and what an activation lets
through is mostly near nought with a few large values, which no single scale fits.
"""

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.encoders.cpu.linear import applies_gelu
from assistant.errors import ModelError
from assistant.models.validation import read_json

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

FILE_NAME = "ranges.json"
Ranges = Mapping[str, tuple[float, float]]

_STEPS = 255
_FROM_SIGNED = 128
_WORTH_IT = 1.1
_LEAST = 20.0
"""Decibels between a layer's inputs and what rounding adds to them."""
_WIDEST = 1e6
_TRIED = (1536, 384, 1536)  # tokens, inputs and outputs of a layer
_REPEATS = 12


def load_ranges(folder: Path) -> Ranges:
    """The ranges that a folder says, by the names of layers; none if it says nothing.

    Raises:
        ModelError: the file is there and cannot be read.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return {}
    try:
        ranges = {name: (float(low), float(high)) for name, (low, high) in read_json(path).items()}
        if not all(-_WIDEST < low <= 0 <= high < _WIDEST and high - low > 1 / _WIDEST for low, high in ranges.values()):
            raise ValueError("each is two numbers of a usual size, with nought between them")
    except (ValueError, TypeError) as error:
        raise ModelError(f"{path}: the ranges cannot be read; fetch or train the adapter again.") from error
    return ranges


def save_ranges(ranges: Ranges, folder: Path) -> None:
    """Write the ranges into a folder."""
    rounded = {name: [float(f"{low:.5g}"), float(f"{high:.5g}")] for name, (low, high) in ranges.items()}
    (folder / FILE_NAME).write_text(json.dumps(rounded, indent=2) + "\n", "utf-8")


def measure_ranges(model: Any, run: Callable[[], object]) -> Ranges:
    """Between which numbers the inputs of an encoder's linear layers lie while something is run.

    Args:
        model: the encoder with its head. Layers of the head are left out, as they decide by small differences and take
            no time, and so is every other layer that narrows or whose inputs no single scale fits.
        run: lets the model read what is typical for its use.
    """
    import torch

    seen: dict[str, _Seen] = {}
    hooks = []
    for name, module in model.named_modules():
        body = name.startswith(f"{model.base_model_prefix}.") and "pooler" not in name
        if body and isinstance(module, torch.nn.Linear) and module.in_features <= module.out_features:
            seen[name] = _Seen()
            hooks.append(module.register_forward_pre_hook(seen[name].see))
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return {name: (inputs.low, inputs.high) for name, inputs in seen.items() if inputs.fits}


class _Seen:
    """What is known of a layer's inputs."""

    def __init__(self) -> None:
        self.low = self.high = 0.0
        self._squares, self._count = 0.0, 0
        self._lock = threading.Lock()

    def see(self, _: Any, inputs: "tuple[torch.Tensor, ...]") -> None:
        """Take in a batch; a hook of torch."""
        states = inputs[0].float()
        low, high = (float(end) for end in states.aminmax())
        with self._lock:
            self.low, self.high = min(low, self.low), max(high, self.high)
            self._squares += float(states.square().sum())
            self._count += states.numel()

    @property
    def fits(self) -> bool:
        """Whether the inputs are large enough beside the noise of rounding them, a twelfth of a squared step."""
        if not self._squares or not math.isfinite(self._squares):
            return False
        noise = ((self.high - self.low) / _STEPS) ** 2 / 12
        return 10 * math.log10(self._squares / self._count / noise) >= _LEAST


def quantise_linear_layers(model: Any, ranges: Ranges) -> None:
    """Let the layers for which there are ranges run in 8 bits, where the model is on a CPU that is faster so.

    The model can then be used in inference mode only.
    """
    if ranges and model.device.type == "cpu" and _pays(model.dtype):
        put_in_8_bits(model, ranges)


def put_in_8_bits(model: Any, ranges: Ranges) -> None:
    """As `quantise_linear_layers`, however fast that is.

    Raises:
        AttributeError: the model has no such layer.
    """
    quantised = _layer()
    inputs = _Inputs()
    for name, ends in ranges.items():
        owner, _, attribute = name.rpartition(".")
        parent = model.get_submodule(owner)
        setattr(parent, attribute, quantised(getattr(parent, attribute), ends, inputs))


def layers_in_8_bits(model: Any) -> int:
    """How many layers of a model run so."""
    return sum(isinstance(module, _layer()) for module in model.modules())


def parameters_of(model: Any) -> int:
    """How many numbers a model has learned: those of its layers in 8 bits too, which torch does not count."""
    layers: list[Any] = [module for module in model.modules() if isinstance(module, _layer())]
    known = sum(int(parameter.numel()) for parameter in model.parameters())
    return known + sum(int(layer.in_features) * int(layer.out_features) for layer in layers)


class _Inputs:
    """The input that was quantised last: queries, keys and values are made of the same."""

    def __init__(self) -> None:
        self._last = threading.local()

    def quantised(self, states: "torch.Tensor", scale: float, zero: float) -> "torch.Tensor":
        """Numbers of 0 to 255 for the states, of the same shape."""
        import torch

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


@cache
def _layer() -> type:
    import torch

    class QuantisedLinear(torch.nn.Module):
        """What a linear layer does, with an activation behind it if it had one, in 8 bits."""

        def __init__(self, linear: Any, ends: tuple[float, float], inputs: _Inputs) -> None:
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
            self.after = ("gelu", "none") if applies_gelu(linear) else ("none", "")
            self._inputs = inputs

        def forward(self, states: "torch.Tensor") -> "torch.Tensor":
            after, algorithm = self.after
            numbers = self._inputs.quantised(states, self.scale, self.zero)
            product: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
                numbers, self.scale, self.zero, self.weight, self.scales, self.zeros, self.bias, 1.0, 0, states.dtype,
                after, [], algorithm,
            )  # fmt: skip
            return product

    return QuantisedLinear


@cache
def _pays(dtype: "torch.dtype") -> bool:
    """Whether such a layer is faster here than one in a number format: measured once, in some fifty milliseconds."""
    import torch

    tokens, width, wider = _TRIED
    plain, quantised = (
        torch.nn.Sequential(torch.nn.Linear(width, wider)).to(dtype).requires_grad_(False) for _ in range(2)
    )
    states = torch.ones(tokens, width, dtype=dtype)
    timings: dict[Any, list[float]] = {plain: [], quantised: []}
    try:
        put_in_8_bits(quantised, {"0": (-1.0, 1.0)})
        with torch.inference_mode():
            # In turns, so that whatever else the machine does slows down both.
            for _ in range(_REPEATS):
                for layer, seconds in timings.items():
                    given = states.clone()
                    began = time.perf_counter()
                    layer(given)
                    seconds.append(time.perf_counter() - began)
    except (RuntimeError, AttributeError, NotImplementedError) as error:
        log.info("No linear layers in 8 bits here: %s", type(error).__name__)
        return False
    ratio = min(timings[plain]) / min(timings[quantised])
    log.info("Linear layers in 8 bits are %.1f times as fast as in %s", ratio, dtype)
    return ratio >= _WORTH_IT
