"""Post-training quantisation of an encoder to 8 bits, and what it costs in accuracy."""

import copy
import io
import warnings
from collections.abc import Callable
from typing import Any

from assistant.models.linear import separate_linear_layers
from assistant.models.precision import best_precision

# Heads decide by small differences, and take no time.
_KEPT = ("qa_outputs", "classifier", "pooler")


def as_int8(model: Any) -> Any:
    """A copy of a model with the weights of its linear layers in 8 bits, and their inputs quantised as they come.

    Dynamic quantisation of torch, for CPUs; embeddings, norms and heads stay float32.
    """
    import torch

    def chosen(whole: Any) -> dict[str, Any]:
        per_channel = torch.ao.quantization.per_channel_dynamic_qconfig
        linear = {name for name, module in whole.named_modules() if isinstance(module, torch.nn.Linear)}
        return {
            name: per_channel for name in linear if not name.split(".")[-1].startswith(_KEPT) and "pooler" not in name
        }

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch points to torchao, which is one more package for the same kernels
        quantized: Any = _copied(model)
        return torch.ao.quantization.quantize_dynamic(quantized, chosen(quantized), dtype=torch.qint8).eval()


def _copied(model: Any) -> Any:
    whole = copy.deepcopy(model).to("cpu").float()
    separate_linear_layers(whole)
    for module in whole.modules():
        module.__dict__.pop("forward", None)  # a quicker way through a layer, which would lead into the original's
    return whole


def megabytes(model: Any) -> float:
    """What a model's weights take, in megabytes."""
    import torch

    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)  # in memory only: the packed weights have no other measure
    return round(buffer.tell() / 1e6, 1)


def cost_of_int8(engine: Any, measure: Callable[[Any], dict[str, Any]], report: dict[str, Any]) -> dict[str, Any]:
    """Measure a reader or verifier again with 8-bit weights.

    Args:
        engine: the reader or verifier; it has the 8-bit model afterwards.
        measure: gives the report of an engine.
        report: the one of the engine as it was.

    Returns:
        The 8-bit report's figures, each share's loss in points (`cost`), and sizes in megabytes.
    """
    before = megabytes(_copied(engine.model))
    engine.model = as_int8(engine.model)
    after = measure(engine)
    shares = {name: value for name, value in after.items() if isinstance(value, float) and name != "seconds"}
    return {
        **shares,
        "cost": {name: round(report[name] - value, 3) for name, value in shares.items() if name != "calibration_error"},
        "seconds": after["seconds"],
        "megabytes": megabytes(engine.model),
        "megabytes_float32": before,
        "compared_with": str(best_precision("cpu").dtype).removeprefix("torch."),
    }
