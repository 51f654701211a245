"""Candidates: the premises of a document that a claim is held against, each beside the claim as the model takes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from assistant.encoders.pairs import EncodedPair, Ids, PairEncoder, TokenizedText
from assistant.encoders.token_cache import TokenCache
from assistant.errors import UsageError
from assistant.recent import Recent
from assistant.types import Document, Evidence
from assistant.verification.premises import Premise, SentenceIndex

PREMISES_PER_CLAIM = 3
"""Stretches of a document that a claim is held against, beside the sentences gathered from all of it."""

STRETCH_TOKENS = 160
WHOLE_TOKENS = 288
"""A document of no more tokens is held against a claim whole; so many are gathered of a longer one."""

MIN_PREMISE_TOKENS = 32
NEAR_TOKENS = 64
"""How much text around a span is its premise: with more, sentences that have nothing to do with the claim drown it."""

DOCUMENTS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Check:
    """Claims to hold against a document. With `near`, only the sentences around those places are the premise."""

    document: Document
    claims: Sequence[str]
    near: Sequence[Evidence] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A claim beside one premise, ready for the model; without a pair where the premise is the claim itself."""

    check: int
    claim: int
    tokens: Ids
    premise: Premise
    pair: EncodedPair | None


class PremiseSelector:
    """Chooses what of a document a claim is held against.

    No pair is ever cut: premises are whole sentences packed to what fits beside the claim.

    Args:
        encoder: tokenises and joins pairs.
        hypothesis_first: whether the model takes the claim before the premise.
        max_length: tokens of a pair, at most.
    """

    def __init__(self, encoder: PairEncoder, *, hypothesis_first: bool, max_length: int) -> None:
        self.encoder = encoder
        self.max_length = max_length
        self.tokens = TokenCache()
        self._hypothesis_first = hypothesis_first
        self._documents: Recent[str, SentenceIndex] = Recent(DOCUMENTS_KEPT)

    def candidates(self, index: int, check: Check, claims: Sequence[TokenizedText]) -> list[Candidate]:
        """Every claim of a check beside each of its premises; `claims` are the check's, tokenised."""
        sentences = self.readable(check.document)
        candidates = []
        for number, (claim, tokens) in enumerate(zip(check.claims, claims, strict=True)):
            budget = self.budget(tokens.ids, claim)
            if said := sentences.verbatim(claim):
                candidates.append(Candidate(index, number, tokens.ids, said, None))
                continue
            near = [sentences.around(place.start, place.end, budget, NEAR_TOKENS) for place in check.near]
            premises = [premise for premise in near if premise is not None]
            premises = premises or self.choose(sentences, claim, budget)
            for premise in [*premises, *sentences.corrected(claim, premises)]:
                pair = self.pair(sentences.ids(premise), tokens.ids)
                candidates.append(Candidate(index, number, tokens.ids, premise, pair))
        return candidates

    def choose(self, sentences: SentenceIndex, claim: str, budget: int) -> list[Premise]:
        """What of a document a claim is held against: all of a short one, else what shares most with the claim.

        That is some stretches of it, and sentences from wherever they stand.
        """
        if len(sentences.text) <= min(budget, WHOLE_TOKENS):
            return sentences.relevant(claim, budget, 1)
        nearest = sentences.nearest(claim, min(budget, WHOLE_TOKENS))
        stretches = sentences.relevant(claim, min(budget, STRETCH_TOKENS), PREMISES_PER_CLAIM)
        return [*stretches, *([] if nearest is None else [nearest])]

    def pair(self, premise: Ids, claim: Ids) -> EncodedPair:
        """A premise and a claim, joined in the order in which the model takes them."""
        first, second = (claim, premise) if self._hypothesis_first else (premise, claim)
        return self.encoder.encode(first, second)

    def budget(self, claim: Ids, text: str) -> int:
        """How many tokens a premise may have beside a claim.

        Raises:
            UsageError: too few, or the claim is empty.
        """
        budget = self.max_length - self.encoder.overhead - len(claim)
        if not len(claim):
            raise UsageError("A claim is empty; there is nothing to check.")
        if budget < MIN_PREMISE_TOKENS:
            raise UsageError(
                f"A claim of {len(claim)} tokens is too long to be checked whole ({text[:40]!r}...); "
                "split it into sentences."
            )
        return budget

    def gathered(self, check: Check, candidate: Candidate) -> Candidate | None:
        """A claim beside the sentences that hold its parts; None where they stand in one premise that has been read.

        A span with its question has one place, so nothing is gathered for it.
        """
        claim = check.claims[candidate.claim]
        if "?" in claim:
            return None
        sentences, budget = self.index(check.document), self.budget(candidate.tokens, claim)
        if len(sentences.text) <= budget and not check.near:
            return None
        near = [
            place for each in check.near if (place := sentences.around(each.start, each.end, budget, 0)) is not None
        ]
        premise = sentences.gathered(claim, budget, near)
        if premise is None or premise.last - premise.first <= budget // 2:
            return None
        pair = self.pair(sentences.ids(premise), candidate.tokens)
        return Candidate(candidate.check, candidate.claim, candidate.tokens, premise, pair)

    def readable(self, document: Document) -> SentenceIndex:
        """The sentences of a document.

        Raises:
            UsageError: it has none that the verifier can read.
        """
        sentences = self.index(document)
        if not sentences.sentences:
            raise UsageError(
                f"{document.name} holds no words that the verifier knows; there is nothing to check against."
            )
        return sentences

    def index(self, document: Document) -> SentenceIndex:
        """The sentences of a document, of which there may be none."""
        if (known := self._documents.get(document.id)) is None:
            known = SentenceIndex(document, self.tokens.tokenized(self.encoder, [document])[0])
            self._documents.keep(document.id, known)
        return known

    def keep(self, documents: Sequence[Document]) -> None:
        """Tokenise documents, all those of one call together, and keep them for the next calls."""
        needed = {document.id: document for document in documents}
        self._documents.count = max(DOCUMENTS_KEPT, len(needed))
        new = [document for document in needed.values() if self._documents.get(document.id) is None]
        for document, text in zip(new, self.tokens.tokenized(self.encoder, new), strict=True):
            self._documents.keep(document.id, SentenceIndex(document, text))
