"""Where training runs and in which number format: one decision, with its reason."""

from typing import TYPE_CHECKING

from assistant.encoders.precision import Precision, best_precision

if TYPE_CHECKING:
    from finetune.recipe import Training


def device() -> str:
    """Where to train: the GPU if there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def training_precision(training: "Training", where: str | None = None) -> Precision:
    """What the recipe asks for where the machine has it, else the nearest that it has.

    Half precision with its gradient scaler is for GPUs: on a CPU `fp16` becomes what `auto` would be. On a GPU without
    bfloat16 units, which claims them and emulates, `bf16` becomes `fp16`.

    Args:
        training: the recipe's section.
        where: "cpu" or "cuda"; by default what `device` says.
    """
    import torch

    where = where or device()
    best = best_precision(where)
    if training.precision == "auto":
        return best
    if training.precision == "fp32":
        return Precision(torch.float32, "the recipe says fp32")
    if where == "cpu":
        if training.precision == "bf16":
            return Precision(torch.bfloat16, "the recipe says bf16")
        return Precision(best.dtype, f"fp16 is for GPUs; {best.reason}")
    if training.precision == "bf16" and best.dtype is torch.float16:
        return Precision(torch.float16, f"fp16 in place of the recipe's bf16: {best.reason}")
    dtype = torch.float16 if training.precision == "fp16" else torch.bfloat16
    return Precision(dtype, f"the recipe says {training.precision}")
