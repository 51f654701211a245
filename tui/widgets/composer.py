"""What the next question is made of: the open documents, what was pasted, and the prompt."""

import threading
import time
from dataclasses import dataclass

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Vertical

from assistant.errors import AssistantError, DocumentError
from assistant.text import counted, one_line
from assistant.types import Document
from tui import messages
from tui.chat.opening import Opened, read_source
from tui.chat.pasting import PasteKind, dropped_file, kind
from tui.chat.preferences import Preferences
from tui.chat.session import Session
from tui.widgets.document_bar import DocumentBar
from tui.widgets.prompt import Prompt
from tui.widgets.suggestions import Suggestions

_TO_QUESTION = "Taken as a document · Ctrl+T puts it into the question instead"
_TO_DOCUMENT = "Put into the question · Ctrl+T makes it a document"
_TOLD_EVERY = 0.3  # seconds
_WORTH_UNDOING = (200, 3)  # characters, line ends


@dataclass
class _Paste:
    """The last paste, so that what was made of it can be undone; `document` is None where it went into the question."""

    text: str
    document: Document | None


class Composer(Vertical):
    """Documents, suggestions and prompt.

    Args:
        session: Keeps the documents.
        preferences: The settings in force; they say how large a document may be.
    """

    def __init__(self, session: Session, preferences: Preferences) -> None:
        super().__init__(id="composer")
        self._session = session
        self._preferences = preferences
        self._paste: _Paste | None = None
        self._stop_opening: threading.Event | None = None

    def compose(self) -> ComposeResult:
        """From the top: documents, what a command may become, prompt."""
        suggestions = Suggestions()
        yield DocumentBar()
        yield suggestions
        yield Prompt(suggestions)

    @property
    def prompt(self) -> Prompt:
        """Where the user writes."""
        return self.query_one(Prompt)

    @property
    def can_switch_paste(self) -> bool:
        """Whether there is a paste to make something else of."""
        return self._paste is not None

    def sent(self) -> None:
        """The question is on its way: the last paste cannot be undone any more."""
        self._paste = None

    @on(messages.Pasted)
    async def pasted(self, message: messages.Pasted) -> None:
        """Make a document of long prose and of a dropped file; anything else goes into the question."""
        # Terminals make a carriage return of every line end that is pasted: those were none of the text's own.
        text = message.text if "\n" in message.text else message.text.replace("\r", "\n")
        if file := dropped_file(text):
            self.open_source(str(file))
        elif kind(text) is PasteKind.DOCUMENT and (document := self._as_document(text)):
            self._paste = _Paste(text, document)
            self._say(_TO_QUESTION)
        else:
            self.prompt.insert(text)
            worth = len(text) > _WORTH_UNDOING[0] or text.count("\n") > _WORTH_UNDOING[1]
            self._paste = _Paste(text, None) if worth else None
            if self._paste:
                self._say(_TO_DOCUMENT)
        await self.show_documents()
        self.prompt.focus()

    def on_paste(self, event: events.Paste) -> None:
        """A paste while something else here than the prompt has the focus."""
        event.stop()
        self.post_message(messages.Pasted(event.text))

    async def switch_paste(self) -> None:
        """Undo what was made of the last paste: a document becomes part of the question, or the other way round."""
        paste = self._paste
        if paste is None:
            return
        if paste.document is not None:
            self._session.remove_document(paste.document)
            self.prompt.insert(paste.text)
            self._paste = _Paste(paste.text, None)
            self._say(_TO_DOCUMENT)
        elif document := self._as_document(paste.text):
            self.prompt.fill(self.prompt.text.replace(paste.text.replace("\r\n", "\n"), "", 1))
            self._paste = _Paste(paste.text, document)
            self._say(_TO_QUESTION)
        await self.show_documents()

    def _as_document(self, text: str) -> Document | None:
        try:
            return self._session.paste(text)
        except DocumentError as error:
            self._say(str(error), error=True)
            return None

    @work(exclusive=True, group="open", exit_on_error=False)
    async def open_source(self, source: str) -> None:
        """Read a file, a folder or what a pattern fits, open what can be read, and say what cannot."""
        import asyncio

        shown = one_line(source.rstrip("/").rpartition("/")[2] or source, 50)
        self._say(f"Opening {shown} …")
        stop = self._stop_opening = threading.Event()
        told = 0.0

        def tell(done: int, total: int) -> None:
            nonlocal told
            if not stop.is_set() and (now := time.monotonic()) - told > _TOLD_EVERY:
                told = now
                self._say(f"Opening {shown} … {done:,} of {total:,} · Esc stops")

        try:
            largest = self._preferences.settings.max_document_megabytes
            opened = await asyncio.to_thread(read_source, source, largest, tell, stop)
        except AssistantError as error:
            self._say(str(error), error=True)
            return
        finally:
            stop.set()  # another one is opened in its place, or the app is left
        documents = self._session.add_documents(opened.documents)
        self._say(str(Opened(documents, opened.lines)))
        if len(opened.lines) > 1:
            self.post_message(messages.SayLines(f"Opened {counted(len(documents), 'document')}", opened.lines))
        await self.show_documents()

    def stop_opening(self) -> bool:
        """Stop reading what is being opened; whether there was something."""
        if self._stop_opening is None or self._stop_opening.is_set():
            return False
        self._stop_opening.set()
        return True

    @on(messages.CloseDocument)
    async def close_document(self, message: messages.CloseDocument) -> None:
        """Close a document."""
        self._session.remove_document(message.document)
        if self._paste and self._paste.document == message.document:
            self._paste = None
        await self.show_documents()
        self.prompt.focus()

    async def show_documents(self) -> None:
        """Show which documents are open."""
        await self.query_one(DocumentBar).show(self._session.documents)
        self.post_message(messages.DocumentsChanged())

    def _say(self, text: str, *, error: bool = False) -> None:
        self.post_message(messages.Say(text, error))
