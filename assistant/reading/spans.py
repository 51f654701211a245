"""From start and end logits to answer spans: n-best decoding over a whole batch of windows at once.

As in the `run_qa` examples the best 20 spans of at most 30 tokens are kept, but every span of that length is looked
at rather than the best 20 starts times the best 20 ends, which may all be out of order. A span is scored against its
own window's null logits: start + end - null. That difference is the log-odds of the span against "no answer here",
and so compares across windows, which a softmax per window does not (Clark and Gardner, 2018).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

N_BEST = 20
MAX_ANSWER_TOKENS = 30
_WORD = re.compile(r"\w+")
# Digits with marks between thousands, a decimal part, or neither; not a piece of a date, a version or an address.
_NUMBER = re.compile(r"(?<![\d.,])(?:\d{1,3}(?:[,.'\u2019\u00a0\u2009\u202f]\d{3})+|\d+)(?:\.\d+|,\d\d?)?(?![.,]?\d)")
_NUMBER_REACH = 32


@dataclass(frozen=True, slots=True)
class Span:
    """The characters `[start, end)` of a document; `score` is the log-odds against the window's "no answer"."""

    start: int
    end: int
    score: float


def decode_spans(
    start_logits: "torch.Tensor",
    end_logits: "torch.Tensor",
    readable: "torch.Tensor",
    null: "torch.Tensor",
    n_best: int = N_BEST,
    max_answer_tokens: int = MAX_ANSWER_TOKENS,
) -> tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]:
    """The best spans of each window.

    Args:
        start_logits: shape (windows, length).
        end_logits: shape (windows, length).
        readable: shape (windows, length), true where a token belongs to the document.
        null: shape (windows,), the column of the "no answer" token.
        n_best: how many spans to keep.
        max_answer_tokens: the longest span, in tokens.

    Returns:
        First columns, last columns (inclusive) and scores, each of shape (windows, kept), best first;
        the score is -inf where a window has fewer spans.
    """
    import torch

    start_logits, end_logits = start_logits.float(), end_logits.float()
    null_score = start_logits.gather(1, null[:, None]) + end_logits.gather(1, null[:, None])
    starts = start_logits.masked_fill(~readable, float("-inf"))
    ends = end_logits.masked_fill(~readable, float("-inf"))
    longest = min(max_answer_tokens, starts.shape[1])
    # Column (first, n) of the band is the end logit of the span that begins at `first` and is n + 1 tokens long.
    band = torch.nn.functional.pad(ends, (0, longest - 1), value=float("-inf")).unfold(1, longest, 1)
    scores = (starts[:, :, None] + band - null_score[:, :, None]).flatten(1)
    best, flat = scores.topk(min(n_best, scores.shape[1]), dim=1)
    first = torch.div(flat, longest, rounding_mode="floor")
    return first, first + flat % longest, best


def distinct_spans(
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    text: str,
    n_best: int = N_BEST,
) -> tuple[Span, ...]:
    """The best distinct spans of a document, best first; a span that several windows found keeps its best score.

    A span that cuts a number, as "900" of "1,900", is widened to all of it.

    Args:
        starts: first characters, shape (spans,).
        ends: the characters after the last, shape (spans,).
        scores: shape (spans,).
        text: the document.
        n_best: how many spans to keep.
    """
    order = np.lexsort((ends, starts, -scores))
    kept: dict[tuple[int, int], Span] = {}
    for at in order:
        if len(kept) == n_best:
            break
        place = _with_whole_numbers(text, int(starts[at]), int(ends[at]))
        kept.setdefault(place, Span(*place, float(scores[at])))
    return tuple(kept.values())


def distinct_answers(spans: Iterable[Span], text: str, count: int) -> tuple[Span, ...]:
    """The best spans that are answers of their own: none overlaps one before it, or says the same elsewhere.

    Args:
        spans: best first.
        text: the document.
        count: at most so many.
    """
    kept: list[Span] = []
    said: set[str] = set()
    for span in spans:
        words = " ".join(_WORD.findall(text[span.start : span.end].lower()))
        if words in said or any(span.start < other.end and span.end > other.start for other in kept):
            continue
        kept.append(span)
        said.add(words)
        if len(kept) == count:
            break
    return tuple(kept)


def _with_whole_numbers(text: str, start: int, end: int) -> tuple[int, int]:
    """The characters `[start, end)`, with the rest of the numbers they begin or end in."""
    begin = max(0, start - _NUMBER_REACH)
    for number in _NUMBER.finditer(text, begin, end + _NUMBER_REACH):
        if number.start() < start < number.end():
            start = number.start()
        if number.start() < end < number.end():
            end = number.end()
    return start, end
