import pytest

from assistant.verification.claims import span_claim, text_claims


@pytest.mark.parametrize(
    "answer, claims",
    [
        ("It is large. It is wet.", ["It is large.", "It is wet."]),
        ("**It** is `large`.", ["It is large."]),
        ("- one thing\n- another thing", ["one thing - another thing"]),
        ("Use read_file and 2*3*4 here.", ["Use read_file and 2*3*4 here."]),
        ("Do this:\n```python\nprint('x')\n```\nDone now.", ["Do this:", "Done now."]),
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
