"""Exact match and token F1 as SQuAD defines them (Rajpurkar et al., 2016), and classification figures."""

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Lower case, without punctuation and English articles, white space folded."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, golds: Sequence[str]) -> float:
    """1.0 if the normalised prediction is one of the normalised golds. No golds means "no answer": then "" is right."""
    return float(any(normalize_answer(prediction) == gold for gold in _normalized(golds)))


def token_f1(prediction: str, golds: Sequence[str]) -> float:
    """The best overlap of normalised tokens with any of the golds, 0 to 1. No golds means "no answer"."""
    return max(_f1(normalize_answer(prediction).split(), gold.split()) for gold in _normalized(golds))


def _normalized(golds: Sequence[str]) -> list[str]:
    """The golds normalised; those of which nothing is left do not count (SQuAD 2.0), and none at all is "no answer"."""
    return [gold for gold in map(normalize_answer, golds) if gold] or [""]


def _f1(prediction: list[str], gold: list[str]) -> float:
    if not prediction or not gold:
        return float(prediction == gold)
    same = sum((Counter(prediction) & Counter(gold)).values())
    return 2 * same / (len(prediction) + len(gold))


def confusion_matrix(gold: Sequence[int], predicted: Sequence[int], classes: int) -> npt.NDArray[np.int64]:
    """Counts of shape (classes, classes): rows are gold labels, columns predictions."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (np.asarray(gold), np.asarray(predicted)), 1)
    return matrix


def classification_report(matrix: npt.NDArray[np.int64]) -> dict[str, float]:
    """Accuracy, macro and weighted F1 of a confusion matrix, as percentages; classes that never occur do not count."""
    hits = np.diag(matrix).astype(float)
    support, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    f1 = 2 * hits / np.maximum(support + predicted, 1)
    total = max(int(matrix.sum()), 1)
    return {
        "accuracy": 100 * float(hits.sum()) / total,
        "f1_macro": 100 * float(f1.sum()) / max(int(np.count_nonzero(support + predicted)), 1),
        "f1_weighted": 100 * float((f1 * support).sum()) / total,
    }
