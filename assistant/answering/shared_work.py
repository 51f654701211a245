"""A turn on its way from one piece of shared work to the next, and how such work is done."""

import contextlib
import time
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from assistant.answering.in_thread import drain, run_in_thread
from assistant.events import Event, Listener, Progress, TurnFinished


@dataclass(frozen=True, slots=True)
class Early:
    """The result of one item, told while the work of the others goes on."""

    result: Any


Tell = Callable[[int, "Event | Early"], None]
"""Takes an event and the position, among the items worked on, of the one that it is about."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Work that a turn waits for and that may be done for several turns at once.

    Args:
        key: work of equal keys may be done together.
        item: what this turn puts in.
        run: does the work of all items and returns, for each, its result, or the error that it alone met.
        size: how much of the whole this item is, for telling what each turn cost.
        alone: does the work of a single turn, and yields its events as they happen.
        at_a_server: where above 0, a server does the work, and `alone` waits for it: for so many turns at a time.
        independent: the work is done for this turn alone, as soon as there is time for it.
    """

    key: Hashable
    item: Any
    run: Callable[[Sequence[Any], Tell], Sequence[Any]] | None = None
    size: int = 1
    alone: Callable[[Any], Generator[Event, None, Any]] | None = None
    at_a_server: int = 0
    independent: bool = False


Steps = Generator[Event | Shared, Any, None]


class Told(NamedTuple):
    """An event of a turn of a block, or that the block is over: then there is no event.

    Neither a turn nor a block has what tells that nothing more comes without waiting: its block is below 0.
    """

    block: int
    turn: int
    event: Event | None


@dataclass(eq=False)
class Running:
    """A turn in the middle of its steps: what it waits for, how far that is, what it gets next, and its seconds."""

    block: int
    turn: int
    steps: Steps
    waits: Shared | None = None
    begun: bool = False
    apart: bool = False  # it got its own result before others of its block, at a server or early
    result: Any = None
    seconds: float = 0.0


def is_like(turn: Running, first: Running) -> bool:
    """Whether the work of two turns may be done together."""
    if turn.waits is None or first.waits is None or turn.waits.independent or first.waits.independent:
        return turn is first
    return (turn.block, turn.waits.key) == (first.block, first.waits.key)


def step(turn: Running) -> Iterator[Told]:
    """Take a turn to its next wait; it waits for nothing once it is over."""
    given = turn.result
    turn.result, turn.waits, turn.begun = None, None, False
    while True:
        began = time.perf_counter()
        try:
            next_step = turn.steps.throw(given) if isinstance(given, Exception) else turn.steps.send(given)
        except StopIteration:
            return
        finally:
            turn.seconds += time.perf_counter() - began
        given = None
        if isinstance(next_step, Shared):
            turn.waits = next_step
            return
        yield Told(turn.block, turn.turn, _with_seconds(next_step, turn.seconds))


def silently(steps: Steps) -> Steps:
    """Steps of which only the work and how far it is are told."""
    try:
        item = next(steps)
        while True:
            if not isinstance(item, Shared | Progress):
                item = next(steps)
                continue
            try:
                result = yield item
            except Exception as error:  # noqa: BLE001  (the work's own, for the steps that wait for it)
                item = steps.throw(error)
            else:
                item = steps.send(result)
    except StopIteration:
        return
    finally:
        steps.close()


def work_on(group: Sequence[Running], tell: Callable[[Running, Event | Early], None]) -> None:
    """Do the work that a group waits for; each turn gets its result, or its error, but for those told early."""
    work = [each.waits for each in group if each.waits is not None]
    began = time.perf_counter()
    results: Sequence[Any] | None = None
    early: set[int] = set()

    def tell_of(at: int, event: Event | Early) -> None:
        if isinstance(event, Early):
            early.add(at)
            group[at].seconds += (time.perf_counter() - began) / len(group)
        tell(group[at], event)

    try:
        if work[0].alone is not None and (len(work) == 1 or work[0].run is None):
            results = [drain(work[0].alone(work[0].item), partial(tell, group[0]))]
        elif work[0].run is not None:
            results = work[0].run([each.item for each in work], tell_of)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is the last turn's own, or gone in a smaller group)
        if len(group) - len(early) == 1:
            results = [error] * len(group)
    left = [at for at in range(len(group)) if at not in early]
    _share_time([group[at] for at in left], [work[at] for at in left], began)
    if results is None:
        middle = (len(left) + 1) // 2
        for part in (left[:middle], left[middle:]):
            if part:
                work_on([group[at] for at in part], tell)
        return
    for at in left:
        group[at].result = results[at]


def take_alone(steps: Steps) -> Iterator[Event]:
    """Take a single turn to its end: what it waits for is done at once.

    What it does alone ends when nobody listens any more.
    """
    turn = Running(0, 0, steps)
    with contextlib.closing(steps):
        while True:
            yield from (told.event for told in step(turn) if told.event is not None)
            if turn.waits is None:
                return
            if turn.waits.alone is not None:
                yield from _work_alone(turn, turn.waits.alone(turn.waits.item))
            else:
                yield from run_in_thread(partial(_work_here, turn))


def _work_here(turn: Running, tell: Listener) -> None:
    work_on([turn], lambda _, event: None if isinstance(event, Early) else tell(event))


def _work_alone(turn: Running, work: Generator[Event, None, Any]) -> Iterator[Event]:
    """Do the work of a single turn, which gets its result or its error, in this thread."""
    with contextlib.closing(work):
        while True:
            began = time.perf_counter()
            try:
                event = next(work)
            except StopIteration as end:
                turn.result = end.value
                return
            except Exception as error:  # noqa: BLE001  (it is the turn's own)
                turn.result = error
                return
            finally:
                turn.seconds += time.perf_counter() - began
            yield event


def _share_time(group: Sequence[Running], work: Sequence[Shared], began: float) -> None:
    seconds, whole = time.perf_counter() - began, sum(each.size for each in work) or 1
    for turn, each in zip(group, work, strict=True):
        turn.seconds += seconds * each.size / whole


def _with_seconds(event: Event, seconds: float) -> Event:
    if not isinstance(event, TurnFinished):
        return event
    return TurnFinished(replace(event.answer, usage=replace(event.answer.usage, seconds=round(seconds, 3))))
