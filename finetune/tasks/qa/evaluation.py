"""Measuring a reader on labelled questions."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from assistant.metrics import exact_match, token_f1
from assistant.reading.reader import Question, Reader, Reading
from assistant.types import Document
from finetune.data.squad import QAExample
from finetune.tasks.qa.calibration import RIGHT_F1, calibrate
from finetune.tasks.qa.errors import find_errors, shares, write_errors
from finetune.tasks.qa.reliability import expected_calibration_error, plot_reliability, reliability

QUESTIONS_AT_ONCE = 512


def held_out_scores(examples: Sequence[QAExample], readings: Sequence[Reading]) -> dict[str, float]:
    """What is watched while training: F1 and EM of the answerable, and F1 of all with the best threshold."""
    answerable = [index for index, example in enumerate(examples) if example.answers]
    calibration = calibrate(examples, readings)
    with_threshold = [replace(reading, calibration=calibration) for reading in readings]
    return {
        **scores([examples[i] for i in answerable], [readings[i] for i in answerable], null_may_win=False),
        "f1_all": scores(examples, with_threshold, null_may_win=True)["f1"],
    }


def read_all(
    reader: Reader,
    examples: Sequence[QAExample],
    on_progress: Callable[[int, int], None] | None = None,
    windows: int | None = None,
) -> list[Reading]:
    """The reader's readings of all examples, in order; `windows` as for `Reader.read`."""
    readings: list[Reading] = []
    for at in range(0, len(examples), QUESTIONS_AT_ONCE):
        chunk = examples[at : at + QUESTIONS_AT_ONCE]
        readings += reader.read(
            [Question(example.question, Document(example.title or example.id, example.context)) for example in chunk],
            windows=windows,
        )
        if on_progress is not None:
            on_progress(len(readings), len(examples))
    return readings


def prediction(example: QAExample, reading: Reading, *, null_may_win: bool) -> str:
    """The answer's text; "" for "no answer"."""
    if reading.best is None or (null_may_win and not reading.answered):
        return ""
    return example.context[reading.best.start : reading.best.end]


def scores(examples: Sequence[QAExample], readings: Sequence[Reading], *, null_may_win: bool) -> dict[str, float]:
    """Exact match and F1 as percentages."""
    answers = [
        prediction(example, reading, null_may_win=null_may_win)
        for example, reading in zip(examples, readings, strict=True)
    ]
    golds = [example.answers for example in examples]
    return {
        "exact_match": 100 * float(np.mean([exact_match(a, g) for a, g in zip(answers, golds, strict=True)])),
        "f1": 100 * float(np.mean([token_f1(a, g) for a, g in zip(answers, golds, strict=True)])),
    }


def evaluate(
    reader: Reader,
    examples: Sequence[QAExample],
    on_progress: Callable[[int, int], None] | None = None,
    *,
    errors: Path | None = None,
    plot: Path | None = None,
) -> dict[str, Any]:
    """EM and F1 of a reader; where the data has unanswerable questions, also for the parts with and without answer.

    Where every question has an answer, null may not win. `calibration_error` is the expected calibration error of the
    score in percent, and `errors` the share of all questions that go wrong in each way.

    Args:
        reader: the reader.
        examples: the questions.
        on_progress: called with questions done and in all.
        errors: a file for the wrong answers, JSON lines.
        plot: a file for the reliability plot, PNG or another format that matplotlib knows by its suffix.
    """
    began = time.perf_counter()
    readings = read_all(reader, examples, on_progress)
    seconds = time.perf_counter() - began
    parts = {
        "has_answer": [index for index, example in enumerate(examples) if example.answers],
        "no_answer": [index for index, example in enumerate(examples) if not example.answers],
    }
    both = all(parts.values())
    report: dict[str, Any] = scores(examples, readings, null_may_win=both)
    if both:
        for name, indices in parts.items():
            part = scores([examples[i] for i in indices], [readings[i] for i in indices], null_may_win=True)
            report[name] = {**part, "total": len(indices)}
    given = [
        prediction(example, reading, null_may_win=both) for example, reading in zip(examples, readings, strict=True)
    ]
    bins = reliability(
        [reading.score if both or reading.best is None else reading.span_score(reading.best) for reading in readings],
        [_right(example, answer) for example, answer in zip(examples, given, strict=True)],
    )
    report["calibration_error"] = 100 * expected_calibration_error(bins)
    wrong = find_errors(examples, readings, given)
    report["errors"] = shares(wrong, len(examples))
    if errors is not None:
        write_errors(wrong, errors)
    if plot is not None:
        plot_reliability(bins, f"{reader.name}, {len(examples):,} questions", plot)
    return {**report, "total": len(examples), "seconds": round(seconds, 1)}


def _right(example: QAExample, given: str) -> bool:
    """Whether an answer is right, as a score means it: half of its words at least, or none where there is no answer."""
    return token_f1(given, example.answers) >= RIGHT_F1 if given else not example.answers
