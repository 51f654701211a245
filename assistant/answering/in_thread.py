"""Work that takes a while, with its events told while it runs rather than after."""

import queue
import sys
import threading
from bdb import Bdb
from collections.abc import Callable, Generator
from typing import TypeVar

from assistant.events import Event, Listener

T = TypeVar("T")

_POLL_SECONDS = 0.1


def run_in_thread(work: Callable[[Callable[[Event], None]], T]) -> Generator[Event, None, T]:
    """Run `work` in a thread of its own and yield the events it tells, as they come.

    The caller is blocked meanwhile, so one thread at a time still owns the models; but it waits where Ctrl-C reaches
    it, which a long forward pass or a download in the main thread would not allow. The thread is a daemon: a program
    that ends does not wait for it. A debugger follows one thread only: under it, the work is done in this one.

    Returns:
        What `work` returns. What it raises is raised here.
    """
    if is_debugged():
        told_there: list[Event] = []
        result = work(told_there.append)
        yield from told_there
        return result
    told: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work(told.put))
        except BaseException as error:  # noqa: BLE001  (raised again in the caller's thread)
            failures.append(error)
        finally:
            told.put(None)

    threading.Thread(target=run, name="models", daemon=True).start()
    while True:
        try:
            event = told.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
        if event is None:
            break
        yield event
    if failures:
        raise failures[0]
    return results[0]


def is_debugged() -> bool:
    """Whether pdb, or a debugger built like it, follows this thread."""
    if isinstance(getattr(sys.gettrace(), "__self__", None), Bdb):
        return True
    monitoring = getattr(sys, "monitoring", None)  # how Python 3.14 debugs
    return monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None


def drain(events: Generator[Event, None, T], listener: Listener) -> T:
    """Take events to their end, each told to a listener, and return what the generator returns."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            result: T = end.value
            return result
        listener(event)
