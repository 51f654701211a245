"""The chat without its screen: what is typed becomes a command or a question, and a view shows what comes of it."""

from collections.abc import Mapping
from importlib import resources

from assistant.errors import AssistantError, UsageError, did_you_mean
from assistant.text import one_line
from assistant.types import Document, Route, TurnSampling
from tui.chat.commands import parse, set_system
from tui.chat.exchange import Exchange
from tui.chat.exporting import export
from tui.chat.opening import named_source
from tui.chat.pasting import dropped_file
from tui.chat.preferences import Preferences
from tui.chat.queue import Models, QuestionQueue, Worker
from tui.chat.retrying import read_retry
from tui.chat.saved import use_saved
from tui.chat.session import Session
from tui.chat.view import ChatView, Handler
from tui.parts import Part

ROUTES = ["auto", *(route.value for route in Route)]


class ChatController:
    """Acts on a conversation.

    Args:
        session: The conversation.
        worker: What answers.
        view: What shows it.
        preferences: The settings in force, with the roles and prompts that are saved in them.
    """

    def __init__(self, session: Session, worker: Worker, view: ChatView, preferences: Preferences) -> None:
        self.session = session
        self.preferences = preferences
        self._worker = worker
        self.queue = QuestionQueue(session, worker, view.view_of, self.save)
        self.editing: Exchange | None = None
        self._view = view
        self._told: str | None = None

    @property
    def commands(self) -> Mapping[str, Handler]:
        """All commands of this chat, by their names."""
        return {
            "open": self._open,
            "close": self._close,
            "route": self._route,
            "windows": self._windows,
            "system": self._system,
            "role": self._role,
            "prompt": self._prompt,
            "retry": self._retry,
            "fork": self._fork_numbered,
            "rename": self._rename,
            "export": self._export,
            "new": self._new,
            **self._view.commands,
        }

    # --- what is typed

    async def submit(self, text: str) -> None:
        """Run a command, open a file whose path is typed, or ask a question; what is wrong with it is said."""
        try:
            if command := parse(text, self.commands):
                await self.run(*command)
            elif file := dropped_file(text):  # a terminal without bracketed paste types the path
                self._view.open_source(str(file))
            elif self.editing is not None:
                await self._ask_edited(self.editing, text)
            else:
                await self.ask(text)
        except AssistantError as error:
            self._view.say(str(error), error=True)

    async def run(self, name: str, argument: str = "") -> None:
        """Run a command; what is wrong with it is said."""
        try:
            if (waits := self.commands[name](argument)) is not None:
                await waits
        except AssistantError as error:
            self._view.say(str(error), error=True)

    async def ask(self, question: str, route: Route | None = None, sampling: TurnSampling | None = None) -> None:
        """Ask a question, the way that is chosen or this one; it waits for the models and for other answers."""
        opened = len(self.session.documents)
        exchange = self.session.ask(question, route, sampling)
        if len(self.session.documents) != opened:
            await self._view.show_documents()
        await self._view.show_exchange(exchange)
        self.queue.add(exchange)
        self.tell_trouble()

    async def try_example(self, name: str) -> None:
        """Try an example of the empty chat: `code`, or `document` and `compare`, which ask about a sample."""
        if name == "code":
            await self.ask("How do I reverse a linked list in Python?")
            return
        text = resources.files("tui").joinpath("sample.txt").read_text(encoding="utf-8")
        self.session.add_document(Document("lighthouse.txt", text))
        await self._view.show_documents()
        if name == "compare":
            for route in (Route.EXTRACT, Route.GROUNDED):
                await self.ask("How tall is the tower?", route)
            self._view.say("/route chooses the way, /compare READER asks other readers")
            return
        await self.ask("When was the lighthouse at Corran Head first lit?")
        self._view.say("Then try: How tall is the tower?   Or, not in the text: Who owns the lighthouse?")

    # --- one exchange

    async def ask_again(
        self, exchange: Exchange, route: Route | None = None, sampling: TurnSampling | None = None
    ) -> None:
        """Ask a question again, perhaps another way or sampled otherwise.

        Raises:
            UsageError: another is being answered.
        """
        self.not_busy()
        await self.ask(exchange.question, route, sampling)

    def edit(self, exchange: Exchange) -> None:
        """Let what is typed next take the place of a question.

        Raises:
            UsageError: another is being answered.
        """
        self.not_busy()
        self.editing = exchange
        self._view.say(f"Changing question {exchange.number + 1}: ⏎ asks it from there on · Esc leaves it as it was")

    async def fork(self, exchange: Exchange) -> None:
        """Go on in a copy of the conversation that ends with this exchange.

        Raises:
            UsageError: a question is being answered.
            HistoryError: the copy could not be saved.
        """
        self.not_busy()
        await self._go_on_in_copy(exchange.number + 1)
        self._view.say("A copy of the conversation, as far as here; the other one is in /history")

    async def _ask_edited(self, exchange: Exchange, question: str) -> None:
        """Ask a changed question in a copy of the conversation from before it; the conversation itself is kept."""
        self.not_busy()
        documents = self.session.documents
        await self._go_on_in_copy(exchange.number)
        for document in documents:
            self.session.add_document(document)
        await self._view.show_documents()
        await self.ask(question)
        self._view.say("The conversation as it was is kept: /history")

    async def _go_on_in_copy(self, turns: int) -> None:
        self.session.fork(turns)
        await self.show_conversation()

    async def show_conversation(self, last: int | None = None) -> None:
        """Show the session's conversation, from its end or so that this exchange is the last that is seen."""
        self.editing = None
        await self._view.show_conversation(last)

    async def resume(self, conversation: str, message: int | None = None) -> None:
        """Go on with another conversation, shown as far as this message.

        Raises:
            HistoryError: there is none, or the history cannot be read.
        """
        self.session.resume(conversation)
        exchanges = self.session.exchanges if message is not None else []
        at = next(
            (exchange.number for exchange in exchanges if message in (exchange.question_id, exchange.saved)), None
        )
        await self.show_conversation(at)

    def numbered(self, command: str, argument: str = "") -> Exchange:
        """The exchange with the number that follows a command, counted from 1, or the last.

        Raises:
            UsageError: there is none.
        """
        exchanges = self.session.exchanges
        if not exchanges:
            raise UsageError(f"Nothing was asked yet; /{command} needs a question.")
        if not argument:
            return exchanges[-1]
        if not (argument.isascii() and argument.isdigit() and 0 < int(argument) <= len(exchanges)):
            raise UsageError(f"/{command} takes the number of a question, 1 to {len(exchanges)}, or none for the last.")
        return exchanges[int(argument) - 1]

    def not_busy(self, then: str = "") -> None:
        """See to it that no answer is on its way.

        Raises:
            UsageError: one is; the message says what can be done then.
        """
        if self.queue.busy:
            raise UsageError(f"An answer is on its way; Esc stops it{', then ' + then if then else ''}.")

    # --- what is kept

    def save(self, exchange: Exchange) -> None:
        """Save an exchange as far as it has come."""
        self.session.save(exchange)
        self.tell_trouble()

    def tell_trouble(self) -> None:
        """Say once that the conversation cannot be saved, where it cannot."""
        if (trouble := self.session.trouble) and trouble != self._told:
            self._told = trouble
            self._view.say(f"Not saved: {trouble}", error=True)

    # --- the commands

    def _open(self, argument: str) -> None:
        if not argument:
            raise UsageError("/open needs the name of a file, a folder or a pattern, for example /open notes.txt")
        self._view.open_source(str(dropped_file(argument) or named_source(argument)))

    async def _close(self, argument: str) -> None:
        documents = self.session.documents
        exact = [document for document in documents if document.name == argument]
        closing = exact or [document for document in documents if argument.lower() in document.name.lower()]
        if not documents:
            raise UsageError("No document is open.")
        if not closing:
            names = [document.name for document in documents]
            raise UsageError(f"{one_line(argument, 40)} is not open; {did_you_mean(argument, names)}")
        if argument and len(closing) > 1:
            raise UsageError(f"{len(closing)} open documents are called that; write more of the name.")
        for document in closing:
            self.session.remove_document(document)
        await self._view.show_documents()

    def _route(self, argument: str) -> None:
        if argument not in ROUTES:
            wrong = f"{one_line(argument, 40)} is no route; " if argument else "/route needs a route; "
            raise UsageError(wrong + did_you_mean(argument, ROUTES))
        self.session.route = None if argument == "auto" else Route(argument)
        self._view.show_route()
        self._view.say(f"Questions now go the {argument} way")

    def _windows(self, argument: str) -> None:
        if argument != "all" and not (argument.isascii() and argument.isdigit() and 0 < int(argument) < 1_000_000):
            raise UsageError("/windows needs a number or all, for example /windows 50")
        self.session.windows = 0 if argument == "all" else int(argument)
        whole = "all windows" if argument == "all" else f"the {argument} most promising windows"
        self._view.say(f"Questions about a long document now read {whole} of it")

    def _system(self, argument: str) -> None:
        self._view.say(set_system(self.session, argument))

    def _role(self, argument: str) -> None:
        """Take a role, save one, take one out, or say which there are."""

        def told() -> str:
            if self.session.system is None:
                raise UsageError("Say what the model is told with /system TEXT first; /role save NAME then keeps it.")
            return self.session.system

        def take(text: str) -> None:
            self._view.say(set_system(self.session, text))

        if argument == "default":
            take(argument)
        elif (done := use_saved("roles", self.preferences, argument, told, take)) is not None:
            self._view.say(done)

    def _prompt(self, argument: str) -> None:
        """Offer a saved prompt, save the last question as one, take one out, or say which there are."""

        def last_question() -> str:
            return self.numbered("prompt").question

        if (done := use_saved("prompts", self.preferences, argument, last_question, self._view.offer)) is not None:
            self._view.say(done)

    async def _retry(self, argument: str) -> None:
        wanted = read_retry(argument)
        if self.queue.models is Models.FAILED and not argument:
            self.queue.load()
            return
        await self.ask_again(self.numbered("retry", wanted.number), wanted.route, wanted.sampling)

    async def _fork_numbered(self, argument: str) -> None:
        await self.fork(self.numbered("fork", argument))

    def _rename(self, argument: str) -> None:
        if not argument:
            self._ask_for_title()
            return
        self.session.rename(argument)
        self._view.say(f"This conversation is now called {self.session.title}")

    def _ask_for_title(self) -> None:
        """Have the model make a title."""
        self.not_busy("/rename makes a title")
        if self.queue.parts[Part.GENERATOR] is not Models.READY or not (messages := self.session.messages):
            raise UsageError("There is nothing to title yet: ask something first, or name the title: /rename TITLE")
        self._view.say("The model is asked for a title …")
        self._worker.title(messages)

    def title_made(self, question: str, title: str | None, *, asked: bool) -> None:
        """Take the model's title; what a person has named keeps its name unless they asked for another."""
        try:
            if asked and title is None:
                raise UsageError("The model has made no title; name one: /rename TITLE")
            if title is not None and asked:
                self._rename(title)
            elif title is not None:
                self.session.take_title(question, title)
        except AssistantError as error:
            if asked:
                self._view.say(str(error), error=True)

    def _export(self, argument: str) -> None:
        self._view.say(f"Written to {one_line(str(export(self.session, argument)), 80)}")

    async def _new(self, argument: str) -> None:
        self.not_busy("/new begins a new conversation")
        self.session.new()
        await self.show_conversation()
