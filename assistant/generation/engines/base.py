"""What computes the logits of a generator: a causal language model with the keys and values of one row of tokens."""

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from assistant.generation.batch_decoding import Rows

CONTEXT_TOKENS = 4096
"""Longest conversation, whatever more a model may take: on a CPU, what is longer keeps a person waiting."""


class Engine(Protocol):
    """A causal language model and its cache, which takes `context_tokens` at most.

    `architecture` is the class of transformers that the model is of, `parameters` how many numbers it has.
    """

    architecture: str
    parameters: int
    context_tokens: int
    device: str

    @property
    def length(self) -> int:
        """How many tokens are in the cache."""
        ...

    def forward(self, tokens: Sequence[int]) -> "torch.Tensor":
        """Logits, float32 of shape (1, vocabulary), of the token after `tokens`, which join the cache."""
        ...

    def forward_each(self, tokens: Sequence[int]) -> "torch.Tensor | None":
        """Logits, float32 of shape (tokens, vocabulary), after each of `tokens`, which join the cache.

        None, and nothing joins, where that does not pay: where a step of several tokens costs as much as so many steps,
        or does not give to the last bit what the steps give, so that an answer alone would differ from the same one
        decoded beside others (`rows`).
        """
        ...

    def rewind(self, length: int) -> int:
        """Forget all but the first `length` tokens of the cache.

        Returns:
            How many are left: none where the model's cache cannot be cut.
        """
        ...

    def rows(self, count: int, tokens: int) -> "Rows | None":
        """Caches of their own for so many rows of so many tokens, to decode together; None where that is not to be had.

        What a row gives is, to the last bit, what `forward` gives.
        """
        ...


class TransformersEngine:
    """Any causal language model of transformers, as it is: quantised, with a live adapter, on a GPU.

    Args:
        model: in evaluation mode, on its device.
    """

    def __init__(self, model: "PreTrainedModel") -> None:
        from transformers import DynamicCache

        self.architecture, self.parameters = type(model).__name__, parameters_of(model)
        self.context_tokens = context_of(model)
        self.length = 0
        self.device = str(model.device)
        self._quantised = bool(getattr(model, "is_quantized", False))
        self._model = model
        self._cache = DynamicCache(config=model.config)
        takes = inspect.signature(getattr(model, "get_base_model", lambda: model)().forward).parameters
        self._cache_name = "cache" if "cache" in takes else "past_key_values"  # as older versions and models have it

    def forward(self, tokens: Sequence[int]) -> "torch.Tensor":
        """See `Engine.forward`."""
        return self._run(tokens, 1)

    def forward_each(self, tokens: Sequence[int]) -> "torch.Tensor | None":
        """See `Engine.forward_each`: products with weights in 4 or 8 bits are fast for one token only."""
        return None if self._quantised else self._run(tokens, len(tokens))

    def _run(self, tokens: Sequence[int], positions: int) -> "torch.Tensor":
        """Let tokens join the cache; the logits after the last so many of them."""
        import torch

        held, self.length = self.length, 0  # nothing, should the model fail with some of its layers done
        # Entered for one step at a time: a mode that stayed on between steps would be the caller's too.
        with torch.inference_mode():
            ids = torch.tensor([list(tokens)], device=self._model.device)
            kept = {self._cache_name: self._cache}
            output = self._model(input_ids=ids, use_cache=True, logits_to_keep=positions, **kept)
            logits: torch.Tensor = output.logits[0, -positions:].float()
        self.length = held + len(tokens)
        return logits

    def rewind(self, length: int) -> int:
        """See `Engine.rewind`."""
        import torch
        from transformers import DynamicCache

        length = min(length, self.length)
        try:
            if 0 < length < self.length:
                with torch.inference_mode():
                    self._cache.crop(length - self.length)
        except (ValueError, RuntimeError, NotImplementedError, AttributeError):
            length = 0  # layers that keep a window or a running state have forgotten how it was there
        if length == 0:
            self._cache = DynamicCache(config=self._model.config)
        self.length = length
        return length

    def rows(self, count: int, tokens: int) -> None:
        """See `Engine.rows`."""


def context_of(model: "PreTrainedModel") -> int:
    """How many tokens a conversation may have with a model, its answer included."""
    return min(int(getattr(model.config, "max_position_embeddings", CONTEXT_TOKENS)), CONTEXT_TOKENS)


def parameters_of(model: "PreTrainedModel") -> int:
    """How many numbers a model has; weights in use twice count once."""
    return sum(parameter.numel() for parameter in model.parameters())
