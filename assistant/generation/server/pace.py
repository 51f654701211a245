"""When a server is asked: how many requests at once, none before it said, and how long a failing one is tried again."""

import math
import threading
import time
from collections.abc import Iterator

from assistant.events import Waiting

_POLL_SECONDS = 0.1
_TURN_SECONDS = 0.02  # how soon the next in turn sees that it may ask
_TOLD_EVERY = 1.0
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
TRIES = 6
"""So often a request is tried whose failing may be its own fault: an answer that broke off, or a status of 500."""
ATTENDED_PATIENCE = 120.0
"""Seconds that a person who watches is made to wait for a rate limit."""


class Pace:
    """What all requests to one server share.

    Args:
        requests: at once, at most.
        patience: seconds for which a request is tried again.
    """

    def __init__(self, requests: int, patience: float) -> None:
        self.patience = patience
        self.reached = False
        """Whether the server has ever answered."""
        self.limit = requests
        self._active = 0
        self._waiting: dict[object, bool] = {}  # in the order in which they came, and whether they are looking
        self._not_before = 0.0
        self._reason = ""
        self._failing_since: float | None = None
        self._ended = 0.0  # when a request was last over
        self._lock = threading.Lock()

    def begin(self) -> None:
        """A question comes: what failed long before it, with nothing asked since, takes none of its patience."""
        with self._lock:
            if not self._active and time.monotonic() - self._ended > min(LONGEST_WAIT, self.patience):
                self._failing_since = None

    def enter(self, cancel: threading.Event) -> Iterator[Waiting]:
        """Wait for leave to ask, in the order of coming; `leave` gives it back.

        Once `cancel` is set, it is given at once.
        """
        ticket = object()
        try:
            for passed, tell in _ticks(cancel, _TURN_SECONDS):
                with self._lock:
                    self._waiting[ticket] = True
                    held = self._not_before - time.monotonic()
                    turn = next(each for each, looking in self._waiting.items() if looking) is ticket
                    if (held <= 0 and self._active < self.limit and turn) or cancel.is_set():
                        self._active += 1
                        return
                    self._waiting[ticket] = not (tell and held > 0)  # whoever is told may not come back
                if tell and held > 0:
                    yield Waiting(self._reason, round(passed), math.ceil(passed + held))
        finally:
            with self._lock:
                self._waiting.pop(ticket, None)

    def leave(self) -> None:
        """A request is over."""
        with self._lock:
            self._active -= 1
            self._ended = time.monotonic()

    def hold(self, seconds: float, reason: str) -> None:
        """Ask nothing for so long."""
        with self._lock:
            if time.monotonic() + seconds > self._not_before:
                self._not_before, self._reason = time.monotonic() + seconds, reason

    def succeeded(self) -> None:
        """A request was answered, be it by a refusal that is no failing of the server."""
        with self._lock:
            self.reached, self._failing_since = True, None

    def failed(self) -> None:
        """The server failed a request, as it may for a time."""
        with self._lock:
            self._failing_since = self._failing_since or time.monotonic()

    def narrow(self, at_once: int, allowed: int) -> bool:
        """Ask half as much at once, where so many were under way when one took too long; whether that is fewer.

        Args:
            at_once: so many.
            allowed: the limit when that one was asked. Those that began together and fail together halve it once.
        """
        with self._lock:
            if self.limit < allowed:
                return False
            fewer = max(1, min(self.limit, at_once) // 2)
            changed = fewer < self.limit
            self.limit = fewer
            return changed

    @property
    def active(self) -> int:
        """How many requests are under way."""
        return self._active

    def seconds_left(self, failing: float, *, shared: bool) -> float:
        """For how long a request that first failed then, on the monotonic clock, is tried again.

        The patience counts from then, not from the question, which may have waited for its turn or had a long answer;
        where it is `shared` by the requests of a batch and nothing at all is answered any more, from when that began:
        one request then waits for the server, and those after it do not each wait as long.
        """
        now = time.monotonic()
        since = (self._failing_since if shared else None) or failing
        return self.patience - (now - min(failing, since))


def wait(seconds: float, reason: str, cancel: threading.Event) -> Iterator[Waiting]:
    """Wait so long, telling how far it is; ends early once `cancel` is set."""
    for passed, tell in _ticks(cancel):
        if passed >= seconds or cancel.is_set():
            return
        if tell:
            yield Waiting(reason, round(passed), math.ceil(seconds))


def _ticks(cancel: threading.Event, every: float = _POLL_SECONDS) -> Iterator[tuple[float, bool]]:
    """Seconds passed, again and again, and whether a second has passed since they were last told."""
    began, told = time.monotonic(), -_TOLD_EVERY
    while True:
        passed = time.monotonic() - began
        tell = passed - told >= _TOLD_EVERY
        told = passed if tell else told
        yield passed, tell
        cancel.wait(every)


def next_wait(tries: int) -> float:
    """Seconds before the next try, where the server does not say: twice as long each time."""
    return min(FIRST_WAIT * 2.0**tries, LONGEST_WAIT)
