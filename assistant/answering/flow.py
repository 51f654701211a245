"""The way of a turn: choose, read or write, verify, and look again where the reader found nothing; told in events."""

import threading
from dataclasses import replace

from assistant.answering.shared_work import Steps
from assistant.answering.stages.choose import choose
from assistant.answering.stages.read import read
from assistant.answering.stages.second_look import second_look
from assistant.answering.stages.try_again import try_again
from assistant.answering.stages.verify import verify
from assistant.answering.stages.write import write
from assistant.answering.state import Resources
from assistant.events import TurnFinished
from assistant.types import Route, Turn


def steps(turn: Turn, cancel: threading.Event, resources: Resources) -> Steps:
    """A turn's events and the work it shares with others; the last event is TurnFinished.

    Raises:
        AssistantError: the turn cannot be answered.
    """
    state = yield from choose(turn, cancel, resources)
    yield from (read if state.answer.route is Route.EXTRACT else write)(state, resources)
    if turn.verify and resources.settings.verify and state.answer.route is not Route.OPEN:
        if state.answer.text is not None:
            yield from verify(state, resources)
        if state.answer.route is Route.EXTRACT and state.answer.found_nothing:
            yield from second_look(state, resources)
        if state.answer.route is Route.EXTRACT and state.answer.found_nothing:
            yield from try_again(state, resources)
    yield TurnFinished(replace(state.answer, tried=state.answer.tried or (state.answer.route,)))
