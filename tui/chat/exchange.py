"""A question of a chat and what has come of it: filled by the events of its answer, or from the history."""

import time
from dataclasses import dataclass, field

from assistant.events import (
    Event,
    EvidenceFound,
    Notice,
    Progress,
    RouteChosen,
    TextDelta,
    TextTakenBack,
    ThinkingDelta,
    TurnFailed,
    TurnFinished,
    VerdictReached,
)
from assistant.history.store import Status, StoredMessage
from assistant.presentation import Presentation, present
from assistant.types import Answer, Document, Evidence, Route, TurnSampling, Verdict, document_of

_THOUGHT = 20_000  # characters of thinking that can be looked at


@dataclass
class Exchange:
    """A question and what has come of it so far. `status` is None while it waits for its turn."""

    number: int
    question: str
    documents: tuple[Document, ...] = ()
    forced: Route | None = None
    sampling: TurnSampling | None = None  # where it differs from the settings; not kept
    created: float = field(default_factory=lambda: time.time())  # noqa: PLW0108  (looked up anew, for tests with a clock)
    status: Status | None = None
    text: str = ""
    route: Route | None = None
    reason: str | None = None
    standalone_question: str | None = None  # the question as it was put to the documents, where that differs
    progress: Progress | None = None
    thinking: str = ""  # the end of what the model thinks before it answers; not kept
    notices: list[str] = field(default_factory=list)
    evidence: tuple[Evidence, ...] = ()
    closest: Evidence | None = None
    verdict: Verdict | None = None
    answer: Answer | None = None
    error: str | None = None
    question_id: int | None = None  # in the history, once they are there; `saved` is the answer's
    saved: int | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.status in (Status.DONE, Status.STOPPED, Status.FAILED)

    def apply(self, event: Event) -> None:
        """Take in what the worker reported."""
        match event:
            case RouteChosen(route, reason, standalone_question):
                self.route, self.reason, self.standalone_question = route, reason, standalone_question
            case Progress():
                self.progress = event
            case Notice(text):
                self.notices.append(text)
            case TextDelta(text):
                self.text += text
                self.progress = None
            case ThinkingDelta(text):
                self.thinking = (self.thinking + text)[-_THOUGHT:]
                self.progress = None
            case TextTakenBack():
                self.text = ""
            case EvidenceFound(evidence, closest):
                self.evidence, self.closest = evidence, closest
            case VerdictReached(verdict):
                self.verdict = verdict
            case TurnFinished(answer):
                self._finish(answer)
            case TurnFailed(error):
                self.status, self.error, self.progress = Status.FAILED, str(error), None

    def _finish(self, answer: Answer) -> None:
        self.answer, self.progress = answer, None
        self.status = Status.STOPPED if answer.stopped else Status.DONE
        # A stopped answer keeps what was shown.
        self.text = answer.text if answer.text is not None else (self.text if answer.stopped else "")
        self.route, self.standalone_question = answer.route, answer.asked
        self.evidence, self.closest, self.verdict = answer.evidence, answer.closest, answer.verdict

    def stop(self) -> None:
        """End it with what is there, for example because the app is being left."""
        if not self.over:
            self.status, self.progress = Status.STOPPED, None

    @property
    def answer_so_far(self) -> Answer | None:
        """The answer, or what is known of it yet; None before its route is chosen, and where it failed."""
        if self.answer is not None or self.route is None or self.error is not None:
            return self.answer
        return Answer(
            self.route, self.text or None, None, self.evidence, self.closest, self.verdict, stopped=True,
            asked=self.standalone_question,
        )  # fmt: skip

    @property
    def shown(self) -> Presentation:
        """What is shown of its answer, or of what is known of it yet."""
        return present(self.answer_so_far or Answer(Route.OPEN, self.text, stopped=True), self.documents)

    @property
    def found_nothing(self) -> bool:
        """Whether the answer is that the document does not hold one."""
        return self.answer is not None and self.answer.found_nothing

    @property
    def draft(self) -> str | None:
        """What was written and is not supported by the document; None where there is none."""
        return self.answer.unsupported_text if self.answer is not None else None

    @property
    def places(self) -> tuple[Evidence, ...]:
        """Where the answer stands; of one that was not found, the passage that came nearest."""
        return self.evidence or ((self.closest,) if self.closest is not None else ())

    def document_of(self, evidence: Evidence) -> Document | None:
        """The document that a piece of evidence is from."""
        return document_of(evidence, self.documents)

    def restore(self, message: StoredMessage) -> None:
        """Take in the answer as the history has it."""
        self.saved, self.reason = message.id, message.reason
        self.status = status = Status.STOPPED if message.cut_off else message.status
        if status is Status.FAILED:
            self.error = message.text
            return
        self.text = message.text
        if (answer := message.read_answer()) is not None:
            self.apply(TurnFinished(answer))
            self.notices += answer.notices
            self.status = status
