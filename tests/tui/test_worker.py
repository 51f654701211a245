"""What the thread of the models does between two questions."""

import threading
import time
from collections.abc import Callable

from textual.message import Message

from assistant.types import Answer, Route, Turn
from tests.tui.scripted import Scripted
from tui.chat.worker import ModelWorker
from tui.messages import TurnOver


class Patient(Scripted):
    """Looks ahead until it is stopped."""

    def look_ahead(self, turn: Turn, answer: Answer, cancel: threading.Event) -> None:
        super().look_ahead(turn, answer, cancel)
        assert cancel.wait(20)


class Faulty(Scripted):
    def look_ahead(self, turn: Turn, answer: Answer, cancel: threading.Event) -> None:
        raise MemoryError


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def _over(messages: list[Message]) -> int:
    return sum(isinstance(message, TurnOver) for message in messages)


def _worker(responder: Scripted) -> tuple[ModelWorker, list[Message]]:
    messages: list[Message] = []
    worker = ModelWorker(lambda: responder, messages.append)
    worker.load()
    return worker, messages


def test_after_an_answer_the_next_turn_is_looked_ahead_to() -> None:
    responder = Scripted()
    worker, messages = _worker(responder)
    worker.answer(0, Turn("What is a list?"))
    _wait(lambda: bool(responder.looked_ahead))
    [(turn, answer)] = responder.looked_ahead
    assert (turn.question, answer.route) == ("What is a list?", Route.OPEN)
    assert _over(messages) == 1  # the answer does not wait for it
    worker.shut_down()
    assert worker.join(20)


def test_a_question_ends_looking_ahead() -> None:
    responder = Patient()
    worker, messages = _worker(responder)
    worker.answer(0, Turn("What is a list?"))
    _wait(lambda: len(responder.looked_ahead) == 1)
    worker.answer(1, Turn("And a dictionary?"))
    _wait(lambda: _over(messages) == 2)
    _wait(lambda: len(responder.looked_ahead) == 2)
    worker.shut_down()
    assert worker.join(20)


def test_what_waits_is_not_kept_waiting() -> None:
    gate, responder = threading.Event(), Patient()
    responder.gate = gate
    worker, messages = _worker(responder)
    worker.answer(0, Turn("What is a list?"))
    worker.answer(1, Turn("And a dictionary?"))
    gate.set()
    _wait(lambda: _over(messages) == 2)
    _wait(lambda: len(responder.looked_ahead) == 1)
    assert responder.looked_ahead[0][0].question == "And a dictionary?"
    worker.shut_down()
    assert worker.join(20)


def test_a_failed_turn_is_not_looked_ahead_from_and_a_fault_in_it_harms_nothing() -> None:
    responder = Faulty()
    worker, messages = _worker(responder)
    for number, question in enumerate(["fail", "What is a list?", "And a dictionary?"]):
        worker.answer(number, Turn(question))
        _wait(lambda number=number: _over(messages) == number + 1)
    assert not responder.looked_ahead
    worker.shut_down()
    assert worker.join(20)
