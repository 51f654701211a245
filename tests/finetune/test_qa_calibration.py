from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assistant.loading.reader import load_reader
from assistant.models.store import ModelStore
from assistant.reading.calibration import Calibration
from assistant.reading.reader import Reader, Reading
from assistant.reading.spans import Span
from finetune.data.squad import QAExample
from finetune.tasks.qa import training
from finetune.tasks.qa.calibration import DRAWS, article_questions, calibrate, calibration_questions, hardest
from finetune.tasks.qa.evaluation import read_all

CONTEXT = "The Amazon covers 5.5 million km2. Orellana explored it in 1541. Brazil holds 60 percent, Peru 13."


def _question(number: int, answer: str) -> QAExample:
    text = f"Which of the {number} largest is it?"
    return QAExample(str(number), "t", CONTEXT, text, (answer,), CONTEXT.index(answer))


def _reading(score: float) -> Reading:
    return Reading((Span(0, 10, score),), 1, Calibration())


def test_each_held_out_question_is_joined_by_several_of_one_kind_without_answer() -> None:
    asked = [_question(number, "1541") for number in range(40)]
    found = calibration_questions(asked, seed=1)
    made = [example for example in found if not example.answers]
    assert found[: len(asked)] == asked
    kinds = {(example.id.split("-")[0], example.id.split("-")[1]) for example in made}
    assert len(kinds) == len({number for number, _ in kinds})
    assert "altered" in {kind for _, kind in kinds}
    assert len(made) <= DRAWS * len(asked)
    assert found == calibration_questions(asked, seed=1)


def test_of_questions_made_of_one_the_hardest_counts_and_answerable_ones_all_stay() -> None:
    right = [_question(0, "1541"), _question(1, "Brazil")]
    made = [QAExample("0-altered", "t", CONTEXT, f"What {n}?", (), None) for n in range(3)]
    scores = [1.0, 2.0, -3.0, 5.0, 0.0]
    examples, readings = hardest([*right, *made], [_reading(score) for score in scores])
    assert [example.question for example in examples] == [*(example.question for example in right), "What 1?"]
    assert [reading.best.score for reading in readings if reading.best] == [1.0, 2.0, 5.0]


def test_harder_questions_without_answer_raise_the_threshold_and_lower_the_score() -> None:
    right = [_question(number, CONTEXT[:10]) for number in range(50)]
    absent = [QAExample(f"{number}-altered", "t", CONTEXT, "What?", (), None) for number in range(50)]
    easy, hard = (
        calibrate(
            [*right, *absent],
            [_reading(5 + 0.1 * at) for at in range(50)] + [_reading(base + 0.1 * at) for at in range(50)],
        )
        for base in (-6.0, 2.0)
    )
    assert hard.threshold > easy.threshold
    assert hard.right(6.0) < easy.right(6.0)


def test_a_score_is_worth_less_in_a_longer_document_where_that_was_seen() -> None:
    generator = np.random.default_rng(3)
    examples, readings = [], []
    for number in range(400):
        windows, right = int(generator.choice([1, 30])), number % 2 == 0
        # A wrong best span of thirty windows scores as high as a right one of a single window.
        score = float(generator.normal(4.0 if right else 0.0) + (3.0 if windows == 30 else 0.0))
        examples.append(_question(number, CONTEXT[:10]) if right else replace(_question(number, "1541"), answers=()))
        readings.append(Reading((Span(0, 10, score),), windows, Calibration(), windows))
    found = calibrate(examples, readings)
    assert found.right(4.0, 30) < found.right(4.0, 1) - 0.2
    assert found.bar(30) == pytest.approx(found.threshold + 3.0, abs=0.8)
    short, long = Reading((Span(0, 10, 3.0),), 1, found, 1), Reading((Span(0, 10, 3.0),), 30, found, 30)
    assert short.answered and not long.answered
    assert long.score == pytest.approx(found.absent(3.0, 30))


def test_one_length_alone_has_no_part_in_the_score() -> None:
    examples = [_question(number, CONTEXT[:10]) for number in range(20)]
    found = calibrate(examples, [_reading(float(at)) for at in range(20)])
    assert found.right.length == found.absent.length == 0


def test_questions_are_put_to_their_whole_article_and_to_others() -> None:
    texts = {"A": ("One paragraph says 1541.", "Another names Orellana."), "B": ("A third holds Brazil.",)}
    pool = [
        QAExample(f"{title}{at}", title, text, f"What is said in {title} {at}?", (answer,), text.index(answer))
        for title, some in texts.items()
        for at, text in enumerate(some)
        for answer in (text.rstrip(".").split()[-1],)
    ] * 4
    made = article_questions(pool, 12, seed=2)
    answered = [example for example in made if example.answers]
    assert len(answered) == 12
    for example in answered:
        assert example.start is not None and example.context[example.start : example.end] == example.answers[0]
        assert example.context == "\n\n".join(texts[example.title])
    absent = [example for example in made if not example.answers]
    assert absent and any(example.context != "\n\n".join(texts[example.title]) for example in absent)


def test_of_a_limited_run_no_more_is_read_than_so_many_questions_ask_for(
    reader_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def counted(reader: Reader, examples: Sequence[QAExample], **windows: int | None) -> list[Reading]:
        asked.append(len(examples))
        return read_all(reader, examples, **windows)

    monkeypatch.setattr(training, "read_all", counted)
    reader = load_reader(ModelStore().resolve(str(reader_folder)))
    held_out = [_question(number, "1541") for number in range(60)]
    training.fit_calibration(reader, held_out, 1, limit=5)
    short, whole = asked
    assert 5 < short <= 5 * (1 + DRAWS)
    assert whole <= 2
