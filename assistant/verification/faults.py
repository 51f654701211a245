"""What a document's own figures and words say against a claim that the model finds entailed."""

from dataclasses import replace

from assistant.types import Claim, Label, Probabilities
from assistant.verification.exchanges import find_exchange
from assistant.verification.figures import Fault, figure_fault, whole_sentences
from assistant.verification.names import name_fault

_LONGEST_SOURCE = 200_000  # characters of a document in which a claim's figures are looked for


def find_fault(claim: str, sentence: str, source: str, at: int | None = None) -> Fault | None:
    """What speaks against a claim: another figure, unit, direction or name, or words exchanged; None if nothing.

    Of a question and its answer the answer is looked at; of the question only whom and what it names.

    Args:
        claim: what was said.
        sentence: of the source, the one that decides.
        source: all of it.
        at: where the sentence begins in it; by default where it stands first.
    """
    question, mark, answer = claim.rpartition("?")
    at = max(0, source.find(sentence)) if at is None else at
    if (fault := figure_fault(answer, sentence, source, at)) is not None:
        return fault
    if mark and (fault := name_fault(question, source, at, at + len(sentence))) is not None:
        return fault
    return find_exchange(answer, whole_sentences(source, at, at + len(sentence)))


def overrule(claim: Claim, source: str) -> Claim:
    """A claim as it is, or turned down where the model finds it entailed and the source has another figure or name.

    What the model gave entailment then goes to contradiction, or to neutral where the source only lacks the figure.
    """
    repeated = claim.probabilities.entailment == 1  # the source says it word for word
    if claim.label is not Label.ENTAILMENT or claim.evidence is None or repeated:
        return claim
    text, at = source, claim.evidence.start
    if len(text) > _LONGEST_SOURCE:
        begin = max(0, at - _LONGEST_SOURCE // 2)
        text, at = text[begin : at + _LONGEST_SOURCE // 2], at - begin
    fault = find_fault(claim.text, claim.evidence.text, text, at)
    return claim if fault is None else turn_down(claim, fault)


def turn_down(claim: Claim, fault: Fault) -> Claim:
    """A claim with its entailment given to what a fault makes of it: contradiction, or neutral."""
    given = claim.probabilities
    if fault.opposed:
        turned = Probabilities(given.contradiction, given.neutral, given.entailment)
        return replace(claim, label=Label.CONTRADICTION, probabilities=turned, reason=fault.reason)
    turned = Probabilities(given.neutral, given.entailment, given.contradiction)
    return replace(claim, label=Label.NEUTRAL, probabilities=turned, reason=fault.reason)
