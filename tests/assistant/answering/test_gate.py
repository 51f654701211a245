"""What becomes of a question where the reader finds nothing, and of an answer that the document does not support.

The models are stand-ins that say what each test has them say: what is tested is the way between them.
"""

import json
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from assistant.answering.flow import steps
from assistant.answering.shared_work import take_alone
from assistant.answering.state import Resources
from assistant.cli.rendering import render_answer, render_written
from assistant.errors import GenerationError
from assistant.events import Event, Notice, RouteChosen, TextDelta, TurnFinished
from assistant.reading.calibration import Joint
from assistant.reading.reader import Reading
from assistant.reading.spans import Span
from assistant.records import answer_from_json, answer_to_json
from assistant.settings import Settings
from assistant.types import Answer, Claim, Document, Label, Probabilities, Route, Support, Turn, Verdict
from tests.assistant.answering.stand_ins import Stream
from tui.chat.exchange import Exchange
from tui.chat.plain_exchange import answer_lines

MILL = Document(
    "mill.txt",
    "The mill at Oster was built of oak. Its wheel broke in the winter of 1702, for the pond froze to the ground. "
    "The miller carried the flour to the church on a sledge.",
)
PROBABILITIES = {
    Label.ENTAILMENT: Probabilities(0.9, 0.05, 0.05),
    Label.NEUTRAL: Probabilities(0.1, 0.8, 0.1),
    Label.CONTRADICTION: Probabilities(0.05, 0.05, 0.9),
}


class Models:
    """A reader, a generator and a verifier that say what they are told to.

    Args:
        read: whether the reader answers.
        sure: the score of the reader's span, of which its probabilities are made.
        writes: the generator's text; an error is raised.
        labels: the verifier's label of each claim by what it holds; entailment for others.
        joint: how the reader's and the verifier's words on a span are weighed; by default they are not.
        right: the reader's probability that its span is right.
    """

    def __init__(
        self,
        *,
        read: bool,
        writes: str | Exception,
        labels: dict[str, Label] | None = None,
        sure: float = 0.5,
        joint: Joint | None = None,
        right: float = 0.9,
    ) -> None:
        self.loaded_generator = None
        self.unattended = False
        self.generator_has_come = lambda cancel: True
        self.ranker = SimpleNamespace(knows=lambda document: True)
        self.claims: list[str] = []
        self.asked: list[str] = []
        self._read, self._writes, self._labels, self._sure = read, writes, labels or {}, sure
        self._joint, self._right = joint, right

    def reader(self, on_event: Any) -> Any:
        start = MILL.text.index("winter of 1702")
        score = 5.0 if self._read else -5.0
        calibration = SimpleNamespace(
            bar=lambda _: 0.0, right=lambda *_: self._right, absent=lambda *_: self._sure, joint=self._joint
        )
        reading = Reading((Span(start, start + 14, score),), 1, calibration, 1)  # type: ignore[arg-type]  (a stand-in)
        return SimpleNamespace(
            name="reader", max_length=384, stride=128, languages=frozenset({"en"}), windows_of=lambda _: 1,
            read=lambda questions, **_: [reading for _ in questions],
        )  # fmt: skip

    def generator(self, on_event: Any) -> Any:
        return self

    name = "writer"

    def stream(self, messages: Sequence[Any], **_: Any) -> Stream:
        self.asked.append(messages[-1].text)
        if isinstance(self._writes, Exception):
            raise self._writes
        return Stream(self._writes)

    def verifier(self, on_event: Any) -> Any:
        return SimpleNamespace(name="verifier", languages=frozenset({"en"}), verify=self._verify)

    def _verify(self, checks: Sequence[Any], **_: Any) -> list[Verdict]:
        verdicts = []
        for check in checks:
            self.claims += check.claims
            labels = [
                next((label for part, label in self._labels.items() if part in claim), Label.ENTAILMENT)
                for claim in check.claims
            ]
            verdicts.append(
                Verdict(
                    tuple(
                        Claim(claim, label, PROBABILITIES[label], MILL.evidence(0, 35))
                        for claim, label in zip(check.claims, labels, strict=True)
                    )
                )
            )
        return verdicts


def ask(models: Models, question: str, document: Document = MILL, **given: Any) -> tuple[Answer, list[Event]]:
    """The answer to a question about the mill, and all events."""
    resources = Resources(models, Settings())  # type: ignore[arg-type]  (stand-ins)
    events = list(take_alone(steps(Turn(question, (document,), **given), threading.Event(), resources)))
    assert isinstance(events[-1], TurnFinished)
    return events[-1].answer, events


def shown(answer: Answer) -> str:
    return f"{render_written(answer).plain}{render_answer(answer, (MILL,)).plain}"


def test_what_the_reader_finds_is_the_answer_and_the_generator_is_not_asked() -> None:
    models = Models(read=True, writes="no")
    answer, _ = ask(models, "When did the wheel break?")
    assert (answer.route, answer.text, answer.tried) == (Route.EXTRACT, "winter of 1702", (Route.EXTRACT,))
    assert models.asked == []


def test_where_the_reader_finds_nothing_an_entailed_answer_of_the_generator_is_given() -> None:
    models = Models(read=False, writes="The wheel broke in 1702.")
    answer, events = ask(models, "When did the wheel break?")
    assert (answer.route, answer.text, answer.tried) == (
        Route.GROUNDED, "The wheel broke in 1702.", (Route.EXTRACT, Route.GROUNDED),
    )  # fmt: skip
    assert (answer.models.reader, answer.models.generator, answer.models.verifier) == ("reader", "writer", "verifier")
    assert [event.route for event in events if isinstance(event, RouteChosen)] == [Route.EXTRACT, Route.GROUNDED]
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["The wheel broke in 1702."]
    assert "When did the wheel break?" in models.claims[0], "a true sentence beside the question would be no answer"


@pytest.mark.parametrize("label", [Label.NEUTRAL, Label.CONTRADICTION])
def test_an_answer_that_is_not_entailed_stays_a_draft(label: Label) -> None:
    answer, events = ask(
        Models(read=False, writes="Anders broke it.", labels={"Anders": label}), "Who broke the wheel?"
    )
    assert (answer.route, answer.text, answer.tried) == (Route.EXTRACT, None, (Route.EXTRACT, Route.GROUNDED))
    assert answer.closest is not None
    assert answer.verdict is None
    assert answer.draft is not None and answer.draft.text == "Anders broke it."
    assert not any(isinstance(event, TextDelta) for event in events)
    lines = shown(answer).splitlines()
    assert lines[0].startswith("Not in the document")
    assert lines.index("Draft, not supported by the document:") < lines.index("  Anders broke it.")
    record = json.loads(json.dumps(answer_to_json("q", answer, "1")))
    assert record["draft"]["text"] == "Anders broke it."
    assert answer_from_json(record) == answer


def test_a_span_that_is_turned_down_is_no_headline_and_the_generator_is_not_asked() -> None:
    models = Models(read=True, writes="It broke in 1702.", labels={"winter of 1702": Label.NEUTRAL})
    answer, _ = ask(models, "When did the wheel break?")
    assert (answer.route, answer.text, answer.tried) == (Route.EXTRACT, "winter of 1702", (Route.EXTRACT,))
    assert models.asked == []
    assert answer.verdict is not None and answer.verdict.label is Label.NEUTRAL
    lines = shown(answer).splitlines()
    assert lines[0] == "The document does not support an answer."
    assert lines.index("Draft, not supported by the document:") < lines.index("  winter of 1702")
    assert any("[winter of 1702]" in line for line in lines), "its place is shown"
    given: dict[str, Any] = {"answer": answer, "route": answer.route, "text": "winter of 1702"}
    exchange = Exchange(1, "When did the wheel break?", (MILL,), **given)
    assert next(answer_lines(exchange)) == "The document does not support an answer."


EVEN = Joint(read=1.0, entailed=1.0, intercept=0.0)


def test_a_span_that_a_sure_reader_stands_by_is_given_though_the_verifier_doubts_it() -> None:
    labels = {"winter of 1702": Label.NEUTRAL}
    doubted, _ = ask(Models(read=True, writes="no", labels=labels, joint=EVEN, right=0.8), "When did the wheel break?")
    assert doubted.support is Support.UNSUPPORTED
    stood_by, _ = ask(
        Models(read=True, writes="no", labels=labels, joint=EVEN, right=0.99), "When did the wheel break?"
    )
    assert (stood_by.text, stood_by.support) == ("winter of 1702", Support.SUPPORTED)
    assert stood_by.verdict is not None and stood_by.score == pytest.approx(
        stood_by.verdict.probabilities.entailment, abs=1e-4
    )
    assert stood_by.score == pytest.approx(0.99 * 0.1 / (0.99 * 0.1 + 0.01 * 0.9), abs=1e-4), "the odds are multiplied"


def test_what_the_reader_found_too_unlikely_is_given_where_the_verifier_is_sure_of_it() -> None:
    models = Models(read=False, writes="Elves did it.", joint=EVEN, right=0.4)  # the verifier gives 0.90
    answer, events = ask(models, "When did the wheel break?")
    assert (answer.route, answer.text, answer.tried) == (Route.EXTRACT, "winter of 1702", (Route.EXTRACT,))
    assert answer.closest is None and answer.evidence[0].text == "winter of 1702"
    assert answer.evidence[0].score == answer.score > 0.8
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["winter of 1702"]
    assert models.asked == []
    models = Models(read=False, writes="It broke in 1702.", joint=EVEN, right=0.05)
    assert ask(models, "When did the wheel break?")[0].tried == (Route.EXTRACT, Route.GROUNDED)


def test_what_the_generator_says_of_a_name_that_the_place_does_not_mention_stays_a_draft() -> None:
    models = Models(read=False, writes="The wheel of Varde broke in 1702.")
    answer, _ = ask(models, "When did the wheel of Varde break?")
    assert (answer.text, answer.tried) == (None, (Route.EXTRACT, Route.GROUNDED))
    assert answer.draft is not None and answer.draft.verdict is not None
    assert answer.draft.verdict.worst.reason == "Varde is not named there"
    assert ask(models, "When did the wheel at Oster break?")[0].text is not None


def test_an_answer_of_which_the_verifier_is_less_sure_than_the_reader_that_there_is_none_stays_a_draft() -> None:
    models = Models(read=False, writes="The wheel broke in 1702.", sure=0.92)  # the verifier gives 0.90
    answer, _ = ask(models, "When did the wheel break?")
    assert (answer.text, answer.tried) == (None, (Route.EXTRACT, Route.GROUNDED))
    assert answer.draft is not None and answer.draft.verdict is not None
    assert answer.draft.verdict.worst.reason == "the reader is surer (92%) that there is no answer"


def test_an_answer_that_deletes_something_says_so() -> None:
    models = Models(read=False, writes="Do this:\n\n```sh\ngit reset --hard HEAD~1\n```\n")
    resources = Resources(models, Settings())  # type: ignore[arg-type]  (stand-ins)
    events = list(take_alone(steps(Turn("How do I undo a commit?"), threading.Event(), resources)))
    assert Notice("This deletes or overwrites for good: git reset --hard. Read it before you run it.") in events


def test_a_refusal_leaves_no_draft() -> None:
    answer, _ = ask(Models(read=False, writes="The passages do not say who broke it."), "Who broke the wheel?")
    assert (answer.text, answer.draft) == (None, None)


@pytest.mark.parametrize("given", [{"route": Route.EXTRACT}, {"verify": False}])
def test_without_a_check_or_with_a_route_that_was_asked_for_the_reader_has_the_last_word(given: dict[str, Any]) -> None:
    models = Models(read=False, writes="It broke in 1702.")
    answer, _ = ask(models, "When did the wheel break?", **given)
    assert (answer.text, models.asked) == (None, [])


def test_a_reader_that_is_sure_that_there_is_nothing_is_believed() -> None:
    models = Models(read=False, writes="It broke in 1702.", sure=0.99)
    answer, _ = ask(models, "When did the wheel break?")
    assert (answer.text, models.asked) == (None, [])


def test_a_generator_that_cannot_be_asked_leaves_what_the_reader_said_with_a_notice() -> None:
    answer, events = ask(Models(read=False, writes=GenerationError("It is away.")), "When did the wheel break?")
    assert answer.text is None
    assert any("It is away." in event.text for event in events if isinstance(event, Notice))


def test_a_written_answer_that_nothing_supports_is_shown_as_a_draft() -> None:
    answer, _ = ask(Models(read=False, writes="Elves did it.", labels={"Elves": Label.NEUTRAL}), "Why did it break?")
    assert (answer.route, answer.text, answer.support) == (Route.GROUNDED, "Elves did it.", Support.UNSUPPORTED)
    assert shown(answer).splitlines()[0] == "The document does not support an answer."
    assert answer_to_json("q", answer, "1")["support"] == "unsupported"


def test_of_a_partly_supported_answer_the_sentences_are_named_that_are_not() -> None:
    writes = "The pond froze to the ground. Elves cheered."
    answer, _ = ask(Models(read=False, writes=writes, labels={"Elves": Label.NEUTRAL}), "Why did the wheel break?")
    assert answer.support is Support.PARTLY
    text = shown(answer)
    assert text.startswith("The pond froze")
    assert "Not in the document:\n  ? Elves cheered." in text


def test_a_refusal_of_a_written_answer_is_no_answer() -> None:
    answer, _ = ask(Models(read=False, writes="The text does not mention elves."), "Explain what the elves did")
    assert (answer.text, answer.verdict, answer.found_nothing) == (None, None, True)
    assert answer.closest is not None
    assert shown(answer).startswith("Not in the document")


def test_a_short_document_is_given_to_the_generator_whole() -> None:
    models = Models(read=False, writes="It was built of oak.")
    ask(models, "Explain how the mill was built")
    assert MILL.text in models.asked[0]


def test_for_a_row_that_a_table_lacks_the_generator_is_not_asked() -> None:
    staff = Document(
        "staff.md",
        "The crew met on the pier in the spring, and all of them were paid on the last day of that month.\n\n"
        "| name | town | age |\n|---|---|---|\n| Mira Nayar | Kochi | 41 |\n| Tim Bach | Ulm | 29 |\n"
        "| Eda Osei | Kumasi | 35 |\n",
    )
    models = Models(read=False, writes="Zara Quist is 29.")
    answer, _ = ask(models, "How old is Zara Quist?", staff)
    assert (answer.text, models.asked) == (None, [])


def test_one_answer_that_failed_does_not_keep_the_generator_from_the_next_question() -> None:
    models = Models(read=False, writes=GenerationError("It only thought."))
    models.unattended = True
    resources = Resources(models, Settings())  # type: ignore[arg-type]  (stand-ins)
    for _ in range(2):
        turn = Turn("When did the wheel break?", (MILL,))
        events = list(take_alone(steps(turn, threading.Event(), resources)))
        assert any("It only thought." in event.text for event in events if isinstance(event, Notice))
    assert len(models.asked) == 2


def test_in_a_batch_a_generator_that_fails_for_now_is_no_word_of_the_document() -> None:
    models = Models(read=False, writes=GenerationError("It is busy.", passing=True))
    models.unattended = True
    resources = Resources(models, Settings())  # type: ignore[arg-type]  (stand-ins)
    turn = Turn("When did the wheel break?", (MILL,))
    with pytest.raises(GenerationError, match="It is busy") as raised:
        list(take_alone(steps(turn, threading.Event(), resources)))
    assert raised.value.passing
