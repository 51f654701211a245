"""A model on this machine as a generator: one decoding step a token, with its key/value cache."""

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from assistant.conversation import Message
from assistant.generation.detokenizer import Detokenizer, StopText
from assistant.generation.prompts import STOP_TEXT, fit
from assistant.generation.stream import Finish, Generator, Sampling, TextStream

if TYPE_CHECKING:
    import torch
    from transformers import Cache, LogitsProcessorList, PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["CONTEXT_TOKENS", "Finish", "Generator", "LocalGenerator", "Sampling", "TextStream"]

CONTEXT_TOKENS = 4096
"""Longest conversation, whatever more a model may take: on a CPU, what is longer keeps a person waiting."""
_PREFILL_TOKENS = 512
LOOP_TOKENS, LOOP_PERIOD = 72, 24
_ENDS = ("<|im_end|>", "<|im_start|>", "<|eot_id|>", "<|end_of_text|>", "<|endoftext|>", "</s>")


class LocalGenerator:
    """Continues conversations with a causal language model of transformers.

    Args:
        model: in evaluation mode, on its device, its adapter merged.
        tokenizer: of the same model.
        name: as it is shown and written into answers.
        context_tokens: prompt and answer together; by default what the model takes, up to CONTEXT_TOKENS.
        sampling: for calls that name none.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        name: str,
        *,
        context_tokens: int | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        self.name = name
        longest = int(getattr(model.config, "max_position_embeddings", CONTEXT_TOKENS))
        self.context_tokens = min(longest, context_tokens or CONTEXT_TOKENS)
        self.model = model
        self.tokenizer = tokenizer
        self._sampling = sampling or Sampling()
        self._ends = end_tokens(model, tokenizer)

    def stream(
        self, messages: Sequence[Message], *, sampling: Sampling | None = None, cancel: threading.Event | None = None
    ) -> TextStream:
        """The answer to a conversation; see `Generator.stream`. Cancelling takes effect at the next token."""
        sampling = sampling or self._sampling
        room = min(sampling.max_new_tokens, self.context_tokens // 2)
        prompt = fit(messages, self.tokenizer, self.context_tokens - room)
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
        from transformers import DynamicCache

        room = min(sampling.max_new_tokens, self.context_tokens - len(prompt))
        choose = TokenChoice(sampling, str(self.model.device))
        cache = DynamicCache(config=self.model.config)
        logits = self._prefill(prompt, cache, cancel)
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
            logits = self._forward([token], cache)

    def _prefill(self, prompt: list[int], cache: "Cache", cancel: threading.Event) -> "torch.Tensor | None":
        """Logits after the prompt, taken in pieces so that stopping does not wait for all of it; None when stopped."""
        logits = None
        for at in range(0, len(prompt), _PREFILL_TOKENS):
            if cancel.is_set():
                return None
            logits = self._forward(prompt[at : at + _PREFILL_TOKENS], cache)
        return logits

    def _forward(self, tokens: list[int], cache: "Cache") -> "torch.Tensor":
        """Logits of shape (1, vocabulary) for the token after `tokens`; the cache grows by them."""
        import torch

        # Entered for one step at a time: a mode that stayed on between steps would be the caller's too.
        with torch.inference_mode():
            ids = torch.tensor([tokens], device=self.model.device)
            output = self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            logits: torch.Tensor = output.logits[:, -1].float()
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
