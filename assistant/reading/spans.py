"""From start and end logits to answer spans: n-best decoding over a whole batch of windows at once.

As in the `run_qa` examples the best 20 spans of at most 30 tokens are kept, but every span of that length is looked
at rather than the best 20 starts times the best 20 ends, which may all be out of order. A span is scored against its
own window's null logits: start + end - null. That difference is the log-odds of the span against "no answer here",
and so compares across windows, which a softmax per window does not (Clark and Gardner, 2018).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

N_BEST = 20
MAX_ANSWER_TOKENS = 30


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


def merge_spans(spans: Iterable[Span], n_best: int = N_BEST) -> tuple[Span, ...]:
    """The best distinct spans of a document, best first; a span that several windows found keeps its best score."""
    best: dict[tuple[int, int], Span] = {}
    for span in spans:
        known = best.get((span.start, span.end))
        if known is None or span.score > known.score:
            best[span.start, span.end] = span
    return tuple(sorted(best.values(), key=lambda span: (-span.score, span.start, span.end))[:n_best])


def without_overlaps(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Keep the spans, in the order given, that share no character with one kept before."""
    kept: list[Span] = []
    for span in spans:
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return tuple(kept)
