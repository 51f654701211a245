"""The logits of likely tokens, exactly.

The output matrix is the largest of all, and nearly all of its rows are of tokens that will not be chosen. So the graph
has it coarsely, which is half of the memory to read for each token, and the few rows that may matter are read from the
file and multiplied anew, nothing rounded.
"""

import numpy as np

from assistant.generation.engines.onnx_graph import Array
from assistant.generation.engines.token_table import TokenTable

NEAR = 6.0
"""Logits so far below the greatest: such a token is 400 times as unlikely as the likeliest."""
MOST = 64
"""Of the tokens that are so near so many are looked at, the likeliest."""


def refine(logits: Array, states: Array, output: TokenTable) -> None:
    """Put exact logits in the place of coarse ones, for tokens that are likely.

    A row has the same result whatever other rows there are.

    Args:
        logits: shape (rows, vocabulary); changed where they lie.
        states: what the output matrix is multiplied with, shape (rows, hidden).
        output: its rows.
    """
    for scores, state in zip(logits, states, strict=True):
        near = np.flatnonzero(scores > scores.max() - NEAR)
        if len(near) > MOST:
            near = near[np.argpartition(scores[near], -MOST)[-MOST:]]
        # Not a matrix product: its threads would spin beside those of the engine.
        scores[near] = (output[near] * state).sum(-1)
