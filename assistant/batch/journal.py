"""The output as it grows: one record a line, on disk before the next block is begun, and gone on with after a kill."""

import errno
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from assistant.batch.blocks import Block, Record, written
from assistant.batch.lines import Line
from assistant.errors import UsageError
from assistant.records import answer_from_json
from assistant.text import one_line

# What syncing says of a pipe, a terminal or a file system that knows no syncing.
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EROFS, errno.ENOSYS, errno.EBADF)
_INSTEAD = "Use --overwrite or another file."


def write_durably(file: IO[str], records: Sequence[Record]) -> None:
    """Write records and see that they are on disk, where the file is on one.

    Raises:
        OSError: they cannot be written.
    """
    file.write("".join(written(record) + "\n" for record in records))
    file.flush()
    try:
        getattr(os, "fdatasync", os.fsync)(file.fileno())
    except io.UnsupportedOperation:
        return  # no file at all
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def unfinished(
    blocks: Iterable[Block], path: Path, options_digest: str, on_done: Callable[[Record], None]
) -> Iterator[tuple[Block, int]]:
    """The blocks that an earlier run has not finished, each with the number of its lines that are done.

    A torn last line of the output is cut off, once all whole lines have been found to answer this input.

    Args:
        blocks: of the whole input.
        path: what the earlier run has written.
        options_digest: that of this run.
        on_done: told of each record of the earlier run.

    Raises:
        UsageError: the output does not belong to this input and these options, or is no output of a batch.
    """
    with path.open("rb") as file:
        done = _records(file, path)
        waiting: Record | None = next(done, None)
        count = 0
        for block in blocks:
            finished = 0
            for line in block:
                if waiting is None:
                    break
                count += 1
                finished += 1
                _compare(line, waiting, options_digest, f"{path}, line {count}")
                on_done(waiting)
                waiting = next(done, None)
            if finished < len(block):
                _repair(path)
                yield block, finished
        if waiting is not None:
            where = f"{path}, line {count + 1}"
            raise _refused(where, waiting, "the input has no more questions")
    _repair(path)


def computed_otherwise(record: Record, here: str) -> str | None:
    """What to say of an answer of an earlier run that another kind of machine gave; None if this one's kind did.

    Args:
        record: the answer.
        here: what `computed_with` says of this machine.
    """
    there = record.get("computed_with")
    if not isinstance(there, str) or there == here:
        return None
    return (
        f"Earlier answers were computed with {one_line(there, 60)}, the rest with {here}: close calls may differ "
        "from a run on one machine."
    )


def _records(file: IO[bytes], path: Path) -> Iterator[Record]:
    for number, raw in enumerate(file, 1):
        if not raw.endswith(b"\n"):
            return
        try:
            record = json.loads(raw)
            record["id"], record["input_digest"], record["options_digest"]
            if "error" not in record:
                answer_from_json(record)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UsageError(
                f"{path}, line {number}: not an answer of a batch; use --overwrite or another file."
            ) from (error)
        yield record


def _repair(path: Path) -> None:
    """Cut off a line that was only half written."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        at = size
        while at > 0:
            begin = max(0, at - 65_536)
            file.seek(begin)
            newline = file.read(at - begin).rfind(b"\n")
            if newline >= 0:
                at = begin + newline + 1
                break
            at = begin
        if at < size:
            file.truncate(at)


def _compare(line: Line, record: Record, options_digest: str, where: str) -> None:
    if line.id != record["id"] or ("error" in record and line.number != record.get("line")):
        raise _refused(where, record, f"the input has {line.id!r} there: the input has changed")
    if record["options_digest"] != options_digest:
        raise _refused(where, record, "it was given under other options, settings or models")
    if line.digest != record["input_digest"]:
        question = line.turn.question if line.turn else None
        what = "question is another" if question != record.get("question") else "document or another field has changed"
        raise _refused(where, record, f"its {what}: the input has changed")


def _refused(where: str, record: Record, reason: str) -> UsageError:
    return UsageError(f"{where}: holds the answer {record['id']!r}, but {reason}. {_INSTEAD}")
