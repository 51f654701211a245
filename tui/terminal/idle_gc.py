"""When Python collects its garbage: not while somebody types or an answer streams.

A full collection looks at every object there is. With a conversation on screen and models in memory that takes a tenth
of a second and more, and while an answer streams Python would begin one every second: typing would stutter.
"""

import gc
import time
from collections.abc import Callable

from textual.screen import Screen
from textual.timer import Timer

_QUIET = 1.0  # seconds without a key
_PATIENCE = 5.0  # seconds that it waits for them
_YOUNG, _MIDDLE, _NEVER = 2_000, 10, 1_000_000  # what Python counts until it collects a generation


def take_over() -> None:
    """Have full collections made by `IdleGarbageCollector` alone; for a process that is a chat and nothing else."""
    gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)


class IdleGarbageCollector:
    """Collects garbage a while after something was done, once nobody would notice.

    Args:
        screen: Whose timers are used.
        busy: Whether it should wait still.
        last_key: When a key was pressed last, on the monotonic clock.
    """

    def __init__(self, screen: Screen[None], busy: Callable[[], bool], last_key: Callable[[], float]) -> None:
        self._screen = screen
        self._busy = busy
        self._last_key = last_key
        self._timer: Timer | None = None
        self._waited = 0.0

    def later(self) -> None:
        """Something was done that leaves garbage."""
        if self._timer is None:
            self._timer = self._screen.set_timer(_QUIET, self._tidy)

    def _tidy(self) -> None:
        self._timer = None
        typing = time.monotonic() - self._last_key() < _QUIET and self._waited < _PATIENCE
        if self._busy() or typing:
            self._waited += _QUIET
            self.later()
        else:
            self._waited = 0.0
            gc.collect()
