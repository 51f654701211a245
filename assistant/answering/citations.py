"""Citations: after each sentence of a written answer, the number of the passage that the verifier found to hold it."""

import re
from collections.abc import Mapping, Sequence

from assistant.types import Evidence, Label, Verdict
from assistant.verification.claims import CITATION, sentence_claims

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
    if CITATION.search(text):
        return _cite(text, {number: number for number in range(1, len(passages) + 1)})
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
    cited = {number for found in CITATION.finditer(text) for number in _numbers(found)}
    kept = [number for number in sorted(cited) if 0 < number <= len(passages)]
    if not kept:
        return text, tuple(passages)
    return _cite(text, {number: at for at, number in enumerate(kept, 1)}), tuple(passages[at - 1] for at in kept)


def without_citations(text: str) -> str:
    """An answer without the numbers that its writer put behind sentences."""
    return CITATION.sub("", text)


def _cite(text: str, new: Mapping[int, int]) -> str:
    """A text with the numbers of its citations changed; one that has no new number is taken out."""

    def changed(found: re.Match[str]) -> str:
        kept = [new[number] for number in _numbers(found) if number in new]
        return found[1] + "".join(f"[{number}]" for number in kept) if kept else ""

    return CITATION.sub(changed, text)


def _numbers(cited: re.Match[str]) -> list[int]:
    """The passages that a citation names, those between two ends included."""
    numbers: list[int] = []
    for part in re.split(r"\s*[,;]\s*", cited[2]):
        ends = [int(end) for end in re.split(r"\s*[–-]\s*", part)]
        numbers += range(ends[0], ends[-1] + 1)
    return numbers


def _number(evidence: Evidence | None, passages: Sequence[Evidence]) -> int:
    """Which passage holds a place, counted from 1; 0 for none."""
    if evidence is None:
        return 0
    for number, passage in enumerate(passages, 1):
        if passage.document == evidence.document and passage.start <= evidence.start < passage.end:
            return number
    return 0
