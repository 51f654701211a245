"""What is ticked in a form is the answer, and what stands beside an empty box is none."""

import pytest

from assistant.reading.structure import look_up
from assistant.types import Document

FORM = """Application for a permit

Surname: Okonkwo

Kind of permit | [ ] Resident | [ ] Visitor (20 pounds) | [x] Carer
Length: [ ] 3 months [x] 6 months [ ] 12 months

Way of payment
[ ] cash
[x] bank transfer
[ ] cheque

Colours
[x] red
[x] blue
[ ] green

I have read the rules [x] yes
"""


def found(question: str) -> str | None:
    answer = look_up(question, [Document("form.pdf", FORM)]).found
    return answer.text if answer is not None else None


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Which kind of permit was applied for?", "Carer"),
        ("What kind of permit is it?", "Carer"),
        ("What is the length?", "6 months"),
        ("Which way of payment was chosen?", "bank transfer"),
        ("Which colours were chosen?", None),  # two are
        ("Which kinds of permit are there?", None),
        ("What does a visitor permit cost?", None),
        ("Why was this kind of permit chosen?", None),
    ],
)
def test_the_ticked_option_is_found_by_what_its_boxes_are_for(question: str, answer: str | None) -> None:
    assert found(question) == answer


@pytest.mark.parametrize(
    ("question", "answer", "allowed"),
    [
        ("For how long is the permit?", "3 months", False),
        ("For how long is the permit?", "6 months", True),
        ("For how long is the permit?", "12 months", False),
        ("How is it paid?", "cheque", False),
        ("How is it paid?", "bank transfer", True),
        ("What does a visitor pay?", "20 pounds", True),
        ("Which options are there?", "3 months", True),
        ("Who applies?", "Okonkwo", True),
    ],
)
def test_what_is_not_ticked_is_no_answer_unless_it_is_asked_about(question: str, answer: str, allowed: bool) -> None:
    at = FORM.index(answer)
    assert look_up(question, [Document("form.pdf", FORM)]).allows(0, at, at + len(answer)) is allowed


def test_boxes_of_which_none_is_ticked_bar_nothing() -> None:
    text = "Kind: [ ] Resident [ ] Visitor"
    looked = look_up("Who is it for?", [Document("form.txt", text)])
    assert looked.found is None
    assert looked.allows(0, text.index("Visitor"), len(text))


def test_the_row_with_the_box_is_what_the_answer_is_checked_against() -> None:
    answer = look_up("Which kind of permit was applied for?", [Document("form.pdf", FORM)]).found
    assert answer is not None
    assert answer.statements == ("Kind of permit: Carer.",)
    assert [FORM[slice(*span)] for span in answer.support] == ["[x] Carer"]
