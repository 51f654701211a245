"""What can be done with one exchange of the conversation: by its keys, or by a command for the last."""

from assistant.errors import UsageError
from assistant.types import Route
from tui.chat.session import Exchange
from tui.screens.chat_view import ChatView
from tui.screens.text import TextScreen


class ExchangeActions:
    """Acts on the exchanges of a chat."""

    def __init__(self, chat: ChatView) -> None:
        self._chat = chat
        self._copied: tuple[int, int] | None = None  # exchange and code block that were copied last

    async def do(self, action: str, exchange: Exchange) -> None:
        """Do one of copy, code, text, edit, retry, open (which asks the generator alone), fork, evidence and claims.

        Raises:
            UsageError: it cannot be done now.
            HistoryError: a fork could not be saved.
        """
        match action:
            case "copy":
                self._chat.copy(exchange.text)
            case "code":
                self.copy_code(exchange)
            case "text":
                self._chat.app.push_screen(TextScreen(exchange.question, exchange.text), self._copied_part)
            case "evidence":
                self._chat.show_evidence_of(exchange, 0)
            case "claims":
                if view := self._chat.transcript.view_of(exchange.number):
                    view.toggle_claims()
            case "retry" | "open":
                await self.ask_again(exchange, Route.OPEN if action == "open" else None)
            case "edit":
                self._edit(exchange)
            case "fork":
                self._not_busy()
                await self._fork(exchange.number + 1)
                self._chat.say("A copy of the conversation, as far as here; the other one is in /history")

    async def ask_again(self, exchange: Exchange, route: Route | None = None) -> None:
        """Ask a question again, perhaps another way.

        Raises:
            UsageError: another is being answered.
        """
        self._not_busy()
        self._chat.desk.prompt.focus()
        await self._chat.ask(exchange.question, route)

    def _copied_part(self, text: str | None) -> None:
        if text:
            self._chat.copy(text)

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
        self._chat.copy(blocks[at], f"{which}, {lines} line{'' if lines == 1 else 's'}")

    def _edit(self, exchange: Exchange) -> None:
        self._not_busy()
        self._chat.editing = exchange
        self._chat.desk.prompt.lend(exchange.question)
        self._chat.desk.prompt.focus()
        self._chat.say(f"Changing question {exchange.number + 1}: ⏎ asks it from there on · Esc leaves it as it was")

    async def ask_edited(self, exchange: Exchange, question: str) -> None:
        """Ask a changed question in a copy of the conversation from before it; the conversation itself is kept.

        Raises:
            UsageError: another is being answered.
            HistoryError: the copy could not be saved.
        """
        self._not_busy()
        documents = self._chat.session.documents
        await self._fork(exchange.number)
        for document in documents:
            self._chat.session.add_document(document)
        await self._chat.desk.show_documents()
        await self._chat.ask(question)
        self._chat.say("The conversation as it was is kept: /history")

    async def _fork(self, turns: int) -> None:
        self._chat.session.fork(turns)
        await self._chat.show_conversation()
        self._chat.desk.prompt.focus()

    def _not_busy(self) -> None:
        if self._chat.answering.busy:
            raise UsageError("An answer is on its way; Esc stops it.")


def _code_blocks(text: str) -> list[str]:
    from markdown_it import MarkdownIt

    return [token.content for token in MarkdownIt().parse(text) if token.type == "fence"]
