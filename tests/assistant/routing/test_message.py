"""A text and a question about it in one message."""

import pytest

from assistant.routing.message import NAME, split_message, with_own_document
from assistant.types import Document, Route, Turn

DOME = (
    "The observatory on Mount Ebba was founded in 1871 by a brewer. Its dome burnt down in 1909. "
    "The telescope was carried out by the porter, Lars Nyman, who had the only key. "
    "Since then schools may come on Fridays, and the lower hall is a museum of clocks."
)


@pytest.mark.parametrize(
    "message, question",
    [
        (f"{DOME}\nWho saved the telescope?", "Who saved the telescope?"),
        (f"{DOME}\n\nSummarise this in one sentence", "Summarise this in one sentence"),
        (f"Who saved the telescope?\n\n{DOME}", "Who saved the telescope?"),
        (f"Context: {DOME} Question: Who saved it?", "Who saved it?"),
        (f"Context: {DOME}\nQuestion: Who saved it?\nAnswer:", "Who saved it?"),
        (f"{DOME} Who saved the telescope?", "Who saved the telescope?"),
        ("Texte : Le phare fut bâti en 1850. Il a brûlé.\nQuestion : Quand fut bâti le phare, au juste, et par qui ?",
         "Quand fut bâti le phare, au juste, et par qui ?"),
    ],
)  # fmt: skip
def test_prose_with_a_question_is_a_text_and_a_question(message: str, question: str) -> None:
    parts = split_message(message)
    assert parts is not None
    assert parts[1] == question
    assert question not in parts[0]


@pytest.mark.parametrize(
    "message",
    [
        "Who saved the telescope?",
        DOME,
        "I moved to a new town last year. I like the harbour and the market there. I work from home on most days, and "
        "my evenings are long. I would like to meet people who play chess. What should I do?",
        "I have a list of dictionaries. Each has a name and an age, and some of them have no age at all.\n"
        "How do I sort a list of dictionaries by age in Python?",
        f"def mean(numbers):\n    return sum(numbers) / len(numbers)\n\nprint(mean([]))\n{DOME}\nWhy does this fail?",
        f"Notes\n{DOME} Who saved the telescope?",
        f"Context: {DOME} Question: How do I reverse a list in Python?",
        "First line without an end\nsecond line without one\nthird line of some length, too, to be long enough?",
    ],
)
def test_anything_else_is_one_thing(message: str) -> None:
    assert split_message(message) is None


def test_the_text_becomes_the_document_of_the_turn() -> None:
    turn = with_own_document(Turn(f"{DOME}\nWho saved the telescope?", route=Route.EXTRACT, top_k=3))
    assert turn == Turn("Who saved the telescope?", (Document(NAME, DOME),), route=Route.EXTRACT, top_k=3)


def test_a_turn_with_a_document_or_for_the_generator_alone_stays_as_it_is() -> None:
    message = f"{DOME}\nWho saved the telescope?"
    for turn in (Turn(message, (Document("a", "b c"),)), Turn(message, route=Route.OPEN)):
        assert with_own_document(turn) == turn
