import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from assistant.answering.assistant import Assistant
from assistant.answering.shared_work import Shared, Steps, Tell, take_alone
from assistant.answering.together import in_blocks
from assistant.encoders.precision import Precision
from assistant.errors import AssistantError, UsageError
from assistant.events import Event, Progress, TurnFailed, TurnFinished, unheard
from assistant.settings import Settings
from assistant.types import Answer, Document, Route, Turn, Usage

TEXTS = [
    "The Amazon rainforest covers 5.5 million square kilometers in South America.",
    "Marie Curie wrote the report in 1903 (in Paris). " * 9,
    "It holds about 390 billion trees of 16,000 species. The Nile does not cross it. " * 60,
]


@pytest.fixture(scope="module", params=[torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def assistant(tiny_settings: dict[str, str], request: pytest.FixtureRequest) -> Assistant:
    """In a number format of the test's choice: what this machine's would be is not for a test to depend on."""
    made = Assistant(Settings(**tiny_settings, max_new_tokens=6))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "assistant.loading.pretrained.best_precision", lambda device: Precision(request.param, "chosen by a test")
        )
        made.load()
    return made


def _turns() -> list[Turn]:
    documents = [Document(f"d{number}", text) for number, text in enumerate(TEXTS)]
    questions = ["How large is it?", "Who wrote the report?", "Which river crosses the forest?"]
    turns = [Turn(question, (document,)) for question in questions for document in documents]
    turns += [Turn("Explain the report", (documents[1],)), Turn("Write a loop"), Turn("How large?", tuple(documents))]
    turns += [Turn(""), Turn("forest " * 2000, (documents[0],), route=Route.EXTRACT)]
    return [*turns, replace(turns[0], verify=False), replace(turns[1], top_k=3)]


def _end(end: Answer | AssistantError) -> Answer | str:
    return replace(end, usage=replace(end.usage, seconds=0)) if isinstance(end, Answer) else str(end)


def _answers(assistant: Assistant, turns: Sequence[Turn]) -> list[Answer | str]:
    """How turns end that are one block."""
    return [_end(end) for ends in assistant.answer_in_order([turns]) for end in ends]


def _alone(assistant: Assistant, turn: Turn) -> Answer | str:
    try:
        return _end(assistant.answer(turn))
    except AssistantError as error:
        return str(error)


def _together(turns: list[Steps]) -> list[tuple[int, Event]]:
    """What the turns of one block tell."""
    told = in_blocks([turns], lambda steps: steps)
    return [(each.turn, each.event) for each in told if each.event is not None]


def test_turns_answered_together_are_answered_as_one_by_one(assistant: Assistant) -> None:
    exact = assistant.models.reader(unheard).model.dtype == torch.float32
    turns = _turns()
    whole = _answers(assistant, turns)
    others = 0
    assert len(whole) == len(turns)
    for index, turn in enumerate(turns):
        alone = _alone(assistant, turn)
        if isinstance(alone, str):
            assert whole[index] == alone
            continue
        together_ = whole[index]
        assert isinstance(together_, Answer)
        assert (together_.route, together_.usage) == (alone.route, alone.usage)
        assert (together_.score is None) is (alone.score is None)
        # What goes through a model beside others is padded otherwise. With the 8 bits of bfloat16 the difference shows,
        # and of spans that are nearly as good another may come out as the best.
        if together_.score is not None and alone.score is not None:
            assert together_.score == pytest.approx(alone.score, abs=1e-4 if exact else 0.05)
        if not exact and together_.text != alone.text:
            others += 1
            continue
        assert together_.text == alone.text
        assert [(each.start, each.end) for each in together_.evidence] == [
            (each.start, each.end) for each in alone.evidence
        ]
        assert (together_.verdict is None) is (alone.verdict is None)
        if together_.verdict and alone.verdict:
            assert together_.verdict.probabilities.entailment == pytest.approx(
                alone.verdict.probabilities.entailment, abs=1e-5 if exact else 0.05
            )
    assert others <= len(turns) // 4


def test_all_that_is_read_goes_through_the_model_together(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, verifier = assistant.models.reader(lambda event: None), assistant.models.verifier(lambda event: None)
    calls: list[tuple[str, int]] = []
    read, verify = reader.read, verifier.verify
    monkeypatch.setattr(
        reader, "read", lambda items, **given: calls.append(("read", len(items))) or read(items, **given)
    )
    monkeypatch.setattr(
        verifier, "verify", lambda items, **given: calls.append(("verify", len(items))) or verify(items, **given)
    )
    turns = [Turn("How large is it?", (Document("d", text),)) for text in TEXTS]
    assert len(_answers(assistant, turns)) == 3
    # What is turned down is asked of the generator, and what it writes is checked line by line.
    assert calls[:2] == [("read", 3), ("verify", 3)]
    assert set(calls[2:]) <= {("verify", 1)}


def test_what_fails_for_all_is_done_for_fewer_at_a_time(assistant: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when memory does not suffice for what so many lines need."""
    reader = assistant.models.reader(lambda event: None)
    read, sizes = reader.read, []

    def cramped(items: Sequence[Any], **given: Any) -> Any:
        sizes.append(len(items))
        if len(items) > 2:
            raise MemoryError
        return read(items, **given)

    monkeypatch.setattr(reader, "read", cramped)
    turns = [Turn("How large is it?", (Document(f"d{number}", TEXTS[0]),)) for number in range(7)]
    ends = _answers(assistant, turns)
    assert all(isinstance(end, Answer) and end.text for end in ends)
    assert len(ends) == 7
    assert sizes[0] == 7


def _steps(item: int, size: int = 1) -> Steps:
    try:
        result = yield Shared("add", item, _add, size)
    except UsageError as error:
        yield TurnFailed(error)
        return
    yield TurnFinished(Answer(Route.OPEN, str(result), usage=Usage()))


def _add(items: Sequence[int], tell: Tell) -> list[Any]:
    for position, item in enumerate(items):
        tell(position, Progress("adding", item))
    return [UsageError(f"{item} is bad") if item < 0 else item + 1 for item in items]


def test_what_is_told_and_what_fails_belongs_to_its_turn() -> None:
    events = _together([_steps(1), _steps(-5), _steps(3)])
    assert [(index, event.done) for index, event in events if isinstance(event, Progress)] == [(0, 1), (1, -5), (2, 3)]
    ends = {index: event for index, event in events if not isinstance(event, Progress)}
    assert isinstance(ends[1], TurnFailed) and "-5 is bad" in str(ends[1].error)
    assert [ends[at].answer.text for at in (0, 2) if isinstance(ends[at], TurnFinished)] == ["2", "4"]


def test_work_that_a_turn_does_alone_tells_as_it_goes_and_ends_when_nobody_listens() -> None:
    told: list[str] = []

    def alone(item: int) -> Generator[Event, None, str]:
        try:
            for number in range(item):
                told.append(f"{number}")
                yield Progress("adding", number)
            if item == 2:
                raise UsageError("two")
        finally:
            told.append("ended")
        return f"{item} done"

    def turn(item: int) -> Steps:
        try:
            result = yield Shared("add", item, _add, alone=alone)
        except UsageError as error:
            yield TurnFailed(error)
            return
        yield TurnFinished(Answer(Route.OPEN, str(result), usage=Usage()))

    events = take_alone(turn(9))
    next(events)
    events.close()
    assert told == ["0", "ended"]
    [*_, last] = take_alone(turn(3))
    assert isinstance(last, TurnFinished) and last.answer.text == "3 done"
    [*_, last] = take_alone(turn(2))
    assert isinstance(last, TurnFailed) and str(last.error) == "two"
    both = [event.answer.text for _, event in _together([turn(3), turn(4)]) if isinstance(event, TurnFinished)]
    assert both == ["4", "5"], "two turns do it together"


def _asks(item: Any, ask: Callable[[Any], Any], then: Callable[[Sequence[Any], Tell], Sequence[Any]] = _add) -> Steps:
    """A turn that asks a server and works on what it answers."""

    def alone(item: Any) -> Generator[Event, None, Any]:
        yield Progress("asking", 0)
        return ask(item)

    try:
        answer = yield Shared("ask", item, alone=alone, at_a_server=2)
        result = yield Shared("then", answer, then)
    except AssistantError as error:
        yield TurnFailed(error)
        return
    yield TurnFinished(Answer(Route.OPEN, str(result), usage=Usage()))


def test_a_server_is_asked_for_as_many_turns_at_a_time_as_it_should_be() -> None:
    running, most = 0, 0
    lock, both = threading.Lock(), threading.Barrier(2, timeout=60)

    def ask(item: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait()
        with lock:
            running -= 1
        if item == 3:
            raise AssistantError("three")
        return item * 2

    ends = dict(_together([_asks(item, ask) for item in range(6)]))  # the last event of each
    texts = [ends[at].answer.text for at in range(6) if isinstance(ends[at], TurnFinished)]
    assert texts == ["1", "3", "5", "9", "11"]
    assert isinstance(ends[3], TurnFailed) and str(ends[3].error) == "three"
    assert most == 2


def test_what_a_server_does_goes_on_beside_the_work_of_this_process_and_beside_the_next_block() -> None:
    read, begun = threading.Event(), threading.Event()

    def ask(item: int) -> int:
        assert read.wait(60), "nothing was read while the server was asked"
        assert begun.wait(60), "the next block was not begun while the server was asked"
        return item

    def reads(items: Sequence[int], tell: Tell) -> list[int]:
        read.set()
        return list(items)

    def reading() -> Steps:
        yield TurnFinished(Answer(Route.EXTRACT, str((yield Shared("read", 1, reads))), usage=Usage()))

    def begin(number: int) -> list[Steps]:
        if number == 1:
            begun.set()
        return [_asks(number, ask), reading()]

    told = list(in_blocks(range(3), begin))
    assert sorted(each.block for each in told if each.event is None) == [0, 1, 2]
    ends = {(each.block, each.turn) for each in told if isinstance(each.event, TurnFinished)}
    assert ends == {(block, turn) for block in range(3) for turn in range(2)}


@pytest.mark.parametrize("quick", [{0}, {1, 2}, {0, 1, 2}, set()], ids=str)
def test_how_fast_a_server_is_changes_nothing_in_what_is_worked_on_together(quick: set[int]) -> None:
    groups: list[list[int]] = []
    slow = threading.Event()

    def ask(item: int) -> int:
        if item % 10 not in quick:
            assert slow.wait(60)
        return item

    def then(items: Sequence[int], tell: Tell) -> list[int]:
        groups.append(list(items))
        return list(items)

    def local(item: int) -> Steps:
        yield Shared("read", item, _add)
        slow.set()
        result = yield Shared("then", item, then)
        yield TurnFinished(Answer(Route.EXTRACT, str(result), usage=Usage()))

    blocks = [[_asks(0, ask, then), local(3), _asks(1, ask, then)], [_asks(12, ask, then), local(14)]]
    list(in_blocks(blocks, lambda steps: steps))
    assert sorted(groups) == [[0, 1], [3], [12], [14]]


def _most_under_way(blocks: Iterable[int], turns: Callable[[int], list[Steps]]) -> int:
    """How many blocks were begun and not over at a time."""
    under_way: set[int] = set()
    most = 0

    def begin(number: int) -> list[Steps]:
        nonlocal most
        under_way.add(number)
        most = max(most, len(under_way))
        return turns(number)

    for told in in_blocks(blocks, begin):
        if told.event is None:
            under_way.remove(told.block)
    return most


def test_two_blocks_at_most_are_under_way_while_a_server_is_asked() -> None:
    answered, third = threading.Event(), threading.Event()

    def blocks() -> Iterator[int]:
        for number in range(5):
            if number == 2:
                third.set()
            yield number

    def ask(item: int) -> int:
        if item == 0:
            assert not third.wait(0.3), "a third block was taken"
            answered.set()
        assert answered.wait(60)
        return item

    assert _most_under_way(blocks(), lambda number: [_asks(number, ask)]) == 2


def test_without_a_server_one_block_comes_after_the_other() -> None:
    assert _most_under_way(range(5), lambda number: [_steps(number), _steps(number)]) == 1


def test_what_breaks_while_blocks_are_taken_comes_after_what_was_begun() -> None:
    def blocks() -> Iterator[list[Steps]]:
        yield [_asks(1, lambda item: item)]
        yield []
        raise UsageError("torn")

    events = in_blocks(blocks(), lambda steps: steps)
    over = []
    with pytest.raises(UsageError, match="torn"):
        for told in events:
            if told.event is None:
                over.append(told.block)
    assert sorted(over) == [0, 1]


def test_a_block_that_cannot_be_begun_ends_the_work_after_the_blocks_before() -> None:
    def begin(number: int) -> list[Steps]:
        if number == 1:
            raise UsageError("cannot")
        return [_asks(number, lambda item: item)]

    ends = []
    with pytest.raises(UsageError, match="cannot"):
        for told in in_blocks(range(9), begin):
            ends.append(told)
    assert [told.block for told in ends if told.event is None] == [0]
