"""Who has and who has not, by a column of yes and no."""

import pytest

from assistant.documents.open import decode_document
from assistant.reading.structure import look_up

MEMBERS = """Name,Joined,Instrument,Fee paid,Has a key
Brigid Tan,2016,viola,yes,x
Casper Lund,2021,bassoon,no,
Delphine Roy,2019,harp,yes,
Emeka Obi,2023,timpani,no,x
"""


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who has not paid the fee?", "Casper Lund; Emeka Obi"),
        ("Who has paid the fee?", "Brigid Tan; Delphine Roy"),
        ("Who hasn't paid?", "Casper Lund; Emeka Obi"),
        ("Which members have paid the fee?", "Brigid Tan; Delphine Roy"),
        ("Who has a key?", "Brigid Tan; Emeka Obi"),
        ("Who has no key?", "Casper Lund; Delphine Roy"),
        ("Who has not paid the fine?", None),
        ("Who has paid the fee before 2020?", None),
        ("Who has not joined?", None),  # no column of yes and no
        ("Why has Casper not paid the fee?", None),
    ],
)
def test_the_rows_are_those_that_say_so(question: str, answer: str | None) -> None:
    found = look_up(question, [decode_document("members.csv", MEMBERS.encode())]).found
    assert (found.text if found is not None else None) == answer


def test_what_the_rows_say_is_what_the_answer_is_checked_against() -> None:
    found = look_up("Who has not paid the fee?", [decode_document("members.csv", MEMBERS.encode())]).found
    assert found is not None
    assert found.statements == ("The Fee paid of Casper Lund is no.", "The Fee paid of Emeka Obi is no.")
