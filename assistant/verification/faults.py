"""What a document's own figures and words say against a claim that the model finds entailed."""

from assistant.verification.exchanges import find_exchange
from assistant.verification.figures import Fault, figure_fault, whole_sentences
from assistant.verification.names import name_fault


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
