"""First stage: the question is completed, and the way to answer it chosen."""

import threading
from collections.abc import Generator
from dataclasses import replace
from typing import Any

from assistant.answering.in_thread import run_in_thread
from assistant.answering.standalone import MOST_TOKENS, leans_on_before, rewriting_messages, standalone
from assistant.answering.state import Resources, TurnState
from assistant.answering.structure_answers import REASON, look_up_turn
from assistant.answering.writing import write_stream
from assistant.errors import GenerationError, ModelError, UsageError
from assistant.events import RouteChosen
from assistant.routing.followups import past_turns
from assistant.routing.router import Choice, choose_route
from assistant.types import Answer, Route, Turn


def choose(turn: Turn, cancel: threading.Event, resources: Resources) -> Generator[Any, Any, TurnState]:
    """The state of a turn whose question stands alone and whose route is known; tells the route.

    Raises:
        UsageError: nothing can be asked so.
    """
    _check(turn)
    choice = choose_route(turn)
    if choice.standalone_question == turn.question and choice.route is not Route.OPEN and turn.documents:
        choice = yield from _completed(turn, choice, cancel, resources)
    asked = choice.standalone_question if choice.standalone_question != turn.question else None
    turn = replace(turn, question=choice.standalone_question)
    looked = look_up_turn(turn, choice.route)
    if looked.found is not None:
        choice = replace(choice, route=Route.EXTRACT, reason=REASON[looked.found.kind])
    yield RouteChosen(choice.route, choice.reason, asked)
    return TurnState(turn, cancel, Answer(choice.route, None, asked=asked), looked)


def _completed(
    turn: Turn, choice: Choice, cancel: threading.Event, resources: Resources
) -> Generator[Any, Any, Choice]:
    """The choice for a question that leans on what was said before, completed by the generator where rules fail."""
    before = past_turns(turn.history)
    if not before or not leans_on_before(turn.question) or resources.no_generator is not None:
        return choice
    if not (yield from run_in_thread(lambda _: resources.models.generator_has_come(cancel))):
        return choice
    try:
        generator = yield from run_in_thread(resources.models.generator)
        stream = generator.stream(
            rewriting_messages(turn.question, before),
            sampling=resources.brief(MOST_TOKENS),
            cancel=cancel,
        )
        written = yield from write_stream(generator, stream, resources.settings, quiet=True)
    except ModelError as error:
        resources.no_generator = error
        return choice
    except GenerationError:  # it may pass: the question stays as it is
        return choice
    made = standalone(turn.question, written, before)
    if made is None or cancel.is_set():
        return choice
    return choose_route(replace(turn, question=made, history=()))


def _check(turn: Turn) -> None:
    if not turn.question.strip():
        raise UsageError("The question is empty; type what you want to know.")
    try:
        turn.question.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(f"The question is not valid Unicode (character {error.start}).") from error
    if turn.route in (Route.EXTRACT, Route.GROUNDED) and not turn.documents:
        raise UsageError(f"The {turn.route} route needs a document; name one with --document or paste it.")
