"""A model on this machine as a generator: one decoding step a token, and a cache that is kept between turns."""

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from assistant.conversation import Message
from assistant.generation.detokenizer import Detokenizer, StopText
from assistant.generation.engine import CONTEXT_TOKENS, Engine
from assistant.generation.prompts import STOP_TEXT, Prompt, fit
from assistant.generation.stream import Finish, Generator, Sampling, TextStream

if TYPE_CHECKING:
    import torch
    from transformers import LogitsProcessorList, PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["CONTEXT_TOKENS", "Finish", "Generator", "LocalGenerator", "Sampling", "TextStream"]

PREFILL_TOKENS = 128
"""A prompt is taken in pieces of so many tokens: what is re-used of the last one is whole pieces."""
LOOP_TOKENS, LOOP_PERIOD = 72, 24
_ENDS = ("<|im_end|>", "<|im_start|>", "<|eot_id|>", "<|end_of_text|>", "<|endoftext|>", "</s>")


class LocalGenerator:
    """Continues conversations with a causal language model.

    The keys and values of the last prompt are kept, and a prompt that begins like it begins there. Only whole pieces of
    PREFILL_TOKENS are used again, none of an answer's tokens: a piece is always computed in one go, so the same prompt
    gives the same answer whatever was asked before it.

    Args:
        engine: the model.
        tokenizer: of the same model.
        name: as it is shown and written into answers.
        ends: the ids at which an answer ends; `end_tokens` finds them.
        context_tokens: prompt and answer together; by default what the engine takes.
        sampling: for calls that name none.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: "PreTrainedTokenizerBase",
        name: str,
        *,
        ends: frozenset[int],
        context_tokens: int | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        self.name = name
        self.context_tokens = min(engine.context_tokens, context_tokens or engine.context_tokens)
        self.tokenizer = tokenizer
        self.engine = engine
        self._ends = ends
        self._sampling = sampling or Sampling()
        self._prefilled: list[int] = []
        self._latest: TextStream | None = None

    def stream(
        self, messages: Sequence[Message], *, sampling: Sampling | None = None, cancel: threading.Event | None = None
    ) -> TextStream:
        """The answer to a conversation; see `Generator.stream`. Cancelling takes effect at the next token."""
        sampling = sampling or self._sampling
        room = min(sampling.max_new_tokens, self.context_tokens // 2)
        return self.continued(fit(messages, self.tokenizer, self.context_tokens - room), sampling, cancel)

    def continued(self, prompt: Prompt, sampling: Sampling, cancel: threading.Event | None = None) -> TextStream:
        """The continuation of a prompt that is rendered already and leaves room in the context."""
        stop = cancel or threading.Event()
        return TextStream(
            lambda stream: self._pieces(stream, prompt.ids, sampling, stop),
            prompt_tokens=len(prompt.ids),
            turns_left_out=prompt.turns_left_out,
        )

    def _pieces(
        self, stream: TextStream, prompt: list[int], sampling: Sampling, cancel: threading.Event
    ) -> Iterator[str]:
        detokenizer = Detokenizer(self.tokenizer)
        stop_text = StopText(STOP_TEXT if self.tokenizer.chat_template is None else None)
        for token in self._tokens(stream, prompt, sampling, cancel):
            piece = stop_text.add(detokenizer.add(token))
            if stop_text.found:
                stream.finish = "end"
            if piece:
                yield piece
            if stop_text.found:
                return
        rest = stop_text.add(detokenizer.finish()) + stop_text.finish()
        if rest:
            yield rest

    def _tokens(
        self, stream: TextStream, prompt: list[int], sampling: Sampling, cancel: threading.Event
    ) -> Iterator[int]:
        """Tokens of the answer without the one that ends it; keeps the stream's counts and says why it is over."""
        room = min(sampling.max_new_tokens, self.context_tokens - len(prompt))
        choose = TokenChoice(sampling, self.engine.device)
        self._latest = stream
        logits = self._prefill(prompt, cancel)
        if logits is None:
            stream.finish = "cancelled"
            return
        made: list[int] = []
        while True:
            token = choose(logits, made)
            stream.completion_tokens += 1
            if token in self._ends:
                stream.finish = "end"
                return
            made.append(token)
            yield token
            if cancel.is_set() or len(made) >= room:
                stream.finish = "cancelled" if cancel.is_set() else "length"
                return
            if repeats_itself(made):
                stream.finish = "loop"
                return
            if self._latest is not stream:
                # Another stream has used the cache since: this one's own place in it is made again.
                self._latest = stream
                if self._prefill(prompt, cancel) is None:
                    stream.finish = "cancelled"
                    return
                for earlier in made[:-1]:
                    self.engine.forward([earlier])
            logits = self.engine.forward([token])

    def _prefill(self, prompt: list[int], cancel: threading.Event) -> "torch.Tensor | None":
        """Logits after the prompt, taken in pieces so that stopping does not wait for all of it; None when stopped."""
        common = 0
        for old, new in zip(self._prefilled, prompt[:-1], strict=False):
            if old != new:
                break
            common += 1
        at = self.engine.rewind(common - common % PREFILL_TOKENS)
        logits = None
        while at < len(prompt):
            self._prefilled = prompt[:at]
            if cancel.is_set():
                return None
            logits = self.engine.forward(prompt[at : at + PREFILL_TOKENS])
            at += PREFILL_TOKENS
        self._prefilled = prompt
        return logits


def repeats_itself(tokens: Sequence[int]) -> bool:
    """Whether the last tokens are one stretch, of up to LOOP_PERIOD tokens, over and over for LOOP_TOKENS.

    Small models fall into such loops when they decode greedily (Holtzman et al., 2020) and do not come out of them.
    """
    tail = list(tokens[-LOOP_TOKENS:])
    if len(tail) < LOOP_TOKENS:
        return False
    return any(tail[period:] == tail[:-period] for period in range(1, LOOP_PERIOD + 1))


class TokenChoice:
    """Chooses the next token from logits: the likeliest, or one drawn with the processors of transformers."""

    def __init__(self, sampling: Sampling, device: str = "cpu") -> None:
        import torch

        self._penalty = _penalty(sampling)
        self._warpers = _warpers(sampling)
        self._random = None
        if sampling.temperature > 0:
            self._random = torch.Generator(device)
            if sampling.seed is None:
                self._random.seed()
            else:
                self._random.manual_seed(sampling.seed)

    def __call__(self, logits: "torch.Tensor", made: list[int]) -> int:
        """The next token after the answer's tokens so far.

        Args:
            logits: of shape (1, vocabulary).
            made: the answer's tokens so far.
        """
        import torch

        with torch.inference_mode():
            scores = logits
            if made and self._penalty:
                scores = self._penalty(_ids(made, logits), scores.clone())
            if self._random is None:
                return int(scores.argmax())
            scores = self._warpers(_ids(made, logits), scores)
            return int(torch.multinomial(scores.softmax(-1), 1, generator=self._random))


def _ids(tokens: list[int], like: "torch.Tensor") -> "torch.LongTensor":
    import torch

    return cast("torch.LongTensor", torch.tensor([tokens], dtype=torch.long, device=like.device))


def _penalty(sampling: Sampling) -> "LogitsProcessorList":
    from transformers import LogitsProcessorList, RepetitionPenaltyLogitsProcessor

    if sampling.repetition_penalty == 1:
        return LogitsProcessorList()
    return LogitsProcessorList([RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)])


def _warpers(sampling: Sampling) -> "LogitsProcessorList":
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    warpers = LogitsProcessorList()
    if sampling.temperature not in (0, 1):
        warpers.append(TemperatureLogitsWarper(float(sampling.temperature)))
    if sampling.top_k > 0:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    return warpers


def end_tokens(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """The ids at which an answer ends: those the model and the tokenizer name, and the usual control tokens."""
    ends: set[int] = set()
    for config in (model.generation_config, model.config):
        found = getattr(config, "eos_token_id", None)
        ends.update(found if isinstance(found, list) else [] if found is None else [found])
    if tokenizer.eos_token_id is not None:
        ends.add(int(tokenizer.eos_token_id))
    ends.update(
        id_ for id_, token in tokenizer.added_tokens_decoder.items() if token.special and token.content in _ENDS
    )
    return frozenset(ends)
