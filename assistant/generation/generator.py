"""A model on this machine as a generator: decoded step by step, with a cache that is kept between turns."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import ModelError
from assistant.generation.batch_decoding import decode_together, rows_for
from assistant.generation.decoding import LocalStream, draft
from assistant.generation.engines.base import CONTEXT_TOKENS, Engine
from assistant.generation.prompts import Prompt, fit
from assistant.generation.stream import Finish, Generator, Sampling, TextStream
from assistant.models.validation import CONFIG, read_json
from assistant.text import one_line
from assistant.types import Message, Role

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

__all__ = ["CONTEXT_TOKENS", "Finish", "Generator", "LocalGenerator", "Sampling", "TextStream"]

PREFILL_TOKENS = 128
"""A prompt is taken in pieces of so many tokens: what is re-used of the last one is whole pieces."""
GENERATION_CONFIG = "generation_config.json"
_SENSIBLE = {
    "temperature": (0.0, 5.0), "top_p": (0.01, 1.0), "top_k": (0, 1_000_000), "repetition_penalty": (0.01, 1000.0),
}  # fmt: skip
_ENDS = ("<|im_end|>", "<|im_start|>", "<|eot_id|>", "<|end_of_text|>", "<|endoftext|>", "</s>")


@dataclass(frozen=True, slots=True)
class OwnSampling:
    """How a model's publisher means it to be sampled, and the repetition penalty where the likeliest token is taken."""

    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int = 50
    repetition_penalty: float = 1.0
    greedy_penalty: float = 1.05
    """Without any, models of this size go round in long answers."""

    def complete(self, sampling: Sampling) -> Sampling:
        """A way to sample with what it leaves open."""
        temperature = self.temperature if sampling.temperature is None else sampling.temperature
        penalty = self.greedy_penalty if temperature == 0 else self.repetition_penalty
        return replace(
            sampling,
            temperature=temperature,
            top_p=self.top_p if sampling.top_p is None else sampling.top_p,
            top_k=self.top_k if sampling.top_k is None else sampling.top_k,
            repetition_penalty=penalty if sampling.repetition_penalty is None else sampling.repetition_penalty,
        )


class LocalGenerator:
    """Continues conversations with a causal language model.

    The keys and values of the last prompt are kept, and a prompt that begins like it begins there. Only whole pieces of
    PREFILL_TOKENS are used again, none of an answer's tokens: a piece is always computed in one go, so the same prompt
    gives the same answer whatever was asked before it.

    Args:
        engine: the model.
        tokenizer: of the same model.
        name: as it is shown and written into answers.
        ends: the ids at which an answer ends; `stop_token_ids` finds them.
        context_tokens: prompt and answer together; by default what the engine takes.
        own: how its publisher means it to be sampled; `own_sampling` finds it.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: "PreTrainedTokenizerBase",
        name: str,
        *,
        ends: frozenset[int],
        context_tokens: int | None = None,
        own: "OwnSampling | None" = None,
    ) -> None:
        self.name = name
        self.context_tokens = min(engine.context_tokens, context_tokens or engine.context_tokens)
        self.tokenizer = tokenizer
        self.engine = engine
        self._ends = ends
        self._own = own or OwnSampling(greedy_penalty=1.0)
        self._prefilled: list[int] = []
        self._latest: LocalStream | None = None
        self._drafts = True

    def stream(
        self, messages: Sequence[Message], *, sampling: Sampling | None = None, cancel: threading.Event | None = None
    ) -> LocalStream:
        """The answer to a conversation; see `Generator.stream`. Cancelling takes effect at the next token."""
        sampling = sampling or Sampling()
        return self.continued(self._fit(messages, sampling), sampling, cancel)

    def look_ahead(self, messages: Sequence[Message], *, sampling: Sampling, cancel: threading.Event) -> None:
        """Compute what the prompt of the next turn begins with, so that its answer begins sooner.

        Args:
            messages: what has been said, the last answer included.
            sampling: of the next turn, which says how much room its answer is left.
            cancel: once set, it ends with the piece that is being computed.
        """
        ids = self._fit([*messages, Message(Role.USER, "?")], sampling).ids
        self._latest = None
        self._prefill(ids[: len(ids) - len(ids) % PREFILL_TOKENS], cancel)

    def _fit(self, messages: Sequence[Message], sampling: Sampling) -> Prompt:
        """The prompt of a conversation that leaves room for an answer."""
        room = min(sampling.max_new_tokens, self.context_tokens // 2)
        return fit(messages, self.tokenizer, self.context_tokens - room)

    def continued(self, prompt: Prompt, sampling: Sampling, cancel: threading.Event | None = None) -> LocalStream:
        """The continuation of a prompt that is rendered already and leaves room in the context."""
        sampling = self._own.complete(sampling)
        return LocalStream(
            self._pieces,
            prompt,
            sampling,
            cancel or threading.Event(),
            max_new_tokens=min(sampling.max_new_tokens, self.context_tokens - len(prompt.ids)),
            tokenizer=self.tokenizer,
            ends=self._ends,
        )

    def together(self, streams: Sequence[LocalStream]) -> Iterator[tuple[int, str]]:
        """Take streams to their end, several at a time where the engine can.

        Yields:
            The index of a stream and the next piece of its text, which is what it gives alone.
        """
        for stream in streams:
            stream.begin()
        rows = self.engine.rows(*rows_for(streams)) if len(streams) > 1 else None
        if rows is not None:
            yield from decode_together(rows, streams, PREFILL_TOKENS)
            return
        for index, stream in enumerate(streams):
            for piece in stream:
                yield index, piece

    def _pieces(self, stream: LocalStream) -> Iterator[str]:
        self._latest = stream
        logits = self._prefill(stream.prompt, stream.cancel)
        drafted: list[int] = []
        while logits is not None:
            for at in range(len(logits)):
                if piece := stream.take(logits[at : at + 1]):
                    yield piece
                if stream.finish is not None:
                    return
                if stream.cancel.is_set():
                    break
                if at < len(drafted) and stream.generated_ids[-1] != drafted[at]:
                    self._forget(stream, len(drafted) - at)
                    break
            logits, drafted = (None, []) if stream.cancel.is_set() else self._next(stream)
        if rest := stream.end("cancelled"):
            yield rest

    def _next(self, stream: LocalStream) -> "tuple[torch.Tensor | None, list[int]]":
        """Logits after the stream's last token and after each of a draft of the next ones, with that draft.

        The logits are None when stopped.
        """
        if self._latest is not stream:
            # Another stream has used the cache since: this one's own place in it is made again.
            self._latest = stream
            if self._prefill(stream.prompt, stream.cancel) is None:
                return None, []
            for earlier in stream.generated_ids[:-1]:
                self.engine.forward([earlier])
        last = stream.generated_ids[-1]
        room = stream.max_new_tokens - len(stream.generated_ids) if self._drafts else 0
        drafted = draft([*stream.prompt, *stream.generated_ids])[:room]
        logits = self.engine.forward_each([last, *drafted]) if drafted else None
        self._drafts = self._drafts and not (drafted and logits is None)  # for this engine it never pays
        return (self.engine.forward([last]), []) if logits is None else (logits, drafted)

    def _forget(self, stream: LocalStream, count: int) -> None:
        """Take a stream's last tokens out of the cache, if it still is that stream's."""
        left = self.engine.length - count
        if self._latest is stream and self.engine.rewind(left) != left:
            # A cache that cannot be cut is made again, and there is no second time.
            self._latest, self._drafts = None, False

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


def stop_token_ids(base: Path, tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """The ids at which an answer ends: those that a folder and its tokenizer name, and the usual control tokens.

    Args:
        base: the folder.
        tokenizer: of the same model.
    """
    ends: set[int] = set()
    for name in (GENERATION_CONFIG, CONFIG):
        found = read_json(base / name).get("eos_token_id") if (base / name).is_file() else None
        ends.update(id_ for id_ in (found if isinstance(found, list) else [found]) if isinstance(id_, int))
    if tokenizer.eos_token_id is not None:
        ends.add(int(tokenizer.eos_token_id))
    ends.update(
        id_ for id_, token in tokenizer.added_tokens_decoder.items() if token.special and token.content in _ENDS
    )
    return frozenset(ends)


def own_sampling(base: Path, adapter: Path | None) -> OwnSampling:
    """What `generation_config.json` asks for, beside the adapter or else beside the base.

    A repetition penalty counts where tokens are drawn; where the likeliest is taken it does unless the file is of a
    model that is meant to be drawn from (`do_sample`).

    Raises:
        ModelError: a number that makes no sense.
    """
    folders = [folder for folder in (adapter, base) if folder is not None and (folder / GENERATION_CONFIG).is_file()]
    config = read_json(folders[0] / GENERATION_CONFIG) if folders else {}
    found: dict[str, Any] = {}
    for name, (low, high) in _SENSIBLE.items():
        value = config.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ModelError(f"{GENERATION_CONFIG}: {name} is {one_line(str(value))}, which makes no sense.")
        found[name] = int(value) if name == "top_k" else float(value)
    if "repetition_penalty" in found and not config.get("do_sample"):
        found["greedy_penalty"] = found["repetition_penalty"]
    return OwnSampling(**found)
