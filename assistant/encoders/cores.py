"""Batches that go through a model side by side, each on a core of its own.

The operations of a small encoder are short, and cores that share one wait for each other at its end. A batch a core
needs no waiting, and the Python of one batch runs beside the products of another.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import chain, islice
from typing import Any, TypeVar

TOKENS_ON_A_CORE = 4 * 384
"""Padded tokens of a batch on a CPU: with more, a batch outgrows the core's cache and has more padding."""
TOKENS_ON_A_GPU = 16 * 384

T = TypeVar("T")
R = TypeVar("R")


def cores_of(model: Any) -> int:
    """How many batches may go through a model at a time: as many as torch has threads, and one on a GPU."""
    import torch

    return torch.get_num_threads() if str(model.device) == "cpu" else 1


def batch_tokens(model: Any) -> int:
    """How many padded tokens a batch for a model has at most."""
    return TOKENS_ON_A_CORE if str(model.device) == "cpu" else TOKENS_ON_A_GPU


def on_each_core(work: Callable[[T], R], batches: Iterable[T], cores: int) -> Iterator[tuple[T, R]]:
    """Do the work of batches, `cores` of them at a time with a thread each; a single one has all threads.

    Yields:
        Each batch with the result of its work, in order. Few batches are taken ahead of those that are done.
    """
    rest = iter(batches)
    first = list(islice(rest, 2)) if cores > 1 else []
    if len(first) < 2:
        for batch in chain(first, rest):
            yield batch, work(batch)
        return
    pool = _pool(cores)
    under_way: deque[tuple[T, Future[R]]] = deque()
    for batch in chain(first, rest):
        under_way.append((batch, pool.submit(work, batch)))
        if len(under_way) > cores:
            done, future = under_way.popleft()
            yield done, future.result()
    for done, future in under_way:
        yield done, future.result()


@cache
def _pool(cores: int) -> ThreadPoolExecutor:
    """Threads whose operations do not start further threads."""
    import torch

    all_there = threading.Barrier(cores)

    def start() -> None:
        torch.get_num_threads()  # its first use takes the number that is set for all, and would undo the next line
        torch.set_num_threads(1)
        all_there.wait()

    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(cores, thread_name_prefix="core")
    list(pool.map(lambda _: start(), range(cores)))
    torch.set_num_threads(before)  # for all threads but those, whose number is their own
    return pool
