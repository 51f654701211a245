"""The verifier: what a document says of a claim, by natural language inference."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Any

import numpy as np

from assistant.encoders.cores import batch_tokens, cores_of, on_each_core
from assistant.encoders.pairs import EncodedPair, Ids, PairEncoder, TokenizedText, length_bucketed, longest_input
from assistant.encoders.token_cache import TokenCache
from assistant.errors import UsageError
from assistant.recent import Recent
from assistant.types import Claim, Document, Evidence, Label, Probabilities, Verdict
from assistant.verification.faults import find_fault
from assistant.verification.figures import Fault
from assistant.verification.head import Head
from assistant.verification.premises import Premise, SentenceIndex, decide

MAX_LENGTH = 384
PREMISES_PER_CLAIM = 3
"""Stretches of a document that a claim is held against, beside the sentences gathered from all of it."""

STRETCH_TOKENS = 160
WHOLE_TOKENS = 288
"""A document of no more tokens is held against a claim whole; so many are gathered of a longer one."""

MIN_PREMISE_TOKENS = 32
NEAR_TOKENS = 64
"""How much text around a span is its premise: with more, sentences that have nothing to do with the claim drown it."""
SURE = 0.8
"""From this probability of entailment on, a claim's other premises are not asked."""

DOCUMENTS_KEPT = 64
LABELS = tuple(Label)

Row = tuple[float, float, float]
_LONGEST_SOURCE = 200_000  # characters of a document in which a claim's figures are looked for
_ENTAILED: Row = (1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Check:
    """Claims to hold against a document. With `near`, only the sentences around those places are the premise."""

    document: Document
    claims: Sequence[str]
    near: Sequence[Evidence] = ()


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A claim beside one premise, ready for the model; without a pair where the premise is the claim itself."""

    check: int
    claim: int
    tokens: Ids
    premise: Premise
    pair: EncodedPair | None


class Verifier:
    """A sequence classifier over (premise, hypothesis) pairs.

    A claim that is a sentence of the document, word for word, is entailed by it, and the model is not asked. No pair is
    ever cut: premises are whole sentences packed to what fits beside the claim. All pairs of a call go
    through the model in batches of similar length. `tokens` are those of the documents, which a reader may share;
    `languages` are the codes of those that the model's card names.
    """

    def __init__(
        self,
        model: Any,
        encoder: PairEncoder,
        *,
        name: str,
        head: Head,
        languages: frozenset[str] = frozenset(),
        max_length: int = MAX_LENGTH,
        tokens_per_batch: int | None = None,
    ) -> None:
        self.model = model
        self.encoder = encoder
        self.name = name
        self.max_length = longest_input(model, max_length)
        self.tokens_per_batch = tokens_per_batch or batch_tokens(model)
        self.head = head
        self.languages = languages
        self.tokens = TokenCache()
        self._documents: Recent[str, SentenceIndex] = Recent(DOCUMENTS_KEPT)

    def verify(self, checks: Sequence[Check], *, cancel: threading.Event | None = None) -> list[Verdict | None]:
        """The verdict of each check; None for one without claims, or that was cancelled before it was decided.

        Raises:
            UsageError: a claim is too long to be checked whole, or a document holds nothing that can be read.
        """
        self._keep([check.document for check in checks])
        claims = iter(self.encoder.tokenize([claim for check in checks for claim in check.claims]))
        candidates = [
            candidate
            for index, check in enumerate(checks)
            for candidate in self._candidates(index, check, list(islice(claims, len(check.claims))))
        ]
        decided = self._decide(candidates, cancel)
        # What no single passage entails may be spread over several.
        gathered = [
            spread
            for candidate, row in decided.values()
            if row.index(max(row)) != 0 and (spread := self._gathered(checks[candidate.check], candidate)) is not None
        ]
        for key, (candidate, row) in self._decide(gathered, cancel).items():
            if row.index(max(row)) == 0:
                decided[key] = candidate, row
        sentences = self._deciding_sentences(checks, decided, cancel)
        return [self._verdict(index, check, decided, sentences) for index, check in enumerate(checks)]

    def _decide(
        self, candidates: Sequence[_Candidate], cancel: threading.Event | None
    ) -> dict[tuple[int, int], tuple[_Candidate, Row]]:
        """The premise that decides each claim, with its probabilities; without those that `cancel` came before."""
        rows = self._rows(candidates, cancel)
        decided: dict[tuple[int, int], tuple[_Candidate, Row]] = {}
        groups: dict[tuple[int, int], list[int]] = {}
        for position, candidate in enumerate(candidates):
            groups.setdefault((candidate.check, candidate.claim), []).append(position)
        for key, positions in groups.items():
            read = [position for position in positions if position in rows]
            known = [(position, row) for position in read if (row := rows[position]) is not None]
            if len(known) == len(read):
                position, row = known[decide([row for _, row in known])]
                decided[key] = candidates[position], row
        return decided

    def _rows(self, candidates: Sequence[_Candidate], cancel: threading.Event | None) -> dict[int, Row | None]:
        """The probabilities of candidates, by their places; None for those that `cancel` came before.

        A claim that any premise entails is entailed, so that those behind one that surely entails it are left out.
        """
        firsts: dict[tuple[int, int], int] = {}
        for at, candidate in enumerate(candidates):
            firsts.setdefault((candidate.check, candidate.claim), at)
        rows = self._asked(candidates, firsts.values(), cancel)
        settled = {key for key, at in firsts.items() if (row := rows[at]) is not None and row[0] >= SURE}
        others = [
            at
            for at, candidate in enumerate(candidates)
            if at not in rows and (candidate.check, candidate.claim) not in settled
        ]
        return rows | self._asked(candidates, others, cancel)

    def _asked(
        self, candidates: Sequence[_Candidate], places: Iterable[int], cancel: threading.Event | None
    ) -> dict[int, Row | None]:
        """What the model says of the candidates at some places."""
        with_pair = {at: pair for at in places if (pair := candidates[at].pair) is not None}
        rows = dict(zip(with_pair, self._classify(list(with_pair.values()), cancel), strict=True))
        return {at: rows[at] if at in with_pair else _ENTAILED for at in places}

    def _gathered(self, check: Check, candidate: _Candidate) -> _Candidate | None:
        """A claim beside the sentences that hold its parts; None where they stand in one premise that has been read.

        A span with its question has one place, so nothing is gathered for it.
        """
        claim = check.claims[candidate.claim]
        if "?" in claim:
            return None
        sentences, budget = self._index(check.document), self._budget(candidate.tokens, claim)
        if len(sentences.text) <= budget and not check.near:
            return None
        near = [
            place for each in check.near if (place := sentences.around(each.start, each.end, budget, 0)) is not None
        ]
        premise = sentences.gathered(claim, budget, near)
        if premise is None or premise.last - premise.first <= budget // 2:
            return None
        pair = self._pair(sentences.ids(premise), candidate.tokens)
        return _Candidate(candidate.check, candidate.claim, candidate.tokens, premise, pair)

    def check_lengths(self, check: Check) -> None:
        """See that every claim can be checked whole, and that there is something to check it against.

        Raises:
            UsageError: one cannot, or there is nothing.
        """
        self._readable(check.document)
        for claim, tokens in zip(check.claims, self.encoder.tokenize(check.claims), strict=True):
            self._budget(tokens.ids, claim)

    def probabilities(
        self,
        pairs: Sequence[tuple[str, str]],
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[Row]:
        """Entailment, neutral and contradiction for (premise, hypothesis) pairs.

        A premise too long for one pass is checked in parts, and the part that decides is returned.

        Raises:
            UsageError: a hypothesis is too long to be checked whole.
        """
        premises = self.encoder.tokenize([premise for premise, _ in pairs])
        hypotheses = self.encoder.tokenize([hypothesis for _, hypothesis in pairs])
        encoded: list[EncodedPair] = []
        owners: list[int] = []
        for index, ((premise, hypothesis), text, claim) in enumerate(zip(pairs, premises, hypotheses, strict=True)):
            budget = self._budget(claim.ids, hypothesis)
            parts = [text.ids]
            if len(text) > budget:
                packed = SentenceIndex(Document("premise", premise), text).packed(budget)
                parts = [text.ids[part.first : part.last] for part in packed]
            encoded += [self._pair(part, claim.ids) for part in parts]
            owners += [index] * len(parts)
        rows = self._classify(encoded, None, on_progress)
        grouped: list[list[Row]] = [[] for _ in pairs]
        for owner, row in zip(owners, rows, strict=True):
            if row is not None:
                grouped[owner].append(row)
        return [group[decide(group)] for group in grouped]

    def _candidates(self, index: int, check: Check, claims: Sequence[TokenizedText]) -> list[_Candidate]:
        """Every claim of a check beside each of its premises; `claims` are the check's, tokenised."""
        sentences = self._readable(check.document)
        candidates = []
        for number, (claim, tokens) in enumerate(zip(check.claims, claims, strict=True)):
            budget = self._budget(tokens.ids, claim)
            if said := sentences.verbatim(claim):
                candidates.append(_Candidate(index, number, tokens.ids, said, None))
                continue
            near = [sentences.around(place.start, place.end, budget, NEAR_TOKENS) for place in check.near]
            premises = [premise for premise in near if premise is not None]
            premises = premises or self._premises(sentences, claim, budget)
            for premise in [*premises, *sentences.corrected(claim, premises)]:
                pair = self._pair(sentences.ids(premise), tokens.ids)
                candidates.append(_Candidate(index, number, tokens.ids, premise, pair))
        return candidates

    def _premises(self, sentences: SentenceIndex, claim: str, budget: int) -> list[Premise]:
        """What of a document a claim is held against: all of a short one, else what shares most with the claim.

        That is some stretches of it, and sentences from wherever they stand.
        """
        if len(sentences.text) <= min(budget, WHOLE_TOKENS):
            return sentences.relevant(claim, budget, 1)
        nearest = sentences.nearest(claim, min(budget, WHOLE_TOKENS))
        stretches = sentences.relevant(claim, min(budget, STRETCH_TOKENS), PREMISES_PER_CLAIM)
        return [*stretches, *([] if nearest is None else [nearest])]

    def _pair(self, premise: Ids, claim: Ids) -> EncodedPair:
        return (
            self.encoder.encode(claim, premise) if self.head.hypothesis_first else self.encoder.encode(premise, claim)
        )

    def _budget(self, claim: Ids, text: str) -> int:
        """How many tokens a premise may have beside a claim."""
        budget = self.max_length - self.encoder.overhead - len(claim)
        if not len(claim):
            raise UsageError("A claim is empty; there is nothing to check.")
        if budget < MIN_PREMISE_TOKENS:
            raise UsageError(
                f"A claim of {len(claim)} tokens is too long to be checked whole ({text[:40]!r}...); "
                "split it into sentences."
            )
        return budget

    def _deciding_sentences(
        self,
        checks: Sequence[Check],
        decided: Mapping[tuple[int, int], tuple[_Candidate, Row]],
        cancel: threading.Event | None,
    ) -> dict[tuple[int, int], Premise]:
        """For each decided claim the sentence of its premise that alone gives the label most.

        What a model says of a sentence out of its context means little where the two have no word in common, so that
        only those are asked about that share about as many words of meaning with the claim as any.
        """
        pairs: list[EncodedPair] = []
        places: list[tuple[tuple[int, int], Premise]] = []
        alone: dict[tuple[int, int], Premise] = {}
        for key, (candidate, _) in decided.items():
            check = checks[candidate.check]
            sentences = self._index(check.document)
            pieces = sentences.within(candidate.premise)
            if len(pieces) < 2:  # the premise is a sentence itself
                continue
            pieces = sentences.sharing_most(check.claims[candidate.claim], pieces)
            if len(pieces) == 1:
                alone[key] = pieces[0]
                continue
            for piece in pieces:
                pairs.append(self._pair(sentences.ids(piece), candidate.tokens))
                places.append((key, piece))
        best: dict[tuple[int, int], tuple[float, Premise]] = {}
        for (key, piece), row in zip(places, self._classify(pairs, cancel), strict=True):
            if row is None:
                continue
            score = row[int(np.argmax(decided[key][1]))]
            if key not in best or score > best[key][0]:
                best[key] = score, piece
        return alone | {key: piece for key, (_, piece) in best.items()}

    def _verdict(
        self,
        index: int,
        check: Check,
        decided: Mapping[tuple[int, int], tuple[_Candidate, Row]],
        sentences: Mapping[tuple[int, int], Premise],
    ) -> Verdict | None:
        keys = [(index, number) for number in range(len(check.claims))]
        if not keys or any(key not in decided for key in keys):
            return None
        claims = []
        for key, text in zip(keys, check.claims, strict=True):
            candidate, row = decided[key]
            place = sentences.get(key, candidate.premise)
            evidence = check.document.evidence(place.start, place.end)
            claims.append(
                _held_against_figures(Claim(text, LABELS[int(np.argmax(row))], Probabilities(*row), evidence), check)
            )
        return Verdict(tuple(claims))

    def _readable(self, document: Document) -> SentenceIndex:
        sentences = self._index(document)
        if not sentences.sentences:
            raise UsageError(
                f"{document.name} holds no words that the verifier knows; there is nothing to check against."
            )
        return sentences

    def _index(self, document: Document) -> SentenceIndex:
        if (known := self._documents.get(document.id)) is None:
            known = SentenceIndex(document, self.tokens.tokenized(self.encoder, [document])[0])
            self._documents.keep(document.id, known)
        return known

    def _keep(self, documents: Sequence[Document]) -> None:
        """Tokenise documents, all those of one call together, and keep them for the next calls."""
        needed = {document.id: document for document in documents}
        self._documents.count = max(DOCUMENTS_KEPT, len(needed))
        new = [document for document in needed.values() if self._documents.get(document.id) is None]
        for document, text in zip(new, self.tokens.tokenized(self.encoder, new), strict=True):
            self._documents.keep(document.id, SentenceIndex(document, text))

    def _classify(
        self,
        pairs: Sequence[EncodedPair],
        cancel: threading.Event | None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[Row | None]:
        """Entailment, neutral and contradiction of each pair; None for those not reached before `cancel`."""
        import torch

        def classify(batch: list[int]) -> list[list[float]]:
            inputs = self.encoder.collate([pairs[index] for index in batch])
            with torch.inference_mode():
                logits = self.model(**{name: tensor.to(self.model.device) for name, tensor in inputs.items()}).logits
            found: list[list[float]] = self.head.probabilities(logits.double().cpu().numpy()).tolist()
            return found

        rows: list[Row | None] = [None] * len(pairs)
        cores = cores_of(self.model)
        batches: Iterable[list[int]] = length_bucketed([len(pair) for pair in pairs], self.tokens_per_batch, cores)
        if cancel is not None:
            batches = takewhile(lambda _: not cancel.is_set(), batches)
        done = 0
        for batch, answers in on_each_core(classify, batches, cores):
            for index, (entailment, neutral, contradiction) in zip(batch, answers, strict=True):
                rows[index] = entailment, neutral, contradiction
            done += len(batch)
            if on_progress is not None:
                on_progress(done, len(pairs))
        return rows


def _held_against_figures(claim: Claim, check: Check) -> Claim:
    """A claim that the model finds entailed, and that states another figure, unit or direction than the document.

    What the model gave entailment then goes to contradiction, or to neutral where the document only lacks the figure.
    """
    repeated = claim.probabilities.entailment == 1  # the document says it word for word
    if claim.label is not Label.ENTAILMENT or claim.evidence is None or repeated:
        return claim
    text, at = check.document.text, claim.evidence.start
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
