"""Which number format the models compute in: one decision, made by measuring, with its reason."""

import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_SIZE = 384
_REPEATS = 4


@dataclass(frozen=True, slots=True)
class Precision:
    """A torch dtype and why it was chosen."""

    dtype: "torch.dtype"
    reason: str


@cache
def best_precision(device: str = "cpu") -> Precision:
    """The fastest format that keeps the range of float32 on a device.

    On a CPU a bfloat16 matrix product is timed against float32 (a few milliseconds): machines with AMX or
    AVX512-BF16 gain several times, others lose. On CUDA the compute capability decides, because a T4 (7.5) claims
    bfloat16 and emulates it.
    """
    import torch

    if device.startswith("cuda"):
        major, minor = torch.cuda.get_device_capability(device)
        if major >= 8:
            return Precision(torch.bfloat16, f"compute capability {major}.{minor} has bfloat16")
        return Precision(torch.float16, f"compute capability {major}.{minor} has no bfloat16 units")
    ratio = _seconds(torch.float32) / _seconds(torch.bfloat16)
    if ratio > 1.3:
        return Precision(torch.bfloat16, f"bfloat16 is {ratio:.1f} times as fast as float32 on this CPU")
    return Precision(torch.float32, f"bfloat16 is not faster than float32 on this CPU ({ratio:.1f} times)")


def _seconds(dtype: "torch.dtype") -> float:
    """The best of a few timings of one matrix product."""
    import torch

    left, right = torch.ones(_SIZE, _SIZE, dtype=dtype), torch.ones(_SIZE, _SIZE, dtype=dtype)
    timings = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        torch.mm(left, right)
        timings.append(time.perf_counter() - began)
    return min(timings)
