"""The chat in plain lines, for screen readers and for terminals that can do no more: nothing is redrawn."""

import os
import select
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from types import FrameType

from assistant.errors import AssistantError, UsageError, did_you_mean
from assistant.events import TurnFailed
from assistant.history.store import History
from assistant.settings import Settings
from assistant.text import counted, one_line
from assistant.types import Document, Message, Turn
from tui.chat.controller import ChatController
from tui.chat.exchange import Exchange
from tui.chat.opening import read_source
from tui.chat.pasting import PasteKind, kind
from tui.chat.plain_exchange import Lines, PlainExchange, answer_lines
from tui.chat.preferences import Preferences
from tui.chat.queue import Models
from tui.chat.session import Session
from tui.chat.view import Handler
from tui.chat.worker import Responder

_PASTED = 0.05  # seconds in which the next line of a paste is there
_HELP = """Type a question and press Enter. Ctrl+C stops an answer, a second one ends the program; Ctrl+D leaves.
/open FILE opens a document, /open FOLDER or /open *.pdf all that can be read, /close [NAME] closes one or all.
A long pasted text becomes a document.
/route auto|open|extract|grounded chooses how questions are answered, /retry [N] [ROUTE] asks one again,
with temperature=T, top_p=P, max_tokens=N or seed=N sampled otherwise.
/windows all|N chooses how much of a long document is read for a question.
/system TEXT|@FILE says what the model is told before this conversation; /role [NAME] takes a saved one,
/role save NAME keeps it. /prompt [NAME] takes a saved question, /prompt save NAME keeps the last one.
/history [WORDS] lists conversations or finds what was said, /resume ID goes on with one.
/rename TITLE gives this conversation another title, /fork [N] goes on in a copy of it, as far as question N.
/export FILE writes this conversation, by the end of its name, as .md, .html or .json.
/models lists the models of the server, /models NAME takes another.
/new begins another conversation, /quit leaves."""


class _Waiting:
    """The turns that are to be answered: here nothing is done beside reading and writing lines."""

    def __init__(self) -> None:
        self.turns: deque[tuple[int, Turn]] = deque()

    def load(self) -> None:
        """Nothing: the models are loaded with the first answer."""

    def answer(self, exchange: int, turn: Turn) -> None:
        """Keep the turn until its time has come."""
        self.turns.append((exchange, turn))

    def stop(self) -> None:
        """Nothing: Ctrl+C stops what runs."""

    def title(self, messages: Sequence[Message]) -> None:
        """Refuse it: the model is asked for answers alone here.

        Raises:
            UsageError: always.
        """
        raise UsageError("/rename needs a title here, for example /rename The lighthouse")


class PlainChat:
    """A chat over lines: what shows it, and what shows each of its exchanges.

    Args:
        session: The conversation.
        settings: Those in force.
        responder_for: Makes what answers with these settings.
    """

    def __init__(self, session: Session, settings: Settings, responder_for: Callable[[Settings], Responder]) -> None:
        self.responder = responder_for(settings)
        self._session = session
        self._settings = settings
        self._responder_for = responder_for
        self._lines = Lines()
        self._last: PlainExchange | None = None
        self._left = False
        self._waiting = _Waiting()
        self._controller = ChatController(session, self._waiting, self, Preferences(settings, self._setting_changed))
        self._controller.queue.loaded(Models.READY)

    @property
    def commands(self) -> Mapping[str, Handler]:
        """The commands of this view."""
        return {
            "history": self._history,
            "resume": lambda argument: self._controller.resume(argument or "last"),
            **dict.fromkeys(("models", "model"), self._models),
            "help": lambda _: self._lines.line(_HELP),
            **dict.fromkeys(("quit", "q", "exit"), lambda _: self._leave()),
        }

    def run(self) -> None:
        """Read and answer until the user leaves."""
        self._lines.line("Assistant. /help says what one can do.")
        for document in self._session.documents:
            self._lines.line(f"Open: {_about(document)}")
        self._show(self._session.exchanges)
        for text in _typed():
            if kind(text) is PasteKind.DOCUMENT:
                self._lines.line(f"Taken as a document: {_about(self._session.paste(text))}")
            elif text.strip():
                _finished(self._controller.submit(text.strip()))
            while self._waiting.turns and not self._left:
                self._answer(*self._waiting.turns.popleft())
            if self._left:
                return

    def _show(self, exchanges: Sequence[Exchange]) -> None:
        for exchange in exchanges:
            notes = (f"Note: {notice}" for notice in exchange.notices)
            self._lines.line("\n".join([f"You: {exchange.question}", *answer_lines(exchange), *notes]))

    def _answer(self, number: int, turn: Turn) -> None:
        cancel = threading.Event()

        def stop(signal_number: int, frame: FrameType | None) -> None:
            if cancel.is_set():  # a download, for one, does not look whether it should stop
                raise KeyboardInterrupt
            cancel.set()

        before = signal.signal(signal.SIGINT, stop)
        try:
            for event in self.responder.respond(turn, cancel):
                self._controller.queue.take(number, event)
        except AssistantError as error:
            self._controller.queue.take(number, TurnFailed(error))
        finally:
            signal.signal(signal.SIGINT, before)
            _finished(self._controller.queue.over(number))

    # --- as the controller sees it

    def say(self, text: str, *, error: bool = False) -> None:
        """Say something, as a sentence."""
        self._lines.line(f"Error: {text}" if error else f"{text}.")

    def view_of(self, number: int) -> PlainExchange | None:
        """What says what comes of an exchange: there is one at a time."""
        return self._last if self._last is not None and self._last.exchange.number == number else None

    async def show_conversation(self, last: int | None = None) -> None:
        """The end of the conversation, or that it is a new one."""
        end = len(self._session.exchanges) if last is None else last + 1
        self._show(self._session.exchanges[max(0, end - 3) : end])
        if not self._session.exchanges:
            self._lines.line("A new conversation.")

    async def show_exchange(self, exchange: Exchange) -> None:
        """It was just typed: be ready to say what comes of it."""
        self._last = PlainExchange(exchange, self._lines, self._controller.save)

    async def show_documents(self) -> None:
        """Say which are open."""
        self._lines.line(f"Open: {', '.join(document.name for document in self._session.documents) or 'none'}")

    def show_route(self) -> None:
        """Nothing: it is said."""

    def offer(self, text: str) -> None:
        """Let the next line begin with a text, where the terminal edits lines."""
        if os.name == "posix" and sys.stdin.isatty():
            import readline

            def insert() -> None:
                readline.insert_text(one_line(text, len(text)))
                readline.set_startup_hook(None)

            readline.set_startup_hook(insert)
        self._lines.line(text)

    def _setting_changed(self, name: str) -> None:
        """Nothing: roles and prompts are looked up when they are named."""

    def open_source(self, source: str) -> None:
        """Open a document, or those of a folder or a pattern, and say what they are and what did not open."""
        try:
            opened = read_source(source, self._settings.max_document_megabytes)
        except KeyboardInterrupt:
            raise UsageError("Opening was stopped.") from None
        for line in opened.lines:
            self._lines.line(line)
        for document in self._session.add_documents(opened.documents):
            self._lines.line(f"Open: {_about(document)}")

    # --- the commands that only this view has, or that it carries out in another way

    def _history(self, words: str) -> None:
        history = self._session.history
        if words:
            lines = [f"{match_.conversation}: {one_line(match_.excerpt, 120)}" for match_ in history.search(words, 20)]
        else:
            lines = [
                f"{conversation.id}: {one_line(conversation.title)}, {counted(conversation.messages, 'message')}"
                for conversation in history.list_conversations(20)
            ]
        self._lines.line("\n".join(lines) or ("Nothing was found." if words else "Nothing has been said yet."))

    def _models(self, name: str) -> None:
        from assistant.generation.server import list_models, resolve

        settings = self._settings
        if not settings.server:
            raise UsageError("There is no server here; begin the chat with --server URL, or --profile NAME.")
        names = [model.name for model in list_models(resolve(settings.server, settings.servers)) if model.converses]
        if not name:
            self._lines.line("\n".join(names) or "The server lists no model for conversations.")
            return
        if name not in names:
            raise UsageError(f"The server has no model {one_line(name, 60)}; {did_you_mean(name, names)}")
        self._settings = Settings.model_validate({**settings.model_dump(exclude_unset=True), "server_model": name})
        self.responder.close()
        self.responder = self._responder_for(self._settings)
        self.say(f"{name} answers from here on")

    def _leave(self) -> None:
        self._left = True


def _finished(work: Coroutine[object, object, None]) -> None:
    """Run what the controller does to its end: there is nothing here that it would wait for."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise RuntimeError("plain lines do not wait")


def _about(document: Document) -> str:
    return f"{one_line(document.name, 60)}, {counted(document.words, 'word')}"


def _typed() -> Iterator[str]:
    """What the user enters; lines that come at once are one paste."""
    left = False
    while not left:
        lines: list[str] = []
        try:
            lines.append(input("> "))
            while _more_is_there():
                lines.append(input())
        except KeyboardInterrupt:
            print("\nCtrl+D leaves.", flush=True)  # noqa: T201
            continue
        except EOFError:
            left = True
        if lines:
            yield "\n".join(lines)


def _more_is_there() -> bool:
    if sys.platform == "win32":  # whose select knows nothing but sockets
        import msvcrt

        time.sleep(_PASTED)
        return msvcrt.kbhit()
    return bool(select.select([sys.stdin], [], [], _PASTED)[0])


def run_plain(
    responder_for: Callable[[Settings], Responder],
    documents: Sequence[Document],
    resume: str | None,
    settings: Settings,
    history: History | None = None,
) -> int:
    """Chat in lines until the user leaves, and return the exit code.

    Raises:
        HistoryError: the history cannot be used, or holds no conversation to resume.
    """
    if os.name == "posix":
        import readline  # gives input() its line editing

        # Ctrl+D pressed while an answer is written: the terminal, when readline takes it over, makes NUL of it.
        readline.parse_and_bind(r'"\C-@": "\C-d"')
    with history or History() as kept:
        session = Session(kept, documents, resume)
        chat = PlainChat(session, settings, responder_for)
        try:
            chat.run()
        finally:
            chat.responder.close()
        if session.is_kept:
            print(f"Saved. To go on with it: assistant --resume {session.id}", file=sys.stderr)  # noqa: T201
    return 0
