"""Exact match and token F1 as SQuAD defines them (Rajpurkar et al., 2016)."""

import re
import string
from collections import Counter
from collections.abc import Sequence

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
