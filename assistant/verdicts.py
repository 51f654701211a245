"""Verdicts: what a document says of the claims of an answer."""

from dataclasses import dataclass
from enum import StrEnum

from assistant.display import line_html
from assistant.evidence import Evidence


class Label(StrEnum):
    """What a premise says of a hypothesis."""

    ENTAILMENT = "entailment"
    NEUTRAL = "neutral"
    CONTRADICTION = "contradiction"

    @property
    def word(self) -> str:
        """What is said of a claim."""
        return _SAID[self][1]

    @property
    def badge(self) -> str:
        """The word with a mark that shows without colour too."""
        return " ".join(_SAID[self])


_SAID = {
    Label.ENTAILMENT: ("✔", "entailed"),
    Label.NEUTRAL: ("?", "unsupported"),
    Label.CONTRADICTION: ("✘", "contradicted"),
}


@dataclass(frozen=True, slots=True)
class Probabilities:
    """What the verifier gives each of the three labels; they sum to one."""

    entailment: float
    neutral: float
    contradiction: float

    @property
    def shares(self) -> dict[Label, float]:
        """They by their labels, in the order in which they are shown."""
        return {label: getattr(self, label.value) for label in Label}


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement taken from an answer, and what the deciding passage says of it.

    `reason` is what its figures were turned down for, in words: "5.6 million, not 6.5 million".
    """

    text: str
    label: Label
    probabilities: Probabilities
    evidence: Evidence | None = None
    reason: str | None = None


class Support(StrEnum):
    """What the document gives an answer as a whole: all of its claims, at least half of them, or less."""

    SUPPORTED = "supported"
    PARTLY = "partly"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the document says of an answer: that of the answer's worst claim."""

    claims: tuple[Claim, ...]

    def __post_init__(self) -> None:
        if not self.claims:
            raise ValueError("a verdict needs at least one claim")

    @property
    def worst(self) -> Claim:
        """The claim that is least entailed; a contradicted claim is worse than an unsupported one."""
        order = {Label.CONTRADICTION: 0, Label.NEUTRAL: 1, Label.ENTAILMENT: 2}
        return min(self.claims, key=lambda claim: (order[claim.label], claim.probabilities.entailment))

    @property
    def unsupported(self) -> list[Claim]:
        """The claims that the document does not entail."""
        return [claim for claim in self.claims if claim.label is not Label.ENTAILMENT]

    @property
    def label(self) -> Label:
        """The label of the worst claim."""
        return self.worst.label

    @property
    def probabilities(self) -> Probabilities:
        """The probabilities of the worst claim."""
        return self.worst.probabilities

    @property
    def support(self) -> Support:
        """What the document gives the claims together; with a contradicted one among them it is never partly."""
        unsupported = self.unsupported
        if not unsupported:
            return Support.SUPPORTED
        contradicted = any(claim.label is Label.CONTRADICTION for claim in unsupported)
        most = 2 * len(unsupported) > len(self.claims)
        return Support.UNSUPPORTED if contradicted or most else Support.PARTLY

    def _repr_html_(self) -> str:
        """What a notebook shows: each claim with what is said of it, and why, or the sentence that decides."""
        lines = []
        for claim in self.claims:
            share = f"{claim.probabilities.shares[claim.label]:.0%}"
            why = claim.reason or (f"“{claim.evidence.text}”" if claim.evidence is not None else "")
            lines.append(line_html(f"{claim.label.badge} {share}: {claim.text}" + (f" ({why})" if why else "")))
        return "\n".join(lines)
