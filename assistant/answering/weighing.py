"""What reader and verifier hold of a span together: each knows what the other does not."""

from dataclasses import replace

from assistant.reading.calibration import Joint
from assistant.types import Document, Label, Probabilities, Verdict
from assistant.verification.faults import overrule


def weighed(verdict: Verdict, joint: Joint, right: float, document: Document) -> tuple[Verdict, float]:
    """The verdict on a reader's span with the reader's word in it, and the probability that the span is right.

    A span that the text says word for word to be so, and one that a figure or a name of the text speaks against, keep
    the verdict they have.

    Args:
        verdict: the verifier's, of one claim.
        joint: weighs the two.
        right: the reader's probability that the span is right.
        document: where it stands.
    """
    [claim] = verdict.claims
    given = claim.probabilities
    if claim.reason is not None or given.entailment == 1:
        return verdict, right
    likely = joint(right, given.entailment)
    rest, other = 1 - likely, given.neutral + given.contradiction
    label = Label.NEUTRAL if given.neutral >= given.contradiction else Label.CONTRADICTION
    if likely < 0.5:  # the larger of the two has to be the largest of the three
        shares = (rest, 0.0) if label is Label.NEUTRAL else (0.0, rest)
        return Verdict((replace(claim, label=label, probabilities=Probabilities(likely, *shares)),)), round(likely, 4)
    neutral = rest * given.neutral / other if other else rest
    found = replace(claim, label=Label.ENTAILMENT, probabilities=Probabilities(likely, neutral, rest - neutral))
    return Verdict((overrule(found, document.text),)), round(likely, 4)
