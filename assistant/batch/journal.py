"""The output as it grows: one record a line, on disk as soon as it and those before are done, resumed after a kill."""

import errno
import io
import json
import os
import shutil
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from assistant.batch.blocks import Block, Record, to_json_line
from assistant.batch.lines import Line
from assistant.errors import DocumentError, UsageError
from assistant.records import answer_from_json
from assistant.routing.router import choose_route
from assistant.text import one_line
from assistant.types import Route

# What syncing says of a pipe, a terminal or a file system that knows no syncing.
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EROFS, errno.ENOSYS, errno.EBADF)
_INSTEAD = "Use --overwrite or another file."


def write_durably(file: IO[str], records: Sequence[Record]) -> None:
    """Write records and see that they are on disk, where the file is on one.

    Raises:
        OSError: they cannot be written.
    """
    file.write("".join(to_json_line(record) + "\n" for record in records))
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

    Of the lines that are done, those remain to be answered again whose answer others share: see `only_needed`.

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
        is_repaired = False
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
                if not is_repaired:  # and never again: from the first block on, this run's records are being written
                    _repair(path)
                    is_repaired = True
                yield only_needed(block, range(finished, len(block))), finished
        if waiting is not None:
            where = f"{path}, line {count + 1}"
            raise _refused(where, waiting, "the input has no more questions")
    if not is_repaired:
        _repair(path)


def failed_lines(path: Path, *, all_of_them: bool) -> int:
    """How many lines of an earlier run's output failed: for passing reasons, or for any.

    Raises:
        UsageError: it is no output of a batch.
    """
    with path.open("rb") as file:
        return sum(_is_to_retry(record, all_of_them=all_of_them) for record in _records(file, path))


def to_retry(
    blocks: Iterable[Block], path: Path, options_digest: str, *, all_of_them: bool
) -> Iterator[tuple[Block, frozenset[int]]]:
    """The blocks with lines that failed in an earlier run, each with the positions of those that are not to be written.

    Raises:
        UsageError: as `unfinished`.
    """
    with path.open("rb") as file:
        done = _records(file, path)
        count = 0
        for block in blocks:
            again: set[int] = set()
            for at, line in enumerate(block):
                record = next(done, None)
                if record is None:
                    break
                count += 1
                _compare(line, record, options_digest, f"{path}, line {count}")
                if _is_to_retry(record, all_of_them=all_of_them):
                    again.add(at)
            if again:
                yield only_needed(block, again), frozenset(range(len(block))) - again


def only_needed(block: Block, wanted: Collection[int]) -> list[Line]:
    """A block with only those turns that are needed to answer some of its lines as they would be answered in it all.

    What the reader reads together decides the last digits of its figures, so it reads all of its lines again or none;
    what a model writes, it writes for each line alone.

    Args:
        block: the whole of it.
        wanted: positions of the lines to answer.
    """
    read = {at for at, line in enumerate(block) if _is_read(line)}
    needed = {*wanted, *(read if read & set(wanted) else ())}
    return [line if at in needed else replace(line, turn=None) for at, line in enumerate(block)]


def _is_read(line: Line) -> bool:
    return line.turn is not None and choose_route(line.turn).route is Route.EXTRACT


def merge_retried(path: Path, retried: Path) -> None:
    """Put the records of lines that were tried again in the places of those that had failed.

    A kill at any moment loses nothing: the output is replaced as a whole, and what was tried again is kept until then.

    Args:
        path: the output.
        retried: the new records, in the order of the lines; gone afterwards.
    """
    if not retried.exists():
        return
    path = path.resolve()  # a link to the output stays one
    draft = path.with_name(f"{path.name}.merged")
    with path.open("rb") as old, retried.open("rb") as new, draft.open("wb") as merged:
        failed = {key for raw in old if (key := _failed_line(raw)) is not None}
        old.seek(0)
        waiting = _next_whole(new)
        for raw in old:
            if waiting is not None and raw.endswith(b"\n") and _replaces(waiting, raw, failed):
                merged.write(waiting)
                waiting = _next_whole(new)
            else:
                merged.write(raw)
        merged.flush()
        os.fsync(merged.fileno())
    shutil.copymode(path, draft)
    draft.replace(path)
    retried.unlink()


def _next_whole(file: IO[bytes]) -> bytes | None:
    raw = file.readline()
    return raw if raw.endswith(b"\n") else None


def _failed_line(raw: bytes) -> tuple[str, str] | None:
    """Which line a record is of that failed: its id, which another may have as its number, and its digest."""
    if b'"error"' not in raw:
        return None
    try:
        record = json.loads(raw)
        return (str(record["id"]), str(record["input_digest"])) if "error" in record else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _replaces(new: bytes, old: bytes, failed: Container[tuple[str, str]]) -> bool:
    """Whether a record is that of the same line as one that failed; its document may have been missing then.

    Args:
        new: the record.
        old: the other.
        failed: all lines that failed; a record of one of these is not that of another with its id.
    """
    try:
        ours, theirs = json.loads(new), json.loads(old)
        if "error" not in theirs or any(ours[key] != theirs[key] for key in ("id", "options_digest")):
            return False
        if ours["input_digest"] == theirs["input_digest"]:
            return True
        was_unread = theirs["error"]["type"] == DocumentError.__name__
        return was_unread and (str(ours["id"]), str(ours["input_digest"])) not in failed
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _is_to_retry(record: Record, *, all_of_them: bool) -> bool:
    error = record.get("error")
    return error is not None and (all_of_them or (isinstance(error, dict) and error.get("passing") is True))


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
    # A document that could not be read then may be there now: it is for --retry-failed to try.
    was_unread = "error" in record and record["input_digest"] == line.row_digest
    if line.digest != record["input_digest"] and not was_unread:
        question = line.turn.question if line.turn else None
        what = "question is another" if question != record.get("question") else "document or another field has changed"
        raise _refused(where, record, f"its {what}: the input has changed")


def _refused(where: str, record: Record, reason: str) -> UsageError:
    return UsageError(f"{where}: holds the answer {record['id']!r}, but {reason}. {_INSTEAD}")
