import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.encoders.pairs import PairEncoder
from assistant.errors import ModelError, UsageError
from assistant.reading.calibration import Calibration, Joint, Logistic, sigmoid
from assistant.reading.reader import Question, Reader, Reading
from assistant.reading.spans import N_BEST, Span
from assistant.types import Document
from tests.conftest import bert_tokenizer, roberta_tokenizer, tiny_model

LONG = "The Amazon rainforest covers 5.5 million square kilometers. Où est l'été ? \r\n😀 e\u0301te\u0301. " * 60
SHORT = "Marie Curie wrote it in 1903."


@pytest.fixture(scope="module")
def reader() -> Reader:
    model = tiny_model("bert", "QuestionAnswering")
    return Reader(model, PairEncoder(bert_tokenizer()), name="tiny", max_length=96, stride=32, tokens_per_batch=400)


def test_many_questions_at_once_give_what_each_gives_alone(reader: Reader) -> None:
    questions = [
        Question("How large is it?", Document("a", LONG)),
        Question("Who wrote it?", Document("b", SHORT)),
        Question("Which river crosses the forest of South America?", Document("a", LONG)),
        Question("Where?", Document("c", "It")),
    ]
    together = reader.read(questions)
    for question, reading in zip(questions, together, strict=True):
        alone = reader.read([question])[0]
        assert alone.windows == reading.windows
        assert [(s.start, s.end) for s in alone.spans] == [(s.start, s.end) for s in reading.spans]
        assert [s.score for s in alone.spans] == pytest.approx([s.score for s in reading.spans], abs=1e-4)


def test_spans_are_distinct_ordered_and_within_the_document(reader: Reader) -> None:
    reading = reader.read([Question("How large is it?", Document("a", LONG))])[0]
    assert len(reading.spans) == N_BEST
    assert len({(span.start, span.end) for span in reading.spans}) == N_BEST
    assert all(0 <= span.start < span.end <= len(LONG) for span in reading.spans)
    assert all(LONG[span.start : span.end].strip() == LONG[span.start : span.end] for span in reading.spans)
    scores = [span.score for span in reading.spans]
    assert scores == sorted(scores, reverse=True)
    assert reading.windows > 10


@given(st.text(min_size=1, max_size=80).filter(lambda text: any(c.isprintable() and not c.isspace() for c in text)))
@settings(max_examples=25, deadline=None)
def test_any_text_can_be_read(text: str) -> None:
    reader = _ROBERTA
    reading = reader.read([Question("?", Document("d", text))])[0]
    assert all(0 <= span.start < span.end <= len(text) for span in reading.spans)
    assert 0 <= reading.score <= 1
    assert reading.spans or reading.score == 1.0


_ROBERTA = Reader(tiny_model("roberta", "QuestionAnswering"), PairEncoder(roberta_tokenizer()), name="tiny")


@pytest.mark.parametrize("text", ["!!! ??? ...", "\n\n—\n\n—\n", "😀😀 😀", "·", "\u200b!\u200b"])
def test_a_document_without_letters_is_read(reader: Reader, text: str) -> None:
    for any_reader in (reader, _ROBERTA):
        reading = any_reader.read([Question("How large?", Document("d", text))])[0]
        assert reading.spans


def test_no_input_is_longer_than_the_model_takes() -> None:
    model = tiny_model("bert", "QuestionAnswering", max_position_embeddings=64)
    reader = Reader(model, PairEncoder(bert_tokenizer()), name="tiny")
    reading = reader.read([Question("How?", Document("d", LONG))])[0]
    assert reader.max_length == 64
    assert reading.spans


@pytest.mark.parametrize("question", ["", "   ", "\n", "\u200b"])
def test_an_empty_question_is_refused(reader: Reader, question: str) -> None:
    with pytest.raises(UsageError, match="question is empty"):
        reader.read([Question(question, Document("d", SHORT))])


def test_a_question_that_leaves_no_room_for_the_document_is_refused(reader: Reader) -> None:
    with pytest.raises(UsageError, match="too long"):
        reader.read([Question("forest " * 90, Document("d", SHORT))])


def test_progress_counts_windows_to_the_end(reader: Reader) -> None:
    told: list[tuple[int, int]] = []
    reading = reader.read([Question("How large?", Document("a", LONG))], on_progress=lambda *at: told.append(at))[0]
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (reading.windows, reading.windows)


def test_cancelling_ends_between_batches_with_what_was_read(reader: Reader) -> None:
    cancel = threading.Event()
    reading = reader.read(
        [Question("How large?", Document("a", LONG))], cancel=cancel, on_progress=lambda done, total: cancel.set()
    )[0]
    whole = reader.read([Question("How large?", Document("a", LONG))])[0]
    assert 0 < reading.windows < whole.windows
    assert reading.spans


def test_reading_nothing_gives_nothing(reader: Reader) -> None:
    assert reader.read([]) == []


def test_the_score_is_of_the_answer_given_or_of_its_absence() -> None:
    calibration = Calibration(Logistic(1.0, 0.0), Logistic(-1.0, 0.0), threshold=2.0)
    answered = Reading((Span(0, 1, 3.0),), 1, calibration)
    absent = Reading((Span(0, 1, 1.0),), 1, calibration)
    assert (answered.answered, answered.score) == (True, sigmoid(3.0))
    assert (absent.answered, absent.score) == (False, sigmoid(-1.0))
    assert Reading((), 1, calibration).score == 1.0


def test_a_calibration_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    calibration = Calibration(Logistic(0.1, -2.0), Logistic(-0.3, 0.5), 1.25)
    calibration.save(tmp_path)
    assert Calibration.load(tmp_path) == calibration
    assert Calibration.load(tmp_path / "none") == Calibration.load(None) == Calibration()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"right": 1, "absent": 1, "threshold": 0}',
        '{"right": {"slope": "x"}}',
        '{"right": {"slope": NaN, "intercept": 0}, "absent": {"slope": 1, "intercept": 0}, "threshold": 0}',
        '{"right": {"slope": 1, "intercept": 0}, "absent": {"slope": 1, "intercept": 1e999}, "threshold": 0}',
        '{"right": {"slope": 1, "intercept": 0}, "absent": {"slope": 1, "intercept": 0}, "threshold": 0,'
        ' "joint": {"read": 1}}',
    ],
)
def test_a_damaged_calibration_is_one_clear_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "calibration.json").write_text(content)
    with pytest.raises(ModelError, match="calibration cannot be read"):
        Calibration.load(tmp_path)


@given(st.floats(allow_nan=False))
def test_the_logistic_function_takes_any_number(value: float) -> None:
    assert 0 <= sigmoid(value) <= 1


def test_a_calibration_without_lengths_is_read_and_one_with_them_kept(tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text(
        '{"right": {"slope": 1, "intercept": 0}, "absent": {"slope": -1, "intercept": 0}, "threshold": 2}', "utf-8"
    )
    assert Calibration.load(tmp_path).bar(50) == 2
    calibration = Calibration(Logistic(1.0, 0.0, -0.5), Logistic(-1.0, 0.0, 0.25), 1.0)
    calibration.save(tmp_path)
    assert Calibration.load(tmp_path) == calibration and calibration.bar(50) > 2.5
    weighing = replace(calibration, joint=Joint(0.6, 0.5, -0.6))
    weighing.save(tmp_path)
    assert Calibration.load(tmp_path) == weighing
