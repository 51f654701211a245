"""Answers that only say that the text holds none."""

import pytest

from assistant.verification.refusals import is_refusal


@pytest.mark.parametrize(
    "text",
    [
        "The passages do not hold the answer.",
        "The provided text does not mention any bees.",
        "The document doesn't say who built it.",
        "There is no information about the colour of the dome.",
        "I cannot find the answer in the passages.",
        "It is not mentioned in the text who built the dome.",
        "The text says nothing about winter.",
        "Sorry, the passages provided do not contain this information.",
        "Le texte ne dit pas qui a construit le dôme.",
        "Il n'y a aucune information sur les abeilles.",
    ],
)
def test_a_refusal_is_known(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No, the river did not freeze after 1970.",
        "The company did not pay a dividend.",
        "Holm carried the lens out. The text does not say why.",
        "The treaty does not mention whaling, so it went on.",
        "There is no bridge at Low Ford.",
        "They could not find the gold.",
    ],
)
def test_an_answer_is_none(text: str) -> None:
    assert not is_refusal(text)
