"""Many turns answered side by side, so that what they ask of a model goes through it together.

A turn is a generator of its steps: events, and `Shared` work, at which it waits. Turns come in blocks. All turns of a
block go on until each waits or is over; then the work of one kind is done for all that wait for it, and those turns go
on with its results. What is asked of a server is under way meanwhile, and where nothing is left to do here until the
server has answered, the next block is begun.

What goes through a model together decides the last digits of its figures, and must not depend on how fast a server is.
So only turns of one block go through it together, and what those ask that a server has answered waits until no other of
their block is under way, unless it is done for each turn alone. Work of this process is never done side by side: two
models that share its cores take longer than one after the other (12.6 s for reading and then generating, 13.9 s at
once, on two cores).
"""

import queue
import threading
from collections import Counter
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from assistant.answering.shared_work import Early, Running, Steps, Told, is_like, step, work_on
from assistant.events import Event

T = TypeVar("T")

_BLOCKS = 2
"""So many blocks at most are begun from the oldest that is not over: what waits for a server is bounded."""
_POLL_SECONDS = 0.1
NOTHING_MORE_YET = Told(-1, -1, None)
"""Told before the next event has to be waited for: what has come can be handed on."""


def in_blocks(
    blocks: Iterable[T], begin: Callable[[T], Sequence[Steps]], *, tell_waits: bool = False
) -> Generator[Told, None, None]:
    """Take the turns of any number of blocks to their end; a block is taken when there is time.

    Work that fails for several turns at once is done again in halves, so that in the end each turn has its own result
    or error; with too little memory for all of them, fewer go through the model at a time.

    Args:
        blocks: iterated in a thread, so that a slow source keeps nothing from going on.
        begin: makes the turns of a block, while nothing else is done in this process.
        tell_waits: tell NOTHING_MORE_YET before each wait.

    Yields:
        What turns tell. A block that was begun later may be over sooner. What a turn cost stands in its answer: its own
        time, and its share of the work done together.

    Raises:
        Exception: what `blocks` or `begin` raised, once the blocks before are over.
    """
    return _Schedule(iter(blocks), begin, tell_waits=tell_waits).run()


class _Schedule(Generic[T]):
    """What is under way: turns of a few blocks, one piece of work of this process, and what servers are asked.

    The thread that iterates `run` decides; other threads work and send it messages, which are what to do next.

    Args:
        blocks: gives one after the other.
        begin: makes the turns of a block.
        tell_waits: see `in_blocks`.
    """

    def __init__(self, blocks: Iterator[T], begin: Callable[[T], Sequence[Steps]], *, tell_waits: bool) -> None:
        self._tell_waits = tell_waits
        self._ready: list[T] = []
        self._more: Iterator[T] | None = blocks
        self._begin = begin
        self._failure: Exception | None = None
        self._blocks = 0
        self._left: dict[int, int] = {}
        self._running: list[Running] = []
        self._messages: queue.SimpleQueue[Callable[[], Iterable[Told]]] = queue.SimpleQueue()
        self._busy = False
        self._taking = False
        self._asked: Counter[Hashable] = Counter()
        self._gone_on: list[Running] = []

    def run(self) -> Generator[Told, None, None]:
        """See `in_blocks`."""
        try:
            while True:
                yield from self._start()
                if not (self._busy or self._taking or self._asked.total()):
                    break
                if self._tell_waits and self._messages.empty():
                    yield NOTHING_MORE_YET
                yield from self._message()()
            if self._failure is not None:
                raise self._failure
        finally:
            for each in self._running:
                each.steps.close()

    def _start(self) -> Iterator[Told]:
        """Start all work that can be started, and do what is to be done in this thread."""
        while True:
            self._ask()
            if self._busy:
                return
            if group := self._group():
                self._busy = True
                self._in_thread(partial(work_on, group, self._tell), partial(self._worked, group))
            elif self._ready:
                yield from self._add(self._ready.pop(0))
            else:
                self._take()
                return

    def _message(self) -> Callable[[], Iterable[Told]]:
        while True:
            try:
                return self._messages.get(timeout=_POLL_SECONDS)  # in small waits: Ctrl-C comes through everywhere
            except queue.Empty:
                continue

    def _ask(self) -> None:
        """Ask servers what turns wait for, of as many at a time as they are to be asked for."""
        for each in self._waiting():
            work = each.waits
            if work is not None and self._asked[work.key] < work.at_a_server:
                each.begun = True
                self._asked[work.key] += 1
                self._in_thread(partial(work_on, [each], self._tell), partial(self._has_answered, each, work.key))

    def _group(self) -> list[Running]:
        """The turns whose work is done next in this process: of one kind, and of the oldest block that has any."""
        waiting = [each for each in self._waiting() if each.waits is not None and not each.waits.at_a_server]
        waiting = [each for each in waiting if self._may_begin(each)]
        for each in waiting:
            each.begun = is_like(each, waiting[0])
        return [each for each in waiting if each.begun]

    def _may_begin(self, turn: Running) -> bool:
        """Whether a turn's work need not wait for others of its block, so as to be done with theirs."""
        if not turn.apart or (turn.waits is not None and turn.waits.independent):
            return True
        others = [each for each in self._running if each.block == turn.block]
        return all(
            each.apart and not each.begun and each.waits is not None and not each.waits.at_a_server for each in others
        )

    def _waiting(self) -> list[Running]:
        """The turns that wait for work that is not begun, of older blocks first."""
        return [each for each in self._running if each.waits is not None and not each.begun]

    def _worked(self, group: Sequence[Running]) -> Iterator[Told]:
        self._busy = False
        yield from self._go_on([each for each in group if each not in self._gone_on])
        self._gone_on.clear()

    def _has_answered(self, turn: Running, key: Hashable) -> Iterator[Told]:
        self._asked[key] -= 1
        turn.apart = True
        yield from self._go_on([turn])

    def _early(self, turn: Running, result: Any) -> Iterator[Told]:
        turn.result, turn.apart = result, True
        self._gone_on.append(turn)
        yield from self._go_on([turn])

    def _take(self) -> None:
        """Ask for the next block, if few enough are under way."""
        more = self._more
        if more is None or self._taking or self._blocks - min(self._left, default=self._blocks) >= _BLOCKS:
            return
        self._taking = True
        taken: list[T] = []

        def take() -> None:
            try:
                taken.append(next(more))
            except StopIteration:
                pass
            except Exception as error:  # noqa: BLE001  (raised once the blocks before are over)
                self._failure = error

        self._in_thread(take, partial(self._taken, taken))

    def _taken(self, taken: list[T]) -> Iterable[Told]:
        self._taking = False
        self._ready += taken
        if not taken:
            self._more = None
        return ()

    def _add(self, block: T) -> Iterator[Told]:
        try:
            turns = self._begin(block)
        except Exception as error:  # noqa: BLE001  (raised once the blocks before are over)
            self._failure, self._more = error, None
            return
        number, self._blocks = self._blocks, self._blocks + 1
        self._left[number] = len(turns)
        new = [Running(number, turn, steps) for turn, steps in enumerate(turns)]
        self._running += new
        yield from self._go_on(new)
        if not new:
            yield self._over(number)

    def _go_on(self, turns: Sequence[Running]) -> Iterator[Told]:
        """Take turns to their next wait or their end."""
        for each in turns:
            yield from step(each)
            if each.waits is None:
                self._running.remove(each)
                self._left[each.block] -= 1
                if not self._left[each.block]:
                    yield self._over(each.block)

    def _over(self, block: int) -> Told:
        del self._left[block]
        return Told(block, 0, None)

    def _tell(self, turn: Running, event: Event | Early) -> None:
        if isinstance(event, Early):
            self._messages.put(partial(self._early, turn, event.result))
            return
        told = Told(turn.block, turn.turn, event)
        self._messages.put(lambda: [told])

    def _in_thread(self, work: Callable[[], None], then: Callable[[], Iterable[Told]]) -> None:
        """Do work in a thread of its own, a daemon: a program that ends does not wait for it."""

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  (raised again where messages are taken)
                self._messages.put(partial(_raise, error))
            else:
                self._messages.put(then)

        threading.Thread(target=run, name="models", daemon=True).start()


def _raise(error: BaseException) -> Iterable[Told]:
    raise error
