import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from assistant.answering.assistant import Assistant
from assistant.errors import AssistantError, ModelError, UsageError
from assistant.events import (
    Event,
    EvidenceFound,
    Notice,
    Progress,
    RouteChosen,
    TextDelta,
    TurnFailed,
    TurnFinished,
    VerdictReached,
)
from assistant.models.store import ModelStore
from assistant.settings import Settings
from assistant.types import NOT_FOUND, Answer, Document, Message, Role, Route, Turn

TEXT = (
    "The Amazon rainforest covers 5.5 million square kilometers.\r\nIt holds 390 billion trees 😀.\n\n"
    "J'habite à Lyon, près de la forêt où l'e\u0301te\u0301 est chaud. Marie Curie wrote the report in 1903."
)
ARTICLE = Document("amazon.txt", TEXT)
LONG = Document("long.txt", TEXT * 40)


@pytest.fixture(scope="module")
def assistant(tiny_settings: dict[str, str]) -> Assistant:
    return Assistant(Settings(**tiny_settings, max_new_tokens=12))


def _kinds(events: list[Event]) -> list[type]:
    kinds: list[type] = []
    for event in events:
        if not isinstance(event, Progress | Notice) and (not kinds or kinds[-1] is not type(event)):
            kinds.append(type(event))
    return kinds


def _finished(events: list[Event]) -> Answer:
    assert isinstance(events[-1], TurnFinished), events[-1]
    return events[-1].answer


def test_an_extracted_answer_is_told_in_order_and_stands_in_the_document(assistant: Assistant) -> None:
    # By this route the reader has the last word, whatever weights without training make of the verdict.
    events = list(assistant.respond(Turn("How large is the forest?", (ARTICLE,), route=Route.EXTRACT)))
    answer = _finished(events)
    assert _kinds(events) == [RouteChosen, EvidenceFound, TextDelta, VerdictReached, TurnFinished]
    assert answer.route is Route.EXTRACT
    [place] = answer.evidence
    assert place.text == answer.text == TEXT[place.start : place.end] != ""
    assert place.document == "amazon.txt"
    assert answer.closest is None
    assert 0 <= (answer.score or 0) <= 1
    assert answer.usage.windows == 1
    assert answer.usage.seconds > 0
    assert (answer.models.generator, answer.models.reader is None, answer.models.verifier is None) == (
        None,
        False,
        False,
    )
    assert answer.verdict is not None
    for claim in answer.verdict.claims:
        shares = claim.probabilities
        assert shares.entailment + shares.neutral + shares.contradiction == pytest.approx(1)
        assert claim.evidence is not None
        assert TEXT[claim.evidence.start : claim.evidence.end] == claim.evidence.text
    assert any(isinstance(event, Progress) and event.stage == "Reading" for event in events)


def test_looking_ahead_loads_nothing_and_changes_no_answer(tiny_settings: dict[str, str]) -> None:
    settings = Settings(**tiny_settings, max_new_tokens=12)
    fresh, ahead = Assistant(settings), Assistant(settings)
    first, never = Turn("What is a list?"), threading.Event()
    ahead.look_ahead(first, Answer(Route.OPEN, "A sequence."), never)
    assert ahead.models.loaded_generator is None
    answer = ahead.answer(first)
    ahead.look_ahead(first, answer, never)
    ahead.look_ahead(replace(first, question="word " * 20_000), answer, never)  # too long for any prompt
    history = (Message(Role.USER, first.question), Message(Role.ASSISTANT, answer.text or ""))
    follow_up = Turn("And a dictionary?", history=history)
    assert ahead.answer(follow_up).text == fresh.answer(follow_up).text


def test_no_answer_is_null_with_the_closest_place(tiny_settings: dict[str, str], silent_reader_folder: Path) -> None:
    assistant = Assistant(Settings(**{**tiny_settings, "reader": str(silent_reader_folder)}))
    events = list(assistant.respond(Turn("How large?", (ARTICLE,), route=Route.EXTRACT)))
    answer = _finished(events)
    assert (answer.text, answer.evidence, answer.verdict, answer.verdict_reason) == (None, (), None, None)
    assert answer.closest is not None
    assert TEXT[answer.closest.start : answer.closest.end] == answer.closest.text != ""
    assert TextDelta not in _kinds(events)


@pytest.mark.parametrize("text", ["!!! ...", "\n—\n", "😀", "\u200b\u00ad.\u200b", "亚"])
@pytest.mark.parametrize("route", [Route.EXTRACT, Route.GROUNDED])
def test_a_document_without_words_ends_in_an_answer(assistant: Assistant, text: str, route: Route) -> None:
    answer = _finished(list(assistant.respond(Turn("How large is it?", (Document("d", text),), route=route))))
    assert answer.text is not None
    assert answer.verdict is not None
    assert answer.evidence
    assert all(text[place.start : place.end] == place.text != "" for place in answer.evidence)


def test_of_several_documents_the_best_answer_is_given(assistant: Assistant) -> None:
    other = Document("other.txt", "Lyon is hot. " * 30)
    answer = assistant.answer(Turn("How large?", (other, ARTICLE), route=Route.EXTRACT))
    alone = [assistant.answer(Turn("How large?", (document,), route=Route.EXTRACT)) for document in (other, ARTICLE)]
    [best] = max(alone, key=lambda each: each.evidence[0].score or 0).evidence
    [found] = answer.evidence
    # What a batch is made of changes the last digits of a score, and so which of two equally good spans comes first.
    assert found.score == pytest.approx(best.score, abs=0.02)
    texts = {document.name: document.text for document in (other, ARTICLE)}
    assert texts[found.document][found.start : found.end] == found.text == answer.text
    assert answer.usage.windows == sum(each.usage.windows for each in alone)


def test_of_a_long_document_the_most_promising_windows_are_read_and_its_index_is_kept(
    tiny_settings: dict[str, str], tmp_path: Path
) -> None:
    filler = "It was hot and it was wet there. " * 2000
    document = Document("long.txt", f"{filler}The zebra holds 390 billion trees. {filler}")
    turn = Turn("zebra?", (document,), route=Route.EXTRACT, verify=False)
    store = ModelStore(cache=tmp_path)
    assistant = Assistant(Settings(**tiny_settings, windows=2), store)
    events = list(assistant.respond(turn))
    usage = _finished(events).usage
    assert (usage.windows, usage.windows_in_all > 20) == (2, True)
    indexed = [event for event in events if isinstance(event, Progress) and event.stage == "Indexing"]
    assert indexed[-1].done == indexed[-1].total
    assert len(list((tmp_path / "indexes").rglob("*.safetensors"))) == 1

    again = list(assistant.respond(turn))
    assert not [event for event in again if isinstance(event, Progress) and event.stage == "Indexing"]
    everything = _finished(list(assistant.respond(replace(turn, windows=0)))).usage
    assert everything.windows == everything.windows_in_all == usage.windows_in_all


def test_when_nothing_is_found_in_the_windows_read_it_says_that_there_are_more(
    tiny_settings: dict[str, str], silent_reader_folder: Path, tmp_path: Path
) -> None:
    settings = Settings(**{**tiny_settings, "reader": str(silent_reader_folder)}, windows=1)
    events = list(Assistant(settings, ModelStore(cache=tmp_path)).respond(Turn("zebra?", (LONG,))))
    assert _finished(events).text is None
    assert any(isinstance(event, Notice) and "windows" in event.text for event in events)


def test_where_the_embedder_cannot_be_had_words_rank(tiny_settings: dict[str, str], tmp_path: Path) -> None:
    settings = Settings(**{**tiny_settings, "embedder": str(tmp_path / "none")}, windows=1)
    events = list(Assistant(settings, ModelStore(cache=tmp_path)).respond(Turn("forest?", (LONG,), verify=False)))
    assert _finished(events).usage.windows == 1
    assert any(isinstance(event, Notice) and "words" in event.text for event in events)


def test_so_many_distinct_answers_are_given_as_asked_for(assistant: Assistant) -> None:
    answer = _finished(list(assistant.respond(Turn("How large?", (LONG,), top_k=4, verify=False))))
    assert 1 < len(answer.evidence) <= 4
    assert answer.evidence[0].text == answer.text
    assert len({place.text.lower() for place in answer.evidence}) == len(answer.evidence)
    ordered = sorted(answer.evidence, key=lambda place: place.start)
    assert all(left.end <= right.start for left, right in pairwise(ordered))
    scores = [place.score or 0 for place in answer.evidence]
    assert scores == sorted(scores, reverse=True)


def test_a_grounded_answer_shows_its_passages_before_its_text(assistant: Assistant) -> None:
    events = list(assistant.respond(Turn("Explain the forest", (LONG,))))
    answer = _finished(events)
    assert _kinds(events)[:2] == [RouteChosen, EvidenceFound]
    assert answer.route is Route.GROUNDED
    assert answer.evidence
    assert all(LONG.text[place.start : place.end] == place.text for place in answer.evidence)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)).strip() == answer.text
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0
    assert answer.verdict is not None or answer.verdict_reason
    assert answer.score is None


def test_a_grounded_answer_is_checked_against_all_documents_that_its_passages_are_from(assistant: Assistant) -> None:
    same = "The Amazon rainforest covers 5.5 million square kilometers. It holds 390 billion trees.\n\n"
    earlier = Document("earlier.txt", same + "Marie Curie wrote it.")
    later = Document("later.txt", same + "Explain the otters: otters eat fish in the river.")
    answer = assistant.answer(Turn("Explain the otters", (earlier, later), route=Route.GROUNDED))
    assert {place.document for place in answer.evidence} == {"earlier.txt", "later.txt"}
    assert answer.verdict is not None
    texts = {document.name: document.text for document in (earlier, later)}
    for claim in answer.verdict.claims:
        place = claim.evidence
        assert place is not None
        assert place.text == texts[place.document][place.start : place.end]


def test_the_generator_is_not_told_of_questions_that_found_nothing(assistant: Assistant) -> None:
    before = (Message(Role.USER, "Hi"), Message(Role.ASSISTANT, "Hello"))
    nothing = (Message(Role.USER, "Who wrote it?"), Message(Role.ASSISTANT, NOT_FOUND))
    for documents in ((), (LONG,)):
        told, untold = (
            assistant.answer(Turn("Explain the forest", documents, history, Route.GROUNDED if documents else None))
            for history in ((*before, *nothing), before)
        )
        assert told.usage.prompt_tokens == untold.usage.prompt_tokens
        assert told.text == untold.text


def test_a_question_about_the_assistant_says_where_that_is_answered(assistant: Assistant) -> None:
    for question, about in (("Thanks! What can you do?", True), ("What can a list do?", False)):
        notices = [event.text for event in assistant.respond(Turn(question)) if isinstance(event, Notice)]
        assert any("--help" in notice for notice in notices) == about


def test_a_request_for_the_whole_is_asked_of_the_document_opened_last(assistant: Assistant) -> None:
    forest = Document(
        "forest.txt", "The Amazon rainforest covers 5.5 million square kilometers. Summarise it: it is large."
    )
    river = Document("river.txt", "Otters eat fish in the river. Marie Curie wrote it.")
    for documents in ((forest, river), (river, forest)):
        answer = assistant.answer(Turn("Summarise it", documents))
        assert {place.document for place in answer.evidence} == {documents[-1].name}


def test_an_open_answer_has_neither_evidence_nor_verdict(assistant: Assistant) -> None:
    turn = Turn("Write a loop", history=(Message(Role.USER, "Hi"), Message(Role.ASSISTANT, "Hello")))
    answer = _finished(list(assistant.respond(turn)))
    assert answer.route is Route.OPEN
    assert (answer.evidence, answer.closest, answer.verdict, answer.verdict_reason) == ((), None, None, None)
    assert answer.models.reader is None and answer.models.generator


def test_an_answer_cut_at_its_limit_says_so(assistant: Assistant) -> None:
    events = list(assistant.respond(Turn("Write a loop")))
    notices = [event.text for event in events if isinstance(event, Notice)]
    answer = _finished(events)
    assert (answer.usage.completion_tokens == 12) == any("was cut" in notice for notice in notices)


def test_a_history_longer_than_the_context_is_cut_and_said_so(assistant: Assistant) -> None:
    history = tuple(Message(role, "forest " * 300) for _ in range(6) for role in (Role.USER, Role.ASSISTANT))
    events = list(assistant.respond(Turn("Write a loop", history=history)))
    assert any(isinstance(event, Notice) and "left out" in event.text for event in events)
    _finished(events)


def test_without_verification_there_is_no_verdict_and_no_reason(assistant: Assistant) -> None:
    answer = assistant.answer(Turn("How large?", (ARTICLE,), verify=False))
    assert (answer.verdict, answer.verdict_reason, answer.models.verifier) == (None, None, None)


def test_an_answer_that_is_too_long_to_check_says_why_it_is_not(assistant: Assistant) -> None:
    longest = "How large is the forest " * 69 + "How large is?"  # that the reader takes: no answer fits beside it
    answer = assistant.answer(Turn(longest, (ARTICLE,), route=Route.EXTRACT))
    assert answer.text
    assert answer.verdict is None
    assert "too long" in (answer.verdict_reason or "")


def test_stopping_while_reading_ends_the_turn_without_an_answer(assistant: Assistant) -> None:
    cancel = threading.Event()
    events = []
    for event in assistant.respond(Turn("How large?", (Document("d", TEXT * 300),)), cancel):
        events.append(event)
        if isinstance(event, Progress) and event.stage == "Reading":
            cancel.set()
    answer = _finished(events)
    assert answer.stopped
    assert (answer.text, answer.verdict) == (None, None)


def test_stopping_while_generating_keeps_what_came(assistant: Assistant) -> None:
    cancel = threading.Event()
    events = []
    for event in assistant.respond(Turn("Explain the forest", (LONG,)), cancel):
        events.append(event)
        if isinstance(event, TextDelta):
            cancel.set()
    answer = _finished(events)
    assert answer.stopped
    assert answer.usage.completion_tokens < 12
    if answer.text is not None:
        assert "stopped" in (answer.verdict_reason or "")
    assert answer.verdict is None


@pytest.mark.parametrize(
    "turn, said",
    [
        (Turn(""), "question is empty"),
        (Turn(" \n\t"), "question is empty"),
        (Turn("a\ud800"), "not valid Unicode"),
        (Turn("Where?", route=Route.EXTRACT), "needs a document"),
        (Turn("Where?", route=Route.GROUNDED), "needs a document"),
        (Turn("forest " * 2000, (ARTICLE,), route=Route.EXTRACT), "too long"),
        (Turn("forest " * 9000), "token"),
    ],
)
def test_a_turn_that_cannot_be_answered_fails_with_one_error(assistant: Assistant, turn: Turn, said: str) -> None:
    events = list(assistant.respond(turn))
    assert isinstance(events[-1], TurnFailed)
    assert said in str(events[-1].error)
    with pytest.raises(AssistantError, match=said):
        assistant.answer(turn)


def test_a_model_that_is_not_there_fails_the_turn(tiny_settings: dict[str, str], tmp_path: Path) -> None:
    assistant = Assistant(Settings(**{**tiny_settings, "reader": str(tmp_path / "none")}))
    with pytest.raises(ModelError, match="no model folder"):
        assistant.answer(Turn("How large?", (ARTICLE,)))


def test_a_model_without_the_head_for_the_work_is_refused(
    tiny_settings: dict[str, str], encoder_folder: Path, reader_folder: Path
) -> None:
    """Its head would be drawn at random, and its answers with it."""
    assistant = Assistant(Settings(**{**tiny_settings, "reader": str(encoder_folder)}))
    with pytest.raises(ModelError, match="qa_outputs"):
        assistant.answer(Turn("How large?", (ARTICLE,)))
    assistant = Assistant(Settings(**{**tiny_settings, "verifier": str(reader_folder)}))
    with pytest.raises(ModelError, match="has no weights"):
        assistant.models.verifier(lambda event: None)


def test_a_fault_in_the_program_is_the_turns_last_event(assistant: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: Any, **__: Any) -> Any:
        raise IndexError("index out of range in self")

    monkeypatch.setattr(assistant.models.reader(lambda event: None), "model", fault)
    events = list(assistant.respond(Turn("How large?", (ARTICLE,))))
    assert isinstance(events[-1], TurnFailed)
    assert isinstance(events[-1].error.__cause__, AttributeError | IndexError)


def test_an_unknown_profile_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="embedded"):
        Assistant(Settings(profile="embeded"))
