import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.encoders.pairs import TokenizedText
from assistant.errors import UsageError
from assistant.reading.windows import MIN_CAPACITY, answer_tokens, label_window, plan_windows


@given(tokens=st.integers(0, 5000), capacity=st.integers(MIN_CAPACITY, 400), stride=st.integers(0, 800))
def test_every_token_is_in_a_window_whatever_the_lengths(tokens: int, capacity: int, stride: int) -> None:
    windows = plan_windows(tokens, capacity, stride)
    covered = set()
    for first, last in windows:
        assert 0 <= first <= last <= tokens
        assert last - first <= capacity
        covered |= set(range(first, last))
    assert covered == set(range(tokens))
    for (_, last), (first, _) in itertools.pairwise(windows):
        assert last - first == min(stride, capacity // 2)
    assert 1 <= len(windows) <= 1 + 2 * tokens / capacity


@given(st.integers(-500, MIN_CAPACITY - 1))
def test_a_question_that_leaves_no_room_is_refused(capacity: int) -> None:
    with pytest.raises(UsageError, match="too long"):
        plan_windows(100, capacity)


def _words(*places: tuple[int, int]) -> TokenizedText:
    starts, ends = np.array(places).T
    return TokenizedText(np.arange(len(places)), starts, ends)


def test_an_answer_is_labelled_with_the_tokens_that_cover_it() -> None:
    text = _words((0, 3), (4, 10), (10, 11), (12, 20))
    assert answer_tokens(text, 4, 10) == (1, 1)
    assert answer_tokens(text, 5, 11) == (1, 2)
    assert answer_tokens(text, 3, 4) is None
    assert answer_tokens(text, 0, 20) == (0, 3)


WINDOW = np.array([10, 20])


def test_a_window_without_the_whole_answer_has_none() -> None:
    assert label_window(WINDOW, (12, 19)) == (2, 9)
    assert label_window(WINDOW, (12, 20)) is None
    assert label_window(WINDOW, (9, 12)) is None
    assert label_window(WINDOW, None) is None
