"""The chat: the conversation, the desk with documents and prompt, and what connects them with engine and session."""

import gc
from collections.abc import Callable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Markdown

from assistant.errors import UsageError
from assistant.text import counted, one_line
from assistant.types import Evidence, Route
from tui import messages
from tui.chat.commands import parse
from tui.chat.completion import suggestions
from tui.chat.pasting import dropped_file
from tui.chat.preferences import Preferences
from tui.chat.queue import Answering, Models
from tui.chat.session import Exchange, Session
from tui.chat.worker import Engine
from tui.screens.chat_commands import CommandRunner
from tui.screens.document import DocumentScreen
from tui.screens.examples import try_example
from tui.terminal.editor import edit
from tui.terminal.idle_gc import Tidying
from tui.widgets.desk import Desk
from tui.widgets.exchange_view import ExchangeView
from tui.widgets.prompt import Prompt
from tui.widgets.status_bar import StatusBar
from tui.widgets.suggestions import Suggestions
from tui.widgets.transcript import Transcript


class ChatScreen(Screen[None]):
    """Where the conversation takes place."""

    AUTO_FOCUS = "#prompt"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop", key_display="esc", id="chat.stop"),
        Binding("ctrl+o", "show_document", "Document", key_display="^o", priority=True, id="chat.document"),
        Binding("ctrl+t", "switch_paste", "Text/document", key_display="^t", priority=True, id="chat.paste"),
        Binding("ctrl+r", "command('history')", "History", key_display="^r", priority=True, id="chat.history"),
        Binding("ctrl+y", "copy_answer", "Copy", show=False, priority=True, id="chat.copy"),
        Binding("f2", "claims", "Claims", show=False, priority=True, id="chat.claims"),
        Binding("ctrl+g", "editor", "Editor", show=False, priority=True, id="chat.editor"),
    ]

    def __init__(self, session: Session, engine: Engine, preferences: Preferences) -> None:
        super().__init__()
        self.preferences = preferences
        self.session = session
        self.engine = engine
        self.answering = Answering(session, engine, self._view, self._save)
        self.tidying = Tidying(self, lambda: self.answering.busy, lambda: self.desk.prompt.last_key)
        self.editing: Exchange | None = None
        self.generator: str | None = None
        self._told: str | None = None
        self._commands = CommandRunner(self)

    def compose(self) -> ComposeResult:
        """From the top: conversation, documents and prompt, status, keys."""
        yield Transcript(self._save, self.tidying.later)
        yield Desk(self.session, self.preferences)
        yield StatusBar()
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Show what there is of the conversation and begin to load the models."""
        await self.show_conversation()
        self.answering.load()

    @property
    def desk(self) -> Desk:
        """Documents and prompt."""
        return self.query_one(Desk)

    @property
    def transcript(self) -> Transcript:
        """The conversation on screen."""
        return self.query_one(Transcript)

    @property
    def status(self) -> StatusBar:
        """The line that says how things are."""
        return self.query_one(StatusBar)

    async def show_conversation(self, last: int | None = None) -> None:
        """Show the session's conversation, from its end or so that this exchange is the last on screen."""
        self.editing = None
        self.desk.prompt.past = [exchange.question for exchange in self.session.exchanges]
        await self.transcript.show(self.session.exchanges, last)
        self.tidying.later()
        await self.desk.show_documents()

    # --- asking and answering

    @on(messages.Submitted)
    async def submit(self, message: messages.Submitted) -> None:
        """Run a command or ask a question."""
        command = parse(message.text)
        self.desk.sent()
        self.refresh_bindings()
        self.hush()
        if command is not None:
            await self._commands.run(*command)
        elif file := dropped_file(message.text):  # a terminal without bracketed paste types the path
            self.desk.open_file(file)
        elif self.editing is not None:
            await self._commands.ask_edited(self.editing, message.text)
        else:
            await self.ask(message.text)

    async def ask(self, question: str, route: Route | None = None) -> None:
        """Ask a question, the way that is chosen or this one; it waits for the models and for other answers."""
        opened = len(self.session.documents)
        exchange = self.session.ask(question, route)
        if len(self.session.documents) != opened:
            await self.desk.show_documents()
        await self.transcript.add(exchange)
        self.answering.add(exchange)
        self._tell_trouble()

    def on_key(self, event: events.Key) -> None:
        """A character that means nothing where the focus is begins a question, or goes on with one."""
        prompt = self.desk.prompt
        if event.is_printable and event.character and not prompt.has_focus and event.key not in self.active_bindings:
            event.stop()
            prompt.focus()
            prompt.insert(event.character)

    @on(messages.TurnEvent)
    def take_event(self, message: messages.TurnEvent) -> None:
        """Take in what the engine reports of the running answer."""
        self.answering.take(message.exchange, message.event)

    @on(messages.TurnOver)
    async def turn_over(self, message: messages.TurnOver) -> None:
        """Finish the answer and go on with the next question."""
        await self.answering.over(message.exchange)
        self.tidying.later()
        self.refresh_bindings()

    def action_stop(self) -> None:
        """Leave off editing, or stop the answer; with none, take the last waiting question back into the prompt."""
        if self.editing is not None:
            self.editing = None
            self.desk.prompt.fill("")
            self.hush()
        elif exchange := self.answering.stop():
            self.desk.prompt.lend(exchange.question)
            if view := self._view(exchange.number):
                self.run_worker(view.finish())

    def _view(self, number: int) -> ExchangeView | None:
        return self.transcript.view_of(number)

    def _save(self, exchange: Exchange) -> None:
        self.session.save(exchange)
        self._tell_trouble()

    # --- the models

    @on(messages.ModelsLoading)
    def models_loading(self, message: messages.ModelsLoading) -> None:
        """Show the progress."""
        self.status.show_loading(message.progress)

    @on(messages.ModelsNotice)
    def models_notice(self, message: messages.ModelsNotice) -> None:
        """Say it, until the next key is sent."""
        self.say(message.text)

    @on(messages.ModelsReady)
    def models_ready(self, message: messages.ModelsReady) -> None:
        """Answer what waits."""
        self.generator = message.generator
        gc.freeze()  # what the models are made of stays, and need not be looked at again
        self.status.show_ready(message.generator)
        self.answering.loaded(Models.READY)

    @on(messages.ModelsFailed)
    def models_failed(self, message: messages.ModelsFailed) -> None:
        """Say why; questions go on waiting."""
        self.status.show_failed(str(message.error))
        self.answering.loaded(Models.FAILED)

    # --- documents and evidence

    @on(messages.DocumentsChanged)
    def documents_changed(self) -> None:
        """Offer the keys that fit."""
        self.refresh_bindings()
        self._tell_trouble()

    def on_paste(self, event: events.Paste) -> None:
        """A paste while something else than the prompt has the focus."""
        event.stop()
        self.desk.post_message(messages.Pasted(event.text))

    async def action_switch_paste(self) -> None:
        """Make the other thing of the last paste."""
        await self.desk.switch_paste()

    @on(messages.ShowDocument)
    def show_document(self, message: messages.ShowDocument) -> None:
        """Show a document as a whole, with all that was found in it so far."""
        places: dict[Evidence, None] = {}
        for exchange in self.session.exchanges:
            places |= dict.fromkeys(place for place in exchange.evidence if exchange.document_of(place))
        self.app.push_screen(DocumentScreen(message.document, tuple(places)))

    @on(messages.ShowEvidence)
    def show_evidence(self, message: messages.ShowEvidence) -> None:
        """Show a piece of evidence in its document."""
        self.show_evidence_of(self.session.exchanges[message.exchange], message.at)

    def show_evidence_of(self, exchange: Exchange, at: int) -> None:
        """Show one of an exchange's places in its document."""
        if document := exchange.document_of(exchange.places[at]):
            self.app.push_screen(DocumentScreen(document, exchange.places, at))

    def action_show_document(self) -> None:
        """Show the evidence of the last answer in its document, or the document opened last."""
        last = next((exchange for exchange in reversed(self.session.exchanges) if exchange.places), None)
        if last is not None and last.document_of(last.places[0]) is not None:
            self.post_message(messages.ShowEvidence(last.number, 0))
        elif self.session.documents:
            self.post_message(messages.ShowDocument(self.session.documents[-1]))

    # --- the exchanges, by keyboard

    @on(messages.FocusExchange)
    async def focus_exchange(self, message: messages.FocusExchange) -> None:
        """Go from exchange to exchange; below the last, back to the prompt."""
        if not message.step or not await self.transcript.focus_from(message.step):
            self.desk.prompt.focus()

    @on(messages.ExchangeAction)
    async def exchange_action(self, message: messages.ExchangeAction) -> None:
        """Do something with one exchange."""
        self.hush()
        await self._commands.do(message.action, self.session.exchanges[message.exchange])

    def action_claims(self) -> None:
        """Show or hide the claims of the last verdict on screen."""
        next((view for view in reversed(self.transcript.views) if view.toggle_claims()), None)

    async def action_copy_answer(self) -> None:
        """Copy the last answer."""
        await self._commands.run("copy", "")

    async def action_command(self, name: str) -> None:
        """Run a slash command by a key."""
        await self._commands.run(name, "")

    def runs(self, name: str) -> Callable[[], object]:
        """What runs a slash command from the palette."""
        return lambda: self.run_worker(self._commands.run(name, ""))

    # --- the rest

    def say(self, text: str, *, error: bool = False) -> None:
        """Say something to the user in the status line."""
        self.status.say(text, error=error)

    def hush(self) -> None:
        """Take back what was said."""
        self.status.hush()

    @on(messages.Say)
    def said(self, message: messages.Say) -> None:
        """A part of the screen has something to say."""
        self.say(message.text, error=message.error)

    def _tell_trouble(self) -> None:
        if (trouble := self.session.trouble) and trouble != self._told:
            self._told = trouble
            self.say(f"Not saved: {trouble}", error=True)

    def copy(self, text: str, what: str = "") -> None:
        """Copy a text and say so."""
        self.app.copy_to_clipboard(text)
        self.say(f"Copied {what or counted(len(text), 'character')}")

    def action_editor(self) -> None:
        """Write the question in the user's editor."""
        prompt = self.desk.prompt
        try:
            prompt.fill(edit(self.app, prompt.text))
        except UsageError as error:
            self.say(str(error), error=True)

    @on(Prompt.Changed)
    def prompt_changed(self, event: Prompt.Changed) -> None:
        """Show what the beginning of a command may become, and more of the answer once the key is on the screen."""
        typed = "" if self.desk.prompt.recalling else event.text_area.text
        self.query_one(Suggestions).show(suggestions(typed, self._commands.choices))
        self.call_after_refresh(self.answering.key_shown)

    @on(Markdown.LinkClicked)
    def link_clicked(self, event: Markdown.LinkClicked) -> None:
        """Links do not open by themselves: the address is copied, for the user to judge."""
        event.stop()
        self.copy(event.href, f"the link {one_line(event.href, 100)}")

    @on(messages.ExampleChosen)
    async def example_chosen(self, message: messages.ExampleChosen) -> None:
        """Try an example of the empty chat."""
        self.desk.prompt.focus()
        await try_example(self, message.name)

    def action_scroll_transcript(self, pages: int) -> None:
        """Scroll the conversation while the prompt keeps the focus."""
        self.transcript.scroll_pages(pages)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show keys only where they do something."""
        if action == "switch_paste":
            return self.desk.can_switch_paste
        if action == "show_document":
            return bool(self.session.documents) or any(exchange.places for exchange in self.session.exchanges)
        return True

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """As Textual's, but never a widget that has left the screen: a press on one during an update crashes."""
        widget, offset = super().get_widget_and_offset_at(x, y)
        if widget is not None and widget is not self and widget.parent is None:
            return None, None
        return widget, offset
