"""Sentence embeddings: texts as vectors, near each other where the texts mean the same."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.encoders.pairs import length_bucketed

MAX_LENGTH = 256


class SentenceEmbedder:
    """A sentence transformer: the mean of an encoder's last hidden states, made one long (Reimers and Gurevych, 2019).

    Args:
        model: an encoder without a head.
        tokenizer: its tokenizer.
        name: the model's name.
        max_length: longer texts are cut to this many tokens.
        tokens_per_batch: padded tokens that go through the model at once.
    """

    def __init__(
        self, model: Any, tokenizer: Any, *, name: str, max_length: int = MAX_LENGTH, tokens_per_batch: int = 4096
    ) -> None:
        self.model = model
        self.name = name
        self.tokens_per_batch = tokens_per_batch
        self._tokenizer = tokenizer
        self._max_length = max_length

    def embed(
        self,
        texts: Sequence[str],
        *,
        cancel: threading.Event | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> npt.NDArray[np.float32] | None:
        """Embed texts.

        Args:
            texts: any number of them.
            cancel: once set, nothing more is computed.
            on_progress: called with texts done and texts in all.

        Returns:
            Vectors of length one, shape (texts, dimensions); None if cancelled.
        """
        import torch

        ids = self._tokenizer(
            list(texts), truncation=True, max_length=self._max_length, return_attention_mask=False, verbose=False
        )["input_ids"]
        vectors: npt.NDArray[np.float32] | None = None
        done = 0
        for batch in length_bucketed([len(id_) for id_ in ids], self.tokens_per_batch):
            if cancel is not None and cancel.is_set():
                return None
            inputs = self._tokenizer.pad({"input_ids": [ids[index] for index in batch]}, return_tensors="pt")
            with torch.inference_mode():
                hidden = self.model(**inputs.to(self.model.device)).last_hidden_state.float()
                mask = inputs["attention_mask"].to(hidden.device)[:, :, None].float()
                mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
                pooled = torch.nn.functional.normalize(mean, dim=1).cpu().numpy()
            if vectors is None:
                vectors = np.zeros((len(ids), pooled.shape[1]), dtype=np.float32)
            vectors[batch] = pooled
            done += len(batch)
            if on_progress is not None:
                on_progress(done, len(ids))
        return vectors
