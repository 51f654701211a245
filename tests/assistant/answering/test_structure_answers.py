"""What structure says and what models do not know, in the events and records of a turn."""

import json

import pytest

from assistant.answering.assistant import Assistant
from assistant.answering.structure_answers import language_notice, uncheckable
from assistant.events import Event, EvidenceFound, Notice, RouteChosen, TextDelta, TurnFinished, VerdictReached
from assistant.records import answer_from_json, answer_to_json
from assistant.settings import Settings
from assistant.types import Answer, Document, Route, Turn

STAFF = Document("staff.csv", "name,town,age\nMarie Curie,Paris,41\nTom Beck,Lyon,29\nAda Osei,Kumasi,35\n")
LIST = Document("trip.md", "# Trip\n\nPlaces:\n\n- Lyon\n- Paris\n\n## Is it hot?\n\nYes, in the forest.\n")
KNOWN = frozenset(("en", "fr"))


@pytest.fixture(scope="module")
def assistant(tiny_settings: dict[str, str]) -> Assistant:
    return Assistant(Settings(**tiny_settings, max_new_tokens=8))


def respond(assistant: Assistant, turn: Turn) -> tuple[list[Event], Answer]:
    events = list(assistant.respond(turn))
    assert isinstance(events[-1], TurnFinished), events[-1]
    return events, events[-1].answer


def test_a_cell_is_the_answer_with_its_place_and_a_verdict_on_its_row(assistant: Assistant) -> None:
    events, answer = respond(assistant, Turn("How old is Tom Beck?", (STAFF,)))
    (place,) = answer.evidence
    assert (answer.route, answer.text, place.text) == (Route.EXTRACT, "29", "29")
    assert STAFF.text[place.start : place.end] == "29"
    assert any(isinstance(event, EvidenceFound) for event in events)
    assert any(isinstance(event, TextDelta) and event.text == "29" for event in events)
    assert answer.verdict is not None
    for claim in answer.verdict.claims:
        assert claim.evidence is not None
        assert claim.evidence.text == "Tom Beck,Lyon,29" == STAFF.text[claim.evidence.start : claim.evidence.end]
    (reached,) = [event for event in events if isinstance(event, VerdictReached)]
    assert reached.verdict == answer.verdict


def test_the_reader_answers_with_no_cell_of_a_row_that_is_not_named(assistant: Assistant) -> None:
    for question in ("How old is Peter Novak?", "In which town does Peter Novak live?"):
        _, answer = respond(assistant, Turn(question, (STAFF,), verify=False))
        assert answer.text is None or answer.text in "name,town,age\n"


def test_a_total_that_no_cell_holds_is_said_and_kept_in_the_record(assistant: Assistant) -> None:
    events, answer = respond(assistant, Turn("What is the average age?", (STAFF,), verify=False))
    (notice,) = [event.text for event in events if isinstance(event, Notice)]
    assert answer.notices == (notice,)
    record = answer_to_json("What is the average age?", answer, "1")
    assert record["notices"] == [notice]
    assert answer_from_json(json.loads(json.dumps(record))) == answer


def test_a_question_that_the_document_answers_itself_needs_no_generator(assistant: Assistant) -> None:
    events, answer = respond(assistant, Turn("Is it hot?", (LIST,), verify=False))
    assert (answer.route, answer.text) == (Route.EXTRACT, "Yes, in the forest.")
    (chosen,) = [event for event in events if isinstance(event, RouteChosen)]
    assert chosen.route is Route.EXTRACT
    assert "asks the same question" in chosen.reason
    _, answer = respond(assistant, Turn("What are the places?", (LIST,), verify=False))
    assert answer.text == "Lyon\n- Paris"


def test_a_route_that_was_asked_for_is_kept(assistant: Assistant) -> None:
    _, answer = respond(assistant, Turn("How old is Tom Beck?", (STAFF,), route=Route.GROUNDED, verify=False))
    assert answer.route is Route.GROUNDED


def test_a_script_that_the_reader_does_not_know_is_said_before_it_answers(assistant: Assistant) -> None:
    chinese = Document("zh.txt", "亚马逊雨林很大。它在南美洲。")
    reader = assistant.models.reader(lambda event: None)
    before, reader.languages = reader.languages, KNOWN
    try:
        events, answer = respond(assistant, Turn("雨林有多大?", (chinese,), route=Route.EXTRACT, verify=False))
    finally:
        reader.languages = before
    (said,) = [event.text for event in events if isinstance(event, Notice)]
    assert said.startswith("zh.txt is in Chinese; the reader is made for English and French")
    found = [at for at, event in enumerate(events) if isinstance(event, EvidenceFound)]
    assert all(at > events.index(Notice(said)) for at in found)
    assert answer.notices == (said,)


def test_a_question_in_another_script_is_said_too() -> None:
    english = Document("a.txt", "The river is long.")
    notice = language_notice("Какой длины река?", [english], KNOWN, "reader")
    assert notice is not None
    assert notice.startswith("The question is in a language in Cyrillic script")
    assert language_notice("How long is it?", [english], KNOWN, "reader") is None
    assert language_notice("Какой длины река?", [english], frozenset(), "reader") is None


def test_the_verifier_does_not_judge_what_is_in_a_language_that_it_was_not_made_for(assistant: Assistant) -> None:
    chinese = Document("zh.txt", "亚马逊雨林很大。它在南美洲。")
    assert uncheckable(chinese, ["How large? 很大"], KNOWN) is not None
    assert uncheckable(STAFF, ["نهر طويل جدا في البلاد"], KNOWN) is not None
    assert uncheckable(STAFF, ["How old is Tom Beck? 29"], KNOWN) is None
    german = Document("de.txt", "Der Turm ist alt und steht auf dem Berg. Er wurde von den Bürgern der Stadt gebaut.")
    assert uncheckable(german, ["How old is it? alt"], KNOWN) is not None
    assert uncheckable(STAFF, ["Who made it? La La Land de la"], KNOWN) is None
    assert uncheckable(STAFF, [german.text], KNOWN) is not None
    verifier = assistant.models.verifier(lambda event: None)
    before, verifier.languages = verifier.languages, KNOWN
    try:
        _, answer = respond(assistant, Turn("Is 亚马逊 large or small?", (chinese,), route=Route.GROUNDED))
    finally:
        verifier.languages = before
    assert answer.text is not None
    assert answer.verdict is None
    assert "did not check" in (answer.verdict_reason or "")
