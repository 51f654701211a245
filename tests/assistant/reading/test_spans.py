import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.conversation import Document
from assistant.encoding import PairEncoder
from assistant.reading.reader import Reader, _Job, _to_characters
from assistant.reading.spans import Span, decode_spans, merge_spans, without_overlaps
from assistant.reading.windows import answer_tokens, label_window, plan_windows
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


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4), st.floats(-5, 5)), max_size=60))
def test_merging_keeps_each_span_once_with_its_best_score(raw: list[tuple[int, int, float]]) -> None:
    spans = [Span(start, start + length, score) for start, length, score in raw]
    merged = merge_spans(spans, n_best=10)
    places = [(span.start, span.end) for span in merged]
    assert len(set(places)) == len(places) <= 10
    assert [span.score for span in merged] == sorted((span.score for span in merged), reverse=True)
    for span in merged:
        assert span.score == max(other.score for other in spans if (other.start, other.end) == (span.start, span.end))
    apart = without_overlaps(merged)
    assert all(a.end <= b.start or b.end <= a.start for a, b in itertools.combinations(apart, 2))


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


@pytest.mark.parametrize("kind", sorted(ENCODERS))
@pytest.mark.parametrize("context, answer", TEXTS)
def test_logits_that_point_at_the_label_decode_to_the_answers_own_characters(
    kind: str, context: str, answer: str
) -> None:
    """Training labels and decoding agree, also where an answer begins in the middle of what a tokenizer keeps whole."""
    encoder = ENCODERS[kind]
    start = context.index(answer)
    text = "filler words before. " * 30 + context + " and after it." * 30
    start += len("filler words before. " * 30)
    question, tokens = encoder.tokenize(["Which one?", text])
    covering = answer_tokens(tokens, start, start + len(answer))
    assert covering is not None
    found = set()
    for window in plan_windows(len(tokens), 64, 32):
        label = label_window(window, covering)
        if label is None:
            continue
        pair = encoder.encode(question.ids, tokens.ids[window.first : window.last])
        _, begins = encoder.collate([pair])
        offset = int(begins[0]) + pair.second
        logits = torch.zeros(2, 1, len(pair))
        logits[0, 0, offset + label[0]] = 10
        logits[1, 0, offset + label[1]] = 10
        readable = torch.zeros(1, len(pair), dtype=torch.bool)
        readable[0, offset : offset + window.last - window.first] = True
        decoded = decode_spans(logits[0], logits[1], readable, torch.tensor([int(begins[0]) + pair.null]))
        spans = _to_characters(_Job(0, pair, window, tokens), offset, [column[0] for column in decoded])
        found.add(text[spans[0].start : spans[0].end])
    whole = {text[tokens.starts[covering[0]] : tokens.ends[covering[1]]]}
    assert found == whole
    if kind != "bert" or "亚" not in context:
        assert answer in next(iter(found))
    if kind == "bert":
        assert found == {answer}


def test_a_reader_is_what_training_labels_for(encoder: PairEncoder) -> None:
    """The same windows on both sides: what the reader plans, training labels."""
    from finetune.data.squad import QAExample
    from finetune.extractive_qa import training_items
    from tests.conftest import tiny_model

    context = "The forest is large. " * 80 + "It covers 5.5 million square kilometers. " + "It is wet. " * 80
    answer = "5.5 million square kilometers"
    example = QAExample("1", "t", context, "How large is it?", (answer,), context.index(answer))
    items = training_items([example], encoder, 64, 16)
    reader = Reader(tiny_model("bert", "QuestionAnswering"), encoder, name="tiny", max_length=64, stride=16)
    from assistant.reading.reader import Question

    jobs = reader._plan([Question(example.question, Document("d", context))])
    assert [item["input_ids"].tolist() for item in items] == [job.pair.input_ids.tolist() for job in jobs]
    labelled = [(item, job) for item, job in zip(items, jobs, strict=True) if item["start_positions"] != job.pair.null]
    assert labelled
    for item, job in labelled:
        first = job.window.first + item["start_positions"] - job.pair.second
        last = job.window.first + item["end_positions"] - job.pair.second
        assert context[job.text.starts[first] : job.text.ends[last]] == answer
