import threading
from collections.abc import Iterator
from pathlib import Path

from assistant.events import Event, RouteChosen, TurnFinished
from assistant.routing.router import choose_route
from assistant.types import Answer, Document, Route, Turn
from tests.tui.harness import open_chat
from tests.tui.scripted import Scripted

LEASE = Document("lease.txt", "The rent is £900. The deposit is £1,200.")


class Routed(Scripted):
    """Answers each question with the way it goes and what is asked there."""

    def respond(self, turn: Turn, cancel: threading.Event | None = None) -> Iterator[Event]:
        choice = choose_route(turn)
        asked = choice.standalone_question if choice.standalone_question != turn.question else None
        yield RouteChosen(choice.route, choice.reason, asked)
        yield TurnFinished(Answer(Route.EXTRACT, "£900", asked=asked))


async def test_a_completed_question_is_shown_and_is_there_again_after_a_restart(path: Path):
    async with open_chat(path, Routed(), documents=(LEASE,), size=(100, 30)) as chat:
        await chat.ask("How much is the rent?")
        assert "asked as" not in chat.shown()
        view = await chat.ask("and the deposit?")
        assert "asked as “How much is the deposit?”" in chat.shown(view)
    async with open_chat(path, Routed(), resume="last", size=(100, 30)) as chat:
        await chat.until(lambda: len(chat.views) == 2)
        assert "asked as “How much is the deposit?”" in chat.shown(chat.views[1])
        assert chat.views[1].exchange.question == "and the deposit?"
