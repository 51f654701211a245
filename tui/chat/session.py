"""The state of a chat without its screen: exchanges, open documents and the chosen route, saved as they change."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

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
from assistant.history.store import Form, History, HistoryError, Status, StoredMessage
from assistant.presentation import Presentation, document_of, present
from assistant.routing.message import split_message
from assistant.text import one_line
from assistant.types import (
    NOT_FOUND,
    Answer,
    Document,
    Evidence,
    Message,
    Role,
    Route,
    Turn,
    TurnSampling,
    Verdict,
)
from tui.chat.pasting import title

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


class Session:
    """One conversation after another, each saved in the history from its first question on.

    `trouble` holds the last error of the history: a conversation goes on when it cannot be saved, and says so.
    """

    def __init__(self, history: History, documents: Sequence[Document] = (), resume: str | None = None) -> None:
        self.history = history
        self._id: str | None = None
        self._tell_id: Callable[[str | None], None] | None = None
        self.title = ""
        self.route: Route | None = None
        self.windows: int | None = None
        self.system: str | None = None
        self.documents: list[Document] = []
        self.exchanges: list[Exchange] = []
        self.trouble: str | None = None
        if resume:
            self.resume(resume)
        for document in documents:  # in files of their own: nothing is lost if nothing is asked
            self._open(document)

    @property
    def id(self) -> str | None:
        """The conversation's id in the history, once it has one."""
        return self._id

    @id.setter  # noqa: A003  (the property above)
    def id(self, value: str | None) -> None:
        self._id = value
        if self._tell_id is not None:
            self._tell_id(value)

    def tell_id_to(self, listener: Callable[[str | None], None]) -> None:
        """Have a listener told which conversation this is, now and whenever it becomes another."""
        self._tell_id = listener
        listener(self._id)

    def new(self) -> None:
        """Begin a new conversation, without documents."""
        self.id, self.title, self.exchanges, self.documents, self.trouble = None, "", [], [], None

    @property
    def is_kept(self) -> bool:
        """Whether the conversation is in the history: it may not have begun, or have been deleted from the list."""
        try:
            return self.id is not None and self.history.has(self.id)
        except HistoryError:
            return False

    def add_document(self, document: Document) -> Document:
        """Open a document under a name of its own, and save it; one that is open already stays as it is."""
        opened = self._open(document)
        self._begin()
        return opened

    def _open(self, document: Document) -> Document:
        for known in self.documents:
            if known.id == document.id:
                return known
        names, name, number = {known.name for known in self.documents}, document.name, 2
        while name in names:
            name, number = f"{document.name} ({number})", number + 1
        document = replace(document, name=name)
        self.documents.append(document)
        self._save_documents()
        return document

    def paste(self, text: str) -> Document:
        """Open a pasted text as a document named after its first line."""
        return self.add_document(Document(title(text), text))

    def remove_document(self, document: Document) -> None:
        """Close a document; it stays with the exchanges that used it."""
        self.documents = [known for known in self.documents if known.id != document.id]
        self._save_documents()

    def ask(self, question: str, route: Route | None = None, sampling: TurnSampling | None = None) -> Exchange:
        """Add a question, with the documents that are open now; with a route or sampling, these hold for this one.

        Where none is open and the message is a text with a question about it, the text is opened first.
        """
        if not self.documents and route is None and (parts := split_message(question)):
            self.paste(parts[0])
            question = parts[1]
        exchange = Exchange(len(self.exchanges), question, tuple(self.documents), route or self.route, sampling)
        self.exchanges.append(exchange)
        self._begin()
        if self.id is not None:
            self.title = self.title or one_line(question)
            try:
                exchange.question_id = self.history.add_user_message(self.id, question, exchange.documents)
                # Its answer has its place before the next question, which may be asked while this one waits.
                exchange.saved = self.history.save_answer(self.id, "", status=Status.STREAMING)
            except HistoryError as error:
                self.trouble = str(error)
        return exchange

    def _begin(self) -> None:
        """Give the conversation a place in the history, if it has none yet."""
        if self.id is None:
            try:
                self.id = self.history.create()
            except HistoryError as error:
                self.trouble = str(error)
            self._save_documents()

    def turn(self, exchange: Exchange) -> Turn:
        """The exchange as the worker takes it, with what was said before it."""
        said = self._said(exchange.number)
        return Turn(
            exchange.question,
            exchange.documents,
            tuple(said),
            exchange.forced,
            windows=self.windows,
            system=self.system,
            sampling=exchange.sampling,
        )

    def _said(self, until: int) -> list[Message]:
        said: list[Message] = []
        for earlier in self.exchanges[:until]:
            if earlier.status not in (Status.DONE, Status.STOPPED) or not (earlier.text or earlier.found_nothing):
                continue
            said.append(Message(Role.USER, earlier.question))
            said.append(
                Message(
                    Role.ASSISTANT, NOT_FOUND if earlier.found_nothing or earlier.draft is not None else earlier.text
                )
            )
        return said

    def save(self, exchange: Exchange) -> None:
        """Save the answer of an exchange as far as it has come."""
        if self.id is None or exchange.status is None:
            return
        from assistant.records import answer_to_json

        record = None
        if (answer := exchange.answer_so_far) is not None:
            record = answer_to_json(exchange.question, answer, str(exchange.number + 1))
            if exchange.notices:
                record["notices"] = exchange.notices
        try:
            exchange.saved = self.history.save_answer(
                self.id,
                exchange.error or exchange.text,
                answer=exchange.saved,
                status=exchange.status,
                record=None if record is None else json.dumps(record),
                reason=exchange.reason,
            )
        except HistoryError as error:
            self.trouble = str(error)

    def export(self, form: Form) -> str:
        """The conversation in one of the forms of the history.

        Raises:
            HistoryError: nothing was said yet, or the history cannot be read.
        """
        if self.id is None:
            raise HistoryError("Nothing has been said yet; there is nothing to export.")
        return self.history.export(self.id, form)

    def rename(self, title: str) -> None:
        """Give the conversation another title.

        Raises:
            HistoryError: nothing was said yet, or the history cannot be written.
        """
        if self.id is None:
            raise HistoryError("Nothing has been said yet; there is nothing to rename.")
        self.history.rename(self.id, title)
        self.title = one_line(title)

    def take_title(self, question: str, title: str) -> bool:
        """Take a model's title for the conversation that begins with a question; whether it is this one, untitled yet.

        Raises:
            HistoryError: the history cannot be written.
        """
        if self.id is None or not self.exchanges or self.exchanges[0].question != question:
            return False
        if self.title not in ("", one_line(question)):
            return False
        self.rename(title)
        return True

    @property
    def messages(self) -> list[Message]:
        """What was said, as far as it was answered."""
        return self._said(len(self.exchanges))

    def fork(self, turns: int | None = None) -> None:
        """Go on in a copy of the conversation, of its first so many turns or whole; the one copied stays as it is.

        Raises:
            HistoryError: nothing was said yet, or the history cannot be written.
        """
        if self.id is None:
            raise HistoryError("Nothing has been said yet; there is nothing to copy.")
        until = self.history.conversation(self.id).end_of_turn(turns) if turns is not None else None
        self.resume(self.history.fork(self.id, until))

    def close(self) -> None:
        """Save what is unfinished as stopped."""
        for exchange in self.exchanges:
            if exchange.status is Status.STREAMING:
                exchange.stop()
                self.save(exchange)

    def _save_documents(self) -> None:
        if self.id is None:
            return
        try:
            self.history.set_documents(self.id, self.documents)
        except HistoryError as error:
            self.trouble = str(error)

    def resume(self, resume: str) -> None:
        """Go on with a conversation, by its id, the beginning of one, or `last`.

        Raises:
            HistoryError: there is none, or the history cannot be read.
        """
        conversation = self.history.conversation(resume)
        self.id, self.title, self.exchanges, self.trouble = conversation.id, conversation.title, [], None
        self.documents = [document for document in conversation.documents if document.name in conversation.active]
        for said in conversation.messages:
            if said.role is Role.USER:
                number = len(self.exchanges)
                # Without an answer, it was cut off before one began.
                exchange = Exchange(
                    number, said.text, said.documents, created=said.created, status=Status.STOPPED, question_id=said.id
                )
                self.exchanges.append(exchange)
            elif self.exchanges:
                _restore(self.exchanges[-1], said)


def _restore(exchange: Exchange, said: StoredMessage) -> None:
    exchange.saved, exchange.reason = said.id, said.reason
    exchange.status = status = Status.STOPPED if said.cut_off else said.status
    if status is Status.FAILED:
        exchange.error = said.text
        return
    exchange.text = said.text
    if (answer := said.read_answer()) is not None:
        exchange.apply(TurnFinished(answer))
        exchange.notices += answer.notices
        exchange.status = status
