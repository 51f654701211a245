"""What the scores of a verifier are worth, found on pairs that were held out of its training."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from assistant.types import Label
from assistant.verification.head import Head
from assistant.verification.verifier import Verifier
from finetune.data.pairs import Pair

if TYPE_CHECKING:
    import torch

LABELS = list(Label)
_LEAST_SCALE = 0.1
"""A fit that leaves less of the scores than this says that they and the labels have nothing to do with each other."""

log = logging.getLogger(__name__)


def fit_head(verifier: Verifier, pairs: Sequence[Pair]) -> Head:
    """The verifier's head with the temperature and biases that fit pairs best, each label weighing the same.

    Where the labels do not go with the scores, the best fit would make all three alike for every pair: then the head
    stays as it is.
    """
    import torch

    given = np.array(verifier.probabilities([(pair.premise, pair.hypothesis) for pair in pairs]))
    # What the head does to logits it does to log-probabilities: they differ by the same number in a row.
    logits = torch.from_numpy(np.log(given.clip(1e-9)))
    labels = torch.tensor([LABELS.index(pair.label) for pair in pairs])
    weights = 1 / torch.bincount(labels, minlength=len(LABELS)).clamp(min=1).double()
    sharpness, biases = torch.zeros(1, dtype=torch.float64), torch.zeros(len(LABELS), dtype=torch.float64)
    parameters = [sharpness.requires_grad_(), biases.requires_grad_()]
    optimizer = torch.optim.LBFGS(parameters, max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> "torch.Tensor":
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits * sharpness.exp() + biases, labels, weight=weights)
        loss.backward()
        return loss

    optimizer.step(closure)
    before, found = verifier.head, biases.detach() - biases.detach().mean()
    scale = float(sharpness.detach().exp())
    if scale < _LEAST_SCALE:
        log.warning("the held-out pairs do not go with the scores: these are left as the training made them")
        return before
    own = torch.tensor(before.biases) * scale
    entailment, neutral, contradiction = (own + found).tolist()
    return Head(
        before.columns, before.hypothesis_first, before.temperature / scale, (entailment, neutral, contradiction)
    )
