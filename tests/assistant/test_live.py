import pytest

from assistant.events import Notice
from assistant.live import live


def test_events_come_in_order_and_the_result_at_the_end() -> None:
    def work(tell: object) -> int:
        for number in range(3):
            tell(Notice(str(number)))  # type: ignore[operator]
        return 7

    running = live(work)
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
        list(live(work))
