"""The chat on screen: its keys, and what comes of what the widgets and the worker report."""

import gc
from collections.abc import Callable, Mapping
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Markdown

from assistant.errors import AssistantError, UsageError
from assistant.text import one_line
from assistant.types import Evidence
from tui import messages
from tui.chat.completion import suggestions
from tui.chat.controller import ChatController
from tui.chat.preferences import Preferences
from tui.chat.queue import Models
from tui.chat.session import Session
from tui.chat.view import Handler
from tui.chat.worker import ModelWorker
from tui.parts import Part
from tui.screens.commands import ScreenCommands
from tui.screens.display import ChatDisplay
from tui.screens.document import DocumentScreen
from tui.screens.text import TextScreen
from tui.terminal.editor import edit
from tui.terminal.idle_gc import IdleGarbageCollector
from tui.widgets.composer import Composer
from tui.widgets.prompt import Prompt
from tui.widgets.status_bar import StatusBar
from tui.widgets.suggestions import Suggestions
from tui.widgets.transcript import Transcript


class ChatScreen(ChatDisplay):
    """Where the conversation takes place."""

    AUTO_FOCUS = "#prompt"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop", key_display="esc", id="chat.stop"),
        Binding("ctrl+o", "show_document", "Document", key_display="^o", priority=True, id="chat.document"),
        Binding("ctrl+t", "switch_paste", "Text/document", key_display="^t", priority=True, id="chat.paste"),
        Binding("ctrl+r", "command('history')", "History", key_display="^r", priority=True, id="chat.history"),
        Binding("ctrl+y", "command('copy')", "Copy", show=False, priority=True, id="chat.copy"),
        Binding("f2", "claims", "Claims", show=False, priority=True, id="chat.claims"),
        Binding("f3", "offer('/role ')", "Role", show=False, priority=True, id="chat.role"),
        Binding("f4", "offer('/prompt ')", "Prompt", show=False, priority=True, id="chat.prompt"),
        Binding("f6", "command('copy', 'code')", "Copy code", show=False, priority=True, id="chat.code"),
        Binding("f7", "command('run')", "Run", show=False, priority=True, id="chat.run"),
        Binding("f8", "command('editor')", "Evidence", show=False, priority=True, id="chat.evidence"),
        Binding("f9", "vary", "Parameters", show=False, priority=True, id="chat.vary"),
        Binding("ctrl+l", "command('rename')", "Title", show=False, priority=True, id="chat.title"),
        Binding("ctrl+g", "editor", "Editor", show=False, priority=True, id="chat.editor"),
    ]

    def __init__(self, session: Session, worker: ModelWorker, preferences: Preferences) -> None:
        super().__init__()
        self.preferences = preferences
        self.session = session
        self.worker = worker
        self.controller = ChatController(session, worker, self, preferences)
        self.idle_collector = IdleGarbageCollector(
            self, lambda: self.controller.queue.busy, lambda: self.composer.prompt.last_key
        )
        self._commands = ScreenCommands(self, self.controller, preferences, worker)

    def compose(self) -> ComposeResult:
        """From the top: conversation, documents and prompt, status, keys."""
        yield Transcript(self.controller.save, self.idle_collector.later)
        yield Composer(self.session, self.preferences)
        yield StatusBar()
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Show what there is of the conversation and begin to load the models."""
        await self.show_conversation()
        self.controller.queue.load()

    # --- asking and answering

    @on(messages.Submitted)
    async def submit(self, message: messages.Submitted) -> None:
        """Run a command or ask a question."""
        self.composer.sent()
        self.refresh_bindings()
        self.hush()
        await self.controller.submit(message.text)

    def on_key(self, event: events.Key) -> None:
        """A character that means nothing where the focus is begins a question, or goes on with one."""
        prompt = self.composer.prompt
        if event.is_printable and event.character and not prompt.has_focus and event.key not in self.active_bindings:
            event.stop()
            prompt.focus()
            prompt.insert(event.character)

    @on(messages.TurnEvent)
    def take_event(self, message: messages.TurnEvent) -> None:
        """Take in what the worker reports of the running answer."""
        self.controller.queue.take(message.exchange, message.event)

    @on(messages.TurnOver)
    async def turn_over(self, message: messages.TurnOver) -> None:
        """Finish the answer and go on with the next question."""
        await self.controller.queue.over(message.exchange)
        self.idle_collector.later()
        self.refresh_bindings()

    def action_stop(self) -> None:
        """Leave off editing, or stop the answer; with none, take the last waiting question back into the prompt."""
        if self.controller.editing is not None:
            self.controller.editing = None
            self.composer.prompt.fill("")
            self.hush()
        elif self.composer.stop_opening():
            pass  # the composer says so
        elif exchange := self.controller.queue.stop():
            self.composer.prompt.lend(exchange.question)
            if view := self.view_of(exchange.number):
                self.run_worker(view.finish())

    # --- the models

    @on(messages.ModelsLoading)
    def models_loading(self, message: messages.ModelsLoading) -> None:
        """Show the progress."""
        if self.controller.queue.models is not Models.FAILED:  # which stays to be read
            self.status.show_loading(message.progress, message.part)

    @on(messages.ModelsNotice)
    def models_notice(self, message: messages.ModelsNotice) -> None:
        """Say it, until the next key is sent."""
        self.say(message.text)

    @on(messages.PartReady)
    def part_ready(self, message: messages.PartReady) -> None:
        """Answer what waits and needs no more."""
        if message.part is Part.GENERATOR:
            self._commands.generator = message.generator
        self.controller.queue.loaded(Models.READY, message.part)
        if self.controller.queue.models is Models.READY:
            self._all_ready()
        elif self.controller.queue.models is Models.LOADING:
            self.status.show_part(message.part)

    @on(messages.TitleMade)
    def title_made(self, message: messages.TitleMade) -> None:
        """Take the title."""
        self.controller.title_made(message.question, message.title, asked=message.asked)

    @on(messages.ModelsReady)
    def models_ready(self, message: messages.ModelsReady) -> None:
        """Answer what waits."""
        self._commands.generator = message.generator
        self.controller.queue.loaded(Models.READY)
        self._all_ready()

    def _all_ready(self) -> None:
        gc.freeze()  # what the models are made of stays, and need not be looked at again
        self.status.show_ready(self._commands.generator)

    @on(messages.ModelsFailed)
    def models_failed(self, message: messages.ModelsFailed) -> None:
        """Say why; questions that need them go on waiting."""
        self.status.show_failed(str(message.error))
        self.controller.queue.loaded(Models.FAILED, message.part)

    # --- documents and evidence

    @on(messages.DocumentsChanged)
    def documents_changed(self) -> None:
        """Offer the keys that fit."""
        self.refresh_bindings()
        self.controller.tell_trouble()

    def on_paste(self, event: events.Paste) -> None:
        """A paste while something else than the prompt has the focus."""
        event.stop()
        self.composer.post_message(messages.Pasted(event.text))

    async def action_switch_paste(self) -> None:
        """Make the other thing of the last paste."""
        await self.composer.switch_paste()

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
        self.open_evidence(self.session.exchanges[message.exchange], message.at)

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
            self.composer.prompt.focus()

    @on(messages.ExchangeAction)
    async def exchange_action(self, message: messages.ExchangeAction) -> None:
        """Do something with one exchange."""
        self.hush()
        try:
            await self._commands.act(message.action, self.session.exchanges[message.exchange])
        except AssistantError as error:
            self.say(str(error), error=True)

    def action_claims(self) -> None:
        """Show or hide the claims of the last verdict on screen."""
        next((view for view in reversed(self.transcript.views) if view.toggle_claims()), None)

    async def action_command(self, name: str, argument: str = "") -> None:
        """Run a slash command by a key."""
        await self.controller.run(name, argument)

    def action_offer(self, text: str) -> None:
        """Begin a command by a key."""
        self.offer(text)

    def action_vary(self) -> None:
        """Offer the last question with its parameters, to be changed."""
        if exchanges := self.session.exchanges:
            self.offer(self._commands.retry_line(exchanges[-1]))

    def runs(self, name: str) -> Callable[[], object]:
        """What runs a slash command from the palette."""
        return lambda: self.run_worker(self.controller.run(name))

    @property
    def commands(self) -> Mapping[str, Handler]:
        """The commands that need a screen."""
        return self._commands.handlers

    # --- the rest

    @on(messages.SayLines)
    def said_lines(self, message: messages.SayLines) -> None:
        """A part of the screen has more to say than the status line holds."""
        self.app.push_screen(TextScreen(message.heading, message.text), self._copy_lines)

    def _copy_lines(self, text: str | None) -> None:
        if text:
            self.copy(text)

    @on(messages.Say)
    def said(self, message: messages.Say) -> None:
        """A part of the screen has something to say."""
        self.say(message.text, error=message.error)

    def action_editor(self) -> None:
        """Write the question in the user's editor."""
        prompt = self.composer.prompt
        try:
            prompt.fill(edit(self.app, prompt.text))
        except UsageError as error:
            self.say(str(error), error=True)

    @on(Prompt.Changed)
    def prompt_changed(self, event: Prompt.Changed) -> None:
        """Show what the beginning of a command may become, and more of the answer once the key is on the screen."""
        typed = "" if self.composer.prompt.recalling else event.text_area.text
        self.query_one(Suggestions).show(suggestions(typed, self._commands.choices))
        self.call_after_refresh(self._key_shown)

    async def _key_shown(self) -> None:
        running = self.controller.queue.current
        if running is not None and (view := self.view_of(running.number)):
            await view.key_shown()

    @on(Markdown.LinkClicked)
    def link_clicked(self, event: Markdown.LinkClicked) -> None:
        """Links do not open by themselves: the address is copied, for the user to judge."""
        event.stop()
        self.copy(event.href, f"the link {one_line(event.href, 100)}")

    @on(messages.ExampleChosen)
    async def example_chosen(self, message: messages.ExampleChosen) -> None:
        """Try an example of the empty chat."""
        self.composer.prompt.focus()
        if message.name == "help":
            await self.app.run_action("help")
        else:
            await self.controller.try_example(message.name)

    def action_scroll_transcript(self, pages: int) -> None:
        """Scroll the conversation while the prompt keeps the focus."""
        self.transcript.scroll_pages(pages)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show keys only where they do something."""
        if action == "switch_paste":
            return self.composer.can_switch_paste
        if action == "show_document":
            return bool(self.session.documents) or any(exchange.places for exchange in self.session.exchanges)
        return True
