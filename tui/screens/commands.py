"""The slash commands that need a screen, beside those of the controller."""

import os
import shlex
from collections.abc import Callable, Mapping
from typing import Protocol

from textual.app import App
from textual.screen import Screen

from assistant.errors import AssistantError, UsageError, did_you_mean
from assistant.text import one_line
from assistant.types import Route, Turn
from tui.chat.controller import ROUTES, ChatController, Handler
from tui.chat.preferences import Preferences
from tui.chat.session import Exchange
from tui.chat.worker import ModelWorker
from tui.screens.compare import CompareScreen
from tui.screens.conversations import ConversationsScreen
from tui.screens.models import ModelsScreen
from tui.screens.settings import SettingsScreen


class _Screen(Protocol):
    @property
    def app(self) -> App[object]: ...

    def say(self, text: str, *, error: bool = False) -> None: ...

    def copy(self, text: str, what: str = "") -> None: ...


class ScreenCommands:
    """Runs them.

    Args:
        screen: Where the chat is.
        controller: What acts on the conversation.
        preferences: The settings in force.
        worker: What answers comparisons.
    """

    def __init__(
        self, screen: _Screen, controller: ChatController, preferences: Preferences, worker: ModelWorker
    ) -> None:
        self.generator: str | None = None  # the model that writes answers, once it is known
        self._copied: tuple[int, int] | None = None  # exchange and code block that were copied last
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
            "close": lambda: [document.name for document in self._controller.session.documents],
            "theme": lambda: sorted(self._screen.app.available_themes),
        }

    def _push(self, screen: Screen[None]) -> None:
        self._screen.app.push_screen(screen)

    def copy_code(self, exchange: Exchange) -> None:
        """Copy the last code block of an answer; again, the one before it, and so on round.

        Raises:
            UsageError: there is none.
        """
        blocks = _code_blocks(exchange.text)
        if not blocks:
            raise UsageError("The answer holds no code block; /copy copies all of it.")
        before = self._copied[1] if self._copied and self._copied[0] == exchange.number else 0
        at = (before - 1) % len(blocks)
        self._copied = (exchange.number, at)
        which = f"code block {at + 1} of {len(blocks)}" if len(blocks) > 1 else "the code block"
        lines = len(blocks[at].splitlines())
        self._screen.copy(blocks[at], f"{which}, {lines} line{'' if lines == 1 else 's'}")

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


def _code_blocks(text: str) -> list[str]:
    from markdown_it import MarkdownIt

    return [token.content for token in MarkdownIt().parse(text) if token.type == "fence"]
