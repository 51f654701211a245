"""Questions about the whole of a long text: notes of its parts, kept, and an answer with the places it came from."""

import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from assistant.answering.citations import only_cited
from assistant.answering.flow import steps
from assistant.answering.passages import estimated_tokens
from assistant.answering.shared_work import take_alone
from assistant.answering.state import Resources
from assistant.answering.whole_text import MOST_PARTS, parts_of
from assistant.documents.passages import Passage
from assistant.events import Event, Notice, Progress, TurnFinished
from assistant.retrieval.ranking import Ranker
from assistant.settings import Settings
from assistant.types import Answer, Claim, Document, Label, Probabilities, Turn, Verdict
from tests.assistant.answering.stand_ins import Stream

YEARS = [
    f"In {1700 + number} the mill at Oster ground {number + 3} sacks of rye for the parish and mended its wheel. "
    f"The miller wrote down every sack, every storm and every guest who slept in the loft that year."
    for number in range(120)
]
LONG = Document("mill.txt", "\n\n".join(YEARS))
SURE = Probabilities(0.9, 0.05, 0.05)


class Models:
    """A generator that notes the first year it is shown, and a verifier that finds it in the text."""

    name = "writer"

    def __init__(self, cancel_at: int | None = None) -> None:
        self.loaded_generator = None
        self.unattended = False
        self.generator_has_come = lambda cancel: True
        self.ranker = Ranker()
        self.asked: list[str] = []
        self.cancel = threading.Event()
        self._cancel_at = cancel_at

    def embedder(self, on_event: Any) -> None:
        return None

    def generator(self, on_event: Any) -> Any:
        return self

    def stream(self, messages: Sequence[Any], **_: Any) -> Stream:
        prompt = messages[-1].text
        self.asked.append(prompt)
        if len(self.asked) == self._cancel_at:
            self.cancel.set()
        if "What does this part" in prompt:
            return Stream(prompt[prompt.index("In 1") :].split(" and mended")[0] + ".")
        years = [sentence for sentence in YEARS if sentence.split(" and mended")[0] in prompt]
        return Stream(" ".join(f"{year.split(' and mended')[0]} [9]." for year in (years[0], years[-1])))

    def verifier(self, on_event: Any) -> Any:
        def verify(checks: Sequence[Any], **_: Any) -> list[Verdict]:
            return [Verdict(tuple(self._judged(check.document, claim) for claim in check.claims)) for check in checks]

        return SimpleNamespace(name="verifier", languages=frozenset({"en"}), verify=verify)

    @staticmethod
    def _judged(document: Document, claim: str) -> Claim:
        start = document.text.index(claim.rpartition("? ")[2].rstrip(". "))
        return Claim(claim, Label.ENTAILMENT, SURE, document.evidence(start, start + len(claim) - 1))


def ask(resources: Resources, models: Models, question: str = "Summarise the document.") -> tuple[Answer, list[Event]]:
    events = list(take_alone(steps(Turn(question, (LONG,)), models.cancel, resources)))
    assert isinstance(events[-1], TurnFinished)
    return events[-1].answer, events


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def resources(models: Models) -> Resources:
    return Resources(models, Settings(passage_tokens=400))  # type: ignore[arg-type]  (stand-ins)


def test_notes_are_taken_of_each_part_with_progress_and_the_answer_written_from_them(
    resources: Resources, models: Models
) -> None:
    answer, events = ask(resources, models)
    stages = [event.stage for event in events if isinstance(event, Progress) and "part" in event.stage]
    assert stages == [f"Reading part {number} of {MOST_PARTS}" for number in range(1, MOST_PARTS + 1)]
    assert len(models.asked) == MOST_PARTS + 1
    assert "In 1700 the mill" in models.asked[0] and "In 1800" in models.asked[MOST_PARTS - 1]
    assert models.asked[-1].count("the mill at Oster ground") == MOST_PARTS
    assert answer.text is not None and answer.text.startswith("In 1700")


def test_each_sentence_cites_the_place_it_came_from_and_no_other_place_is_shown(
    resources: Resources, models: Models
) -> None:
    answer, _ = ask(resources, models)
    assert answer.text is not None and "[1]" in answer.text and "[2]" in answer.text and "[9]" not in answer.text
    assert len(answer.evidence) == 2
    assert "In 1700" in answer.evidence[0].text
    for place in answer.evidence:
        assert LONG.text[place.start : place.end] == place.text


def test_it_is_said_how_much_was_read(resources: Resources, models: Models) -> None:
    _, events = ask(resources, models)
    [notice] = [event.text for event in events if isinstance(event, Notice)]
    assert notice.startswith("Written from notes on the 6 parts of mill.txt; ") and "were read" in notice


def test_the_notes_are_kept_for_the_next_question(resources: Resources, models: Models) -> None:
    ask(resources, models)
    before = len(models.asked)
    answer, events = ask(resources, models, "What are the main themes of the document?")
    assert len(models.asked) == before + 1 and answer.text is not None
    assert not [event for event in events if isinstance(event, Progress) and "part" in event.stage]


def test_stopped_in_the_middle_no_more_parts_are_read_and_the_notes_so_far_are_kept() -> None:
    models = Models(cancel_at=3)
    resources = Resources(models, Settings(passage_tokens=400))  # type: ignore[arg-type]
    ask(resources, models)
    assert len([prompt for prompt in models.asked if "What does this part" in prompt]) == 3
    before = len(models.asked)
    models.cancel.clear()
    ask(resources, models)
    assert not any("In 1700 the mill" in prompt for prompt in models.asked[before:-1])


def _passages(count: int) -> list[Passage]:
    document = Document("d", "".join(f"Passage number {at} of the text. " for at in range(count)))
    size = len(document.text) // count
    return [Passage(document, at * size, (at + 1) * size) for at in range(count)]


def test_parts_are_consecutive_of_about_one_length_and_together_the_whole_of_a_text_that_fits() -> None:
    passages = _passages(40)
    tokens = sum(estimated_tokens(passage.text) for passage in passages) // 4 + 10
    parts = parts_of(passages, None, tokens)
    assert len(parts) == 4
    starts = [place.start for part in parts for place in part.parts]
    assert starts == sorted(starts) and len(starts) == 40
    assert max(len(part.parts) for part in parts) <= 11


def test_of_a_very_long_text_each_part_is_read_in_passages_within_the_budget() -> None:
    passages = _passages(600)
    vectors = np.random.default_rng(1).normal(size=(600, 8)).astype(np.float32)
    for embeddings in (None, vectors):
        parts = parts_of(passages, embeddings, 200)
        assert len(parts) == MOST_PARTS and sum(part.total for part in parts) == 600
        assert all(sum(estimated_tokens(place.text) for place in part.parts) <= 200 for part in parts)


def test_what_is_not_cited_is_left_out_and_the_rest_numbered_anew() -> None:
    places = [LONG.evidence(at, at + 1) for at in range(5)]
    assert only_cited("A [2]. B [5][2]. C [7].", places) == ("A [1]. B [2][1]. C.", (places[1], places[4]))
    assert only_cited("None.", places) == ("None.", tuple(places))


def test_a_part_of_one_passage_beyond_the_budget_is_read_whole() -> None:
    document = Document("d", "A long passage of the text. " * 200)
    size = len(document.text) // 3
    passages = [Passage(document, at * size, (at + 1) * size) for at in range(3)]
    assert [len(part.parts) for part in parts_of(passages, None, 300)] == [1, 1, 1]
