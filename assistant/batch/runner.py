"""A batch from its lines to its output, and the same over any rows that a program has."""

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

from assistant.batch.blocks import Block, Record, blocks_of
from assistant.batch.executors import Executor, LocalExecutor
from assistant.batch.journal import write_durably
from assistant.batch.lines import BatchOptions, read_lines
from assistant.batch.rows import Row, digest_of
from assistant.errors import UsageError

if TYPE_CHECKING:
    from assistant.answering.assistant import Assistant


def run_batch(
    executor: Executor,
    work: Iterable[tuple[Block, int | Container[int]]],
    output: IO[str],
    on_record: Callable[[Record], None],
) -> None:
    """Answer blocks and write their records, in order; each is on disk when it and those before are done.

    Args:
        executor: where the work is done.
        work: blocks, each with those of its lines that are not to be written: their positions, or how many from the
            first on.
        output: a text stream.
        on_record: told of each record once it is written.

    Raises:
        AssistantError: the work cannot go on.
        OSError: the output cannot be written.
    """
    is_new: deque[bool] = deque()

    def blocks() -> Iterator[Block]:
        for block, left_out in work:
            without = range(left_out) if isinstance(left_out, int) else left_out
            is_new.extend(at not in without for at in range(len(block)))
            yield block

    for records in executor.answer(blocks()):
        new = [record for record in records if is_new.popleft()]
        if not new:
            continue
        write_durably(output, new)
        for record in new:
            on_record(record)


def answer_rows(
    rows: Iterable[Mapping[str, Any]], assistant: "Assistant | None" = None, options: BatchOptions | None = None
) -> Iterator[Record]:
    """The records of any number of questions, as `assistant batch` writes them: in order, as they come.

    Questions are taken from `rows` a block at a time and answered together; rows may be without end. A row that cannot
    be answered gives a record with `error`, and the next ones are answered.

    Args:
        rows: each with `question`, and what else an input line of `assistant batch` may have.
        assistant: answers; by default one with the default settings.
        options: what applies to rows that do not say otherwise.

    Raises:
        UsageError: a row is no mapping.
        ModelError: a model cannot be fetched or loaded.
    """
    if assistant is None:
        from assistant.answering.assistant import Assistant

        assistant = Assistant()
    options = options or BatchOptions()
    numbered = (Row(number, digest_of(row), row) for number, row in enumerate(map(_mapping, rows), 1))
    executor = LocalExecutor(assistant, options.digest(assistant.settings))
    for records in executor.answer(blocks_of(read_lines(numbered, options))):
        yield from records


def _mapping(row: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise UsageError(f'A row is a mapping with "question", not {type(row).__name__}; give a list of such rows.')
    return dict(row)
