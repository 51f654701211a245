"""A conversation without its screen: exchanges, open documents and the chosen route, saved as they change."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from assistant.history.store import Form, History, HistoryError, Status
from assistant.routing.message import split_message
from assistant.text import one_line
from assistant.types import NOT_FOUND, Document, Message, Role, Route, Turn, TurnSampling
from tui.chat.exchange import Exchange
from tui.chat.pasting import title


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
        self._save_documents()

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
        return self.add_documents([document])[0]

    def add_documents(self, documents: Sequence[Document]) -> list[Document]:
        """Open several documents as `add_document` does one, and save them together."""
        opened = [self._open(document) for document in documents]
        if self.id is None:
            self._begin()
        else:
            self._save_documents()
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
        return Turn(
            exchange.question,
            exchange.documents,
            tuple(self._messages(exchange.number)),
            exchange.forced,
            windows=self.windows,
            system=self.system,
            sampling=exchange.sampling,
        )

    def _messages(self, until: int) -> list[Message]:
        """What was said in the first exchanges, as far as it was answered."""
        messages: list[Message] = []
        for earlier in self.exchanges[:until]:
            if earlier.status not in (Status.DONE, Status.STOPPED) or not (earlier.text or earlier.found_nothing):
                continue
            answer = NOT_FOUND if earlier.found_nothing or earlier.draft is not None else earlier.text
            messages += [Message(Role.USER, earlier.question), Message(Role.ASSISTANT, answer)]
        return messages

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
        return self._messages(len(self.exchanges))

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
        for message in conversation.messages:
            if message.role is Role.USER:
                number = len(self.exchanges)
                # Without an answer, it was cut off before one began.
                exchange = Exchange(
                    number,
                    message.text,
                    message.documents,
                    created=message.created,
                    status=Status.STOPPED,
                    question_id=message.id,
                )
                self.exchanges.append(exchange)
            elif self.exchanges:
                self.exchanges[-1].restore(message)
