"""What a model's card says of it: its languages, and its exact match and F1 (`model-index`), as the Hub writes them.

The card is text from wherever the model came from: it is parsed as plain YAML, nothing in it is run, and a card that
is missing or broken gives no figures and no error.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.text import one_line

if TYPE_CHECKING:
    from huggingface_hub import CardData, EvalResult

CARD = "README.md"
_LARGEST = 64 * 1024  # characters of front matter; real ones have a few thousand
_MAX_BRACKETS = 500  # the time that YAML takes grows with the square of their depth
_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_LANGUAGE = re.compile(r"[A-Za-z]{2}(?:[-_]\w+)?")
_TASKS = ("question-answering", "extractive-qa")
_METRICS = {"exact_match": "exact_match", "exact": "exact_match", "em": "exact_match", "f1": "f1"}
# What the data sets that everybody reports are called, whatever a card calls them.
_NAMES = {"squad": "SQuAD v1.1", "squad_v2": "SQuAD v2.0"}


@dataclass(frozen=True, slots=True)
class Figures:
    """How well a reader does on a data set, in percent; None where the card does not say."""

    dataset: str
    exact_match: float | None = None
    f1: float | None = None
    split: str | None = None

    def __str__(self) -> str:
        parts = [self.dataset, *(f"{name} {value:.1f}" for name, value in self._shares() if value is not None)]
        return one_line(" ".join(parts))

    def _shares(self) -> tuple[tuple[str, float | None], ...]:
        return ("EM", self.exact_match), ("F1", self.f1)


def read_figures(folder: Path) -> tuple[Figures, ...]:
    """The question answering figures of the card in a model's folder; SQuAD's first, then in the card's order."""
    card = _card(folder / CARD)
    listed = getattr(card, "eval_results", None)
    results: list[EvalResult] = listed if isinstance(listed, list) else []
    by_dataset: dict[tuple[str, str | None, str | None], dict[str, float]] = {}
    for result in results:
        name = _METRICS.get(str(result.metric_type).lower().replace(" ", "_"))
        value = _percentage(result.metric_value)
        if result.task_type not in _TASKS or name is None or value is None:
            continue
        key = (_dataset(result), _text(result.dataset_config), _text(result.dataset_split))
        by_dataset.setdefault(key, {}).setdefault(name, value)
    figures = [Figures(name, split=split, **values) for (name, _, split), values in by_dataset.items()]
    order = list(_NAMES.values())
    return tuple(
        sorted(figures, key=lambda figure: order.index(figure.dataset) if figure.dataset in order else len(order))
    )


def read_languages(folder: Path) -> frozenset[str]:
    """The two-letter codes of the languages that the card in a model's folder names; empty where it names none."""
    listed = getattr(_card(folder / CARD), "language", None)
    names = listed if isinstance(listed, list) else [listed]
    return frozenset(name.lower()[:2] for name in names if isinstance(name, str) and _LANGUAGE.fullmatch(name))


def front_matter(name: str, figures: Iterable[Figures], **fields: Any) -> str:
    """The YAML block that begins a card: what the model is and how well it does, in the form of the Hub.

    Args:
        name: the model's.
        figures: on each data set.
        fields: of `huggingface_hub.ModelCardData`, such as `license` or `base_model`.
    """
    from huggingface_hub import EvalResult, ModelCardData

    types = {title: dataset for dataset, title in _NAMES.items()}
    results = [
        EvalResult(
            task_type=_TASKS[0],
            dataset_type=types.get(figure.dataset, re.sub(r"\W+", "_", figure.dataset.lower()).strip("_")),
            dataset_name=figure.dataset,
            dataset_split=figure.split,
            metric_type=metric,
            metric_value=round(value, 2),
        )
        for figure in figures
        for metric, value in (("exact_match", figure.exact_match), ("f1", figure.f1))
        if value is not None
    ]
    if results:
        fields |= {"model_name": name, "eval_results": results}
    return f"---\n{ModelCardData(**fields).to_yaml()}\n---\n"


def _card(path: Path) -> "CardData | None":
    import yaml  # type: ignore[import-untyped]
    from huggingface_hub import ModelCard

    try:
        with path.open(encoding="utf-8-sig") as file:
            match = _FRONT_MATTER.match(file.read(_LARGEST))
        if match is None or match[1].count("[") + match[1].count("{") > _MAX_BRACKETS:
            return None
        # An alias lets a small card stand for more results than fit into memory; no tool writes one.
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(match[1])):
            return None
        return ModelCard(f"---\n{match[1]}---\n").data
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, yaml.YAMLError):
        return None


def _dataset(result: "EvalResult") -> str:
    name = _NAMES.get(str(result.dataset_type).lower().rpartition("/")[2])
    return name or str(result.dataset_name or result.dataset_type)


def _percentage(value: Any) -> float | None:
    """The value as a percentage; cards give shares of one as well."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if not math.isfinite(number) or isinstance(value, bool) or not 0 <= number <= 100:
        return None
    return round(number * 100 if number <= 1 else number, 2)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
