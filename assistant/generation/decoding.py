"""An answer while it is decoded: from logits to the next token, from tokens to text, and when it is over."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

from assistant.generation.detokenizer import Detokenizer, StopText
from assistant.generation.prompts import STOP_TEXT, Prompt
from assistant.generation.sampling import Sampler
from assistant.generation.stream import Finish, Sampling, TextStream

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

LOOP_TOKENS, LOOP_PERIOD = 72, 24
LOOKUP_TOKENS, DRAFT_TOKENS = 3, 8


class LocalStream(TextStream):
    """The stream of an answer that is decoded here, token by token.

    Args:
        produce: makes the pieces when they are asked for one by one.
        prompt: what the answer continues.
        sampling: how tokens are chosen.
        cancel: once set, the answer ends as far as it came.
        max_new_tokens: the most tokens of the answer.
        tokenizer: of the model.
        ends: the ids at which an answer ends.
    """

    def __init__(
        self,
        produce: Callable[["LocalStream"], Iterator[str]],
        prompt: Prompt,
        sampling: Sampling,
        cancel: threading.Event,
        *,
        max_new_tokens: int,
        tokenizer: "PreTrainedTokenizerBase",
        ends: frozenset[int],
    ) -> None:
        super().__init__(
            lambda stream: produce(cast("LocalStream", stream)),
            prompt_tokens=len(prompt.ids),
            turns_left_out=prompt.turns_left_out,
        )
        self._produce = produce
        self.prompt = prompt.ids
        self.sampling = sampling
        self.cancel = cancel
        self.max_new_tokens = max_new_tokens
        self._tokenizer, self._ends = tokenizer, ends
        self.begin()

    def begin(self) -> None:
        """Begin, or begin again, with nothing made yet."""
        self.generated_ids: list[int] = []
        self.completion_tokens = 0
        self.finish: Finish | None = None
        self._pieces = self._produce(self)
        self._choose = Sampler(self.sampling)
        self._detokenizer = Detokenizer(self._tokenizer)
        self._stop_text = StopText(STOP_TEXT if self._tokenizer.chat_template is None else None, self.sampling.stop)

    def take(self, logits: "torch.Tensor") -> str:
        """Choose the next token; `finish` is set where the answer is over.

        Args:
            logits: after the last token, of shape (1, vocabulary).

        Returns:
            The text that the token completes.
        """
        token = self._choose(logits, self.generated_ids)
        self.completion_tokens += 1
        if token in self._ends:
            return self.end("end")
        self.generated_ids.append(token)
        piece = self._stop_text.add(self._detokenizer.add(token))
        if self._stop_text.found:
            self.finish = "end"
        elif len(self.generated_ids) >= self.max_new_tokens:
            piece += self.end("length")
        elif repeats_itself(self.generated_ids):
            piece += self.end("loop")
        return piece

    def end(self, why: Finish) -> str:
        """End the answer here; the text that was held back."""
        self.finish = why
        return self._stop_text.add(self._detokenizer.finish()) + self._stop_text.finish()


def repeats_itself(tokens: Sequence[int]) -> bool:
    """Whether the last tokens are one stretch, of up to LOOP_PERIOD tokens, over and over for LOOP_TOKENS.

    Small models fall into such loops when they decode greedily (Holtzman et al., 2020) and do not come out of them.
    """
    tail = list(tokens[-LOOP_TOKENS:])
    if len(tail) < LOOP_TOKENS:
        return False
    return any(tail[period:] == tail[:-period] for period in range(1, LOOP_PERIOD + 1))


def draft(before: Sequence[int]) -> list[int]:
    """What may come after some tokens: what came after the last ones where they stood before; often nothing.

    An answer that quotes a passage or takes up code goes on as they do, so a model can check several tokens at once
    (prompt lookup decoding, Saxena, 2023). A place so near to the end that too little comes after it is taken to go on
    with the draft itself, as a text does that repeats itself.

    Args:
        before: the prompt and the answer so far.
    """
    last = list(before[-LOOKUP_TOKENS:])
    for at in range(len(before) - LOOKUP_TOKENS - 1, -1, -1):
        if before[at] == last[0] and list(before[at : at + LOOKUP_TOKENS]) == last:
            after = list(before[at + LOOKUP_TOKENS : at + LOOKUP_TOKENS + DRAFT_TOKENS])
            return [after[token % len(after)] for token in range(DRAFT_TOKENS)]
    return []
