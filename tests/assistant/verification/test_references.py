"""What the pronoun at the start of a sentence stands for."""

import pytest

from assistant.verification.references import resolve_pronoun


@pytest.mark.parametrize(
    ("sentence", "before", "resolved"),
    [
        ("It covers 5 ha.", "The forest is in Peru.", "The forest covers 5 ha."),
        ("Its price fell.", "The firm was sold.", "The firm's price fell."),
        ("They came home.", "Anna and Otto left.", "Anna and Otto came home."),
        ("He left early.", "Otto Lind came.", "Otto Lind left early."),
        ("She won.", "The nurse was tired.", "The nurse won."),
    ],
)
def test_a_pronoun_becomes_the_subject_that_it_fits(sentence: str, before: str, resolved: str) -> None:
    assert resolve_pronoun(sentence, before=before) == resolved


@pytest.mark.parametrize(
    ("sentence", "before"),
    [
        ("It fell.", "Anna and Otto left."),
        ("He left early.", "These were sold."),
        ("He left early.", "In Oslo is a tower."),
        ("It is likely that it rains.", "The forest is in Peru."),
    ],
)
def test_a_pronoun_that_fits_nothing_stays(sentence: str, before: str) -> None:
    assert resolve_pronoun(sentence, before=before) == sentence
