"""What `Assistant.respond` yields while a turn is answered. Every turn ends in TurnFinished or TurnFailed."""

from collections.abc import Callable
from dataclasses import dataclass

from assistant.errors import AssistantError
from assistant.types import Answer, Evidence, Route, Verdict


@dataclass(frozen=True, slots=True)
class RouteChosen:
    """Which way the turn goes, and why, in one plain sentence; `asked` is the question where it was completed."""

    route: Route
    reason: str
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage has come; `total` is 0 while it is not known.

    A stage that knows them says its own speed, in what it counts, and the seconds that are left.
    """

    stage: str
    done: int = 0
    total: int = 0
    per_second: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Waiting(Progress):
    """A server is waited for: `stage` says why, `done` and `total` are seconds."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know that does not stop the turn, such as turns left out of the context."""

    text: str


@dataclass(frozen=True, slots=True)
class ServerNotice(Notice):
    """A notice about the server rather than about one answer of it: said once for all turns."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """The next piece of what the model thinks before it answers, which is no part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class TextTakenBack:
    """The pieces of text so far are not the answer, which begins anew: they were thinking, or the answer broke off."""


@dataclass(frozen=True, slots=True)
class EvidenceFound:
    """Where the answer stands in the document, or with no evidence, the passage that came nearest."""

    evidence: tuple[Evidence, ...]
    closest: Evidence | None = None


@dataclass(frozen=True, slots=True)
class VerdictReached:
    """The verdict on the answer."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The turn is over and this is its answer, whole or, where it was stopped, as far as it came."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """The turn is over without an answer."""

    error: AssistantError


Event = (
    RouteChosen
    | Progress
    | Notice
    | TextDelta
    | ThinkingDelta
    | TextTakenBack
    | EvidenceFound
    | VerdictReached
    | TurnFinished
    | TurnFailed
)

Listener = Callable[[Event], None]
"""Takes events as they happen."""


def unheard(event: Event) -> None:
    """The listener where nobody listens."""
