"""From a span's score to the probability that the answer given is right.

Platt scaling (Platt, 1999): a logistic function of the best span's score, fitted on questions held out of
training. The best of many windows scores high by chance more easily than the best of one, so the logarithm of how many
windows the document has is in it too. It is kept beside the adapter as `calibration.json`.
"""

import json
import math
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from assistant.errors import ModelError

FILE_NAME = "calibration.json"
_FITS = ("right", "absent")
_NEARLY_SURE = 1e-4  # a probability no nearer to 0 or 1 is told apart


def sigmoid(value: float) -> float:
    """The logistic function, safe for any float."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


@dataclass(frozen=True, slots=True)
class Logistic:
    """`sigmoid(slope * score + intercept + length * ln(windows))`."""

    slope: float
    intercept: float
    length: float = 0.0

    def __call__(self, score: float, windows: int = 1) -> float:
        """The probability that belongs to a score, in a document of so many windows."""
        return sigmoid(self.slope * score + self.intercept + self.length * math.log(max(1, windows)))


@dataclass(frozen=True, slots=True)
class Joint:
    """The probability that a span is right, by a reader and a verifier together, who err for different reasons.

    `sigmoid(read * logit(right) + entailed * logit(entailment) + intercept)`: their log-odds added up, each with a
    weight (logistic opinion pooling; Bordley, 1982). `benchmarks.weighing` fits it.
    """

    read: float
    entailed: float
    intercept: float

    def __call__(self, right: float, entailment: float) -> float:
        """The probability that belongs to those that the reader and the verifier give."""
        return sigmoid(self.read * _logit(right) + self.entailed * _logit(entailment) + self.intercept)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a reader's scores mean.

    `right` gives the probability that the best span has a token F1 of at least 0.5 with what a person would mark;
    `absent` the probability that the document holds no answer; a best score under `threshold` becomes "no answer", in
    a document of one window. `joint` weighs a verifier's word with the reader's, where it was fitted for the two.
    """

    right: Logistic = Logistic(1.0, 0.0)
    absent: Logistic = Logistic(-1.0, 0.0)
    threshold: float = 0.0
    joint: Joint | None = None

    def bar(self, windows: int) -> float:
        """The threshold in a document of so many windows: where `right` is what it is at `threshold` in one."""
        if self.right.slope <= 0:  # of a reader whose scores mean nothing
            return self.threshold
        return self.threshold - self.right.length / self.right.slope * math.log(max(1, windows))

    @classmethod
    def load(cls, folder: Path | None) -> "Calibration":
        """Read `calibration.json` from a folder; without one, scores stay as the model gives them.

        Raises:
            ModelError: the file is there and cannot be read.
        """
        path = folder / FILE_NAME if folder else None
        if path is None or not path.exists():
            return cls()
        try:
            data = json.loads(path.read_text("utf-8"))
            fits = [data[name] for name in _FITS]
            right, absent = (
                Logistic(float(fit["slope"]), float(fit["intercept"]), float(fit.get("length", 0.0))) for fit in fits
            )
            given = data.get("joint")
            joint = given and Joint(float(given["read"]), float(given["entailed"]), float(given["intercept"]))
            if not all(map(math.isfinite, (*astuple(right), *astuple(absent), *(astuple(joint) if joint else ())))):
                raise ValueError("slopes and intercepts must be finite")
            return cls(right, absent, float(data["threshold"]), joint or None)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{path}: the calibration cannot be read; fetch or train the adapter again.") from error

    def save(self, folder: Path) -> None:
        """Write `calibration.json` into a folder."""
        data = {name: value for name, value in asdict(self).items() if value is not None}
        (folder / FILE_NAME).write_text(json.dumps(data, indent=2) + "\n", "utf-8")


def _logit(probability: float) -> float:
    kept = min(max(probability, _NEARLY_SURE), 1 - _NEARLY_SURE)
    return math.log(kept / (1 - kept))
