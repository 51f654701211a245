import pytest

from assistant.verification.claims import span_claim, text_claims


@pytest.mark.parametrize(
    "answer, claims",
    [
        ("It is large. It is wet.", ["It is large.", "It is wet."]),
        ("**It** is `large`.", ["It is large."]),
        ("- one thing\n- another thing", ["one thing - another thing"]),
        ("Use read_file and 2*3*4 here.", ["Use read_file and 2*3*4 here."]),
        ("Do this:\n```python\nprint('x')\n```\nDone now.", ["Done now."]),
        ("```\nonly code", []),
        ("", []),
        ("...", []),
        ("5", []),
        ("Il fait 30 degrés à Lyon. C'est l'été.", ["Il fait 30 degrés à Lyon.", "C'est l'été."]),
    ],
)
def test_an_answers_sentences_are_its_claims(answer: str, claims: list[str]) -> None:
    found = text_claims(answer)
    if answer.startswith("- "):
        assert " ".join(found).replace("- ", "") == claims[0].replace("- ", "")
    else:
        assert found == claims


def test_a_span_is_claimed_with_its_question() -> None:
    assert span_claim(" How  large?\n", "5.5\nmillion ") == "How large? 5.5 million"


@pytest.mark.parametrize(
    "sentence, claims",
    [
        (
            "Paris is the capital of France and has 2 million people.",
            ["Paris is the capital of France.", "Paris has 2 million people."],
        ),
        (
            "The forest covers 5.5 million km2, and it is wet; Brazil has 60% of it.",
            ["The forest covers 5.5 million km2.", "It is wet.", "Brazil has 60% of it."],
        ),
        ("He was born in 1900 and died in 1980.", ["He was born in 1900.", "He died in 1980."]),
        ("Il est né à Lyon et a vécu à Paris.", ["Il est né à Lyon.", "Il a vécu à Paris."]),
        (
            "L'Amazonie couvre 5,5 millions de km2, et le Brésil contient 60 % de la forêt.",
            ["L'Amazonie couvre 5,5 millions de km2.", "Le Brésil contient 60 % de la forêt."],
        ),
    ],
)
def test_a_sentence_of_several_statements_is_several_claims(sentence: str, claims: list[str]) -> None:
    assert text_claims(sentence) == claims


@pytest.mark.parametrize(
    "sentence",
    [
        "Tom and Jerry are friends.",
        "If it rains, the game is off and they are sad.",
        "It is said that the king and the queen were there.",
        "The man who was king and the queen were there.",
        'She said "it is good and it is cheap" and left.',
        "Water is a liquid but ice is solid.",
        "He was arrested and held in prison.",
    ],
)
def test_a_sentence_whose_parts_do_not_stand_alone_stays_whole(sentence: str) -> None:
    assert text_claims(sentence) == [sentence]


def test_the_numbers_of_passages_are_no_part_of_what_is_claimed():
    text = "The lamp was lit in 1886 [2]. It burnt gas [1, 3], and later [4] oil."
    assert text_claims(text) == ["The lamp was lit in 1886.", "It burnt gas, and later oil."]
    assert text_claims("The list holds [the] three names.") == ["The list holds [the] three names."]
