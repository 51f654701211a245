"""How far the reading of a document has come, told by the modules that read."""

import time
from collections.abc import Callable

_SECONDS_BETWEEN = 0.2


class _Listener:
    tell: Callable[[int, int], None] | None = None
    last = 0.0


def listen(tell: Callable[[int, int], None] | None) -> None:
    """Let `tell(done, total)` be called as reading goes on, a few times a second; None ends it."""
    _Listener.tell = tell


def report(done: int, total: int) -> None:
    """Say that `done` of `total` pages, rows or messages are read; cheap enough to be said of each."""
    if _Listener.tell is not None and (now := time.monotonic()) - _Listener.last >= _SECONDS_BETWEEN:
        _Listener.last = now
        _Listener.tell(done, total)
