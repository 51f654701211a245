import threading
from bdb import Bdb

import pytest

from assistant.answering.in_thread import drain, run_in_thread
from assistant.events import Event, Listener, Notice


def test_events_come_in_order_and_the_result_at_the_end() -> None:
    def work(tell: object) -> int:
        for number in range(3):
            tell(Notice(str(number)))  # type: ignore[operator]
        return 7

    running = run_in_thread(work)
    told = []
    while True:
        try:
            told.append(next(running))
        except StopIteration as end:
            assert end.value == 7
            break
    assert told == [Notice("0"), Notice("1"), Notice("2")]


def test_what_the_work_raises_is_raised_to_the_caller() -> None:
    def work(tell: object) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        list(run_in_thread(work))


def test_events_that_are_heard_are_told_to_the_listener_and_the_result_comes_back() -> None:
    def work(tell: Listener) -> int:
        tell(Notice("now"))
        return 7

    told: list[Event] = []
    assert drain(run_in_thread(work), told.append) == 7
    assert told == [Notice("now")]


def test_a_debugger_follows_the_work_which_else_has_a_thread_of_its_own() -> None:
    def work(tell: Listener) -> int:
        tell(Notice("now"))
        return threading.get_ident()

    told: list[Event] = []
    assert drain(run_in_thread(work), told.append) != threading.get_ident()
    assert Bdb().runcall(lambda: drain(run_in_thread(work), told.append)) == threading.get_ident()
    assert told == [Notice("now")] * 2
