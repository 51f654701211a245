"""What reader and verifier hold of a span together."""

import pytest

from assistant.answering.weighing import weighed
from assistant.reading.calibration import Joint
from assistant.types import Claim, Document, Label, Probabilities, Verdict

MILL = Document("mill.txt", "The mill was sold for 240 crowns in 1702. Its wheel broke in the winter.")
JOINT = Joint(read=0.6, entailed=0.5, intercept=-0.6)


def verdict(*shares: float, answer: str = "240", reason: str | None = None) -> Verdict:
    label = list(Label)[max(range(3), key=lambda at: shares[at])]
    claim = f"For how much was the mill sold? {answer}"
    return Verdict((Claim(claim, label, Probabilities(*shares), MILL.evidence(0, 41), reason),))


@pytest.mark.parametrize("right", [0.02, 0.3, 0.5, 0.7, 0.98])
@pytest.mark.parametrize("shares", [(0.9, 0.06, 0.04), (0.45, 0.4, 0.15), (0.3, 0.1, 0.6), (0.02, 0.9, 0.08)])
def test_the_label_is_the_likeliest_and_the_shares_make_one(right: float, shares: tuple[float, ...]) -> None:
    found, likely = weighed(verdict(*shares), JOINT, right, MILL)
    given = found.probabilities.shares
    assert sum(given.values()) == pytest.approx(1)
    assert found.label is max(given, key=lambda label: given[label])
    assert likely == pytest.approx(given[Label.ENTAILMENT], abs=1e-4)
    assert (found.label is Label.ENTAILMENT) == (likely >= 0.5)


def test_a_surer_reader_and_a_surer_verifier_each_make_a_span_likelier() -> None:
    by_reader = [weighed(verdict(0.5, 0.3, 0.2), JOINT, right, MILL)[1] for right in (0.1, 0.4, 0.8, 0.99)]
    by_verifier = [weighed(verdict(p, 1 - p, 0.0), JOINT, 0.5, MILL)[1] for p in (0.05, 0.4, 0.8, 0.95)]
    assert by_reader == sorted(by_reader) and by_verifier == sorted(by_verifier)


def test_a_figure_that_the_text_speaks_against_is_not_lifted() -> None:
    found, _ = weighed(verdict(0.4, 0.5, 0.1, answer="420"), JOINT, 0.99, MILL)
    assert found.label is not Label.ENTAILMENT and found.worst.reason
    turned = verdict(0.1, 0.8, 0.1, reason="420, not 240")
    assert weighed(turned, JOINT, 0.99, MILL) == (turned, 0.99)


def test_what_the_text_says_word_for_word_stays_sure() -> None:
    said = verdict(1.0, 0.0, 0.0)
    assert weighed(said, JOINT, 0.2, MILL) == (said, 0.2)
