"""Fitting what a reader's scores mean, on questions held out of its training."""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from assistant.metrics import token_f1
from assistant.reading.calibration import Calibration, Logistic
from assistant.reading.reader import Reading
from finetune.data.squad import QAExample
from finetune.data.unanswerable import make_unanswerable

RIGHT_F1 = 0.5
"""An answer of at least this token F1 counts as right for the score."""

MIX = {"altered": 0.65, "removed": 0.2, "moved": 0.15}
"""Half of what is calibrated on has no answer, mixed as people make such questions: in a sample of SQuAD v2.0 about two
thirds negate, swap a name or number, or turn a word into its opposite (Rajpurkar et al., 2018, table 1)."""

DRAWS = 8
"""People were asked for questions to which the paragraph has a plausible answer. Rules do not know what is plausible,
so of this many questions made of one, that counts which the reader itself finds most answerable."""

CALIBRATED_ON = 1200
"""Questions with an answer that are calibrated on, at most: eight others are read for each of them."""

IN_ARTICLES = 240
"""Of these so many are read in their whole article too, beside as many without an answer there."""

_NOTHING = -20.0  # the score of a reading without any span
Floats = npt.NDArray[np.float64]
_BETWEEN = "\n\n"


def calibration_questions(answerable: Sequence[QAExample], seed: int) -> list[QAExample]:
    """Held-out questions with an answer, and for each up to `DRAWS` without one, all of the same kind and id."""
    generator = random.Random(seed)
    kinds = generator.choices(list(MIX), list(MIX.values()), k=len(answerable))
    made = list(answerable)
    for kind in MIX:
        chosen = [example for example, given in zip(answerable, kinds, strict=True) if given == kind]
        for draw in range(DRAWS):
            made += make_unanswerable(chosen, {kind: len(chosen)}, seed + draw)
    return made


def hardest(examples: Sequence[QAExample], readings: Sequence[Reading]) -> tuple[list[QAExample], list[Reading]]:
    """Of questions without an answer that have the same id, the one whose best span scores highest."""
    best: dict[tuple[str, bool], int] = {}
    for at, (example, reading) in enumerate(zip(examples, readings, strict=True)):
        key = example.id, bool(example.answers)
        if key not in best or (not example.answers and best_score(reading) > best_score(readings[best[key]])):
            best[key] = at
    kept = sorted(best.values())
    return [examples[at] for at in kept], [readings[at] for at in kept]


def article_questions(answerable: Sequence[QAExample], count: int, seed: int) -> list[QAExample]:
    """Questions put to their whole article: with an answer, and as many without one.

    Of those without, the half asks for something else than the article says (`unanswerable`), the half is another
    article's. An answer that the article repeats elsewhere is right there too, for only its text is compared.
    """
    paragraphs: dict[str, dict[str, None]] = {}
    for example in answerable:
        paragraphs.setdefault(example.title, {})[example.context] = None
    articles = {title: _BETWEEN.join(texts) for title, texts in paragraphs.items()}
    drawn = random.Random(f"{seed} articles").sample(list(answerable), min(count, len(answerable)))
    titles = list(articles)

    def put(example: QAExample, title: str) -> QAExample:
        text = articles[title]
        start = text.index(example.context) + (example.start or 0) if example.answers else None
        return replace(example, context=text, start=start)

    made = [put(example, example.title) for example in drawn]
    half = len(drawn) // 2
    made += [put(each, each.title) for each in make_unanswerable(drawn[:half], {"altered": half}, seed)]
    if len(titles) > 1:
        for example in drawn[half:]:
            other = titles[(titles.index(example.title) + 1) % len(titles)]
            made.append(put(replace(example, answers=(), start=None), other))
    return made


def calibrate(examples: Sequence[QAExample], readings: Sequence[Reading]) -> Calibration:
    """Fit what the scores mean (Platt scaling) and choose the threshold that gives the best mean F1."""
    margin = np.array([best_score(reading) for reading in readings])
    length = np.log([max(1, reading.windows_in_all) for reading in readings])
    f1 = np.array([_f1(example, reading) for example, reading in zip(examples, readings, strict=True)])
    absent = np.array([not example.answers for example in examples])
    right = _platt(margin, length, (f1 >= RIGHT_F1) & ~absent)
    # The threshold is that of a document of one window: scores of longer ones are put where they would be there.
    margin = margin + right.length / right.slope * length if right.slope > 0 else margin
    order = np.argsort(margin)
    # With the threshold above the first k margins, those k are answered by null: gain[k] is what that is worth.
    gain = np.concatenate([[0.0], np.cumsum(np.where(absent, 1.0, -f1)[order])])
    between = np.concatenate([margin[order][:1] - 1, margin[order], margin[order][-1:] + 1])
    best = int(np.argmax(gain))
    return Calibration(
        right=right,
        absent=_platt(np.array([best_score(reading) for reading in readings]), length, absent),
        threshold=round(float((between[best] + between[best + 1]) / 2), 4),
    )


def best_score(reading: Reading) -> float:
    """The score of a reading's best span against none; far below all others where it has no span."""
    return reading.best.score if reading.best else _NOTHING


def _f1(example: QAExample, reading: Reading) -> float:
    best = reading.best
    return token_f1(example.context[best.start : best.end] if best else "", example.answers)


def _platt(score: Floats, length: Floats, target: npt.NDArray[np.bool_]) -> Logistic:
    """A logistic fit by Newton's method on the log-loss, with Platt's smoothed targets.

    Args:
        score: shape (readings,).
        length: the logarithm of the windows of each document; where all are alike it plays no part.
        target: what is to be told.
    """
    positives, negatives = float(target.sum()), float((~target).sum())
    smooth = np.where(target, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    columns = [score, np.ones_like(score)] + ([length] if np.ptp(length) > 0 else [])
    features = np.stack(columns, axis=1)
    weights = np.zeros(len(columns))
    for _ in range(50):
        probability = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        gradient = features.T @ (probability - smooth)
        curvature = (features * (probability * (1 - probability))[:, None]).T @ features + 1e-6 * np.eye(len(columns))
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return Logistic(*(round(float(weight), 5) for weight in weights))
