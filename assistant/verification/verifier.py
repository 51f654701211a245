"""The verifier: what a document says of a claim, by natural language inference."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, takewhile
from typing import Any

import numpy as np

from assistant.encoders.cores import batch_tokens, cores_of, on_each_core
from assistant.encoders.pairs import EncodedPair, PairEncoder, length_bucketed, longest_input
from assistant.types import Claim, Document, Label, Probabilities, Verdict
from assistant.verification.candidates import Candidate, Check, PremiseSelector
from assistant.verification.faults import overrule
from assistant.verification.head import Head
from assistant.verification.premises import Premise, SentenceIndex, decide

MAX_LENGTH = 384
SURE = 0.8
"""From this probability of entailment on, a claim's other premises are not asked."""

LABELS = tuple(Label)

Row = tuple[float, float, float]
Key = tuple[int, int]
"""A claim: the numbers of its check and of the claim in it."""

_ENTAILED: Row = (1.0, 0.0, 0.0)


class Verifier:
    """A sequence classifier over (premise, hypothesis) pairs.

    A claim that is a sentence of the document, word for word, is entailed by it, and the model is not asked. All pairs
    of a call go through the model in batches of similar length. `selector` chooses the premises; `languages` are the
    codes of those that the model's card names.
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
        self.selector = PremiseSelector(encoder, hypothesis_first=head.hypothesis_first, max_length=self.max_length)
        self.tokens_per_batch = tokens_per_batch or batch_tokens(model)
        self.head = head
        self.languages = languages

    def verify(self, checks: Sequence[Check], *, cancel: threading.Event | None = None) -> list[Verdict | None]:
        """The verdict of each check; None for one without claims, or that was cancelled before it was decided.

        Raises:
            UsageError: a claim is too long to be checked whole, or a document holds nothing that can be read.
        """
        self.selector.keep([check.document for check in checks])
        claims = iter(self.encoder.tokenize([claim for check in checks for claim in check.claims]))
        candidates = [
            candidate
            for index, check in enumerate(checks)
            for candidate in self.selector.candidates(index, check, list(islice(claims, len(check.claims))))
        ]
        decided = self._decide(candidates, cancel)
        # What no single passage entails may be spread over several.
        gathered = [
            spread
            for candidate, row in decided.values()
            if row.index(max(row)) != 0
            and (spread := self.selector.gathered(checks[candidate.check], candidate)) is not None
        ]
        for key, (candidate, row) in self._decide(gathered, cancel).items():
            if row.index(max(row)) == 0:
                decided[key] = candidate, row
        sentences = self._deciding_sentences(checks, decided, cancel)
        return [self._verdict(index, check, decided, sentences) for index, check in enumerate(checks)]

    def _decide(
        self, candidates: Sequence[Candidate], cancel: threading.Event | None
    ) -> dict[Key, tuple[Candidate, Row]]:
        """The premise that decides each claim, with its probabilities; without those that `cancel` came before."""
        rows = self._rows(candidates, cancel)
        decided: dict[Key, tuple[Candidate, Row]] = {}
        groups: dict[Key, list[int]] = {}
        for position, candidate in enumerate(candidates):
            groups.setdefault((candidate.check, candidate.claim), []).append(position)
        for key, positions in groups.items():
            read = [position for position in positions if position in rows]
            known = [(position, row) for position in read if (row := rows[position]) is not None]
            if len(known) == len(read):
                position, row = known[decide([row for _, row in known])]
                decided[key] = candidates[position], row
        return decided

    def _rows(self, candidates: Sequence[Candidate], cancel: threading.Event | None) -> dict[int, Row | None]:
        """The probabilities of candidates, by their places; None for those that `cancel` came before.

        A claim that any premise entails is entailed, so that those behind one that surely entails it are left out.
        """
        firsts: dict[Key, int] = {}
        for at, candidate in enumerate(candidates):
            firsts.setdefault((candidate.check, candidate.claim), at)
        rows = self._classified(candidates, firsts.values(), cancel)
        settled = {key for key, at in firsts.items() if (row := rows[at]) is not None and row[0] >= SURE}
        others = [
            at
            for at, candidate in enumerate(candidates)
            if at not in rows and (candidate.check, candidate.claim) not in settled
        ]
        return rows | self._classified(candidates, others, cancel)

    def _classified(
        self, candidates: Sequence[Candidate], places: Iterable[int], cancel: threading.Event | None
    ) -> dict[int, Row | None]:
        """The probabilities of the candidates at some places; a premise that is the claim itself needs no model."""
        with_pair = {at: pair for at in places if (pair := candidates[at].pair) is not None}
        rows = dict(zip(with_pair, self._classify(list(with_pair.values()), cancel), strict=True))
        return {at: rows[at] if at in with_pair else _ENTAILED for at in places}

    def check_lengths(self, check: Check) -> None:
        """See that every claim can be checked whole, and that there is something to check it against.

        Raises:
            UsageError: one cannot, or there is nothing.
        """
        self.selector.readable(check.document)
        for claim, tokens in zip(check.claims, self.encoder.tokenize(check.claims), strict=True):
            self.selector.budget(tokens.ids, claim)

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
            budget = self.selector.budget(claim.ids, hypothesis)
            parts = [text.ids]
            if len(text) > budget:
                packed = SentenceIndex(Document("premise", premise), text).packed(budget)
                parts = [text.ids[part.first : part.last] for part in packed]
            encoded += [self.selector.pair(part, claim.ids) for part in parts]
            owners += [index] * len(parts)
        rows = self._classify(encoded, None, on_progress)
        grouped: list[list[Row]] = [[] for _ in pairs]
        for owner, row in zip(owners, rows, strict=True):
            if row is not None:
                grouped[owner].append(row)
        return [group[decide(group)] for group in grouped]

    def _deciding_sentences(
        self,
        checks: Sequence[Check],
        decided: Mapping[Key, tuple[Candidate, Row]],
        cancel: threading.Event | None,
    ) -> dict[Key, Premise]:
        """For each decided claim the sentence of its premise that alone gives the label most.

        What a model says of a sentence out of its context means little where the two have no word in common, so that
        only those are asked about that share about as many words of meaning with the claim as any.
        """
        pairs: list[EncodedPair] = []
        places: list[tuple[Key, Premise]] = []
        alone: dict[Key, Premise] = {}
        for key, (candidate, _) in decided.items():
            check = checks[candidate.check]
            sentences = self.selector.index(check.document)
            pieces = sentences.within(candidate.premise)
            if len(pieces) < 2:  # the premise is a sentence itself
                continue
            pieces = sentences.sharing_most(check.claims[candidate.claim], pieces)
            if len(pieces) == 1:
                alone[key] = pieces[0]
                continue
            for piece in pieces:
                pairs.append(self.selector.pair(sentences.ids(piece), candidate.tokens))
                places.append((key, piece))
        best: dict[Key, tuple[float, Premise]] = {}
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
        decided: Mapping[Key, tuple[Candidate, Row]],
        sentences: Mapping[Key, Premise],
    ) -> Verdict | None:
        keys = [(index, number) for number in range(len(check.claims))]
        if not keys or any(key not in decided for key in keys):
            return None
        claims = []
        for key, text in zip(keys, check.claims, strict=True):
            candidate, row = decided[key]
            place = sentences.get(key, candidate.premise)
            evidence = check.document.evidence(place.start, place.end)
            claim = Claim(text, LABELS[int(np.argmax(row))], Probabilities(*row), evidence)
            claims.append(overrule(claim, check.document.text))
        return Verdict(tuple(claims))

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
