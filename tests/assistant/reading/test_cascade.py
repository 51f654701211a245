"""A long text is read by a small reader first, and by the large one where the small one found something."""

import threading

import pytest

from assistant.encoders.pairs import PairEncoder
from assistant.reading.reader import CASCADE_WINDOWS, Question, Reader
from assistant.types import Document
from tests.conftest import bert_tokenizer, roberta_tokenizer, tiny_model

FILLER = "The council met again and spoke of the harbour, the roads and the schools of the town. "
TEXT = FILLER * 90 + "Marie Curie wrote it in 1903. " + FILLER * 90
QUESTION = Question("Who wrote it?", Document("long", TEXT))


class Counting(Reader):
    """A reader that remembers which stretches of text it read."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self.read_windows: list[tuple[int, int]] = []

    def _read_batch(self, asked, owner, number, length):  # type: ignore[no-untyped-def]
        for at, row in zip(owner, number, strict=True):
            first, last = asked[at].windows[row]
            self.read_windows.append((int(asked[at].text.starts[first]), int(asked[at].text.ends[last - 1])))
        return super()._read_batch(asked, owner, number, length)


def _small() -> Counting:
    model = tiny_model("bert", "QuestionAnswering")
    return Counting(model, PairEncoder(bert_tokenizer()), name="small", max_length=96, stride=32)


def _large(first: Reader | None) -> Counting:
    model = tiny_model("roberta", "QuestionAnswering")
    return Counting(model, PairEncoder(roberta_tokenizer()), name="large", max_length=96, stride=32, first=first)


def test_the_large_reader_reads_the_windows_in_which_the_small_one_found_most() -> None:
    small = _small()
    large = _large(small)
    total = large.windows_of(QUESTION.document)
    reading = large.read([QUESTION], windows=1000)[0]
    assert len(small.read_windows) > CASCADE_WINDOWS
    assert len(large.read_windows) == CASCADE_WINDOWS < total
    best = small.read([QUESTION])[0].places[0]
    assert any(start <= best.start and best.end <= end for start, end in large.read_windows)
    assert reading.spans and all(TEXT[span.start : span.end].strip() for span in reading.spans)


def test_what_is_given_is_scored_by_the_large_reader_as_when_it_reads_alone() -> None:
    reading = _large(_small()).read([QUESTION], windows=1000)[0]
    alone = {(span.start, span.end): span.score for span in _large(None).read([QUESTION])[0].places}
    assert reading.places
    for span in reading.places:
        assert alone[span.start, span.end] == pytest.approx(span.score, abs=1e-4)


def test_a_short_text_is_read_by_the_large_reader_alone() -> None:
    small = _small()
    large = _large(small)
    reading = large.read([Question("Who wrote it?", Document("short", "Marie Curie wrote it in 1903."))], windows=24)[0]
    assert small.read_windows == [] and reading.windows == reading.windows_in_all == 1


def test_read_whole_means_by_the_large_reader() -> None:
    small = _small()
    large = _large(small)
    reading = large.read([QUESTION])[0]
    assert small.read_windows == [] and len(large.read_windows) == reading.windows == reading.windows_in_all


def test_what_was_looked_at_is_said_and_a_limit_holds_for_the_small_reader() -> None:
    small = _small()
    large = _large(small)
    all_of_it = large.read([QUESTION], windows=1000)[0]
    assert all_of_it.windows == all_of_it.windows_in_all
    small.read_windows.clear()
    some = large.read([QUESTION], windows=12)[0]
    assert len(small.read_windows) == 12 and some.windows == 12 < some.windows_in_all


def test_questions_together_get_what_each_gets_alone() -> None:
    questions = [QUESTION, Question("Where did the council meet?", QUESTION.document), Question("?", QUESTION.document)]
    together = _large(_small()).read(questions, windows=1000)
    for question, reading in zip(questions, together, strict=True):
        alone = _large(_small()).read([question], windows=1000)[0]
        assert [(s.start, s.end) for s in alone.spans] == [(s.start, s.end) for s in reading.spans]


def test_progress_counts_both_readers_and_never_goes_back() -> None:
    told: list[tuple[int, int]] = []
    _large(_small()).read([QUESTION], windows=1000, on_progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1]


def test_a_cancelled_first_reading_ends_the_second() -> None:
    cancel = threading.Event()
    cancel.set()
    small = _small()
    large = _large(small)
    reading = large.read([QUESTION], windows=1000, cancel=cancel)[0]
    assert reading.spans == () and large.read_windows == []
