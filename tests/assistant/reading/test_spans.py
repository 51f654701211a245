import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.encoders.pairs import Ids, PairEncoder
from assistant.reading.reader import Question, Reader
from assistant.reading.spans import Span, decode_spans, distinct_answers, distinct_spans
from assistant.reading.windows import answer_tokens, label_window, plan_windows
from assistant.types import Document
from tests.conftest import TOKENIZERS

ENCODERS = {name: PairEncoder(make()) for name, make in TOKENIZERS.items()}


def _brute_force(
    starts: list[float], ends: list[float], readable: list[bool], null: int, n_best: int, longest: int
) -> list[tuple[float, int, int]]:
    found = [
        (starts[first] + ends[last] - starts[null] - ends[null], first, last)
        for first, last in itertools.product(range(len(starts)), repeat=2)
        if readable[first] and readable[last] and 0 <= last - first < longest
    ]
    return sorted(found, key=lambda span: -span[0])[:n_best]


@given(st.data())
@settings(deadline=None)
def test_the_best_spans_are_those_of_a_search_over_all_pairs(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 14))
    rows = data.draw(st.integers(1, 3))
    # Distinct powers of two thirds: no two sums are equal, so the order is one.
    seed = data.draw(st.integers(0, 2**32 - 1))
    torch.manual_seed(seed)
    start, end = torch.randn(rows, length), torch.randn(rows, length)
    readable = torch.tensor(
        data.draw(st.lists(st.lists(st.booleans(), min_size=length, max_size=length), min_size=rows, max_size=rows))
    )
    null = torch.tensor(data.draw(st.lists(st.integers(0, length - 1), min_size=rows, max_size=rows)))
    n_best, longest = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 20))
    first, last, score = decode_spans(start, end, readable, null, n_best, longest)
    for row in range(rows):
        expected = _brute_force(
            start[row].tolist(), end[row].tolist(), readable[row].tolist(), int(null[row]), n_best, longest
        )
        kept = [
            (value, a, b)
            for a, b, value in zip(first[row].tolist(), last[row].tolist(), score[row].tolist(), strict=True)
            if math.isfinite(value)
        ]
        assert [(a, b) for _, a, b in kept] == [(a, b) for _, a, b in expected]
        assert [value for value, *_ in kept] == pytest.approx([value for value, *_ in expected], abs=1e-5)


def test_a_window_whose_best_starts_all_come_after_its_best_ends_still_has_spans() -> None:
    start, end = torch.arange(100.0)[None], torch.arange(100.0, 0, -1)[None]
    _, _, score = decode_spans(start, end, torch.ones(1, 100, dtype=torch.bool), torch.tensor([0]))
    assert torch.isfinite(score).all()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4), st.floats(-5, 5, width=32)), max_size=60))
def test_each_span_is_kept_once_with_its_best_score(raw: list[tuple[int, int, float]]) -> None:
    starts, lengths, scores = (np.array(column) for column in zip(*raw, strict=True)) if raw else (np.zeros(0),) * 3
    spans = distinct_spans(
        starts.astype(int), (starts + lengths).astype(int), scores.astype(np.float32), "ten letters", n_best=10
    )
    places = [(span.start, span.end) for span in spans]
    assert len(set(places)) == len(places) == min(10, len({(start, start + length) for start, length, _ in raw}))
    assert [span.score for span in spans] == sorted((span.score for span in spans), reverse=True)
    for span in spans:
        assert span.score == max(
            score for start, length, score in raw if (start, start + length) == (span.start, span.end)
        )


@pytest.mark.parametrize(
    ("text", "found", "whole"),
    [
        ("It drew 1,900 visitors.", "900 visitors", "1,900 visitors"),
        ("It drew 1,900 visitors.", "1", "1,900"),
        ("from 12,345,678.90 to 3.5 million", "345,678.90 to 3", "12,345,678.90 to 3.5"),
        ("Elle compte 67\u202f000\u202f000 d'âmes", "000", "67\u202f000\u202f000"),
        ("un taux de 2,5 %", "5 %", "2,5 %"),
        ("room 12345", "345", "12345"),
        ("It drew 1,900 visitors.", "1,900 visitors", "1,900 visitors"),
        ("in 1990,1991 and 1992", "1991", "1991"),
        ("on 12.05.2019 at noon", "2019", "2019"),
        ("It closed in 1900.", "1900", "1900"),
        ("the numbers 1, 900 and 7", "900", "900"),
        ("5km", "5", "5"),
    ],
)
def test_a_span_that_cuts_a_number_is_widened_to_it(text: str, found: str, whole: str) -> None:
    start = text.index(found)
    (span,) = distinct_spans(np.array([start]), np.array([start + len(found)]), np.array([1.0], np.float32), text)
    assert text[span.start : span.end] == whole


def test_two_spans_that_are_widened_to_the_same_number_are_one_with_the_better_score() -> None:
    starts, ends, scores = np.array([2, 0]), np.array([5, 5]), np.array([4.0, 2.0], np.float32)
    assert distinct_spans(starts, ends, scores, "1,900 came") == (Span(0, 5, 4.0),)


def test_distinct_answers_neither_overlap_nor_say_the_same_twice() -> None:
    text = "In 1903 she won. He came in 1905, and again in 1903."
    spans = [Span(3, 7, 9.0), Span(0, 7, 8.0), Span(47, 51, 7.0), Span(28, 32, 6.0), Span(8, 11, 5.0)]
    assert [text[span.start : span.end] for span in distinct_answers(spans, text, 2)] == ["1903", "1905"]
    assert [span.score for span in distinct_answers(spans, text, 9)] == [9.0, 6.0, 5.0]
    assert distinct_answers([], text, 3) == ()


TEXTS = [
    ("The forest covers 5.5 million square kilometers.", "5.5 million square kilometers"),
    ("J'habite à Lyon, près de la forêt où l'été est chaud.", "l'été"),
    ("Il fait chaud l'e\u0301te\u0301 a\u0300 Lyon.", "l'e\u0301te\u0301"),
    ("Un café\u0301 noir", "café\u0301"),
    ("I like 😀 and 👩\u200d💻 a lot", "👩\u200d💻"),
    ("He said 👍🏽 twice", "👍🏽"),
    ("I ❤\ufe0f Paris", "❤\ufe0f"),
    ("line one\r\nline two\r\nline three", "line two"),
    ("line one\r\nline two\r\nline three", "one\r\nline two"),
    ("亚马逊雨林很大。 在南美洲。", "很大"),
    ("zero\u200bwidth and zero\u200cwidth\u2060 joined", "zero\u200cwidth"),
    ("हिन्दी भाषा में", "भाषा"),
    ("a tab\tand  two spaces", "tab\tand  two"),
    ("Straße ﬁne İstanbul ẞ", "İstanbul"),
]


class _Pointing:
    """A reader's network that points at given tokens of each document, wherever they stand in a window."""

    device = "cpu"
    config = None

    def __init__(self, encoder: PairEncoder, question: Ids, first: int, last: int) -> None:
        self.frame, self.first, self.last = encoder.frame(question), first, last
        self.windows = iter(())

    def __call__(self, input_ids: torch.Tensor, **_: torch.Tensor) -> SimpleNamespace:
        start, end = torch.zeros(input_ids.shape), torch.zeros(input_ids.shape)
        for row, window in zip(range(len(input_ids)), self.windows, strict=False):
            label = label_window(window, (self.first, self.last))
            if label is not None:
                start[row, len(self.frame.before[0]) + label[0]] = 10
                end[row, len(self.frame.before[0]) + label[1]] = 10
        return SimpleNamespace(start_logits=start, end_logits=end)

    def named_modules(self) -> list[tuple[str, object]]:
        return []


@pytest.mark.parametrize("kind", sorted(ENCODERS))
@pytest.mark.parametrize("context, answer", TEXTS)
def test_logits_that_point_at_the_label_decode_to_the_answers_own_characters(
    kind: str, context: str, answer: str
) -> None:
    """Training labels and decoding agree, also where an answer begins in the middle of what a tokenizer keeps whole."""
    encoder = ENCODERS[kind]
    filler = "filler words before. " * 30
    text = filler + context + " and after it." * 30
    start = text.index(answer, len(filler))
    question, tokens = encoder.tokenize(["Which one?", text])
    covering = answer_tokens(tokens, start, start + len(answer))
    assert covering is not None
    model = _Pointing(encoder, question.ids, *covering)
    reader = Reader(model, encoder, name="pointing", max_length=96, stride=40, tokens_per_batch=10**6)
    windows = plan_windows(len(tokens), 96 - len(model.frame), 40)
    # A batch takes its windows in the document's order.
    model.windows = iter(windows)
    best = reader.read([Question("Which one?", Document("d", text))])[0].best
    assert best is not None
    found = text[best.start : best.end]
    assert found == text[tokens.starts[covering[0]] : tokens.ends[covering[1]]]
    if kind != "bert" or "亚" not in context:
        assert answer in found
    if kind == "bert":
        assert found == answer


def test_a_reader_reads_the_windows_that_training_labels(encoder: PairEncoder) -> None:
    from finetune.data.squad import QAExample
    from finetune.tasks.qa.training import training_items

    context = "The forest is large. " * 80 + "It covers 5.5 million square kilometers. " + "It is wet. " * 80
    answer = "5.5 million square kilometers"
    example = QAExample("1", "t", context, "How large is it?", (answer,), context.index(answer))
    items = training_items([example], encoder, 64, 16)
    question, text = encoder.tokenize([example.question, context])
    frame = encoder.frame(question.ids)
    windows = plan_windows(len(text), 64 - len(frame), 16)
    ids, types, mask = encoder.encode_windows(frame, text.ids, windows, 70)
    labelled = 0
    for item, row, kinds, real, window in zip(items, ids, types, mask, windows, strict=True):
        assert item["input_ids"].tolist() == row[real].tolist()
        assert item["token_type_ids"].tolist() == kinds[real].tolist()
        null = frame.null % int(real.sum())
        if item["start_positions"] != null:
            labelled += 1
            first = window[0] + item["start_positions"] - len(frame.before[0])
            last = window[0] + item["end_positions"] - len(frame.before[0])
            assert context[text.starts[first] : text.ends[last]] == answer
    assert labelled
