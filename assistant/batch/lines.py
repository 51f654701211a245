"""A row of the input as a turn: which columns are the question, its document and route, and what is carried along."""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assistant.batch.rows import BatchLineError, Row
from assistant.batch.template import Template
from assistant.documents.open import STANDARD_INPUT, read_document
from assistant.errors import AssistantError, DocumentError
from assistant.recent import Recent
from assistant.settings import Settings
from assistant.text import one_line
from assistant.types import Document, Route, Turn

INPUT_KEYS = ("id", "question", "document", "document_path", "route", "answers")
"""What a row may say; any of them may stand in a column of another name."""
OUTPUT_KEYS = frozenset(
    (
        "answer",
        "score",
        "evidence",
        "verdict",
        "verdict_reason",
        "closest",
        "models",
        "usage",
        "stopped",
        "asked",
        "incomplete",
        "tried",
        "support",
        "draft",
        "notices",
        "line",
        "error",
        "exact_match",
        "f1",
        "contains",
        "computed_with",
        "input_digest",
        "options_digest",
    )
)
"""Keys of our own output: an input's keys of these names are not carried, so that no reader takes them for ours."""
_NEWEST_IDS = 4096
_NAMES_TOLD, _LONGEST_NAME = 4, 24
_FILES_KEPT, _CHARACTERS_KEPT = 8, 20_000_000
# Settings that change no answer: how much is done at once, what is refused, and how the chat looks.
_WITHOUT_EFFECT = {
    "server_requests", "server_first_token_timeout", "server_token_timeout", "server_patience", "servers",
    "max_document_megabytes", "theme", "mouse", "unicode", "plain", "keys",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are answered: those whose column has (or `negated`, has not) this value, written as text."""

    column: str
    value: str
    negated: bool = False

    def fits(self, fields: Mapping[str, Any]) -> bool:
        """Whether a row is to be answered."""
        value = fields.get(self.column)
        text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        return (text == self.value) is not self.negated


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """What applies to every line that does not say otherwise.

    `columns` names the column in which one of INPUT_KEYS stands, where it is another; of rows that `select` does not
    fit nothing is written; after `limit` rows the run is over.
    """

    document: Document | None = None
    route: Route | None = None
    verify: bool = True
    max_document_megabytes: int = 20
    top_k: int = 1
    columns: Mapping[str, str] = field(default_factory=dict)
    template: Template | None = None
    select: tuple[Selection, ...] = ()
    limit: int | None = None

    def digest(self, settings: Settings) -> str:
        """What tells runs apart that could answer differently: the options and settings that answers depend on."""
        own: dict[str, Any] = {
            "document": self.document.id if self.document else None,
            "route": self.route,
            "verify": self.verify,
            "top_k": self.top_k,
            "columns": sorted(self.columns.items()),
            "template": self.template.text if self.template else None,
            "select": [(selection.column, selection.value, selection.negated) for selection in self.select],
            "settings": settings.model_dump(exclude=_WITHOUT_EFFECT),
        }
        if settings.server:
            # What a server is sent depends on what was chosen, be it the default.
            own["chosen"] = sorted(settings.model_fields_set - _WITHOUT_EFFECT)
        if (named := settings.servers.get(settings.server or "")) is not None:
            own["server"] = [named.url, named.model]
        return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the input: its number (from 1), its id, and either the turn or what is wrong with the line.

    `carried` holds the keys that are not ours, which the answer carries through; `expected` the answers that are right
    (none: that the document holds none), where the input says; `digest` tells it from a line of other content,
    `row_digest` from one of another row, whatever its document holds or whether it can be read.
    """

    number: int
    id: str
    digest: str
    turn: Turn | None = None
    carried: dict[str, Any] = field(default_factory=dict)
    expected: tuple[str, ...] | None = None
    error: AssistantError | None = None
    row_digest: str = ""


def read_lines(rows: Iterable[Row], options: BatchOptions) -> Iterator[Line]:
    """The lines of an input, in order; one that cannot be answered becomes a Line with an error."""
    files = _Files(options.max_document_megabytes)
    seen_ids = _SeenIds()
    count = 0
    for row in rows:
        if options.limit is not None and count >= options.limit:
            return
        if row.fields is not None and not all(selection.fits(row.fields) for selection in options.select):
            continue
        count += 1
        fields = {} if row.fields is None else row.fields
        if row.error is not None:
            yield Line(row.number, str(row.number), row.digest, error=row.error)
            continue
        columns = _columns(fields, options)
        keys = {key: fields.get(columns.get(key, key)) for key in INPUT_KEYS}
        identifier, carried = line_id(keys["id"], row.number), _carried(fields, columns)
        try:
            if keys["id"] is not None:
                _check_id(keys["id"], row.number, seen_ids)
            if options.template is not None:
                keys["question"] = options.template.fill(fields)
            elif columns.get("question", "question") not in fields:
                raise BatchLineError(_no_question(fields, columns))
            turn, expected = _turn(keys, identifier, options, files), _expected(keys["answers"])
        except AssistantError as error:
            yield Line(row.number, identifier, row.digest, carried=carried, error=error)
            continue
        document = "".join(source.id for source in turn.documents)
        digest = hashlib.sha256(f"{row.digest}{document}".encode()).hexdigest()[:16]
        yield Line(row.number, identifier, digest, turn, carried, expected, row_digest=row.digest)


def line_id(value: object, number: int) -> str:
    """The id that a line gives, else its number."""
    return str(value) if _is_id(value) and str(value) else str(number)


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _check_id(value: object, number: int, seen_ids: "_SeenIds") -> None:
    """See that an id is one, and is this line's alone: what joins answers to questions by it would double them."""
    if not _is_id(value):
        raise BatchLineError('"id" must be a text or a whole number')
    if str(value) and (first := seen_ids.line_of(str(value), number)) != number:
        raise BatchLineError(f"the id {str(value)[:80]!r} is that of line {first} already")


class _SeenIds:
    """Which line gave an id first; sorted arrays keep 16 bytes of all but the newest, so memory hardly grows."""

    def __init__(self) -> None:
        self._newest: dict[int, int] = {}
        self._hashes = np.empty(0, np.int64)
        self._lines = np.empty(0, np.int64)

    def line_of(self, identifier: str, number: int) -> int:
        """The line that gave this id first, which is this one's number where none has."""
        key = hash(identifier)
        at = int(np.searchsorted(self._hashes, key))
        if at < len(self._hashes) and self._hashes[at] == key:
            return int(self._lines[at])
        first = self._newest.setdefault(key, number)
        if len(self._newest) > max(_NEWEST_IDS, len(self._hashes) // 8):
            hashes = np.concatenate([self._hashes, np.fromiter(self._newest, np.int64)])
            lines = np.concatenate([self._lines, np.fromiter(self._newest.values(), np.int64)])
            order = np.argsort(hashes)
            self._hashes, self._lines = hashes[order], lines[order]
            self._newest.clear()
        return first


def _columns(fields: Mapping[str, Any], options: BatchOptions) -> Mapping[str, str]:
    """In which column each key stands.

    Tables made by people have `Question` or ` ID `: where no column is called `question` to the letter, letters of
    either case and blanks around them do for all keys.
    """
    if "question" in fields or "question" in options.columns or options.template is not None:
        return options.columns
    alike = columns_alike(fields, INPUT_KEYS)
    return alike | dict(options.columns) if "question" in alike else options.columns


def columns_alike(fields: Mapping[str, Any], keys: Iterable[str]) -> dict[str, str]:
    """The columns called as these keys but for the case of letters and blanks around; none where one is so exactly."""
    alike: dict[str, str] = {}
    for name in fields:
        alike.setdefault(name.strip().lower(), name)
    return {key: alike[key] for key in keys if key in alike and key not in fields}


def _no_question(fields: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    """That the question is missing, and what there is in its place."""
    wanted = one_line(columns.get("question", "question"), _LONGEST_NAME)
    if not (names := [one_line(name, _LONGEST_NAME) for name in list(fields)[:_NAMES_TOLD]]):
        return f'"{wanted}" is missing'
    more = ", …" if len(fields) > _NAMES_TOLD else ""
    there = ", ".join(f'"{name}"' for name in names)
    return f'"{wanted}" is missing; there is {there}{more} (--column question=NAME takes one of them)'


def _carried(fields: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    own_columns = {columns.get(key, key) for key in INPUT_KEYS if key != "answers"} | {"id", "question"}
    return {key: value for key, value in fields.items() if key not in own_columns and key not in OUTPUT_KEYS}


def _turn(keys: Mapping[str, Any], identifier: str, options: BatchOptions, files: "_Files") -> Turn:
    question = keys["question"]
    if not isinstance(question, str):
        raise BatchLineError('"question" is missing' if question is None else '"question" must be a text')
    for key in ("document", "document_path", "route"):
        if keys[key] is not None and not isinstance(keys[key], str):
            raise BatchLineError(f'"{key}" must be a text')
    route = options.route
    if keys["route"] not in (None, "auto"):
        if keys["route"] not in list(Route):
            raise BatchLineError(f'"route" must be one of auto, {", ".join(Route)}')
        route = Route(keys["route"])
    document = _document(keys, identifier, options, files)
    documents = (document,) if document else ()
    return Turn(question, documents, route=route, verify=options.verify, top_k=options.top_k)


def _document(
    keys: Mapping[str, Any], identifier: str, options: BatchOptions, files: "_Files"
) -> Document | None:  # fmt: skip
    text, path = keys["document"], keys["document_path"]
    if text is not None and path is not None:
        raise BatchLineError('give "document" or "document_path", not both')
    if path is not None:
        return files.read(path)
    if text is None:
        return options.document
    if len(text) > options.max_document_megabytes * 1_000_000:
        raise DocumentError(f"the document is larger than {options.max_document_megabytes} million characters")
    return Document(f"line {identifier}", text)


class _Files:
    """Documents by their path; a few are kept, as neighbouring lines usually share them."""

    def __init__(self, max_megabytes: int) -> None:
        self._max_megabytes = max_megabytes
        self._kept: Recent[str, Document] = Recent(_FILES_KEPT, _CHARACTERS_KEPT, lambda document: len(document.text))

    def read(self, path: str) -> Document:
        if path == STANDARD_INPUT:
            raise BatchLineError('"document_path" must be a file; standard input cannot be read for a line')
        if (known := self._kept.get(path)) is None:
            known = read_document(Path(path), self._max_megabytes)
            self._kept.keep(path, known)
        return known


def _expected(value: Any) -> tuple[str, ...] | None:
    """The answers that are right, as inputs have them: a text, a list of them, or the dictionary of SQuAD's data set.

    Whatever else a column of this name holds is only carried along.
    """
    if isinstance(value, dict):
        value = value.get("text")
    if isinstance(value, str) and value.startswith("["):  # a list in a cell of a table
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(value)
    if value is None:
        return None
    answers = value if isinstance(value, list) else [value]
    answers = [answer.get("text") if isinstance(answer, dict) else answer for answer in answers]
    return tuple(str(answer) for answer in answers) if all(_is_text(answer) for answer in answers) else None


def _is_text(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
