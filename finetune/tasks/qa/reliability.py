"""How far scores can be trusted: expected calibration error, and the plot that shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assistant.errors import UsageError

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose score lies in one stretch: how many, their mean score and the share that is right."""

    count: int
    score: float
    right: float


def reliability(scores: Sequence[float], right: Sequence[bool], bins: int = BINS) -> list[Bin]:
    """Sort answers into bins of equal width by their score; empty bins are left out.

    Args:
        scores: probabilities.
        right: whether each answer is right.
        bins: how many bins there are between 0 and 1.
    """
    values: npt.NDArray[np.float64] = np.asarray(scores, dtype=np.float64)
    truth = np.asarray(right, dtype=np.float64)
    number = np.minimum((values * bins).astype(int), bins - 1)
    return [
        Bin(int(inside.sum()), float(values[inside].mean()), float(truth[inside].mean()))
        for inside in (number == index for index in range(bins))
        if inside.any()
    ]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """The mean distance between score and share of right answers, 0 to 1, weighted by size (Naeini et al., 2015)."""
    total = sum(each.count for each in bins)
    return sum(each.count * abs(each.score - each.right) for each in bins) / total if total else 0.0


def plot_reliability(bins: Sequence[Bin], title: str, path: Path) -> None:
    """Draw the share of right answers over the score, with how many answers each bin holds.

    Raises:
        UsageError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError('A plot needs matplotlib: pip install "terminal-assistant[finetune]".') from error
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    scores = [each.score for each in bins]
    above.plot([0, 1], [0, 1], color="0.7", linewidth=1, label="perfect")
    above.plot(scores, [each.right for each in bins], marker="o", color="#1f5f8b", label="measured")
    above.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is right", title=title)
    above.legend(frameon=False, loc="upper left")
    below.bar(scores, [each.count for each in bins], width=0.06, color="#1f5f8b")
    below.set(xlabel="score", ylabel="answers")
    try:
        figure.savefig(path, dpi=80)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: the plot cannot be written ({error}).") from error
