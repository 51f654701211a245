"""Many turns answered side by side, so that what they ask of a model goes through it together.

A turn is a generator of its steps: events, and `Shared` work, at which it waits. All turns go on until each waits or is
over; then the work of one kind is done for all that wait for it, and those turns go on with its results.
"""

import contextlib
import time
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from assistant.events import Event, TurnFinished
from assistant.live import live

Tell = Callable[[int, Event], None]
"""Takes an event and the position, among the items worked on, of the one that it is about."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Work that a turn waits for and that may be done for several turns at once.

    Args:
        key: work of equal keys may be done together.
        item: what this turn puts in.
        run: does the work of all items and returns, for each, its result, or the error that it alone met.
        size: how much of the whole this item is, for telling what each turn cost.
        alone: does the work where one turn alone waits for it, and yields its events as they happen. It ends when
            nobody listens any more, which a thread would not.
    """

    key: Hashable
    item: Any
    run: Callable[[Sequence[Any], Tell], Sequence[Any]]
    size: int = 1
    alone: Callable[[Any], Generator[Event, None, Any]] | None = None


Steps = Generator[Event | Shared, Any, None]


@dataclass
class _Running:
    """A turn in the middle of its steps: what it waits for, what it gets next, and the seconds spent on it."""

    index: int
    steps: Steps
    waits: Shared | None = None
    gets: Any = None
    seconds: float = 0.0


def together(turns: Sequence[Steps]) -> Iterator[tuple[int, Event]]:
    """Take all turns to their end.

    Work that fails for several turns at once is done again in halves, so that in the end each turn has its own result
    or error; with too little memory for all of them, fewer go through the model at a time.

    Yields:
        The index of a turn and one of its events, in the turn's own order. What a turn cost stands in its answer: its
        own time, and its share of the work done together.
    """
    running = [_Running(index, steps) for index, steps in enumerate(turns)]
    try:
        for each in running:
            yield from _go_on(each)
        while waiting := [each for each in running if each.waits is not None]:
            key = waiting[0].waits.key if waiting[0].waits else None
            group = [each for each in waiting if each.waits is not None and each.waits.key == key]
            yield from _work(group)
            for each in group:
                yield from _go_on(each)
    finally:
        for each in running:
            each.steps.close()


def _go_on(turn: _Running) -> Iterator[tuple[int, Event]]:
    """Take a turn to its next wait or its end."""
    given, turn.gets, turn.waits = turn.gets, None, None
    while True:
        began = time.perf_counter()
        try:
            step = turn.steps.throw(given) if isinstance(given, Exception) else turn.steps.send(given)
        except StopIteration:
            return
        finally:
            turn.seconds += time.perf_counter() - began
        given = None
        if isinstance(step, Shared):
            turn.waits = step
            return
        yield turn.index, _with_seconds(step, turn.seconds)


def _work(group: Sequence[_Running]) -> Iterator[tuple[int, Event]]:
    """Do the work that a group waits for; each turn gets its result, or its error."""
    work = [each.waits for each in group if each.waits is not None]
    if len(work) == 1 and work[0].alone is not None:
        yield from _alone(group[0], work[0].alone(work[0].item))
        return
    began = time.perf_counter()
    try:
        results = yield from _told(group, work)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is the last turn's own, or gone in a smaller group)
        _share_time(group, work, began)
        if len(group) == 1:
            group[0].gets = error
            return
        middle = len(group) // 2
        yield from _work(group[:middle])
        yield from _work(group[middle:])
        return
    _share_time(group, work, began)
    for each, result in zip(group, results, strict=True):
        each.gets = result


def _alone(turn: _Running, events: Generator[Event, None, Any]) -> Iterator[tuple[int, Event]]:
    """Do the work of a single turn, which gets its result or its error."""
    with contextlib.closing(events):
        while True:
            began = time.perf_counter()
            try:
                event = next(events)
            except StopIteration as end:
                turn.gets = end.value
                return
            except Exception as error:  # noqa: BLE001  (it is the turn's own)
                turn.gets = error
                return
            finally:
                turn.seconds += time.perf_counter() - began
            yield turn.index, event


def _told(group: Sequence[_Running], work: Sequence[Shared]) -> Generator[tuple[int, Event], None, Sequence[Any]]:
    items, indices = [each.item for each in work], [each.index for each in group]

    def run(tell: Callable[[Any], None]) -> Sequence[Any]:
        return work[0].run(items, lambda at, event: tell((indices[at], event)))

    told: Generator[Any, None, Sequence[Any]] = live(run)  # it passes on whatever it is told
    return (yield from told)


def _share_time(group: Sequence[_Running], work: Sequence[Shared], began: float) -> None:
    seconds, whole = time.perf_counter() - began, sum(each.size for each in work) or 1
    for turn, each in zip(group, work, strict=True):
        turn.seconds += seconds * each.size / whole


def _with_seconds(event: Event, seconds: float) -> Event:
    if not isinstance(event, TurnFinished):
        return event
    return TurnFinished(replace(event.answer, usage=replace(event.answer.usage, seconds=round(seconds, 3))))


def side_by_side(
    work: Callable[[Any, Callable[[Event], None]], Any], at_once: int
) -> Callable[[Sequence[Any], Tell], list[Any]]:
    """Work on single items, done for up to `at_once` of them at a time in threads; for servers, which answer many."""

    def run(items: Sequence[Any], tell: Tell) -> list[Any]:
        def one(at: int, item: Any) -> Any:
            try:
                return work(item, lambda event: tell(at, event))
            except Exception as error:  # noqa: BLE001  (it is this item's result, and raised in its turn)
                return error

        with ThreadPoolExecutor(at_once, thread_name_prefix="server") as pool:
            return list(pool.map(one, range(len(items)), items))

    return run
