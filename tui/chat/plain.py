"""The chat in plain lines, for screen readers and for terminals that can do no more: nothing is redrawn."""

import os
import re
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from assistant.documents.excerpts import excerpt, position
from assistant.errors import AssistantError, UsageError
from assistant.events import Event, Notice, Progress, RouteChosen, TextDelta, TextTakenBack, ThinkingDelta
from assistant.history.store import History, Status
from assistant.settings import Settings
from assistant.text import PrintableStream, counted, one_line, printable
from assistant.types import Document, Evidence, Label, Probabilities, Route
from tui.chat.commands import nearest, set_system
from tui.chat.exporting import export
from tui.chat.pasting import Kind, dropped_file, kind
from tui.chat.session import Exchange, Session
from tui.chat.worker import Responder

_PASTED = 0.05  # seconds in which the next line of a paste is there
_COMMAND = re.compile(r"/([A-Za-z]+)(?:[ \t]+(.*))?")
_HELP = """Type a question and press Enter. Ctrl+C stops an answer, a second one ends the program; Ctrl+D leaves.
/open FILE opens a document, /close [NAME] closes one or all. A long pasted text becomes a document.
/route auto|open|extract|grounded chooses how questions are answered.
/system TEXT|@FILE says what the model is told before this conversation.
/history [WORDS] lists conversations or finds what was said, /resume ID goes on with one.
/export FILE writes this conversation, by the end of its name, as .md, .html or .json.
/models lists the models of the server, /models NAME takes another.
/new begins another conversation, /quit leaves."""
_WORDS = {Label.ENTAILMENT: "entailed", Label.NEUTRAL: "unsupported", Label.CONTRADICTION: "contradicted"}


class PlainChat:
    """A chat over lines.

    Args:
        responder: What answers.
        session: The conversation.
        megabytes: Larger documents are refused.
        settings: Those in force.
        responder_for: Makes what answers with other settings.
    """

    def __init__(
        self,
        responder: Responder,
        session: Session,
        megabytes: int,
        settings: Settings | None = None,
        responder_for: Callable[[Settings], Responder] | None = None,
    ) -> None:
        self.responder = responder
        self._session = session
        self._megabytes = megabytes
        self._settings = settings or Settings()
        self._responder_for = responder_for
        self._mid_line = False
        self._stage = ""
        self._shown = PrintableStream()

    def run(self) -> None:
        """Read and answer until the user leaves."""
        self._say("Assistant. /help says what one can do.")
        for document in self._session.documents:
            self._say(f"Open: {_about(document)}")
        for exchange in self._session.exchanges:
            self._say(f"You: {exchange.question}")
            self._say("\n".join(answer_lines(exchange)))
        for text in _typed():
            try:
                if command := _COMMAND.fullmatch(text.strip()):
                    if command[1] in ("quit", "q", "exit"):
                        return
                    self._command(command[1], command[2] or "")
                else:
                    self._read(text)
            except AssistantError as error:
                self._say(f"Error: {error}")

    def _say(self, text: str) -> None:
        """A line of its own, also in the middle of an answer."""
        print(("\n" if self._mid_line else "") + printable(text), flush=True)  # noqa: T201
        self._mid_line = False

    def _read(self, text: str) -> None:
        if file := dropped_file(text):
            self._open(file)
        elif kind(text) is Kind.DOCUMENT:
            self._say(f"Taken as a document: {_about(self._session.paste(text))}")
        elif text.strip():
            self._ask(text.strip())

    def _command(self, name: str, argument: str) -> None:  # noqa: PLR0912  (one way for each command)
        match name:
            case "open":
                if not argument:
                    raise UsageError("/open needs the name of a file, for example /open notes.txt")
                self._open(dropped_file(argument) or Path(argument))
            case "close":
                for document in list(self._session.documents):
                    if argument in ("", document.name):
                        self._session.remove_document(document)
                self._say(f"Open: {', '.join(document.name for document in self._session.documents) or 'none'}")
            case "route":
                if argument not in ("auto", *Route):
                    raise UsageError("/route takes auto, open, extract or grounded.")
                self._session.route = None if argument == "auto" else Route(argument)
                self._say(f"Questions now go the {argument} way.")
            case "system":
                self._say(f"{set_system(self._session, argument)}.")
            case "history":
                self._history(argument)
            case "resume":
                self._session.resume(argument or "last")
                for exchange in self._session.exchanges[-3:]:
                    self._say(f"You: {exchange.question}\n" + "\n".join(answer_lines(exchange)))
            case "models" | "model":
                self._models(argument)
            case "new":
                self._session.new()
                self._say("A new conversation.")
            case "export":
                self._say(f"Written to {export(self._session, argument)}")
            case "help":
                self._say(_HELP)
            case _:
                raise UsageError(f"/{one_line(name, 30)} is not a command here; /help lists them.")

    def _models(self, name: str) -> None:
        from assistant.generation.server import list_models, resolve

        settings = self._settings
        if not settings.server or self._responder_for is None:
            raise UsageError("There is no server here; begin the chat with --server URL, or --profile NAME.")
        names = [each.name for each in list_models(resolve(settings.server, settings.servers)) if each.converses]
        if not name:
            self._say("\n".join(names) or "The server lists no model for conversations.")
            return
        if name not in names:
            raise UsageError(f"The server has no model {one_line(name, 60)}; {nearest(name, names)}")
        self._settings = Settings.model_validate({**settings.model_dump(exclude_unset=True), "server_model": name})
        self.responder.close()
        self.responder = self._responder_for(self._settings)
        self._say(f"{name} answers from here on.")

    def _open(self, path: Path) -> None:
        from assistant.documents.open import read_document

        self._say(f"Open: {_about(self._session.add_document(read_document(path, self._megabytes)))}")

    def _history(self, words: str) -> None:
        history = self._session.history
        if words:
            lines = [f"{each.conversation}: {one_line(each.excerpt, 120)}" for each in history.search(words, 20)]
        else:
            lines = [
                f"{each.id}: {one_line(each.title)}, {counted(each.messages, 'message')}"
                for each in history.list_conversations(20)
            ]
        self._say("\n".join(lines) or ("Nothing was found." if words else "Nothing has been said yet."))

    def _ask(self, question: str) -> None:
        exchange = self._session.ask(question)
        exchange.status = Status.STREAMING
        self._session.save(exchange)
        self._shown = PrintableStream()
        cancel = threading.Event()

        def stop(number: int, frame: FrameType | None) -> None:
            if cancel.is_set():  # a download, for one, does not look whether it should stop
                raise KeyboardInterrupt
            cancel.set()

        before = signal.signal(signal.SIGINT, stop)
        try:
            for event in self.responder.respond(self._session.turn(exchange), cancel):
                exchange.apply(event)
                self._session.save(exchange)
                self._tell(event, exchange)
        finally:
            signal.signal(signal.SIGINT, before)
            exchange.stop()
            self._session.save(exchange)
        streamed = exchange.route is not Route.EXTRACT and bool(exchange.text)
        if self._mid_line:
            self._mid_line = False
            self._say("")
        self._say("\n".join(list(answer_lines(exchange))[1 if streamed else 0 :]))
        if self._session.trouble:
            self._say(f"Not saved: {self._session.trouble}")

    def _tell(self, event: Event, exchange: Exchange) -> None:
        match event:
            case RouteChosen(route, reason, completed):
                self._say(f"Route {route}: {reason}" + (f" Asked as: {completed}" if completed else ""))
            case ThinkingDelta() if self._stage != "Thinking":
                self._stage = "Thinking"
                self._say("Thinking.")
            case TextTakenBack():
                self._shown = PrintableStream()
                self._say("What was said so far is not the answer; it begins here.")
            case Progress(stage) if stage != self._stage:
                self._stage = stage
                self._say(f"{stage}.")
            case Notice(text):
                self._say(f"Note: {text}")
            case TextDelta(text) if exchange.route is not Route.EXTRACT:
                shown = self._shown.add(text)
                self._mid_line = not shown.endswith("\n") if shown else self._mid_line
                sys.stdout.write(shown)
                sys.stdout.flush()


def answer_lines(exchange: Exchange) -> Iterator[str]:
    """What came of a question, in words: the answer in the first line, then places, verdict and claims."""
    if exchange.error is not None:
        yield f"Error: {exchange.error}"
    elif exchange.found_nothing:
        score = exchange.answer.score if exchange.answer else None
        yield "Not in the document" + ("." if score is None else f", {_percent(score)} sure.")
    elif exchange.unsupported and exchange.draft is not None:
        yield "The document does not support an answer."
    else:
        yield f"Answer: {exchange.text.strip()}" if exchange.text.strip() else "No answer."
    if exchange.draft is not None:
        yield f"Draft, not supported by the document: {exchange.draft.strip()}"
    if exchange.status is Status.STOPPED:
        yield "Stopped."
    for place in exchange.places:
        kind_of = "Closest passage" if exchange.found_nothing else "Found in"
        yield f"{kind_of} {_place(place, exchange.document_of(place))}"
    if exchange.verdict is not None:
        yield f"Verdict: {_WORDS[exchange.verdict.label]}."
        for claim in exchange.verdict.claims:
            decided = f" Decided by: {one_line(claim.evidence.text, 300)}" if claim.evidence else ""
            yield f"Claim {_WORDS[claim.label]}: {one_line(claim.text, 300)} ({_shares(claim.probabilities)}).{decided}"
    elif exchange.answer is not None and exchange.answer.verdict_reason:
        yield f"Not checked: {exchange.answer.verdict_reason}"


def _place(place: Evidence, document: Document | None) -> str:
    text = document.text if document is not None else place.text
    start, end = (place.start, place.end) if document is not None else (0, len(text))
    cut = excerpt(text, start, end)
    where = position(text, place.start, place.end, place.page)
    return f"{one_line(place.document, 60)}, {where}: {cut.before}[{cut.span}]{cut.after}"


def _shares(probabilities: Probabilities) -> str:
    shares = (probabilities.entailment, probabilities.neutral, probabilities.contradiction)
    return ", ".join(f"{label} {_percent(share)}" for label, share in zip(Label, shares, strict=True))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} percent"


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
        chat = PlainChat(responder_for(settings), session, settings.max_document_megabytes, settings, responder_for)
        try:
            chat.run()
        finally:
            chat.responder.close()
        if session.is_kept:
            print(f"Saved. To go on with it: assistant --resume {session.id}", file=sys.stderr)  # noqa: T201
    return 0
