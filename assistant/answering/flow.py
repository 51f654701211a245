"""The way of a turn: choose, read or write, verify, and try again where the reader found nothing; told in events."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from assistant.answering.shared_work import Steps
from assistant.answering.stages.choose import choose
from assistant.answering.stages.index import prepare
from assistant.answering.stages.read import read
from assistant.answering.stages.try_again import try_again
from assistant.answering.stages.verify import verify
from assistant.answering.stages.write import write
from assistant.answering.state import Resources
from assistant.events import Event, TurnFinished
from assistant.loading.models import LoadedModels
from assistant.settings import Settings
from assistant.types import Answer, Document, Message, Role, Route, Turn


class Flow:
    """Takes turns through their stages with the models at hand; for the arguments see `Resources`."""

    def __init__(self, models: LoadedModels, settings: Settings, *, conversing: bool = False) -> None:
        self._resources = Resources(models, settings, conversing=conversing)

    def steps(self, turn: Turn, cancel: threading.Event) -> Steps:
        """A turn's events and the work it shares with others; the last event is TurnFinished.

        Raises:
            AssistantError: the turn cannot be answered.
        """
        state = yield from choose(turn, cancel, self._resources)
        yield from (read if state.answer.route is Route.EXTRACT else write)(state, self._resources)
        if turn.verify and self._resources.settings.verify and state.answer.route is not Route.OPEN:
            if state.answer.text is not None:
                yield from verify(state, self._resources)
            if state.answer.route is Route.EXTRACT and state.answer.found_nothing:
                yield from try_again(state, self._resources)
        answer = state.answer
        yield TurnFinished(replace(answer, tried=answer.tried or (answer.route,)))

    def prepare(
        self, documents: Sequence[Document], cancel: threading.Event | None = None, *, windows: int | None = None
    ) -> Iterator[Event]:
        """See `Assistant.prepare`."""
        yield from prepare(documents, self._resources, cancel, windows=windows)

    def look_ahead(self, turn: Turn, answer: Answer, cancel: threading.Event) -> None:
        """See `Assistant.look_ahead`."""
        from assistant.generation.generator import LocalGenerator
        from assistant.generation.prompts import answered_turns, with_system

        generator = self._resources.models.loaded_generator
        if isinstance(generator, LocalGenerator) and answer.route is Route.OPEN and answer.text is not None:
            said = [Message(Role.USER, turn.question), Message(Role.ASSISTANT, answer.text)]
            messages = answered_turns([*turn.history, *said])
            if system := self._resources.system_prompt(turn):
                messages = with_system(messages, system)
            generator.look_ahead(messages, sampling=self._resources.sampling(Route.OPEN), cancel=cancel)
