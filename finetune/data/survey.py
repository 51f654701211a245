"""What is worth knowing of a training set before it is trusted: sizes, lengths, labels, languages, and leaks."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from finetune.json_files import write_json

SURVEY_FILE = "data.json"
_BINS = 20
_WORDS = re.compile(r"[^\W\d_]+")
_SHORTEST_CHECKED = 20
# The commonest words of each that the other lacks.
_COMMON = {
    "English": frozenset("the of and to in is that it was for with as are this by not which from what how".split()),
    "French": frozenset(
        "le la les des et du une est que dans qui pour pas sur au il elle ce avec sont par plus".split()
    ),
}


def survey(
    train: Sequence[str],
    held_out: Sequence[str],
    test: Sequence[str],
    *,
    lengths: Sequence[int],
    labels: Sequence[str] = (),
    left_out: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The survey of a data set.

    Args:
        train: the training rows as texts, whatever makes two rows the same one.
        held_out: of the part that chooses the checkpoint.
        test: of the test data.
        lengths: of the training rows, in tokens.
        labels: of the training rows, where they have one.
        left_out: how many rows were left out for what.
    """
    known = {_normal(text) for text in train}
    return {
        "train": len(train),
        "held_out": len(held_out),
        "test": len(test),
        "left_out": dict(left_out or {}),
        "lengths": histogram(lengths),
        "labels": dict(sorted(Counter(labels).items())),
        "languages": {"train": languages(train), "test": languages(test)},
        "in_train_and_held_out": sum(_normal(text) in known for text in held_out),
        "in_train_and_test": sum(_normal(text) in known for text in test),
        "twice_in_train": len(train) - len(known),
    }


def write_survey(output: Path, content: Mapping[str, Any]) -> None:
    """Write a survey into a run's folder."""
    write_json(output / SURVEY_FILE, content)


def warnings_of(content: Mapping[str, Any]) -> list[str]:
    """What of a survey a person should look at, one sentence each."""
    found = []
    if leaked := content.get("in_train_and_test"):
        found.append(f"{leaked:,} of {content['test']:,} test rows are in the training data too: the figures flatter.")
    if leaked := content.get("in_train_and_held_out"):
        found.append(f"{leaked:,} of {content['held_out']:,} held-out rows are in the training data too.")
    train, test = (_most(content["languages"][part]) for part in ("train", "test"))
    if train and test and train != test:
        found.append(f"The training data is mostly {train}, the test data mostly {test}.")
    counts = list(content["labels"].values())
    if counts and max(counts) > 3 * min(counts):
        found.append("The commonest label has more than three times as many rows as the rarest.")
    return found


def languages(texts: Sequence[str], max_texts: int = 2000) -> dict[str, int]:
    """How many of the texts are in which language, told by their commonest words; drawn evenly from many."""
    step = max(1, len(texts) // max_texts)
    return dict(Counter(_language(text) for text in texts[::step]))


def _language(text: str) -> str:
    words = [word.lower() for word in _WORDS.findall(text[:2000])]
    counts = {name: sum(word in common for word in words) for name, common in _COMMON.items()}
    best, other = sorted(counts, key=lambda name: -counts[name])
    return best if counts[best] > 2 * counts[other] else "unclear"


def _most(counts: Mapping[str, int]) -> str | None:
    told = {name: count for name, count in counts.items() if name != "unclear"}
    return max(told, key=lambda name: told[name]) if sum(told.values()) >= _SHORTEST_CHECKED else None


def histogram(lengths: Sequence[int]) -> dict[str, list[int]]:
    """Counts in bins of equal width; empty without lengths."""
    if not lengths:
        return {}
    width = max(1, -(-(max(lengths) + 1) // _BINS))
    edges = list(range(0, max(lengths) + 1 + width, width))
    counts = [0] * (len(edges) - 1)
    for length in lengths:
        counts[length // width] += 1
    return {"edges": edges, "counts": counts}


def _normal(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
