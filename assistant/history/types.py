"""The plain data of the history: conversations, what was said in them, and what lists and searches give."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from assistant.presentation import Presentation, present
from assistant.records import answer_from_json
from assistant.types import Answer, Document, Role, Route

Form = Literal["markdown", "json", "html"]
"""How a conversation can be written out."""
FORMS: dict[str, Form] = {".md": "markdown", ".html": "html", ".json": "json"}
"""The form that the end of a file's name asks for."""


_FIRST, _LAST = 0.0, 253_000_000_000.0  # 1970, and the end of the year 9987


def local_time(moment: float) -> datetime:
    """A moment in Unix time as local time; where a wrong clock put it beyond the calendar, as near as that goes."""
    moment = _FIRST if math.isnan(moment) else min(max(moment, _FIRST), _LAST)
    return datetime.fromtimestamp(moment, UTC).astimezone()


class Status(StrEnum):
    """How far a message has come. One read back as `streaming` was cut off by the end of the program."""

    DONE = "done"
    STREAMING = "streaming"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message as saved: `record` is the answer's JSON, `reason` why its route was taken, `created` Unix time."""

    id: int
    role: Role
    text: str
    status: Status
    created: float
    record: str | None = None
    reason: str | None = None
    documents: tuple[Document, ...] = ()

    @property
    def answer(self) -> dict[str, Any] | None:
        """The answer's object; None where there is none, or one that a damaged file no longer holds whole."""
        try:
            record = json.loads(self.record) if self.record is not None else None
        except (ValueError, RecursionError):
            return None
        return record if isinstance(record, dict) else None

    @property
    def cut_off(self) -> bool:
        """Whether the answer ends before its end: the user or the end of the program stopped it."""
        return self.status in (Status.STOPPED, Status.STREAMING)

    def read_answer(self) -> Answer | None:
        """The answer; None where there is none, or its object is not whole: the text is there all the same."""
        try:
            return answer_from_json(record) if (record := self.answer) is not None else None
        except (KeyError, ValueError, TypeError):
            return None

    def shown(self, documents: Sequence[Document]) -> Presentation:
        """What is shown of the answer to a question about some documents."""
        answer = self.read_answer() or Answer(Route.OPEN, self.text or None)
        return present(replace(answer, stopped=answer.stopped or self.cut_off), documents)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with all its messages and every document it used; `active` names those still open."""

    id: str
    title: str
    created: float
    updated: float
    messages: tuple[StoredMessage, ...] = ()
    documents: tuple[Document, ...] = ()
    active: frozenset[str] = field(default_factory=frozenset)

    def end_of_turn(self, turns: int) -> int | None:
        """The id of the last message of the first `turns` turns: 0 for none, None where there are no more."""
        if turns <= 0:
            return 0
        questions = [at for at, message in enumerate(self.messages) if message.role is Role.USER]
        return self.messages[questions[turns] - 1].id if turns < len(questions) else None


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A line of the list of conversations. `messages` counts questions and answers."""

    id: str
    title: str
    updated: float
    messages: int


@dataclass(frozen=True, slots=True)
class Match:
    """A message that a search found, by its id, with the words around the match."""

    conversation: str
    message: int
    title: str
    role: Role
    excerpt: str
    created: float
