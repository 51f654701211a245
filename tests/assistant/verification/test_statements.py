"""Answers put as the statements that they make."""

import pytest

from assistant.verification.claims import answer_claims
from assistant.verification.statements import yes_or_no_statement


@pytest.mark.parametrize(
    ("question", "yes", "no"),
    [
        ("Is the Baltic saltier than the Atlantic?", "The Baltic is saltier than the Atlantic.",
         "The Baltic is not saltier than the Atlantic."),
        ("Did the new plant at Gdansk open in May?", "The new plant at Gdansk did open in May.",
         "The new plant at Gdansk did not open in May."),
        ("Is the water of the Ems cold in winter?", "The water of the Ems is cold in winter.",
         "The water of the Ems is not cold in winter."),
        ("Is Oslo the capital of Norway?", "Oslo is the capital of Norway.", "Oslo is not the capital of Norway."),
        ("Was the plant at Gdansk sold in May?", "The plant at Gdansk was sold in May.",
         "The plant at Gdansk was not sold in May."),
        ("La Baltique est-elle profonde ?", "La Baltique est profonde.", "La Baltique n'est pas profonde."),
        ("Did Anna Berg or Otto Lind build it?", None, None),
    ],
)  # fmt: skip
def test_yes_or_no_states_what_was_asked(question: str, yes: str | None, no: str | None) -> None:
    assert (yes_or_no_statement(question, yes=True), yes_or_no_statement(question, yes=False)) == (yes, no)


@pytest.mark.parametrize(
    ("question", "answer", "claims"),
    [
        ("Is the Baltic saltier than the Atlantic?", "Yes, the Baltic has much lower salinity. It is fed by rivers.",
         ["The Baltic is saltier than the Atlantic.", "The Baltic has much lower salinity.",
          "The Baltic is fed by rivers."]),
        ("Is it deep?", "It is not.", ["It is not deep."]),
        ("Why did the river freeze?", "Because it was cold.", ["The river did freeze because it was cold."]),
        ("When was the plant opened?", "In 1983.", ["The plant was opened in 1983."]),
        ("Who built the tower?", "Otto Lind.", ["Who built the tower? Otto Lind."]),
        ("Where did Marie Curie study?", "She studied in Paris.", ["Marie Curie studied in Paris."]),
        ("Will a dividend be paid?", "No dividend will be paid for 2021.", ["No dividend will be paid for 2021."]),
        ("Sum it up", "## The sea\nThe sea is shallow. The text does not say why. I hope this helps! More?",
         ["The sea is shallow."]),
    ],
)  # fmt: skip
def test_an_answer_claims_what_it_says_to_its_question(question: str, answer: str, claims: list[str]) -> None:
    assert answer_claims(answer, question) == claims
