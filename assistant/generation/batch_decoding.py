"""Several answers decoded together, a token of each at a time; where one is over, the next begins in its place."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

    from assistant.generation.decoding import LocalStream

ROWS = 16
"""Answers at a time. Decoding reads every weight once for all of them: a step of 16 takes the time of three or four."""
TOKENS_OF_ALL_ROWS = 8192
"""Room in the caches together, which is memory: of longer conversations fewer are decoded at a time."""


class Rows(Protocol):
    """A causal language model with a cache for each of several rows of tokens."""

    count: int

    def begin(self, row: int) -> None:
        """Forget what is in a row."""
        ...

    def forward(self, row: int, tokens: Sequence[int]) -> "torch.Tensor":
        """Logits, float32 of shape (1, vocabulary), of the token after `tokens`, which join the row."""
        ...

    def step(self, tokens: Sequence[int]) -> "torch.Tensor":
        """Let a token join each of the first rows; logits of shape (tokens, vocabulary)."""
        ...

    def move(self, source: int, target: int) -> None:
        """Put what is in one row into another."""
        ...


def rows_for(streams: Sequence["LocalStream"]) -> tuple[int, int]:
    """How many rows of how many tokens serve these streams."""
    longest = max(len(stream.prompt) + stream.max_new_tokens for stream in streams)
    return min(len(streams), ROWS, max(1, TOKENS_OF_ALL_ROWS // longest)), longest


def decode_together(rows: Rows, streams: Sequence["LocalStream"], at_once: int) -> Iterator[tuple[int, str]]:
    """Take streams to their end.

    Args:
        rows: with room for the longest of them.
        streams: none of them begun.
        at_once: how many tokens of a prompt are taken at a time.

    Yields:
        The index of a stream and the next piece of its text, which is what it gives alone.
    """
    waiting = deque(enumerate(streams))
    active: list[tuple[int, LocalStream]] = []
    while waiting or active:
        while waiting and len(active) < rows.count:
            index, stream = waiting.popleft()
            logits = _prefill(rows, len(active), stream, at_once)
            yield index, stream.end("cancelled") if logits is None else _taken(stream, logits)
            if stream.finish is None:
                active.append((index, stream))
        if not active:
            continue
        logits = rows.step([stream.generated_ids[-1] for _, stream in active])
        for row, (index, stream) in enumerate(active):
            yield index, _taken(stream, logits[row : row + 1])
        for row in reversed(range(len(active))):
            if active[row][1].finish is None:
                continue
            last = active.pop()
            if row < len(active):
                rows.move(len(active), row)
                active[row] = last


def _prefill(rows: Rows, row: int, stream: "LocalStream", at_once: int) -> "torch.Tensor | None":
    """Logits after a stream's prompt; None when stopped."""
    rows.begin(row)
    logits = None
    for at in range(0, len(stream.prompt), at_once):
        if stream.cancel.is_set():
            return None
        logits = rows.forward(row, stream.prompt[at : at + at_once])
    return logits


def _taken(stream: "LocalStream", logits: "torch.Tensor") -> str:
    piece = stream.take(logits)
    if stream.finish is None and stream.cancel.is_set():
        piece += stream.end("cancelled")
    return piece
