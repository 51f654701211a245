"""The slash commands that need a screen, beside those of the controller."""

import asyncio
import os
import shlex
from collections.abc import Callable, Mapping

from textual.screen import Screen

from assistant.errors import AssistantError, UsageError, did_you_mean
from assistant.sandbox import run_python
from assistant.text import one_line
from assistant.types import Route, Turn
from tui.chat.code_blocks import code_blocks, python_blocks
from tui.chat.controller import ROUTES, ChatController
from tui.chat.exchange import Exchange
from tui.chat.preferences import Preferences
from tui.chat.retrying import retry_line
from tui.chat.view import Handler
from tui.chat.worker import ModelWorker
from tui.screens.compare import CompareScreen
from tui.screens.conversations import ConversationsScreen
from tui.screens.display import ChatDisplay
from tui.screens.models import ModelsScreen
from tui.screens.settings import SettingsScreen
from tui.screens.text import TextScreen
from tui.terminal.editor import show_at


class ScreenCommands:
    """Runs them.

    Args:
        screen: Where the chat is.
        controller: What acts on the conversation.
        preferences: The settings in force.
        worker: What answers comparisons.
    """

    def __init__(
        self, screen: ChatDisplay, controller: ChatController, preferences: Preferences, worker: ModelWorker
    ) -> None:
        self.generator: str | None = None  # the model that writes answers, once it is known
        self._copied: tuple[int, int] | None = None  # exchange and code block that were copied last
        self._ran: tuple[int, int] | None = None  # and that were run
        self._screen = screen
        self._controller = controller
        self._preferences = preferences
        self._worker = worker

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What runs each, by its name."""
        return {
            "compare": self._compare,
            "copy": self._copy,
            "edit": lambda argument: self._edit(self._controller.numbered("edit", argument)),
            "run": lambda argument: self.run_code(self._controller.numbered("run", argument)),
            "editor": self._editor,
            "history": self._history,
            "models": lambda _: self._push(ModelsScreen(self._preferences, self.generator)),
            "settings": lambda _: self._push(SettingsScreen(self._preferences)),
            "theme": self._theme,
            "help": lambda _: self._screen.app.run_action("help"),
            "quit": lambda _: self._screen.app.exit(),
        }

    @property
    def choices(self) -> Mapping[str, Callable[[], list[str]]]:
        """By command, what may follow it."""
        return {
            "route": lambda: ROUTES,
            "retry": lambda: list(Route),
            "windows": lambda: ["all"],
            "copy": lambda: ["code"],
            "role": lambda: [*sorted(self._preferences.settings.roles), "default"],
            "prompt": lambda: sorted(self._preferences.settings.prompts),
            "close": lambda: [document.name for document in self._controller.session.documents],
            "theme": lambda: sorted(self._screen.app.available_themes),
        }

    def _push(self, screen: Screen[None]) -> None:
        self._screen.app.push_screen(screen)

    async def act(self, action: str, exchange: Exchange) -> None:
        """Do with an exchange what an action's name says: `open` asks the generator alone, `vary` offers parameters.

        Raises:
            AssistantError: it cannot be done.
        """
        match action:
            case "run":
                await self.run_code(exchange)
            case "editor":
                self._open_in_editor(exchange)
            case "vary":
                self._screen.offer(self.retry_line(exchange))
            case "copy":
                self._screen.copy(exchange.text)
            case "code":
                self.copy_code(exchange)
            case "text":
                self._screen.app.push_screen(TextScreen(exchange.question, exchange.text), self._copy_part)
            case "evidence":
                self._screen.open_evidence(exchange, 0)
            case "claims":
                if view := self._screen.view_of(exchange.number):
                    view.toggle_claims()
            case "retry" | "open":
                await self._controller.ask_again(exchange, Route.OPEN if action == "open" else None)
            case "edit":
                self._edit(exchange)
            case "fork":
                await self._controller.fork(exchange)

    def _copy_part(self, text: str | None) -> None:
        if text:
            self._screen.copy(text)

    def _edit(self, exchange: Exchange) -> None:
        self._controller.edit(exchange)
        self._screen.offer(exchange.question)

    def copy_code(self, exchange: Exchange) -> None:
        """Copy the last code block of an answer; again, the one before it, and so on round.

        Raises:
            UsageError: there is none.
        """
        blocks = code_blocks(exchange.text)
        if not blocks:
            raise UsageError("The answer holds no code block; /copy copies all of it.")
        at = self._copied = _before(self._copied, exchange.number, len(blocks))
        which = f"code block {at[1] + 1} of {len(blocks)}" if len(blocks) > 1 else "the code block"
        lines = len(blocks[at[1]].splitlines())
        self._screen.copy(blocks[at[1]], f"{which}, {lines} line{'' if lines == 1 else 's'}")

    async def run_code(self, exchange: Exchange) -> None:
        """Run the last Python block of an answer in the sandbox and show what it prints; again, the one before it.

        Raises:
            UsageError: there is none, or there is no sandbox on this system.
        """
        blocks = python_blocks(exchange.text)
        if not blocks:
            raise UsageError("The answer holds no block of Python; only such can be run.")
        at = self._ran = _before(self._ran, exchange.number, len(blocks))
        which = f"Python block {at[1] + 1} of {len(blocks)}" if len(blocks) > 1 else "The Python block"
        self._screen.say(f"{which} is running in the sandbox …")
        outcome = await asyncio.to_thread(run_python, blocks[at[1]])
        self._screen.say(f"{which} {'has run' if outcome.passed else 'did not end well: ' + outcome.reason}")
        if view := self._screen.view_of(exchange.number):
            await view.show_run(outcome, which)

    def _editor(self, argument: str) -> None:
        with_places = (exchange for exchange in reversed(self._controller.session.exchanges) if exchange.places)
        exchange = self._controller.numbered("editor", argument) if argument else next(with_places, None)
        if exchange is None:
            raise UsageError("No answer has a place in a document yet; /editor opens one.")
        self._open_in_editor(exchange)

    def _open_in_editor(self, exchange: Exchange) -> None:
        """Open the first place of an answer in the user's editor.

        Raises:
            UsageError: it has none, or no editor runs.
        """
        place = next(iter(exchange.places), None)
        document = exchange.document_of(place) if place is not None else None
        if place is None or document is None:
            raise UsageError("This answer has no place in a document.")
        opened = show_at(self._screen.app, document, place.start)
        self._screen.say(f"Opened {opened}")

    def retry_line(self, exchange: Exchange) -> str:
        """The command that asks an exchange again with other parameters."""
        return retry_line(exchange.number + 1, exchange.sampling, self._preferences.settings)

    def _compare(self, argument: str) -> None:
        if argument.endswith("?"):
            raise UsageError("/compare takes readers and puts the last question to them: ask the question first.")
        try:
            names = shlex.split(argument, posix=os.name == "posix")
        except ValueError as error:
            raise UsageError("/compare: a quotation mark is not closed; close it.") from error
        if not names:
            raise UsageError("/compare needs readers, for example /compare deepset/roberta-base-squad2 ~/my-reader")
        last = next((exchange for exchange in reversed(self._controller.session.exchanges) if exchange.documents), None)
        if last is None:
            raise UsageError("Open a document and ask about it first; /compare then puts that question to the readers.")
        self._controller.not_busy("/compare works")
        turn = Turn(last.standalone_question or last.question, last.documents, route=Route.EXTRACT, verify=False)
        self._screen.app.push_screen(CompareScreen(turn, names, self._worker))

    def _copy(self, argument: str) -> None:
        if argument not in ("", "code"):
            raise UsageError(f"/copy {one_line(argument, 40)} is not known; use /copy or /copy code")
        exchanges = self._controller.session.exchanges
        last = next((exchange for exchange in reversed(exchanges) if exchange.text), None)
        if last is None:
            raise UsageError("There is no answer to copy yet.")
        if argument:
            self.copy_code(last)
        else:
            self._screen.copy(last.text)

    def _history(self, argument: str) -> None:
        self._controller.not_busy("/history shows the conversations")
        session = self._controller.session

        async def leave(chosen: tuple[str, int | None] | None) -> None:
            if chosen is not None:
                await self._resume(*chosen)
            elif session.id is not None and not session.history.has(session.id):
                session.new()  # it was deleted
                await self._controller.show_conversation()

        self._screen.app.push_screen(ConversationsScreen(session.history, session.id, argument), leave)

    async def _resume(self, conversation: str, message: int | None) -> None:
        try:
            await self._controller.resume(conversation, message)
        except AssistantError as error:
            self._screen.say(str(error), error=True)

    def _theme(self, argument: str) -> None:
        themes = sorted(self._screen.app.available_themes)
        if not argument:
            self._screen.app.search_themes()
        elif argument not in themes:
            raise UsageError(f"{one_line(argument, 30)} is no theme; {did_you_mean(argument, themes)}")
        else:
            self._preferences.change("theme", argument)


def _before(last: tuple[int, int] | None, number: int, blocks: int) -> tuple[int, int]:
    """Exchange and block whose turn it is: the last block, and each time after that the one before it, round."""
    before = last[1] if last is not None and last[0] == number else 0
    return number, (before - 1) % blocks
