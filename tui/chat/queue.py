"""The questions of a chat on their way: which waits for what, which is being answered, and how the models are."""

from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

from assistant.events import Event
from assistant.history.store import Status
from assistant.text import counted
from assistant.types import Message, Route, Turn
from tui.chat.exchange import Exchange
from tui.chat.session import Session
from tui.parts import Part


class Models(StrEnum):
    """How the models of the chat are."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


_WAITS = {
    Models.LOADING: "waiting for the models",
    Models.FAILED: "waiting for the models; /retry loads them again",
}

_NEEDS = {
    Route.OPEN: {Part.GENERATOR},
    Route.EXTRACT: {Part.READERS},
    Route.GROUNDED: {Part.GENERATOR, Part.READERS},
}
"""What answers on each route; a passage is verified, so what is written from one needs both."""


class ExchangeDisplay(Protocol):
    """What shows an exchange."""

    def wait(self, reason: str) -> None:
        """Say what the question waits for."""

    def begin(self) -> None:
        """The answer is on its way."""

    def take(self, event: Event) -> None:
        """The exchange has taken in this event: show it when there is time."""

    async def finish(self) -> None:
        """Show the answer as it is in the end."""


class Worker(Protocol):
    """What answers, one turn after another."""

    def load(self) -> None:
        """Load the models."""

    def answer(self, exchange: int, turn: Turn) -> None:
        """Answer the turn of the exchange with this number."""

    def stop(self) -> None:
        """Stop the running answer."""

    def title(self, messages: Sequence[Message]) -> None:
        """Make a title for what was said."""


class QuestionQueue:
    """Hands one question after another to the worker, once the models are there.

    Args:
        session: What is asked, and where it is saved.
        worker: What answers.
        view: The view of the exchange with a number, if it is on screen.
        save: Saves an exchange.
    """

    def __init__(
        self,
        session: Session,
        worker: Worker,
        view: Callable[[int], ExchangeDisplay | None],
        save: Callable[[Exchange], None],
    ) -> None:
        self.parts = dict.fromkeys(Part, Models.LOADING)
        """How each part of the models is: what one of them answers need not wait for the other."""
        self._session = session
        self._worker = worker
        self._view = view
        self._save = save
        self._waiting: deque[Exchange] = deque()
        self._current: Exchange | None = None

    @property
    def models(self) -> Models:
        """How the models are, taken together."""
        states = self.parts.values()
        if Models.FAILED in states:
            return Models.FAILED
        return Models.LOADING if Models.LOADING in states else Models.READY

    @property
    def busy(self) -> bool:
        """Whether a question is being answered or waits."""
        return self._current is not None or bool(self._waiting)

    @property
    def current(self) -> Exchange | None:
        """The exchange that is being answered."""
        return self._current

    def load(self) -> None:
        """Load the models; questions wait meanwhile."""
        for part, models in self.parts.items():
            if models is Models.FAILED:
                self.parts[part] = Models.LOADING
        self._worker.load()
        self._next()

    def loaded(self, models: Models, part: Part | None = None) -> None:
        """The models, or a part of them, are ready or could not be loaded."""
        self.parts.update(dict.fromkeys(Part if part is None else (part,), models))
        self._next()

    def forget_models(self) -> None:
        """The models are let go, for others."""
        self.parts = dict.fromkeys(Part, Models.LOADING)

    def add(self, exchange: Exchange) -> None:
        """Answer a question as soon as it is its turn; models that failed are loaded again if it has to wait."""
        self._waiting.append(exchange)
        self._next()
        if self.models is Models.FAILED and exchange in self._waiting:
            self.load()

    def take(self, number: int, event: Event) -> None:
        """Take in what the worker reports of the running answer."""
        if self._current is not None and number == self._current.number:
            self._current.apply(event)
            if view := self._view(number):
                view.take(event)

    async def over(self, number: int) -> None:
        """The worker is done with an exchange: finish it and go on with the next question."""
        exchange = self._current
        if exchange is None or exchange.number != number:
            return
        exchange.stop()  # a worker that ended without a word leaves what came
        self._current = None
        self._save(exchange)
        if view := self._view(exchange.number):
            await view.finish()
        self._next()

    def stop(self) -> Exchange | None:
        """Stop the running answer; with none, give back the last waiting question, which is asked no more."""
        if self._current is not None:
            self._worker.stop()
            return None
        if not self._waiting:
            return None
        exchange = self._waiting.pop()
        exchange.stop()
        return exchange

    def _next(self) -> None:
        if self._current is None and self._waiting and self._may_begin(self._waiting[0]):
            exchange = self._current = self._waiting.popleft()
            exchange.status = Status.STREAMING
            self._save(exchange)
            if view := self._view(exchange.number):
                view.begin()
            self._worker.answer(exchange.number, self._session.turn(exchange))
        for place, exchange in enumerate(self._waiting):
            if view := self._view(exchange.number):
                view.wait(
                    (_WAITS.get(self.models) if place == 0 or Models.READY not in self.parts.values() else None)
                    or ("next" if place == 0 else f"{counted(place, 'question')} before this one")
                )

    def _may_begin(self, exchange: Exchange) -> bool:
        """Whether the parts that the next question needs are there."""
        ready = {part for part, models in self.parts.items() if models is Models.READY}
        if len(ready) in (0, len(Part)):
            return bool(ready)
        from assistant.routing.router import choose_route  # looked up late: the first screen does not need it

        return _NEEDS[choose_route(self._session.turn(exchange)).route] <= ready
