import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from assistant.assistant import Assistant
from assistant.conversation import Answer, Document, Route, Turn, Usage
from assistant.errors import AssistantError, UsageError
from assistant.events import Event, Progress, TurnFailed, TurnFinished, unheard
from assistant.models.precision import Precision
from assistant.settings import Settings
from assistant.together import Shared, Steps, Tell, side_by_side, together

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
            "assistant.models.loading.best_precision", lambda device: Precision(request.param, "chosen by a test")
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


def _ends(events: Iterator[tuple[int, Event]]) -> dict[int, Answer | str]:
    ends: dict[int, Answer | str] = {}
    for index, event in events:
        assert index not in ends, "an event after the last"
        if isinstance(event, TurnFinished):
            ends[index] = replace(event.answer, usage=replace(event.answer.usage, seconds=0))
        elif isinstance(event, TurnFailed):
            ends[index] = str(event.error)
    return ends


def test_turns_answered_together_are_answered_as_one_by_one(assistant: Assistant) -> None:
    exact = assistant.models.reader(unheard).model.dtype == torch.float32
    turns = _turns()
    whole = _ends(assistant.respond_all(turns))
    assert sorted(whole) == list(range(len(turns)))
    for index, turn in enumerate(turns):
        [alone] = _ends((0, event) for event in assistant.respond(turn)).values()
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
    assert len(_ends(assistant.respond_all(turns))) == 3
    assert calls == [("read", 3), ("verify", 3)]


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
    ends = _ends(assistant.respond_all(turns))
    assert all(isinstance(end, Answer) and end.text for end in ends.values())
    assert len(ends) == 7
    assert sizes[0] == 7


def test_stopping_ends_all_turns(assistant: Assistant) -> None:
    cancel = threading.Event()
    cancel.set()
    ends = _ends(assistant.respond_all([Turn("How large?", (Document("d", text),)) for text in TEXTS], cancel))
    assert all(isinstance(end, Answer) and end.stopped for end in ends.values())


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
    events = list(together([_steps(1), _steps(-5), _steps(3)]))
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

    events = together([turn(9)])
    next(events)
    events.close()
    assert told == ["0", "ended"]
    [*_, (_, last)] = together([turn(3)])
    assert isinstance(last, TurnFinished) and last.answer.text == "3 done"
    [*_, (_, last)] = together([turn(2)])
    assert isinstance(last, TurnFailed) and str(last.error) == "two"
    both = [event.answer.text for _, event in together([turn(3), turn(4)]) if isinstance(event, TurnFinished)]
    assert both == ["4", "5"], "two turns do it together"


def test_side_by_side_work_keeps_its_order_and_its_bound() -> None:
    running, most = 0, 0
    lock, both = threading.Lock(), threading.Barrier(2, timeout=60)

    def work(item: int, tell: Any) -> int:
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

    results = side_by_side(work, 2)(range(6), lambda at, event: None)
    assert [result for result in results if isinstance(result, int)] == [0, 2, 4, 8, 10]
    assert str(results[3]) == "three"
    assert most == 2
