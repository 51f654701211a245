from typing import Any

import pytest
import torch

from assistant.encoders.precision import Precision, best_precision
from finetune.recipe import Training
from finetune.trainer import precision


def training(asked: str) -> Training:
    return Training(batch_size=1, learning_rate=1e-4, precision=asked)  # type: ignore[arg-type]


T4 = Precision(torch.float16, "compute capability 7.5 has no bfloat16 units")
H100 = Precision(torch.bfloat16, "compute capability 9.0 has bfloat16")


@pytest.mark.parametrize(
    "asked, best, dtype",
    [
        ("auto", T4, torch.float16),
        ("fp16", T4, torch.float16),
        ("bf16", T4, torch.float16),
        ("fp32", T4, torch.float32),
        ("auto", H100, torch.bfloat16),
        ("fp16", H100, torch.float16),
        ("bf16", H100, torch.bfloat16),
    ],
)
def test_a_gpu_trains_in_what_was_asked_for_or_the_nearest_it_has(
    monkeypatch: pytest.MonkeyPatch, asked: str, best: Precision, dtype: Any
) -> None:
    monkeypatch.setattr(precision, "best_precision", lambda where: best)
    chosen = precision.training_precision(training(asked), "cuda")
    assert chosen.dtype is dtype and chosen.reason


def test_fp16_is_never_used_on_a_cpu() -> None:
    assert precision.training_precision(training("fp16"), "cpu").dtype is best_precision("cpu").dtype
    assert precision.training_precision(training("fp32"), "cpu").dtype is torch.float32
