"""Follow-ups completed by the generator where no rule completes them."""

import pytest

from assistant.answering.standalone import leans_on_before, standalone
from assistant.events import RouteChosen
from assistant.routing.followups import PastTurn
from assistant.types import Label, Message, Role, Route
from tests.assistant.answering.test_gate import Models, ask

BEFORE = [PastTurn("Tell me about the Norman conquest.", "The Norman conquest of England began in 1066.")]
HISTORY = (
    Message(Role.USER, "Tell me about the mill of Oster."),
    Message(Role.ASSISTANT, "The mill at Oster was built of oak, and its wheel broke."),
)


@pytest.mark.parametrize(
    "question, leans",
    [
        ("and who led them?", True),
        ("When did they arrive?", True),
        ("Which of these sank?", True),
        ("and the second one?", True),
        ("In 1066?", True),
        ("Qui l'a dirigée et où vivaient-ils ?", True),
        ("When was the Norman conquest of England?", False),
        ("How many people live in the capital of Norway?", False),
    ],
)
def test_a_question_leans_on_what_was_said_where_it_has_a_pronoun_or_hardly_a_word(question: str, leans: bool) -> None:
    assert leans_on_before(question) == leans


def test_the_pronouns_name_from_the_conversation_is_taken() -> None:
    made = "Who led the Norman conquest of England?"
    assert standalone("and who led them?", f' "{made}"\n', BEFORE) == made


@pytest.mark.parametrize(
    "written",
    [
        "William the Conqueror led them.",
        "Who led them?\nWilliam.",
        "Who commanded the Spanish Armada against Elizabeth?",
        "",
        "and who led them?",
        "Why did the Saxons of Northumbria celebrate Harold Godwinson and other unrelated nobles?",
    ],
)
def test_what_is_no_such_question_is_not_taken(written: str) -> None:
    assert standalone("and who led them?", written, BEFORE) is None


@pytest.mark.parametrize(
    "written", ["Who led the Norman conquest of England in 1066 and 1070?", "Who led the Norman conquest of Wales?"]
)
def test_a_question_with_a_name_or_number_that_nobody_said_is_not_taken(written: str) -> None:
    assert standalone("and who led them?", written, BEFORE) is None


def test_a_question_that_loses_what_was_asked_is_not_taken() -> None:
    assert standalone("How much tribute did their soldiers collect?", "Who were the Normans?", BEFORE) is None


def test_the_documents_are_asked_the_completed_question_and_it_is_shown() -> None:
    models = Models(read=True, writes="In which winter did the wheel of the mill of Oster break?")
    answer, events = ask(models, "and in which winter did those break?", history=HISTORY)
    [chosen] = [event for event in events if isinstance(event, RouteChosen)]
    assert chosen.asked == answer.asked == "In which winter did the wheel of the mill of Oster break?"
    assert answer.route is Route.EXTRACT and answer.text == "winter of 1702"
    assert models.claims == ["In which winter did the wheel of the mill of Oster break? winter of 1702"]


def test_a_generator_that_answers_instead_leaves_the_question_as_it_was() -> None:
    models = Models(read=True, writes="It broke in 1702.", labels={"nothing": Label.NEUTRAL})
    answer, _ = ask(models, "and when did those break?", history=HISTORY)
    assert answer.asked is None and answer.text == "winter of 1702"


def test_without_anything_said_before_no_generator_is_asked() -> None:
    models = Models(read=True, writes="When did the wheel break?")
    ask(models, "When did it break?")
    assert models.asked == []
