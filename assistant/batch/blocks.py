"""Lines in blocks, which are answered together, and the answers of a block as records of the output."""

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from assistant.batch.lines import INPUT_KEYS, OUTPUT_KEYS, Line
from assistant.batch.scoring import scores
from assistant.encoders.precision import computed_with
from assistant.errors import AssistantError
from assistant.records import answer_to_json, error_to_json, json_line
from assistant.routing.router import choose_route
from assistant.types import Answer, Route, Turn

BLOCK_LINES = 256
"""What is read together is put in batches of similar length: of so many lines of SQuAD, 9% is padding; of 64, 28%."""
BLOCK_CHARACTERS = 1_000_000
"""A block has at most so much text, beyond its first line: what a block costs in memory is bounded."""
GENERATED_LINES = 32
"""A block has at most so many answers to generate: enough to decode together, and soon on disk."""

Record = dict[str, Any]
Block = Sequence[Line]
T = TypeVar("T")
_POLL_SECONDS = 0.1


class Prefetcher(Generic[T]):
    """An iterator that a thread of its own keeps a few items ahead, and no more: reading overlaps with the models."""

    def __init__(self, items: Iterable[T], count: int) -> None:
        self._ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(count)
        self._closed = threading.Event()
        threading.Thread(target=self._fill, args=(items,), name="reading", daemon=True).start()

    def __iter__(self) -> "Prefetcher[T]":
        return self

    def __next__(self) -> T:
        while True:
            try:
                return self.take(_POLL_SECONDS)  # in small waits, so that Ctrl-C comes through everywhere
            except queue.Empty:
                continue

    def take(self, seconds: float) -> T:
        """The next item.

        Raises:
            queue.Empty: there is none within so many seconds.
            StopIteration: there are no more.
        """
        item, failure = self._ready.get(timeout=seconds)
        if failure is not None:
            self._ready.put((None, failure))
            raise failure
        return item  # type: ignore[return-value]  # None stands in an item's place only beside a failure

    def close(self) -> None:
        """Let the thread end."""
        self._closed.set()

    def _fill(self, items: Iterable[T]) -> None:
        try:
            for item in items:
                if not self._put((item, None)):
                    return
            self._put((None, StopIteration()))
        except BaseException as error:  # noqa: BLE001  (raised again in the thread that reads)
            self._put((None, error))

    def _put(self, entry: tuple[T | None, BaseException | None]) -> bool:
        while not self._closed.is_set():
            try:
                self._ready.put(entry, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False


def blocks_of(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """The lines in blocks that depend on the lines alone, so that a run that goes on makes the blocks it made before.

    What goes through a model together decides the last digits of its figures.
    """
    block: list[Line] = []
    full = 0.0
    for line in lines:
        share = _share(line)
        if block and full + share > 1:
            yield block
            block, full = [], 0.0
        block.append(line)
        full += share
    if block:
        yield block


def blocks_as_they_come(lines: Prefetcher[Line], patience: float = 0.05) -> Iterator[list[Line]]:
    """The lines in blocks of those that are there: a pipe is answered without waiting for what is yet to be asked."""
    for line in lines:
        block, full = [line], _share(line)
        while full < 1:
            try:
                block.append(lines.take(patience))
            except (queue.Empty, StopIteration):
                break
            full += _share(block[-1])
        yield block


def _share(line: Line) -> float:
    """How much of a block a line takes."""
    if line.turn is None:
        return 1 / BLOCK_LINES
    lines = BLOCK_LINES if choose_route(line.turn).route is Route.EXTRACT else GENERATED_LINES
    return 1 / lines + sum(len(document.text) for document in line.turn.documents) / BLOCK_CHARACTERS


def turns_of(block: Block) -> list[Turn]:
    """The turns of a block: one of each line that asks something."""
    return [line.turn for line in block if line.turn is not None]


def records_of(block: Block, ends: Sequence[Answer | AssistantError], options_digest: str = "") -> list[Record]:
    """The records of a block's lines, in order.

    Args:
        block: the lines.
        ends: how each of its turns ended.
        options_digest: written into each record.
    """
    of_turns = iter(ends)
    return [_record(line, line.error if line.turn is None else next(of_turns), options_digest) for line in block]


def _record(line: Line, end: Answer | AssistantError | None, options_digest: str) -> Record:
    digests = {"computed_with": computed_with(), "input_digest": line.digest, "options_digest": options_digest}
    if line.turn is None or not isinstance(end, Answer):
        error = end if isinstance(end, AssistantError) else AssistantError("The turn ended without an answer.")
        return {**line.carried, "id": line.id, "line": line.number, "error": error_to_json(error), **digests}
    scored = {} if line.expected is None else scores(end.text, line.expected, written=end.route is not Route.EXTRACT)
    return {**line.carried, **answer_to_json(line.turn.question, end, line.id), **scored, **digests}


def to_json_line(record: Record) -> str:
    """A record as a line of JSON."""
    try:
        return json_line(record)
    except RecursionError:  # a carried key that was just not too deep to be read
        return json_line({key: value for key, value in record.items() if key in INPUT_KEYS or key in OUTPUT_KEYS})
