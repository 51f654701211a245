"""Sliding windows over a tokenised document, and where an answer lies in them.

The stride is, as in Devlin et al. (2019) and the `run_qa` examples, the number of tokens that
neighbouring windows share.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from assistant.encoding import TokenizedText
from assistant.errors import UsageError

MAX_LENGTH = 384
STRIDE = 128
MIN_CAPACITY = 32


@dataclass(frozen=True, slots=True)
class Window:
    """The document's tokens `[first, last)`."""

    first: int
    last: int


def plan_windows(tokens: int, capacity: int, stride: int = STRIDE) -> Iterator[Window]:
    """Cover `tokens` tokens with windows of at most `capacity`, neighbours sharing `stride`.

    Every token is in at least one window. Where the stride leaves less than half a window of progress
    (a long question makes windows short), it is cut to half the capacity, so that no text is ever skipped.

    Raises:
        UsageError: the capacity is too small to read anything in.
    """
    if capacity < MIN_CAPACITY:
        raise UsageError(
            f"The question is too long: it leaves {max(capacity, 0)} tokens of each window for the document "
            f"(at least {MIN_CAPACITY} are needed). Ask a shorter question."
        )
    step = capacity - min(stride, capacity // 2)
    first = 0
    while True:
        last = min(first + capacity, tokens)
        yield Window(first, last)
        if last >= tokens:
            return
        first += step


def answer_tokens(text: TokenizedText, start: int, end: int) -> tuple[int, int] | None:
    """The tokens `[first, last]`, both inclusive, that cover the characters `[start, end)`; None if no token does."""
    covering = np.flatnonzero((text.ends > start) & (text.starts < end) & (text.ends > text.starts))
    return (int(covering[0]), int(covering[-1])) if len(covering) else None


def label_window(window: Window, answer: tuple[int, int] | None) -> tuple[int, int] | None:
    """The answer's tokens relative to the window, or None (read: no answer here) unless the window holds all of it."""
    if answer is None or answer[0] < window.first or answer[1] >= window.last:
        return None
    return answer[0] - window.first, answer[1] - window.first
