"""Citations: after each sentence of a written answer, the number of the passage that the verifier found to hold it."""

import re
from collections.abc import Sequence

from assistant.types import Evidence, Label, Verdict
from assistant.verification.claims import sentence_claims

_WRITTEN = re.compile(r"\s*\[(\d{1,3})\]")
_END = re.compile(r"[.!?…:;]*[\"'»”’)*_`]*\s*\Z")


def with_citations(text: str, verdict: Verdict, passages: Sequence[Evidence], question: str | None = None) -> str:
    """The answer with `[n]` behind each sentence that the passage `passages[n - 1]` entails.

    What the model itself has cited is kept where there is such a passage, and taken out where there is none. With a
    single passage there is nothing to tell apart.

    Args:
        text: the answer.
        verdict: on the claims of the text, in its order; others may stand before them.
        passages: as they were numbered for the model.
        question: what was asked, which says what the pronouns of the claims stand for.
    """
    if _WRITTEN.search(text):
        return _WRITTEN.sub(lambda cited: cited[0] if 0 < int(cited[1]) <= len(passages) else "", text)
    if len(passages) < 2 or "```" in text or "~~~" in text:
        return text
    known = {claim.text: claim for claim in verdict.claims}
    pieces, at = [], 0
    for sentence in sentence_claims(text, question):
        said = text[sentence.start : sentence.end]
        claims = [known[claim] for claim in sentence.claims if claim in known]
        numbers = {_number(claim.evidence, passages) for claim in claims if claim.label is Label.ENTAILMENT}
        found = sorted(number for number in numbers if number)
        if found:
            end = _END.search(said)
            stop = sentence.start + (end.start() if end else len(said))
            pieces.append(f"{text[at:stop]} {''.join(f'[{number}]' for number in found)}")
            at = stop
    return "".join([*pieces, text[at:]])


def only_cited(text: str, passages: Sequence[Evidence]) -> tuple[str, tuple[Evidence, ...]]:
    """An answer with its citations numbered anew, and the passages that it cites; all of them where it cites none."""
    numbers = sorted({int(cited[1]) for cited in _WRITTEN.finditer(text)})
    kept = [number for number in numbers if 0 < number <= len(passages)]
    if not kept:
        return text, tuple(passages)
    new = {number: at for at, number in enumerate(kept, 1)}

    def renumbered(cited: re.Match[str]) -> str:
        number = new.get(int(cited[1]))
        return "" if number is None else cited[0].replace(cited[1], str(number))

    return _WRITTEN.sub(renumbered, text), tuple(passages[number - 1] for number in kept)


def without_citations(text: str) -> str:
    """An answer without the numbers that its writer put behind sentences."""
    return _WRITTEN.sub("", text)


def _number(evidence: Evidence | None, passages: Sequence[Evidence]) -> int:
    """Which passage holds a place, counted from 1; 0 for none."""
    if evidence is None:
        return 0
    for number, passage in enumerate(passages, 1):
        if passage.document == evidence.document and passage.start <= evidence.start < passage.end:
            return number
    return 0
