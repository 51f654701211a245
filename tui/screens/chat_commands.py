"""What the slash commands of the chat do."""

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from assistant.errors import AssistantError, UsageError
from assistant.text import one_line
from assistant.types import Route, Turn
from tui.chat.commands import nearest, set_system
from tui.chat.exporting import export
from tui.chat.pasting import dropped_file
from tui.chat.queue import Models
from tui.chat.session import Exchange
from tui.screens.chat_view import ChatView
from tui.screens.compare import CompareScreen
from tui.screens.conversations import ConversationsScreen
from tui.screens.exchange_actions import ExchangeActions
from tui.screens.models import ModelsScreen
from tui.screens.settings import SettingsScreen

_ROUTES = ["auto", *(route.value for route in Route)]


class CommandRunner:
    """Runs the slash commands on a chat."""

    def __init__(self, chat: ChatView) -> None:
        self._chat = chat
        self._actions = ExchangeActions(chat)

    @property
    def choices(self) -> Mapping[str, Callable[[], list[str]]]:
        """By command, what may follow it."""
        return {
            "route": lambda: _ROUTES,
            "retry": lambda: list(Route),
            "windows": lambda: ["all"],
            "copy": lambda: ["code"],
            "close": lambda: [document.name for document in self._chat.session.documents],
            "theme": lambda: sorted(self._chat.app.available_themes),
        }

    async def run(self, name: str, argument: str) -> None:  # noqa: PLR0912  (one way for each command)
        """Run a command; what is wrong with it is said in the status line."""
        try:
            match name:
                case "open":
                    self._open(argument)
                case "close":
                    await self._close(argument)
                case "route":
                    self._route(argument)
                case "windows":
                    self._windows(argument)
                case "system":
                    self._chat.say(set_system(self._chat.session, argument))
                case "compare":
                    self._compare(argument)
                case "copy":
                    self._copy(argument)
                case "retry":
                    await self._retry(argument)
                case "edit" | "fork":
                    await self._actions.do(name, self._numbered(name, argument))
                case "rename":
                    self._rename(argument)
                case "export":
                    self._export(argument)
                case "new":
                    await self._new()
                case "history":
                    self._history(argument)
                case "models":
                    self._chat.app.push_screen(ModelsScreen(self._chat.preferences, self._chat.generator))
                case "settings":
                    self._chat.app.push_screen(SettingsScreen(self._chat.preferences))
                case "theme":
                    self._theme(argument)
                case "help":
                    await self._chat.app.run_action("help")
                case "quit":
                    self._chat.app.exit()
        except AssistantError as error:
            self._chat.say(str(error), error=True)

    async def do(self, action: str, exchange: Exchange) -> None:
        """Do something with one exchange; what is wrong with it is said in the status line."""
        try:
            await self._actions.do(action, exchange)
        except AssistantError as error:
            self._chat.say(str(error), error=True)

    async def ask_edited(self, exchange: Exchange, question: str) -> None:
        """Ask a changed question in place of one that was asked."""
        try:
            await self._actions.ask_edited(exchange, question)
        except AssistantError as error:
            self._chat.say(str(error), error=True)

    def _open(self, argument: str) -> None:
        if not argument:
            raise UsageError("/open needs the name of a file, for example /open notes.txt")
        self._chat.desk.open_file(dropped_file(argument) or Path(argument))

    async def _close(self, argument: str) -> None:
        documents = self._chat.session.documents
        exact = [document for document in documents if document.name == argument]
        closing = exact or [document for document in documents if argument.lower() in document.name.lower()]
        if not documents:
            raise UsageError("No document is open.")
        if not closing:
            names = [document.name for document in documents]
            raise UsageError(f"{one_line(argument, 40)} is not open; {nearest(argument, names)}")
        if argument and len(closing) > 1:
            raise UsageError(f"{len(closing)} open documents are called that; write more of the name.")
        for document in closing:
            self._chat.session.remove_document(document)
        await self._chat.desk.show_documents()

    def _route(self, argument: str) -> None:
        if argument not in _ROUTES:
            wrong = f"{one_line(argument, 40)} is no route; " if argument else "/route needs a route; "
            raise UsageError(wrong + nearest(argument, _ROUTES))
        self._chat.session.route = None if argument == "auto" else Route(argument)
        self._chat.status.show_route(self._chat.session.route)
        self._chat.say(f"Questions now go the {argument} way")

    def _windows(self, argument: str) -> None:
        if argument != "all" and not (argument.isascii() and argument.isdigit() and 0 < int(argument) < 1_000_000):
            raise UsageError("/windows needs a number or all, for example /windows 50")
        self._chat.session.windows = 0 if argument == "all" else int(argument)
        whole = "all windows" if argument == "all" else f"the {argument} most promising windows"
        self._chat.say(f"Questions about a long document now read {whole} of it")

    def _compare(self, argument: str) -> None:
        if argument.endswith("?"):
            raise UsageError("/compare takes readers and puts the last question to them: ask the question first.")
        try:
            names = shlex.split(argument, posix=os.name == "posix")
        except ValueError as error:
            raise UsageError("/compare: a quotation mark is not closed; close it.") from error
        if not names:
            raise UsageError("/compare needs readers, for example /compare deepset/roberta-base-squad2 ~/my-reader")
        asked = next((exchange for exchange in reversed(self._chat.session.exchanges) if exchange.documents), None)
        if asked is None:
            raise UsageError("Open a document and ask about it first; /compare then puts that question to the readers.")
        self._not_busy("/compare works")
        turn = Turn(asked.completed or asked.question, asked.documents, route=Route.EXTRACT, verify=False)
        self._chat.app.push_screen(CompareScreen(turn, names, self._chat.engine))

    def _copy(self, argument: str) -> None:
        if argument not in ("", "code"):
            raise UsageError(f"/copy {one_line(argument, 40)} is not known; use /copy or /copy code")
        last = next((exchange for exchange in reversed(self._chat.session.exchanges) if exchange.text), None)
        if last is None:
            raise UsageError("There is no answer to copy yet.")
        if argument == "code":
            self._actions.copy_code(last)
        else:
            self._chat.copy(last.text)

    async def _retry(self, argument: str) -> None:
        if argument and argument not in list(Route):
            raise UsageError(f"{one_line(argument, 40)} is no route; {nearest(argument, list(Route))}")
        if self._chat.answering.models is Models.FAILED and not argument:
            self._chat.answering.load()
            return
        await self._actions.ask_again(self._numbered("retry", ""), Route(argument) if argument else None)

    def _numbered(self, command: str, argument: str) -> Exchange:
        """The exchange with the number that follows a command, counted from 1, or the last."""
        exchanges = self._chat.session.exchanges
        if not exchanges:
            raise UsageError(f"Nothing was asked yet; /{command} needs a question.")
        if not argument:
            return exchanges[-1]
        if not (argument.isascii() and argument.isdigit() and 0 < int(argument) <= len(exchanges)):
            raise UsageError(f"/{command} takes the number of a question, 1 to {len(exchanges)}, or none for the last.")
        return exchanges[int(argument) - 1]

    def _rename(self, argument: str) -> None:
        if not argument:
            raise UsageError("/rename needs a title, for example /rename The lighthouse")
        self._chat.session.rename(argument)
        self._chat.say(f"This conversation is now called {self._chat.session.title}")

    def _export(self, argument: str) -> None:
        path = export(self._chat.session, argument)
        self._chat.say(f"Written to {one_line(str(path), 80)}")

    async def _new(self) -> None:
        self._not_busy("/new begins a new conversation")
        self._chat.session.new()
        await self._chat.show_conversation()

    def _history(self, argument: str) -> None:
        self._not_busy("/history shows the conversations")
        session = self._chat.session

        async def leave(chosen: tuple[str, int | None] | None) -> None:
            if chosen is not None:
                await self._resume(*chosen)
            elif session.id is not None and not session.history.has(session.id):
                session.new()  # it was deleted
                await self._chat.show_conversation()

        self._chat.app.push_screen(ConversationsScreen(session.history, session.id, argument), leave)

    async def _resume(self, conversation: str, message: int | None) -> None:
        try:
            self._chat.session.resume(conversation)
        except AssistantError as error:
            self._chat.say(str(error), error=True)
            return
        numbers = [each.number for each in self._chat.session.exchanges if message in (each.question_id, each.saved)]
        at = numbers[0] if numbers and message is not None else None
        await self._chat.show_conversation(at)
        if at is not None and (view := self._chat.transcript.view_of(at)):
            view.focus()
        else:
            self._chat.desk.prompt.focus()

    def _theme(self, argument: str) -> None:
        themes = sorted(self._chat.app.available_themes)
        if not argument:
            self._chat.app.search_themes()
        elif argument not in themes:
            raise UsageError(f"{one_line(argument, 30)} is no theme; {nearest(argument, themes)}")
        else:
            self._chat.preferences.change("theme", argument)

    def _not_busy(self, then: str) -> None:
        if self._chat.answering.busy:
            raise UsageError(f"An answer is on its way; Esc stops it, then {then}.")
