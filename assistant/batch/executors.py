"""Where the work of a batch runs: in this process, in several, or on a Ray cluster. What is done is the same."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Protocol, TypeVar

from assistant.batch.blocks import Block, Record, records_of, turns_of
from assistant.batch.lines import Line
from assistant.errors import AssistantError
from assistant.events import Listener, unheard
from assistant.settings import Settings
from assistant.types import Answer, Turn

if TYPE_CHECKING:
    from assistant.answering.assistant import Assistant

AHEAD = 2
"""Blocks that each worker is given at a time: one it is at, one that waits, so that it never does."""

Handle = TypeVar("Handle")


class Executor(Protocol):
    """Answers blocks of lines."""

    def answer(self, blocks: Iterable[Block]) -> Iterator[list[Record]]:
        """The records of all blocks' lines, in order, some at a time; few blocks are taken ahead of what is given.

        Raises:
            AssistantError: the work cannot go on at all.
        """
        ...


class LocalExecutor:
    """An assistant in this process: one block after the other, and two where a server writes the answers.

    Each record is given as soon as it and all before it are done.

    Args:
        assistant: answers.
        options_digest: written into each record.
        on_event: hears how far the fetching and loading of models is, and what a server is waited for.
    """

    def __init__(self, assistant: "Assistant", options_digest: str = "", on_event: Listener = unheard) -> None:
        self._assistant = assistant
        self._options_digest = options_digest
        self._on_event = on_event

    def answer(self, blocks: Iterable[Block]) -> Iterator[list[Record]]:
        """See Executor."""
        waiting: deque[Line] = deque()

        def turns() -> Iterator[list[Turn]]:
            for block in blocks:
                waiting.extend(block)
                yield turns_of(block)

        def records(ends: Iterable[Answer | AssistantError]) -> list[Record]:
            finished: list[Record] = []
            results = deque(ends)
            while waiting and (results or waiting[0].turn is None):
                line = waiting.popleft()
                finished += records_of(
                    [line], [results.popleft()] if line.turn is not None else [], self._options_digest
                )
            return finished

        for ends in self._assistant.answer_in_order(turns(), self._on_event):
            if finished := records(ends):
                yield finished
        if finished := records(()):
            yield finished


class ProcessExecutor:
    """Several processes on this machine, each with its own models and its share of the cores."""

    def __init__(self, settings: Settings, workers: int, options_digest: str = "") -> None:
        self._settings = settings
        self._workers = workers
        self._options_digest = options_digest

    def answer(self, blocks: Iterable[Block]) -> Iterator[list[Record]]:
        """See Executor."""
        import multiprocessing

        threads = max(1, (os.cpu_count() or 1) // self._workers)
        pool = ProcessPoolExecutor(
            self._workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(self._settings, threads, self._options_digest),
        )
        try:
            yield from in_order(blocks, lambda block: pool.submit(_answer, block), Future.result, self._workers * AHEAD)
        except BrokenProcessPool as error:
            raise AssistantError(
                "A worker was ended from outside, perhaps for lack of memory; --resume goes on, with fewer --workers."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def in_order(
    blocks: Iterable[Block],
    submit: Callable[[Block], Handle],
    result: Callable[[Handle], list[Record]],
    at_once: int,
) -> Iterator[list[Record]]:
    """Results in the order of the blocks, of which at most `at_once` are under way or wait to be given."""
    under_way: deque[Handle] = deque()
    for block in blocks:
        under_way.append(submit(block))
        if len(under_way) == at_once:
            yield result(under_way.popleft())
    while under_way:
        yield result(under_way.popleft())


class Worker:
    """An assistant in a process of its own: of this machine's, or a Ray actor's."""

    def __init__(self, settings: Settings, threads: int, options_digest: str) -> None:
        import torch

        from assistant.answering.assistant import Assistant

        torch.set_num_threads(threads)
        self._executor = LocalExecutor(Assistant(settings), options_digest)

    def answer(self, block: Block) -> list[Record]:
        """The records of a block."""
        return [record for records in self._executor.answer([block]) for record in records]


_workers: list[Worker] = []


def _start(settings: Settings, threads: int, options_digest: str) -> None:
    _workers.append(Worker(settings, threads, options_digest))


def _answer(block: Block) -> list[Record]:
    return _workers[0].answer(block)
