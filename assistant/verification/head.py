"""How a verifier's logits are read: which stands for which label, and what they are worth.

The probabilities are `softmax(logits / temperature + biases)` (vector scaling, Guo et al., 2017), fitted on pairs held
out of training and kept beside an adapter as `verifier.json`; the largest of the three is the label.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.errors import ModelError
from assistant.text import one_line
from assistant.types import Label

FILE_NAME = "verifier.json"
Columns = tuple[int, int, int | None]


@dataclass(frozen=True, slots=True)
class Head:
    """What the logits of a sequence classifier mean, and in which order it takes its two texts.

    `columns` are those of entailment, neutral and contradiction; a model with two classes has no contradiction.
    `biases` are in the order of the columns.
    """

    columns: Columns = (0, 1, 2)
    hypothesis_first: bool = False
    temperature: float = 1.0
    biases: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def classes(self) -> int:
        """How many classes the model has."""
        return sum(column is not None for column in self.columns)

    def probabilities(self, logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Entailment, neutral and contradiction, shape (pairs, 3), from logits of shape (pairs, classes)."""
        present = [column for column in self.columns if column is not None]
        biases = np.array(self.biases[: len(present)])
        scaled = np.asarray(logits, dtype=np.float64)[:, present] / self.temperature + biases
        odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        shares = odds / odds.sum(axis=1, keepdims=True)
        return np.pad(shares, ((0, 0), (0, 3 - len(present))))

    @classmethod
    def of_labels(cls, labels: Mapping[int, str]) -> "Head":
        """The head of a foreign model, its classes known by their names.

        Raises:
            ModelError: the names do not tell.
        """
        return cls(label_columns(labels))

    @classmethod
    def load(cls, folder: Path) -> "Head":
        """The head of an adapter; without its file, labels in our order and scores as the model gives them.

        Raises:
            ModelError: the file is there and cannot be read.
        """
        path = folder / FILE_NAME
        if not path.exists():
            return cls()
        try:
            data = json.loads(path.read_text("utf-8"))
            entailment, neutral, contradiction = (float(bias) for bias in data["biases"])
            temperature = float(data["temperature"])
            if not temperature > 0 or not isinstance(data["hypothesis_first"], bool):
                raise ValueError("temperature must be above 0 and hypothesis_first true or false")
            if not all(map(math.isfinite, (temperature, entailment, neutral, contradiction))):
                raise ValueError("temperature and biases must be finite")
            columns = label_columns(dict(enumerate(map(str, data["labels"]))))
            return cls(columns, data["hypothesis_first"], temperature, (entailment, neutral, contradiction))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path}: cannot be read; fetch or train the adapter again.") from error

    def save(self, folder: Path) -> None:
        """Write the head of a model that was trained with our three labels in our order."""
        data = {
            "labels": [str(label) for label in Label],
            "hypothesis_first": self.hypothesis_first,
            "temperature": self.temperature,
            "biases": self.biases,
        }
        (folder / FILE_NAME).write_text(json.dumps(data, indent=2) + "\n", "utf-8")


def label_columns(labels: Mapping[int, str]) -> Columns:
    """Which logits stand for entailment, neutral and contradiction, found by their names.

    A two-class model fills entailment and neutral; its contradiction column is None.

    Raises:
        ModelError: the names do not tell.
    """
    names = {name.lower().replace("-", "_"): column for column, name in labels.items()}
    if len(names) == 3 and set(names) == {"entailment", "neutral", "contradiction"}:
        return names["entailment"], names["neutral"], names["contradiction"]
    for unsupported in ("not_entailment", "not_supported", "unsupported", "neutral"):
        for supported in ("entailment", "supported"):
            if set(names) == {supported, unsupported}:
                return names[supported], names[unsupported], None
    given = one_line(", ".join(sorted(labels.values())), 200)
    raise ModelError(
        f"The verifier's labels are {given}; entailment, neutral and contradiction "
        "(or entailment and not_entailment) are needed to know which is which."
    )
