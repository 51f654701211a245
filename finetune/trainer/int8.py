"""Post-training quantisation of an encoder to 8 bits, and what it costs in accuracy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistant.encoders.cpu.eight_bits import measure_ranges, put_in_8_bits, save_ranges
from assistant.errors import UsageError

SAMPLE = 200
"""So many rows are read to see within which ranges a model's numbers lie."""


def cost_of_int8(
    engine: Any,
    *,
    read: Callable[[], object],
    measure: Callable[[], dict[str, Any]],
    report: dict[str, Any],
    keep: Path | None = None,
) -> dict[str, Any]:
    """Measure a reader or verifier again with its linear layers in 8 bits.

    Args:
        engine: the reader or verifier; it has the 8-bit model afterwards.
        read: lets the engine read a sample, in which its ranges are measured.
        measure: gives the report of the engine.
        report: the one of the engine as it was.
        keep: a folder to write the ranges into, so that the model is used in 8 bits.

    Returns:
        The 8-bit report's figures, each share's loss in points (`cost`), the number of layers, and megabytes in memory.

    Raises:
        UsageError: the model has no layers for it, or the processor no kernels.
    """
    model, before = engine.model, megabytes(engine.model)
    precision = str(model.dtype).removeprefix("torch.")
    ranges = measure_ranges(model, read)
    if not ranges or model.device.type != "cpu":
        raise UsageError("8 bits are for encoders on a CPU, with linear layers that keep or widen their input.")
    try:
        put_in_8_bits(model, ranges)
    except (RuntimeError, AttributeError) as error:
        raise UsageError("This build of torch has no 8-bit linear layers for this processor.") from error
    after = measure()
    if keep is not None:
        try:
            save_ranges(ranges, keep)
        except OSError as error:
            raise UsageError(f"{keep} cannot be written, so the ranges are not kept: {error.strerror}.") from error
    shares = {name: value for name, value in after.items() if isinstance(value, float) and name != "seconds"}
    return {
        **shares,
        "cost": {name: round(report[name] - value, 3) for name, value in shares.items() if name != "calibration_error"},
        "seconds": after["seconds"],
        "layers": len(ranges),
        "megabytes": megabytes(model),
        "megabytes_before": before,
        "compared_with": precision,
    }


def megabytes(model: Any) -> float:
    """What a model's weights take in memory, in megabytes."""
    tensors = [*model.parameters(), *model.buffers()]
    return round(sum(int(tensor.numel()) * int(tensor.element_size()) for tensor in tensors) / 1e6, 3)
