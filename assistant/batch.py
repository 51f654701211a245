"""A file of questions in, a file of answers out: one JSON object a line, in the order of the input.

Each answer is on disk before the next question is begun, so a run that is killed loses at most the line it was at;
`resume` then goes on after the last whole line.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from assistant.conversation import Answer, Document, Route, Turn
from assistant.documents.loading import read_document
from assistant.errors import AssistantError, UsageError
from assistant.records import answer_to_json, error_to_json

if TYPE_CHECKING:
    from assistant.assistant import Assistant

KEYS = ("id", "question", "document", "document_path", "route")


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
            yield Line(number, line_id(row, number), error=error)


def parse_line(raw: bytes) -> dict[str, Any]:
    """The object of one line.

    Raises:
        BatchLineError: the line is not UTF-8, not JSON or no object.
    """
    try:
        row = json.loads(raw.decode("utf-8-sig"))
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
    return str(given) if isinstance(given, str | int) and str(given) else str(number)


def _line(number: int, row: dict[str, Any], options: BatchOptions, documents: dict[str, Document]) -> Line:
    question = row.get("question")
    if not isinstance(question, str):
        raise BatchLineError('"question" is missing' if question is None else '"question" must be a text')
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
    turn = Turn(question, (document,) if document else (), route=route, verify=options.verify)
    carried = {key: value for key, value in row.items() if key not in KEYS}
    return Line(number, identifier, turn, carried)


def _document(
    row: dict[str, Any], identifier: str, options: BatchOptions, documents: dict[str, Document]
) -> Document | None:
    if row.get("document") is not None and row.get("document_path") is not None:
        raise BatchLineError('give "document" or "document_path", not both')
    if (text := row.get("document")) is not None:
        return Document(f"line {identifier}", text)
    if (path := row.get("document_path")) is not None:
        if path not in documents:
            documents.clear()  # one file is kept: neighbouring lines usually share it
            documents[path] = read_document(Path(path), options.max_document_megabytes)
        return documents[path]
    return options.document


def run_batch(
    assistant: "Assistant",
    lines: Iterator[Line],
    output: IO[str],
    *,
    skip: int = 0,
    on_line: Callable[[int], None] | None = None,
    watch: Callable[[Answer], bool] | None = None,
) -> Summary:
    """Answer lines one after the other and write each answer as it is ready.

    Args:
        assistant: what answers.
        lines: the input.
        output: a text stream; flushed to disk after each line where it is a file.
        skip: how many lines an earlier run has done.
        on_line: called with the number of lines done, after each.
        watch: counts the answers for which it is true (`--fail-on`).
    """
    summary = Summary()
    for line in lines:
        if summary.skipped < skip:
            summary.skipped += 1
            continue
        record, answer = _answer(assistant, line)
        if answer is None:
            summary.failed += 1
        else:
            summary.answered += 1
            summary.watched += bool(watch and watch(answer))
        output.write(json.dumps(record, ensure_ascii=False) + "\n")
        _flush(output)
        if on_line is not None:
            on_line(summary.skipped + summary.answered + summary.failed)
    return summary


def _answer(assistant: "Assistant", line: Line) -> tuple[dict[str, Any], Answer | None]:
    error = line.error
    if line.turn is not None:
        try:
            answer = assistant.answer(line.turn)
        except AssistantError as failure:
            error = failure
        else:
            record = answer_to_json(line.turn.question, answer, line.id)
            return {**{k: v for k, v in line.carried.items() if k not in record}, **record}, answer
    failed = {"id": line.id, "line": line.number, "error": error_to_json(error or AssistantError("unknown"))}
    return {**{k: v for k, v in line.carried.items() if k not in failed}, **failed}, None


def _flush(output: IO[str]) -> None:
    output.flush()
    try:
        os.fdatasync(output.fileno())
    except (OSError, AttributeError, ValueError):
        return  # a pipe or a terminal: there is no disk to reach


def lines_done(output: Path, lines: Iterator[Line]) -> int:
    """How many lines of the input an earlier run has answered; a torn last line of its output is cut off.

    Raises:
        UsageError: the output does not belong to this input, or is no output of a batch.
    """
    done = 0
    whole = 0
    with output.open("rb") as file:
        for raw in file:
            if not raw.endswith(b"\n"):
                break
            try:
                identifier = json.loads(raw)["id"]
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(
                    f"{output}, line {done + 1}: not an answer of a batch; use --overwrite or another file."
                ) from error
            line = next(lines, None)
            if line is None or line.id != identifier:
                expected = "no more questions" if line is None else f"id {line.id!r}"
                raise UsageError(
                    f"{output}, line {done + 1}: holds the answer {identifier!r} where the input has {expected}; "
                    "the input has changed. Use --overwrite or another file."
                )
            done += 1
            whole += len(raw)
    if whole < output.stat().st_size:
        os.truncate(output, whole)
    return done
