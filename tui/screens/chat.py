"""The chat: the conversation, the open documents, the prompt, and what connects them with engine and session."""

from collections import deque
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Markdown

from assistant.conversation import Document, Evidence
from assistant.errors import AssistantError, DocumentError, UsageError
from assistant.history import Status
from assistant.sanitize import one_line
from tui import messages
from tui.commands import matching, parse
from tui.editor import edit
from tui.engine import Engine
from tui.paste import Kind, dropped_file, kind
from tui.screens.chat_commands import CommandRunner
from tui.screens.document import DocumentScreen
from tui.screens.help import HelpScreen
from tui.session import Exchange, Session
from tui.widgets.document_bar import DocumentBar
from tui.widgets.exchange_view import ExchangeView
from tui.widgets.prompt import Prompt
from tui.widgets.status_bar import StatusBar
from tui.widgets.transcript import Transcript
from tui.widgets.welcome import Welcome


@dataclass
class _Paste:
    """The last paste, so that what was made of it can be undone; `document` is None where it went into the question."""

    text: str
    document: Document | None


class ChatScreen(Screen[None]):
    """Where the conversation takes place."""

    AUTO_FOCUS = "#prompt"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop", key_display="esc", id="chat.stop"),
        Binding("ctrl+o", "show_document", "Document", key_display="^o", priority=True, id="chat.document"),
        Binding("ctrl+t", "switch_paste", "Text/document", key_display="^t", priority=True, id="chat.paste"),
        Binding("ctrl+y", "copy_answer", "Copy", show=False, priority=True, id="chat.copy"),
        Binding("f2", "claims", "Claims", show=False, priority=True, id="chat.claims"),
        Binding("ctrl+g", "editor", "Editor", show=False, priority=True, id="chat.editor"),
    ]

    def __init__(self, session: Session, engine: Engine) -> None:
        super().__init__()
        self.session = session
        self.engine = engine
        self.models: str = "loading"  # loading, ready or failed
        self._waiting: deque[Exchange] = deque()
        self._answering: Exchange | None = None
        self._paste: _Paste | None = None
        self._told: str | None = None
        self._suggesting = False
        self._commands = CommandRunner(self)

    def compose(self) -> ComposeResult:
        """From the top: conversation, documents, prompt, status, keys."""
        yield Transcript(self._save)
        yield DocumentBar()
        with Vertical(id="desk"):
            yield Prompt()
        yield StatusBar()
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Show what there is of the conversation and begin to load the models."""
        prompt = self.query_one(Prompt)
        prompt.past = [exchange.question for exchange in self.session.exchanges]
        await self.query_one(Transcript).show(self.session.exchanges)
        await self.show_documents()
        self.engine.load()

    # --- asking and answering

    @on(messages.Submitted)
    async def submit(self, message: messages.Submitted) -> None:
        """Run a command or ask a question."""
        prompt = self.query_one(Prompt)
        try:
            command = parse(message.text)
        except UsageError as error:
            self.say(str(error), error=True)
            return
        prompt.clear_sent(message.text)
        self._paste = None
        self.refresh_bindings()
        if command is None:
            await self.ask(message.text)
        else:
            self.query_one(StatusBar).hush()
            await self._commands.run(*command)

    async def ask(self, question: str) -> None:
        """Ask a question; it waits where the models are not ready or another is being answered."""
        self.query_one(StatusBar).hush()
        exchange = self.session.ask(question)
        self._waiting.append(exchange)
        await self.query_one(Transcript).add(exchange)
        if self.models == "failed":
            self.load_models()
        self._answer_next()
        self._tell_trouble()

    def _answer_next(self) -> None:
        if self.models == "ready" and self._answering is None and self._waiting:
            exchange = self._answering = self._waiting.popleft()
            exchange.status = Status.STREAMING
            self._save(exchange)
            if view := self._view(exchange):
                view.begin()
            self.engine.answer(exchange.number, self.session.turn(exchange))
        for place, exchange in enumerate(self._waiting):
            waits = {"loading": "waiting for the models", "failed": "waiting for the models; /retry loads them again"}
            if view := self._view(exchange):
                view.wait(waits.get(self.models) or ("next" if place == 0 else f"{place} questions before this one"))

    @on(messages.TurnEvent)
    def take_event(self, message: messages.TurnEvent) -> None:
        """Take in what the engine reports of the running answer."""
        if self._answering is not None and message.exchange == self._answering.number:
            self._answering.apply(message.event)

    @on(messages.TurnOver)
    async def turn_over(self, message: messages.TurnOver) -> None:
        """Finish the answer and go on with the next question."""
        exchange = self._answering
        if exchange is None or exchange.number != message.exchange:
            return
        exchange.stop()  # an engine that ended without a word leaves what came
        self._answering = None
        self._save(exchange)
        if view := self._view(exchange):
            await view.finish()
        self._answer_next()

    def _view(self, exchange: Exchange) -> ExchangeView | None:
        return self.query_one(Transcript).view_of(exchange.number)

    def _save(self, exchange: Exchange) -> None:
        self.session.save(exchange)
        self._tell_trouble()

    def action_stop(self) -> None:
        """Stop the running answer; with none, take the last waiting question back into the prompt."""
        if self._answering is not None:
            self.engine.stop()
        elif self._waiting:
            exchange = self._waiting.pop()
            exchange.stop()
            self.query_one(Prompt).fill(exchange.question)
            if view := self._view(exchange):
                self.run_worker(view.finish())

    @property
    def busy(self) -> bool:
        """Whether a question is being answered or waits."""
        return self._answering is not None or bool(self._waiting)

    # --- the models

    def load_models(self) -> None:
        """Load the models, again after a failure; questions wait meanwhile."""
        self.models = "loading"
        self.engine.load()
        self._answer_next()

    @on(messages.ModelsLoading)
    def models_loading(self, message: messages.ModelsLoading) -> None:
        """Show the progress."""
        self.query_one(StatusBar).show_loading(message.progress)

    @on(messages.ModelsReady)
    def models_ready(self) -> None:
        """Answer what waits."""
        self.models = "ready"
        self.query_one(StatusBar).show_ready()
        self._answer_next()

    @on(messages.ModelsFailed)
    def models_failed(self, message: messages.ModelsFailed) -> None:
        """Say why; questions go on waiting."""
        self.models = "failed"
        self.query_one(StatusBar).show_failed(str(message.error))
        self._answer_next()

    # --- documents

    @on(messages.Pasted)
    async def pasted(self, message: messages.Pasted) -> None:
        """Make a document of long prose and of a dropped file; anything else goes into the question."""
        text = message.text.replace("\r\n", "\n").replace("\r", "\n") if "\n" not in message.text else message.text
        if file := dropped_file(text):
            self.open_document(file)
        elif kind(text) is Kind.DOCUMENT and (document := self._as_document(message.text)):
            self._paste = _Paste(message.text, document)
            self.say("Taken as a document · Ctrl+T puts it into the question instead")
        else:
            self.query_one(Prompt).insert(text)
            self._paste = _Paste(text, None) if len(text) > 200 or text.count("\n") > 3 else None
            if self._paste:
                self.say("Put into the question · Ctrl+T makes it a document")
        await self.show_documents()
        self.query_one(Prompt).focus()
        self.refresh_bindings()

    def on_paste(self, event: events.Paste) -> None:
        """A paste while something else than the prompt has the focus."""
        event.stop()
        self.post_message(messages.Pasted(event.text))

    async def action_switch_paste(self) -> None:
        """Undo what was made of the last paste: a document becomes part of the question, or the other way round."""
        prompt, paste = self.query_one(Prompt), self._paste
        if paste is None:
            return
        if paste.document is not None:
            self.session.remove_document(paste.document)
            prompt.insert(paste.text)
            self._paste = _Paste(paste.text, None)
            self.say("Put into the question · Ctrl+T makes it a document")
        elif document := self._as_document(paste.text):
            prompt.fill(prompt.text.replace(paste.text.replace("\r\n", "\n"), "", 1))
            self._paste = _Paste(paste.text, document)
            self.say("Taken as a document · Ctrl+T puts it into the question instead")
        await self.show_documents()

    def _as_document(self, text: str) -> Document | None:
        try:
            return self.session.paste(text)
        except DocumentError as error:
            self.say(str(error), error=True)
            return None

    @work(exclusive=True, group="open", exit_on_error=False)
    async def open_document(self, path: Path) -> None:
        """Read a file and open it as a document."""
        import asyncio

        from assistant.documents.loading import read_document

        self.say(f"Opening {one_line(path.name, 50)} …")
        try:
            document = self.session.add_document(await asyncio.to_thread(read_document, path))
        except AssistantError as error:
            self.say(str(error), error=True)
            return
        pages = f" · {len(document.pages):,} pages" if document.pages else ""
        encoding = f" · read as {document.encoding}" if document.encoding != "utf-8" else ""
        self.say(f"Opened {one_line(document.name, 50)} · {document.words:,} words{pages}{encoding}")
        await self.show_documents()

    @on(messages.CloseDocument)
    async def close_document(self, message: messages.CloseDocument) -> None:
        """Close a document."""
        self.session.remove_document(message.document)
        if self._paste and self._paste.document == message.document:
            self._paste = None
        await self.show_documents()
        self.query_one(Prompt).focus()

    async def show_documents(self) -> None:
        """Show which documents are open."""
        await self.query_one(DocumentBar).show(self.session.documents)
        self.refresh_bindings()
        self._tell_trouble()

    @on(messages.ShowDocument)
    def show_document(self, message: messages.ShowDocument) -> None:
        """Show a document as a whole."""
        self.app.push_screen(DocumentScreen(message.document, message.evidence, message.at))

    @on(messages.ShowEvidence)
    def show_evidence(self, message: messages.ShowEvidence) -> None:
        """Show a piece of evidence in its document."""
        exchange = self.session.exchanges[message.exchange]
        places = _places(exchange)
        if document := exchange.document_of(places[message.at]):
            self.app.push_screen(DocumentScreen(document, places, message.at))

    def action_show_document(self) -> None:
        """Show the evidence of the last answer in its document, or the document opened last."""
        last = next((exchange for exchange in reversed(self.session.exchanges) if _places(exchange)), None)
        if last is not None and last.document_of(_places(last)[0]) is not None:
            self.post_message(messages.ShowEvidence(last.number, 0))
        elif self.session.documents:
            self.post_message(messages.ShowDocument(self.session.documents[-1]))

    # --- the rest

    def say(self, text: str, *, error: bool = False) -> None:
        """Say something to the user in the status line."""
        self._suggesting = False
        self.query_one(StatusBar).say(text, error=error)

    def _tell_trouble(self) -> None:
        if (trouble := self.session.trouble) and trouble != self._told:
            self._told = trouble
            self.say(f"Not saved: {trouble}", error=True)

    def action_claims(self) -> None:
        """Show or hide the claims of the last verdict."""
        for view in reversed(list(self.query(ExchangeView))):
            if view.toggle_claims():
                return

    def action_copy_answer(self) -> None:
        """Copy the last answer."""
        try:
            self.copy(self.last_text())
        except UsageError as error:
            self.say(str(error), error=True)

    def last_text(self) -> str:
        """The text of the last answer.

        Raises:
            UsageError: there is none yet.
        """
        text = next((exchange.text for exchange in reversed(self.session.exchanges) if exchange.text), None)
        if text is None:
            raise UsageError("There is no answer to copy yet.")
        return text

    def copy(self, text: str) -> None:
        """Copy a text and say so."""
        self.app.copy_to_clipboard(text)
        self.say(f"Copied {len(text):,} characters")

    def action_editor(self) -> None:
        """Write the question in the user's editor."""
        prompt = self.query_one(Prompt)
        try:
            prompt.fill(edit(self.app, prompt.text))
        except UsageError as error:
            self.say(str(error), error=True)

    @on(Prompt.Changed)
    def prompt_changed(self, event: Prompt.Changed) -> None:
        """Show which commands the beginning of one may become."""
        fitting = matching(event.text_area.text)
        if fitting:
            self.say("   ".join(f"/{command.name} {command.argument}".strip() for command in fitting))
            self._suggesting = True
        elif self._suggesting:
            self.query_one(StatusBar).hush()
            self._suggesting = False

    @on(Markdown.LinkClicked)
    def link_clicked(self, event: Markdown.LinkClicked) -> None:
        """Links do not open by themselves: the address is copied, for the user to judge."""
        event.stop()
        self.app.copy_to_clipboard(event.href)
        self.say(f"Copied the link {one_line(event.href, 100)}")

    @on(messages.ExampleChosen)
    async def example_chosen(self, message: messages.ExampleChosen) -> None:
        """Try an example of the empty chat."""
        self.query_one(Prompt).focus()
        if message.name == "help":
            self.app.push_screen(HelpScreen())
        elif message.name == "code":
            await self.ask(Welcome.EXAMPLES["code"][1])
        else:
            text = resources.files("tui").joinpath("sample.txt").read_text(encoding="utf-8")
            self.session.add_document(Document("lighthouse.txt", text))
            await self.show_documents()
            await self.ask("When was the lighthouse at Corran Head first lit?")
            self.say("Then try: How tall is the tower?   Or, not in the text: Who owns the lighthouse?")

    def scroll_transcript(self, pages: int) -> None:
        """Scroll the conversation by pages; at its top, show earlier exchanges."""
        transcript = self.query_one(Transcript)
        if pages < 0:
            if transcript.scroll_y <= 0:
                self.run_worker(transcript.show_earlier(), exclusive=True)
            transcript.release_anchor()
            transcript.scroll_page_up(animate=False)
        else:
            transcript.scroll_page_down(animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show keys only where they do something."""
        if action == "switch_paste":
            return self._paste is not None
        if action == "show_document":
            return bool(self.session.documents) or any(map(_places, self.session.exchanges))
        return True

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """As Textual's, but never a widget that has left the screen: a press on one during an update crashes."""
        widget, offset = super().get_widget_and_offset_at(x, y)
        if widget is not None and widget is not self and widget.parent is None:
            return None, None
        return widget, offset


def _places(exchange: Exchange) -> tuple[Evidence, ...]:
    if exchange.evidence:
        return exchange.evidence
    return (exchange.closest,) if exchange.closest is not None else ()
