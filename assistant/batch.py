"""A file of questions in, a file of answers out: one JSON object a line, in the order of the input.

Each answer is on disk before the next question is begun, so a run that is killed loses at most the line it was at;
`resume` then goes on after the last whole line.
"""

import errno
import io
import itertools
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from assistant.conversation import Answer, Document, Route, Turn
from assistant.documents.loading import STANDARD_INPUT, read_document
from assistant.errors import AssistantError, DocumentError, ModelError, UsageError
from assistant.records import answer_from_json, answer_to_json, error_to_json, json_line

if TYPE_CHECKING:
    from assistant.assistant import Assistant

KEYS = ("id", "question", "document", "document_path", "route")
# Keys of our own output: an input line's keys of these names are not carried, so that no reader takes them for ours.
_OURS = frozenset(
    ("answer", "score", "evidence", "verdict", "verdict_reason", "closest", "models", "usage", "stopped")
) | {"line", "error"}
# What syncing says of a pipe, a terminal or a file system that knows no syncing.
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EROFS, errno.ENOSYS, errno.EBADF)


class BatchLineError(UsageError):
    """A line of the input that is not a question as the contract describes it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the input: its number (from 1), its id, and either the turn or what is wrong with the line.

    `carried` holds the keys that are not ours, which the answer carries through.
    """

    number: int
    id: str
    turn: Turn | None = None
    carried: dict[str, Any] = field(default_factory=dict)
    error: AssistantError | None = None


@dataclass
class Summary:
    """What a run did; `answered` counts the lines of this run, `skipped` those that an earlier one had done."""

    answered: int = 0
    failed: int = 0
    skipped: int = 0
    watched: int = 0


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """What applies to every line that does not say otherwise."""

    document: Document | None = None
    route: Route | None = None
    verify: bool = True
    max_document_megabytes: int = 20
    top_k: int = 1


def read_lines(lines: Iterator[bytes], options: BatchOptions) -> Iterator[Line]:
    """The lines of a JSONL input, in order; a malformed one becomes a Line with an error. Blank lines are left out."""
    documents: dict[str, Document] = {}
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        row: Any = None
        try:
            row = parse_line(raw)
            yield _line(number, row, options, documents)
        except AssistantError as error:
            yield Line(number, line_id(row, number), carried=_carried(row), error=error)


def parse_line(raw: bytes) -> dict[str, Any]:
    """The object of one line.

    Raises:
        BatchLineError: the line is not UTF-8, not JSON or no object.
    """
    try:
        row = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_number, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise BatchLineError(f"not UTF-8 text (byte 0x{raw[error.start]:02x} at {error.start})") from error
    except (ValueError, RecursionError) as error:
        raise BatchLineError(f"not valid JSON: {error}") from error
    if not isinstance(row, dict):
        raise BatchLineError(f'a JSON object such as {{"question": ...}} is needed, not {type(row).__name__}')
    return row


def line_id(row: Any, number: int) -> str:
    """The id that a line gives, else its number."""
    given = row.get("id") if isinstance(row, dict) else None
    return str(given) if _is_id(given) and str(given) else str(number)


def _is_id(given: object) -> bool:
    return isinstance(given, str | int) and not isinstance(given, bool)


def _refuse_number(text: str) -> float:
    raise ValueError(f"{text} is not a number in JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse_number(text)


def _carried(row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        return {}
    return {key: value for key, value in row.items() if key not in KEYS and key not in _OURS}


def _line(number: int, row: dict[str, Any], options: BatchOptions, documents: dict[str, Document]) -> Line:
    question = row.get("question")
    if not isinstance(question, str):
        raise BatchLineError('"question" is missing' if question is None else '"question" must be a text')
    if row.get("id") is not None and not _is_id(row["id"]):
        raise BatchLineError('"id" must be a text or a whole number')
    for key in ("document", "document_path", "route"):
        if row.get(key) is not None and not isinstance(row[key], str):
            raise BatchLineError(f'"{key}" must be a text')
    identifier = line_id(row, number)
    document = _document(row, identifier, options, documents)
    route = options.route
    if row.get("route") not in (None, "auto"):
        if row["route"] not in list(Route):
            raise BatchLineError(f'"route" must be one of auto, {", ".join(Route)}')
        route = Route(row["route"])
    turn = Turn(question, (document,) if document else (), route=route, verify=options.verify, top_k=options.top_k)
    return Line(number, identifier, turn, _carried(row))


def _document(
    row: dict[str, Any], identifier: str, options: BatchOptions, documents: dict[str, Document]
) -> Document | None:
    if row.get("document") is not None and row.get("document_path") is not None:
        raise BatchLineError('give "document" or "document_path", not both')
    if (text := row.get("document")) is not None:
        if len(text) > options.max_document_megabytes * 1_000_000:
            raise DocumentError(f"the document is larger than {options.max_document_megabytes} million characters")
        return Document(f"line {identifier}", text)
    if (path := row.get("document_path")) is not None:
        if path not in documents:
            if path == STANDARD_INPUT:
                raise BatchLineError('"document_path" must be a file; standard input cannot be read for a line')
            documents.clear()  # one file is kept: neighbouring lines usually share it
            documents[path] = read_document(Path(path), options.max_document_megabytes)
        return documents[path]
    return options.document


def run_batch(
    assistant: "Assistant",
    lines: Iterator[Line],
    output: IO[str],
    *,
    done: Summary | None = None,
    on_line: Callable[[int], None] | None = None,
    watch: Callable[[Answer], bool] | None = None,
) -> Summary:
    """Answer lines one after the other and write each answer as it is ready.

    Args:
        assistant: what answers.
        lines: the input.
        output: a text stream; flushed to disk after each line where it is a file.
        done: what an earlier run has done, whose lines are skipped; its failures count as the run's own.
        on_line: called with the number of lines done, after each.
        watch: counts the answers for which it is true (`--fail-on`).

    Raises:
        ModelError: a model cannot be fetched or loaded, so that no further line could be answered.
    """
    earlier = done or Summary()
    summary = Summary(failed=earlier.failed, skipped=earlier.skipped, watched=earlier.watched)
    for line in itertools.islice(lines, earlier.skipped, None):
        record, answer = _answer(assistant, line)
        if answer is None:
            summary.failed += 1
        else:
            summary.answered += 1
            summary.watched += bool(watch and watch(answer))
        output.write(_written(record) + "\n")
        _flush(output)
        if on_line is not None:
            on_line(summary.skipped + summary.answered + summary.failed - earlier.failed)
    return summary


def _answer(assistant: "Assistant", line: Line) -> tuple[dict[str, Any], Answer | None]:
    error = line.error
    if line.turn is not None:
        try:
            answer = assistant.answer(line.turn)
        except ModelError:
            raise
        except AssistantError as failure:
            error = failure
        else:
            record = answer_to_json(line.turn.question, answer, line.id)
            return {**line.carried, **record}, answer
    failed = {"id": line.id, "line": line.number, "error": error_to_json(error or AssistantError("unknown"))}
    return {**line.carried, **failed}, None


def _written(record: dict[str, Any]) -> str:
    try:
        return json_line(record)
    except RecursionError:  # a carried key that was just not too deep to be read
        return json_line({key: value for key, value in record.items() if key in KEYS or key in _OURS})


def _flush(output: IO[str]) -> None:
    output.flush()
    try:
        getattr(os, "fdatasync", os.fsync)(output.fileno())
    except io.UnsupportedOperation:
        return  # no file at all
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def lines_done(output: Path, lines: Iterator[Line], watch: Callable[[Answer], bool] | None = None) -> Summary:
    """What an earlier run has done of the input (`skipped`, `failed`, `watched`); a torn last line is cut off.

    Raises:
        UsageError: the output does not belong to this input, or is no output of a batch.
    """
    done = Summary()
    whole = 0
    with output.open("rb") as file:
        for raw in file:
            if not raw.endswith(b"\n"):
                break
            where = f"{output}, line {done.skipped + 1}"
            try:
                record = json.loads(raw)
                identifier = record["id"]
                failed = "error" in record
                answer = None if failed else answer_from_json(record)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise UsageError(f"{where}: not an answer of a batch; use --overwrite or another file.") from error
            line = next(lines, None)
            changed = _change(line, record, answer)
            if changed is not None:
                raise UsageError(
                    f"{where}: holds the answer {identifier!r}, but {changed}: the input or the options have changed. "
                    "Use --overwrite or another file."
                )
            done.skipped += 1
            done.failed += failed
            done.watched += bool(answer is not None and watch and watch(answer))
            whole += len(raw)
    if whole < output.stat().st_size:
        os.truncate(output, whole)
    return done


def _change(line: Line | None, record: dict[str, Any], answer: Answer | None) -> str | None:
    """How an output line differs from what its input line could have given; None if it does not."""
    if line is None:
        return "the input has no more questions"
    if line.id != record["id"] or (answer is None and line.number != record.get("line")):
        return f"the input has {line.id!r} there"
    if answer is None:
        return None
    if line.turn is None or line.turn.question != record.get("question"):
        return "its question is another"
    if line.turn.route not in (None, answer.route):
        return f"its route is {line.turn.route}"
    places = [*answer.evidence, *([answer.closest] if answer.closest else [])]
    texts = [document.text for document in line.turn.documents]
    known = all(any(text[place.start : place.end] == place.text for text in texts) for place in places)
    return None if known else "its document is another"
