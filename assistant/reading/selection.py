"""Which windows of a long document to read: those that hold its most promising passages."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from assistant.documents.passages import Passage
from assistant.encoders.pairs import TokenizedText

Ints = npt.NDArray[np.int64]


def select_windows(windows: Ints, text: TokenizedText, ranked: Iterable[Passage], count: int) -> Ints:
    """Choose windows by the passages in them.

    Each passage, the most promising first, brings the window in which it lies most centrally, so that windows that
    overlap are not read for the same passage.

    Args:
        windows: all windows of the document in tokens, shape (windows, 2).
        text: the tokenised document.
        ranked: its passages, the most promising first.
        count: how many windows to choose.

    Returns:
        The rows of `windows` that are chosen, in the order of the document, shape (chosen,).
    """
    if len(windows) <= count:
        return np.arange(len(windows))
    chosen: dict[int, None] = {}
    for passage in ranked:
        if len(chosen) == count:
            break
        first = np.searchsorted(text.starts, passage.start, side="left")
        last = np.searchsorted(text.starts, passage.end, side="left")
        margin = np.minimum(first - windows[:, 0], windows[:, 1] - last)
        chosen[int(margin.argmax())] = None
    return np.array(sorted(chosen), dtype=np.int64)
