"""Linear layers of encoders in 8 bits, on CPUs whose 8-bit products are faster than their others.

Weights are rounded to 8 bits, one scale for each output; inputs as they come, within a range for each layer that was
measured on text (post-training static quantisation, Jacob et al., 2018). The product is exact in 32-bit integers and
comes out in the model's own number format. A reader or verifier runs so if its folder says within which ranges:
`finetune evaluate --int8 --keep` measures them, and what they cost.

Layers that narrow stay as they are: rounding their many inputs takes as long as it saves, and what an activation lets
through is mostly near zero with a few large values, which no single scale fits.
"""

import json
import logging
import math
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.encoders.precision import eight_bits_pay
from assistant.errors import ModelError
from assistant.models.validation import read_json

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

FILE_NAME = "ranges.json"
Ranges = Mapping[str, tuple[float, float]]

_STEPS = 255
_LEAST = 20.0
"""Decibels between a layer's inputs and what rounding adds to them."""
_WIDEST = 1e6


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
            raise ValueError("each is two numbers of a usual size, with zero between them")
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

    Which CPUs are, `eight_bits_pay` says. The model can then be used in inference mode only.
    """
    if not ranges or model.device.type != "cpu":
        return
    pays, reason = eight_bits_pay()
    log.info("%s in 8 bits: %s", f"{len(ranges)} linear layers" if pays else "No linear layers", reason)
    if pays:
        put_in_8_bits(model, ranges)


def put_in_8_bits(model: Any, ranges: Ranges) -> None:
    """As `quantise_linear_layers`, whatever the processor is.

    Raises:
        AttributeError: the model has no such layer.
    """
    from assistant.encoders.cpu.layers import LastQuantised, QuantisedLinear

    inputs = LastQuantised()
    for name, ends in ranges.items():
        owner, _, attribute = name.rpartition(".")
        parent = model.get_submodule(owner)
        setattr(parent, attribute, QuantisedLinear(getattr(parent, attribute), ends, inputs))


def layers_in_8_bits(model: Any) -> int:
    """How many layers of a model run so."""
    from assistant.encoders.cpu.layers import QuantisedLinear

    return sum(isinstance(module, QuantisedLinear) for module in model.modules())


def parameters_of(model: Any) -> int:
    """How many numbers a model has learned: those of its layers in 8 bits too, which torch does not count."""
    from assistant.encoders.cpu.layers import QuantisedLinear

    layers = [module for module in model.modules() if isinstance(module, QuantisedLinear)]
    known = sum(int(parameter.numel()) for parameter in model.parameters())
    return known + sum(int(layer.in_features) * int(layer.out_features) for layer in layers)
