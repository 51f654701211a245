"""The rows of a table of text: what a stray quote swallows is given back, so that it costs one row."""

import csv
import json
from collections import deque
from collections.abc import Iterable, Iterator
from typing import IO

from assistant.batch.rows import BatchLineError, Row, digest_of_bytes, numbered_lines
from assistant.batch.table_lines import DELIMITERS, SEPARATOR
from assistant.batch.text_lines import LineDecoder
from assistant.errors import UsageError
from assistant.text import counted


class _PushbackLines:
    """Lines for a csv reader, which can be given back: what a stray quote swallowed is read again as lines."""

    def __init__(self, file: IO[bytes], longest: int, decoder: LineDecoder) -> None:
        self._lines = numbered_lines(file, longest)
        self._decoder = decoder
        self._back: deque[str | BatchLineError] = deque()
        self.taken: list[str | BatchLineError] = []

    def __iter__(self) -> "_PushbackLines":
        return self

    def __next__(self) -> str:
        if self._back:
            line = self._back.popleft()
        else:
            number, raw, error = next(self._lines)
            line = error or self._text(raw, number)
        self.taken.append(line)
        if isinstance(line, BatchLineError):
            raise line
        return line

    def _text(self, raw: bytes, number: int) -> str:
        try:
            return self._decoder.text(raw, number)
        except UnicodeDecodeError:
            return raw.decode("utf-8", "surrogateescape")

    def give_back(self) -> None:
        """All but the first of the lines taken."""
        self._back.extendleft(reversed(self.taken[1:]))


def csv_rows(file: IO[bytes], longest: int, decoder: LineDecoder) -> Iterator[Row]:
    """Comma, semicolon or tab separated rows below a header; a row may span lines where its cells are quoted.

    A first line such as `sep=;` names another character between the cells.
    """
    csv.field_size_limit(max(csv.field_size_limit(), longest))
    lines_left = _PushbackLines(file, longest, decoder)
    lines = _numbered(lines_left)
    first, number = next(lines, (None, 0))
    named = SEPARATOR.fullmatch(first) if first is not None else None
    if named is not None:
        first, number = next(lines, (None, 0))
    number += 1
    if first is None:
        return
    delimiter = named[1] if named is not None else max(DELIMITERS, key=first.count)
    try:
        header = next(csv.reader([first], delimiter=delimiter))
    except csv.Error as error:
        raise UsageError(f"The first line must name the columns; it is not valid CSV: {error}.") from error
    if not _is_text(header):
        raise UsageError("The first line, which names the columns, is not UTF-8 text; is this a CSV file?")
    if len(set(header)) < len(header) or not all(header):
        raise UsageError("The first line must name the columns, each once; two have the same name or one has none.")
    reader = csv.reader(lines_left, delimiter=delimiter, strict=True)
    while True:
        lines_left.taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, BatchLineError) as error:
            lines_left.give_back()
            digest = digest_of_bytes(repr(lines_left.taken[0]).encode())
            problem = error if isinstance(error, BatchLineError) else BatchLineError(f"not valid CSV: {_reason(error)}")
            yield Row(number, digest, error=problem)
            number += 1
            continue
        begins, number = number, number + len(lines_left.taken)
        if any(cells):
            yield _csv_row(begins, header, cells)


def _numbered(lines: Iterable[str]) -> Iterator[tuple[str, int]]:
    """The lines that are not blank, with their numbers."""
    return ((line, number) for number, line in enumerate(lines, 1) if line.strip())


def _csv_row(number: int, header: list[str], cells: list[str]) -> Row:
    fields = {name: cell or None for name, cell in zip(header, cells, strict=False)}
    error = None
    if len(cells) != len(header):
        error = BatchLineError(
            f"{counted(len(cells), 'cell')} where the first line names {counted(len(header), 'column')}"
        )
    if not _is_text(cells):
        error = BatchLineError("not UTF-8 text")
    digest = digest_of_bytes(json.dumps(cells).encode("ascii"))
    return Row(number, digest, error=error) if error else Row(number, digest, fields)


def _is_text(cells: list[str]) -> bool:
    """Whether cells that were decoded with surrogates for what is not UTF-8 are without any."""
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(error: Exception) -> str:
    """What Python's reader says of a row, without its advice to programmers."""
    return str(error).partition(" - ")[0]
