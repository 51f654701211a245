"""Sliding windows over a tokenised document, and where an answer lies in them.

The stride is, as in Devlin et al. (2019) and the `run_qa` examples, the number of tokens that
neighbouring windows share.
"""

import numpy as np
import numpy.typing as npt

from assistant.encoders.pairs import TokenizedText
from assistant.errors import UsageError

MAX_LENGTH = 384
STRIDE = 128
MIN_CAPACITY = 32

Ints = npt.NDArray[np.int64]


def plan_windows(tokens: int, capacity: int, stride: int = STRIDE) -> Ints:
    """Cover `tokens` tokens with windows of at most `capacity`, neighbours sharing `stride`.

    Every token is in at least one window. Where the stride leaves less than half a window of progress
    (a long question makes windows short), it is cut to half the capacity, so that no text is ever skipped.

    Returns:
        The windows as tokens `[first, last)`, shape (windows, 2), in order; there is always at least one.

    Raises:
        UsageError: the capacity is too small to read anything in.
    """
    if capacity < MIN_CAPACITY:
        raise UsageError(
            f"The question is too long: it leaves {max(capacity, 0)} tokens of each window for the document "
            f"(at least {MIN_CAPACITY} are needed). Ask a shorter question."
        )
    step = capacity - min(stride, capacity // 2)
    beyond = max(tokens - capacity, 0)  # what the first window leaves over
    first = np.arange(0, beyond + step, step, dtype=np.int64)
    return np.stack([first, np.minimum(first + capacity, tokens)], axis=1)


def answer_tokens(text: TokenizedText, start: int, end: int) -> tuple[int, int] | None:
    """The tokens `[first, last]`, both inclusive, that cover the characters `[start, end)`; None if no token does."""
    covering = np.flatnonzero((text.ends > start) & (text.starts < end) & (text.ends > text.starts))
    return (int(covering[0]), int(covering[-1])) if len(covering) else None


def label_window(window: Ints, answer: tuple[int, int] | None) -> tuple[int, int] | None:
    """The answer's tokens relative to the window, or None (read: no answer here) unless the window holds all of it."""
    if answer is None or answer[0] < window[0] or answer[1] >= window[1]:
        return None
    return answer[0] - int(window[0]), answer[1] - int(window[0])
