"""How the next token is chosen from logits."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from assistant.generation.stream import Sampling

if TYPE_CHECKING:
    import torch

_MAX_CANDIDATES = 4096
"""Where a way to sample leaves all tokens in, those behind the likeliest so many share what is not worth drawing."""


class Sampler:
    """Chooses the next token from logits: the likeliest, or one drawn from the likeliest.

    On a CPU this is done in numpy: a single operation of torch on a whole vocabulary wakes its threads, which then spin
    beside those of the engine for longer than the operation takes.
    """

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._penalty = sampling.repetition_penalty or 1.0
        self._random = np.random.default_rng(sampling.seed) if sampling.temperature else None

    def __call__(self, logits: "torch.Tensor", generated_ids: list[int]) -> int:
        """The next token after the answer's tokens so far.

        Args:
            logits: of shape (1, vocabulary); those of the answer's own tokens are changed where there is a penalty.
            generated_ids: the answer's tokens so far.
        """
        scores = logits[0].detach().cpu().numpy()
        if generated_ids and self._penalty != 1:
            seen = np.array(sorted(set(generated_ids)))
            chosen = scores[seen]
            scores[seen] = np.where(chosen > 0, chosen / self._penalty, chosen * self._penalty)
        if self._random is None:
            return int(scores.argmax())
        candidates, shares = self.candidates(scores)
        upto = np.cumsum(shares)
        return int(candidates[np.searchsorted(upto, self._random.random() * upto[-1], "right")])

    def candidates(self, scores: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The tokens that may be drawn, likeliest first, and their probabilities: top-k, then nucleus sampling.

        Args:
            scores: shape (vocabulary,).
        """
        count = min(self._sampling.top_k or _MAX_CANDIDATES, _MAX_CANDIDATES, len(scores))
        some = np.argpartition(scores, -count)[-count:]
        some = some[np.lexsort((some, -scores[some]))]  # of equals the first, however they were partitioned
        likeliest = float(scores[some[0]])
        powers = np.exp((scores[some].astype(np.float64) - likeliest) / (self._sampling.temperature or 1.0))
        shares = powers / powers.sum()
        nucleus = self._sampling.top_p
        if nucleus is not None and nucleus < 1:
            before = np.cumsum(shares) - shares  # a token stays while those before it have less than the share
            kept = int((before < nucleus).sum())
            some, shares = some[:kept], shares[:kept]
        return some, shares
