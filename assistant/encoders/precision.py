"""Which number format the models compute in: one decision, made by what the hardware has, with its reason."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from assistant.encoders.processor import BFLOAT16, INT8, TILES, features

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Precision:
    """A torch dtype and why it was chosen."""

    dtype: "torch.dtype"
    reason: str


@cache
def best_precision(device: str = "cpu") -> Precision:
    """The fastest format that keeps the range of float32 on a device.

    A CPU computes in bfloat16 where it has units for it and torch's kernels use them; without such units bfloat16 is
    emulated and slower than float32. On CUDA the compute capability decides, because a T4 (7.5) claims bfloat16 and
    emulates it.
    """
    import torch

    if device.startswith("cuda"):
        major, minor = torch.cuda.get_device_capability(device)
        if major >= 8:
            return Precision(torch.bfloat16, f"compute capability {major}.{minor} has bfloat16")
        return Precision(torch.float16, f"compute capability {major}.{minor} has no bfloat16 units")
    units = sorted(features() & BFLOAT16)
    if not units:
        return Precision(torch.float32, "the processor has no bfloat16 units")
    if not torch.backends.mkldnn.is_available() or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return Precision(torch.float32, f"the processor has {units[0]}, but this build of torch does not use it")
    return Precision(torch.bfloat16, f"the processor has {units[0]}")


@cache
def eight_bits_pay() -> tuple[bool, str]:
    """Whether linear layers in 8 bits are faster than in `best_precision` on this processor, and why.

    Measured on an AMD EPYC of the Zen 5 line (AVX512-BF16, AVX512-VNNI, no tiles), one core, 1,536 tokens, rounding the
    inputs included, as many times as fast as the same layer in bfloat16 with its bias in the kernel: 384 to 384 1.06,
    384 to 1,536 1.5, 768 to 768 1.36, 768 to 3,072 1.8, 3,072 to 768 1.4. In float32 instead of bfloat16, with oneDNN
    held to AVX512-VNNI: 1.8, 3.2, 2.7, 3.5 and 2.7; held to AVX2-VNNI: 2.3 for 384 to 384. Processors with tiles (AMX)
    multiply bfloat16 many times as fast, and ARM has other kernels: nobody has measured there, so they keep their
    format.

    Returns:
        Whether they are, and the reason.
    """
    import torch

    have = features()
    if have & TILES:
        return False, "8-bit layers were not measured on processors with tiles"
    units = sorted(have & INT8)
    if not units:
        return False, "the processor has no VNNI units"
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.onednn, "qlinear_pointwise"):
        return False, f"the processor has {units[0]}, but this build of torch has no kernels for it"
    return True, f"the processor has {units[0]}"


@cache
def computed_with() -> str:
    """What the figures of encoders on this machine depend on, in a few words: answers of two machines may differ by it.

    The device, the number format, and `int8` where layers run in 8 bits if their model says how.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    words = [device, str(best_precision(device).dtype).removeprefix("torch.")]
    return " ".join(words + (["int8"] if device == "cpu" and eight_bits_pay()[0] else []))
