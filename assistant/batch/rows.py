"""A row of a file of questions: what it holds, or what is wrong with it."""

import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from assistant.errors import UsageError

_CHUNK = 1 << 20


class BatchLineError(UsageError):
    """A line of the input that holds no question that can be asked."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number (the line it begins at, from 1; in tables and SQuAD files the count of rows), and its fields.

    `digest` tells one content from another; `error` says why there are no fields.
    """

    number: int
    digest: str
    fields: dict[str, Any] | None = None
    error: BatchLineError | None = None


def digest_of(fields: dict[str, Any]) -> str:
    """The digest of a row that is no line of text."""
    try:
        text = json.dumps(fields, sort_keys=True, default=str)
    except RecursionError:
        text = str(sorted(fields))
    return digest_of_bytes(text.encode("ascii"))


def digest_of_bytes(content: bytes) -> str:
    """The digest of a row as it stands in its file."""
    return hashlib.sha256(content).hexdigest()[:16]


def numbered_lines(file: IO[bytes], longest: int) -> Iterator[tuple[int, bytes, BatchLineError | None]]:
    """The numbered lines; one that is too long has an error, and in place of its bytes their hash."""
    for number in itertools.count(1):
        raw = file.readline(longest)
        if not raw:
            return
        if len(raw) < longest or raw.endswith(b"\n"):
            yield number, raw, None
            continue
        content, size = hashlib.sha256(raw), len(raw)
        while not raw.endswith(b"\n") and (raw := file.readline(_CHUNK)):
            content.update(raw)
            size += len(raw)
        error = BatchLineError(f"the line has {size:,} bytes; at most {longest:,} can be read (max_document_megabytes)")
        yield number, content.digest(), error
