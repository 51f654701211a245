"""What the slash commands of the chat do."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.conversation import Route, Turn
from assistant.errors import AssistantError, UsageError
from assistant.sanitize import one_line
from tui.commands import nearest
from tui.paste import dropped_file
from tui.screens.compare import CompareScreen
from tui.screens.help import HelpScreen
from tui.widgets.status_bar import StatusBar
from tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from tui.screens.chat import ChatScreen

_ROUTES = ["auto", *(route.value for route in Route)]


class CommandRunner:
    """Runs the slash commands on a chat."""

    def __init__(self, chat: "ChatScreen") -> None:
        self._chat = chat

    async def run(self, name: str, argument: str) -> None:
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
                case "compare":
                    self._compare(argument)
                case "copy":
                    self._copy(argument)
                case "retry":
                    await self._retry()
                case "export":
                    self._export(argument)
                case "new":
                    await self._new()
                case "help":
                    self._chat.app.push_screen(HelpScreen())
                case "quit":
                    self._chat.app.exit()
        except AssistantError as error:
            self._chat.say(str(error), error=True)

    def _open(self, argument: str) -> None:
        if not argument:
            raise UsageError("/open needs the name of a file, for example /open notes.txt")
        self._chat.open_document(dropped_file(argument) or Path(argument).expanduser())

    async def _close(self, argument: str) -> None:
        names = [document.name for document in self._chat.session.documents]
        closing = [document for document in self._chat.session.documents if not argument or document.name == argument]
        if argument and not closing:
            raise UsageError(
                f"{one_line(argument, 40)} is not open; " + (nearest(argument, names) if names else "nothing is.")
            )
        if not closing:
            raise UsageError("No document is open.")
        for document in closing:
            self._chat.session.remove_document(document)
        await self._chat.show_documents()

    def _route(self, argument: str) -> None:
        if argument not in _ROUTES:
            wrong = f"{one_line(argument, 40)} is no route; " if argument else "/route needs a route; "
            raise UsageError(wrong + nearest(argument, _ROUTES))
        self._chat.session.route = None if argument == "auto" else Route(argument)
        self._chat.query_one(StatusBar).show_route(self._chat.session.route)
        self._chat.say(f"Questions now go the {argument} way")

    def _windows(self, argument: str) -> None:
        if argument != "all" and not (argument.isascii() and argument.isdigit() and 0 < int(argument) < 1_000_000):
            raise UsageError("/windows needs a number or all, for example /windows 50")
        self._chat.session.windows = 0 if argument == "all" else int(argument)
        whole = "all windows" if argument == "all" else f"the {argument} most promising windows"
        self._chat.say(f"Questions about a long document now read {whole} of it")

    def _compare(self, argument: str) -> None:
        try:
            names = shlex.split(argument, posix=os.name == "posix")
        except ValueError as error:
            raise UsageError("/compare: a quotation mark is not closed; close it.") from error
        if not names:
            raise UsageError("/compare needs readers, for example /compare deepset/roberta-base-squad2 ~/my-reader")
        asked = next((exchange for exchange in reversed(self._chat.session.exchanges) if exchange.documents), None)
        if asked is None:
            raise UsageError("Open a document and ask about it first; /compare then puts that question to the readers.")
        if self._chat.busy:
            raise UsageError("An answer is on its way; Esc stops it, then /compare works.")
        turn = Turn(asked.question, asked.documents, route=Route.EXTRACT, verify=False)
        self._chat.app.push_screen(CompareScreen(turn, names, self._chat.engine))

    def _copy(self, argument: str) -> None:
        if argument not in ("", "code"):
            raise UsageError(f"/copy {one_line(argument, 40)} is not known; use /copy or /copy code")
        text = self._chat.last_text()
        if argument == "code":
            blocks = _code_blocks(text)
            if not blocks:
                raise UsageError("The last answer holds no code block; /copy copies all of it.")
            text = blocks[-1]
        self._chat.copy(text)

    async def _retry(self) -> None:
        if self._chat.models == "failed":
            self._chat.load_models()
            return
        if not self._chat.session.exchanges:
            raise UsageError("Nothing was asked yet; there is nothing to try again.")
        if self._chat.busy:
            raise UsageError("An answer is on its way; Esc stops it.")
        await self._chat.ask(self._chat.session.exchanges[-1].question)

    def _export(self, argument: str) -> None:
        if not argument:
            raise UsageError("/export needs the name of a file, for example /export chat.md or /export chat.json")
        path = Path(argument).expanduser()
        if path.suffix not in (".md", ".json"):
            raise UsageError(f"{one_line(path.name, 40)}: end the name in .md to read it or .json to process it.")
        text = self._chat.session.export("json" if path.suffix == ".json" else "markdown")
        try:
            with path.open("x", encoding="utf-8") as file:
                path.chmod(0o600)
                file.write(text)
        except FileExistsError as error:
            raise UsageError(f"{one_line(str(path), 60)} exists already; choose another name.") from error
        except OSError as error:
            raise UsageError(
                f"{one_line(str(path), 60)} cannot be written ({error.strerror}); choose another place."
            ) from error
        self._chat.say(f"Written to {one_line(str(path), 80)}")

    async def _new(self) -> None:
        if self._chat.busy:
            raise UsageError("An answer is on its way; Esc stops it, then /new begins a new conversation.")
        self._chat.session.new()
        await self._chat.query_one(Transcript).show(self._chat.session.exchanges)
        await self._chat.show_documents()


def _code_blocks(text: str) -> list[str]:
    from markdown_it import MarkdownIt

    return [token.content for token in MarkdownIt().parse(text) if token.type == "fence"]
