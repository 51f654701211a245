"""One thread that owns the models, and a bounded queue of work in front of it, for servers that run on asyncio."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

from assistant.answering.assistant import Assistant
from assistant.errors import AssistantError

Work = Callable[[Assistant, threading.Event], Iterator[Any]]
"""Work for the models' thread: given the assistant and what cancels it, it yields what is to be passed on."""


class BusyError(AssistantError):
    """As much is waiting as may wait."""

    passing = True


class _Job:
    def __init__(self, work: Work) -> None:
        self.work = work
        self.cancel = threading.Event()
        self._loop = asyncio.get_running_loop()
        self.items: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def put(self, kind: str, item: Any = None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for it any more
            self._loop.call_soon_threadsafe(self.items.put_nowait, (kind, item))


class ModelWorker:
    """Does work on the models, one piece after the other, in a thread of its own.

    A piece's items are kept until they are taken, so a slow taker never holds up the thread; an answer's length is
    limited, and so is what is kept.

    Args:
        assistant: used by this thread alone from now on.
        waiting: how many pieces may wait, beside the one that is worked on.
    """

    def __init__(self, assistant: Assistant, waiting: int = 64) -> None:
        self.settings = assistant.settings
        self._assistant = assistant
        self._most = waiting
        self._jobs: deque[_Job] = deque()
        self._ready = threading.Condition()
        self._closed = False
        self._current: _Job | None = None
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)
        self._thread.start()

    async def items(self, work: Work) -> AsyncGenerator[Any, None]:
        """Do a piece of work in its turn, and give its items as they come; close the iterator to cancel it.

        Raises:
            BusyError: as many pieces as may wait do so already.
            AssistantError: what the work raised.
        """
        job = _Job(work)
        with self._ready:
            if self._closed or len(self._jobs) >= self._most:
                raise BusyError(f"{len(self._jobs)} requests are waiting already; try again in a while.")
            self._jobs.append(job)
            self._ready.notify()
        try:
            while True:
                kind, item = await job.items.get()
                if kind == "end":
                    return
                if kind == "error":
                    raise item
                yield item
        finally:
            job.cancel.set()
            with self._ready, contextlib.suppress(ValueError):
                self._jobs.remove(job)

    @property
    def waiting(self) -> int:
        """How many pieces wait or are worked on."""
        with self._ready:
            return len(self._jobs) + (self._current is not None)

    def close(self, seconds: float = 10) -> None:
        """Cancel all work and end the thread; a piece that ignores that it is cancelled is given up on."""
        with self._ready:
            self._closed = True
            for job in self._jobs:
                job.cancel.set()
            if self._current is not None:
                self._current.cancel.set()
            self._ready.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._ready:
                self._current = None
                self._ready.wait_for(lambda: self._jobs or self._closed)
                if self._closed:
                    break
                job = self._current = self._jobs.popleft()
            try:
                for item in job.work(self._assistant, job.cancel):
                    if job.cancel.is_set():
                        break
                    job.put("item", item)
                job.put("end")
            except AssistantError as error:
                job.put("error", error)
            except Exception as error:  # noqa: BLE001  (the thread lives on whatever one piece of work does)
                fault = AssistantError(f"A fault in the program ({type(error).__name__}); --verbose shows where.")
                fault.__cause__ = error
                job.put("error", fault)
        self._assistant.close()
