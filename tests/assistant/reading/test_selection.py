import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.documents.passages import Passage
from assistant.encoders.pairs import PairEncoder, TokenizedText
from assistant.reading.reader import Question, Reader
from assistant.reading.selection import select_windows
from assistant.reading.windows import plan_windows
from assistant.types import Document
from tests.conftest import bert_tokenizer, tiny_model

DOCUMENT = Document("d", "x" * 5000)


def _text(tokens: int) -> TokenizedText:
    starts = np.arange(tokens) * 5
    return TokenizedText(np.arange(tokens), starts, starts + 4)


@given(
    st.integers(1, 1000), st.integers(1, 12), st.lists(st.tuples(st.integers(0, 4900), st.integers(1, 99)), max_size=40)
)
def test_so_many_windows_are_chosen_and_none_twice(tokens: int, count: int, places: list[tuple[int, int]]) -> None:
    windows = plan_windows(tokens, 100, 30)
    ranked = [Passage(DOCUMENT, start, start + size) for start, size in places]
    chosen = select_windows(windows, _text(tokens), ranked, count).tolist()
    assert chosen == sorted(set(chosen))
    assert len(chosen) == len(windows) if len(windows) <= count else len(chosen) <= count


def test_the_most_promising_passage_is_in_the_middle_of_a_chosen_window() -> None:
    windows = plan_windows(1000, 100, 30)
    [chosen] = select_windows(windows, _text(1000), [Passage(DOCUMENT, 2000, 2100)], 1)
    first, last = windows[chosen]
    assert first <= 400 <= last - 20
    assert min(400 - first, last - 420) == max(min(400 - a, b - 420) for a, b in windows)


@pytest.fixture(scope="module")
def reader() -> Reader:
    model = tiny_model("bert", "QuestionAnswering")
    return Reader(model, PairEncoder(bert_tokenizer()), name="tiny", max_length=96, stride=32, tokens_per_batch=400)


def test_of_a_long_document_the_windows_with_the_questions_words_are_read(reader: Reader) -> None:
    filler = "It was hot and it was wet there. " * 200
    document = Document("d", f"{filler}The zebra covers 5.5 million square kilometers. {filler}")
    everything = reader.read([Question("zebra?", document)])[0]
    some = reader.read([Question("zebra?", document)], windows=1)[0]
    assert everything.windows == everything.windows_in_all == some.windows_in_all
    assert some.windows == 1
    place = document.text.index("zebra")
    assert some.spans
    assert all(abs(span.start - place) < 600 for span in some.spans)


def test_a_short_document_is_read_whole(reader: Reader) -> None:
    document = Document("d", "Marie Curie wrote it in 1903.")
    assert reader.read([Question("Who?", document)], windows=1) == reader.read([Question("Who?", document)])


def test_a_long_document_is_tokenised_as_it_would_be_whole() -> None:
    encoder = PairEncoder(bert_tokenizer())
    text = "Où est l'été ? \r\n😀 e\u0301te\u0301 the forest. " * 300 + "x" * 3000 + " y" * 400
    whole, pieces = encoder.tokenize([text])[0], encoder.tokenize_long(text, 1000)
    spaced = text.index("x" * 100)
    same = int(np.searchsorted(whole.starts, spaced))
    assert (pieces.ids[:same] == whole.ids[:same]).all()
    assert (pieces.starts[:same] == whole.starts[:same]).all()
    assert (pieces.ends[:same] == whole.ends[:same]).all()
    assert (np.diff(pieces.starts) >= 0).all()
    assert pieces.ends[-1] == len(text)
