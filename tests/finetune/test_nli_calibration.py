"""A verifier's head is fitted on held-out pairs where these say something, and left alone where they do not."""

from collections.abc import Callable
from pathlib import Path

from assistant.loading.verifier import load_verifier
from assistant.models.store import ModelStore
from assistant.types import Label
from assistant.verification.verifier import Verifier
from finetune.data.pairs import Pair
from finetune.tasks.nli.calibration import fit_head

TEXTS = [f"{city} is {word}." for city in ("Lyon", "Paris", "Rome", "The forest") for word in ("hot", "large", "cold")]


def _labelled(verifier: Verifier, pick: Callable[..., int]) -> list[Pair]:
    """Pairs with the label that stands out most, or least, in what a tiny real verifier says of each."""
    asked = [(one, other) for one in TEXTS for other in TEXTS if one != other]
    scores = verifier.probabilities(asked)
    middle = [sorted(row[at] for row in scores)[len(scores) // 2] for at in range(3)]
    found = (pick(range(3), key=[score / usual for score, usual in zip(row, middle, strict=True)].__getitem__)
             for row in scores)  # fmt: skip
    return [Pair(*texts, list(Label)[at]) for texts, at in zip(asked, found, strict=True)]


def test_scores_that_are_right_are_sharpened(verifier_folder: Path) -> None:
    verifier = load_verifier(ModelStore().resolve(str(verifier_folder)))
    assert fit_head(verifier, _labelled(verifier, max)).temperature < verifier.head.temperature


def test_scores_that_say_the_contrary_stay_as_they_are(verifier_folder: Path) -> None:
    verifier = load_verifier(ModelStore().resolve(str(verifier_folder)))
    assert fit_head(verifier, _labelled(verifier, min)) == verifier.head
