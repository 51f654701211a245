"""Premises: stretches of whole sentences of a document, small enough to go through the verifier with a claim uncut."""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from assistant.documents.language import guess_language
from assistant.documents.passages import Passage
from assistant.documents.sentences import Sentence, split_sentences
from assistant.encoders.pairs import Ids, TokenizedText
from assistant.retrieval.ranking import PassageIndex
from assistant.types import Document, Verdict
from assistant.verification.clauses import content_words

# Premises of claims of similar length are packed alike, so that they are ranked by one index.
_BUDGET_STEP = 32
_WORD = re.compile(r"\w\w")
_PREPOSITION = r"(?:in|on|at|by|for|from|to|with|until|during|before|after|under|through|because)\b"
_CORRECTION = re.compile(
    rf"\bnot\s+(?!only\b|just\b|merely\b|{_PREPOSITION})(?P<verb>\w+\s+(?:(?!{_PREPOSITION})\w+\s+)?)?{_PREPOSITION}[^.;:\n]{{1,80}}?"
    rf"\bbut\s+(?!also\b)(?={_PREPOSITION})|\bnot\s+(?!only\b|just\b|merely\b){_PREPOSITION}[^.;:\n]{{1,80}}?\bbut\s+(?={_PREPOSITION})"
)
_SENTENCES_GATHERED = 3
_WORDS_SHARED = 2
_CORRECTIONS = 2


_CLAUSE_OF_ITS_OWN = re.compile(
    r"\b(?:it|he|she|they|we|there|is|are|was|were|has|have|had|will|would|can|could|il|elle|ils|elles|est|sont|était)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Premise:
    """The tokens `[first, last)` of a document, and the characters `[start, end)` they stand for.

    `ranges` are those of the tokens that are read, where some in between are left out.
    """

    first: int
    last: int
    start: int
    end: int
    ranges: tuple[tuple[int, int], ...] = ()


class SentenceIndex:
    """A tokenised document with its sentences as token ranges."""

    def __init__(self, document: Document, text: TokenizedText) -> None:
        self.document = document
        self.text = text
        language = guess_language(document.text) or "en"
        premises = (self._premise(sentence) for sentence in split_sentences(document.text, language))
        self.sentences = [premise for premise in premises if premise.last > premise.first]
        self._starts = [sentence.start for sentence in self.sentences]
        self._ends = [sentence.end for sentence in self.sentences]
        self._ranked: dict[int, tuple[list[Premise], PassageIndex]] = {}
        self._said: dict[str, Premise] | None = None
        self._words: list[frozenset[str]] | None = None
        self._by_sentence: PassageIndex | None = None
        self._corrections: list[Premise] | None = None

    def ids(self, premise: Premise) -> Ids:
        """The token ids of a premise, shape (tokens,)."""
        if not premise.ranges:
            return self.text.ids[premise.first : premise.last]
        return np.concatenate([self.text.ids[first:last] for first, last in premise.ranges])

    def _premise(self, sentence: Sentence) -> Premise:
        first = int(np.searchsorted(self.text.starts, sentence.start, side="left"))
        last = int(np.searchsorted(self.text.starts, sentence.end, side="left"))
        return Premise(first, last, sentence.start, sentence.end)

    def packed(self, budget: int) -> list[Premise]:
        """Neighbouring sentences packed into premises of at most `budget` tokens; together they hold all sentences."""
        packed: list[Premise] = []
        for piece in self._pieces(self.sentences, budget):
            if packed and piece.last - packed[-1].first <= budget:
                packed[-1] = _join(packed[-1], piece)
            else:
                packed.append(piece)
        return packed

    def around(self, start: int, end: int, budget: int, enough: int | None = None) -> Premise | None:
        """The sentences that hold the characters `[start, end)`, with neighbours on either side.

        Args:
            start: offset in the document.
            end: offset in the document.
            budget: the most tokens the premise may have.
            enough: neighbours join up to this many tokens; by default up to the budget.
        """
        limit = budget if enough is None else min(enough, budget)
        begin, stop = bisect_right(self._ends, start), bisect_left(self._starts, end)
        # A sentence has a token at least, so further neighbours cannot belong to the premise.
        pieces = list(self._pieces(self.sentences[max(0, begin - limit) : stop + limit], budget))
        holding = [index for index, piece in enumerate(pieces) if piece.start < end and piece.end > start]
        if not holding:
            return None
        low, high = holding[0], holding[-1]
        while pieces[high].last - pieces[low].first > budget:
            high -= 1
        grown = True
        while grown:
            grown = False
            if low > 0 and pieces[high].last - pieces[low - 1].first <= limit:
                low, grown = low - 1, True
            if high + 1 < len(pieces) and pieces[high + 1].last - pieces[low].first <= limit:
                high, grown = high + 1, True
        return _join(pieces[low], pieces[high])

    def verbatim(self, claim: str) -> Premise | None:
        """The sentence that a claim repeats word for word, white space aside."""
        if self._said is None:
            texts = ((" ".join(self.document.text[each.start : each.end].split()), each) for each in self.sentences)
            self._said = {text: sentence for text, sentence in texts if _WORD.search(text)}
        return self._said.get(" ".join(claim.split()))

    def relevant(self, claim: str, budget: int, count: int) -> list[Premise]:
        """The premises that share most with a claim, at most `count` of them, the most promising first."""
        step = max(1, budget // _BUDGET_STEP) * _BUDGET_STEP if budget > _BUDGET_STEP else budget
        if step not in self._ranked:
            premises = self.packed(step)
            passages = [Passage(self.document, premise.start, premise.end) for premise in premises]
            self._ranked[step] = premises, PassageIndex(passages)
        premises, index = self._ranked[step]
        order = np.argsort(-index.lexical(claim), kind="stable")[:count]
        return [premises[at] for at in order]

    def nearest(self, claim: str, budget: int) -> Premise | None:
        """The sentences that share most with a claim, wherever they stand, at most `budget` tokens of them together.

        None where they stand in one stretch.
        """
        if self._by_sentence is None:
            self._by_sentence = PassageIndex(
                [Passage(self.document, sentence.start, sentence.end) for sentence in self.sentences]
            )
        scores = self._by_sentence.lexical(claim)
        chosen: list[int] = []
        left = budget
        for at in np.argsort(-scores, kind="stable").tolist():
            size = self.sentences[at].last - self.sentences[at].first
            if scores[at] > 0 and size <= left:
                chosen.append(at)
                left -= size
        if len(chosen) < 2 or max(chosen) - min(chosen) == len(chosen) - 1:
            return None
        parts = [self.sentences[at] for at in sorted(chosen)]
        ranges = tuple((part.first, part.last) for part in parts)
        return Premise(parts[0].first, parts[-1].last, parts[0].start, parts[-1].end, ranges)

    def gathered(self, claim: str, budget: int, near: Sequence[Premise] = ()) -> Premise | None:
        """The few sentences, wherever they stand, that together hold most words of a claim; None where one holds them.

        Each of them has a word of the claim that those before it lack; rare words count for more.

        Args:
            claim: a statement.
            budget: the most tokens they may have.
            near: where given, only sentences of these premises are taken.
        """
        said = content_words(claim)
        held = self._content()
        allowed = [
            at
            for at, each in enumerate(self.sentences)
            if said & held[at] and (not near or any(p.first <= each.first and each.last <= p.last for p in near))
        ]
        rarity = {word: 1 / (1 + sum(word in held[at] for at in allowed)) for word in said}
        chosen: list[int] = []
        missing, left = set(said), budget
        while missing and len(chosen) < _SENTENCES_GATHERED:
            fitting = [at for at in allowed if self.sentences[at].last - self.sentences[at].first <= left]
            best = max(fitting, key=lambda at: math.fsum(rarity[word] for word in missing & held[at]), default=None)
            if best is None or not missing & held[best]:
                break
            chosen.append(best)
            missing -= held[best]
            left -= self.sentences[best].last - self.sentences[best].first
        if len(chosen) < 2:
            return None
        pieces = [self.sentences[at] for at in sorted(chosen)]
        return Premise(
            pieces[0].first,
            pieces[-1].last,
            pieces[0].start,
            pieces[-1].end,
            tuple((piece.first, piece.last) for piece in pieces),
        )

    def corrected(self, claim: str, premises: Sequence[Premise]) -> list[Premise]:
        """Sentences of some premises that correct themselves, as they stand corrected.

        Of "It was not opened in May, as planned, but in June" what is read is "It was opened in June".
        """
        if self._corrections is None:
            self._corrections = [
                each for sentence in self.sentences if (each := self._correction(sentence)) is not None
            ]
        said = content_words(claim) if self._corrections else frozenset()
        return [
            each
            for each in self._corrections
            if any(premise.first <= each.first and each.last <= premise.last for premise in premises)
            and len(said & content_words(self.document.text[each.start : each.end])) >= _WORDS_SHARED
        ][:_CORRECTIONS]

    def _correction(self, sentence: Premise) -> Premise | None:
        match = _CORRECTION.search(self.document.text, sentence.start, sentence.end)
        # Where the rest has a verb of its own it says something else: "not open on Mondays, but on Fridays it closes".
        if match is None or _CLAUSE_OF_ITS_OWN.search(self.document.text, match.end(), sentence.end):
            return None
        kept = [(sentence.start, match.start()), match.span("verb"), (match.end(), sentence.end)]
        starts = self.text.starts
        ranges = [tuple(int(at) for at in np.searchsorted(starts, span, side="left")) for span in kept]
        present = tuple((first, last) for first, last in ranges if first < last)
        return Premise(sentence.first, sentence.last, sentence.start, sentence.end, present) if present else None

    def _content(self) -> list[frozenset[str]]:
        """The words of meaning of each sentence."""
        if self._words is None:
            self._words = [content_words(self.document.text[each.start : each.end]) for each in self.sentences]
        return self._words

    def within(self, premise: Premise) -> list[Premise]:
        """The sentences, or parts of one, that a premise is made of."""
        if premise.ranges:
            pieces = [
                each
                for each in self.sentences[bisect_right(self._ends, premise.start) :]
                if each.last <= premise.last and (each.first, each.last) in premise.ranges
            ]
            return pieces if len(pieces) > 1 else [premise]
        begin, stop = bisect_right(self._ends, premise.start), bisect_left(self._starts, premise.end)
        common = [
            (max(sentence.first, premise.first), min(sentence.last, premise.last))
            for sentence in self.sentences[begin:stop]
        ]
        return [self._part(first, last) for first, last in common if first < last]

    def sharing_most(self, claim: str, pieces: list[Premise]) -> list[Premise]:
        """Of sentences those that share words of meaning with a claim, at least half as many as the one that has most.

        All of them where none shares any, as between two languages.
        """
        said = content_words(claim)
        shared = [len(said & content_words(self.document.text[each.start : each.end])) for each in pieces]
        most = max(shared)
        return [each for each, count in zip(pieces, shared, strict=True) if 2 * count >= most] if most else pieces

    def _pieces(self, sentences: Sequence[Premise], budget: int) -> Iterable[Premise]:
        """The sentences; one of more than `budget` tokens comes in parts."""
        for sentence in sentences:
            for first in range(sentence.first, sentence.last, budget):
                yield self._part(first, min(first + budget, sentence.last))

    def _part(self, first: int, last: int) -> Premise:
        return Premise(first, last, int(self.text.starts[first]), int(self.text.ends[last - 1]))


def _join(left: Premise, right: Premise) -> Premise:
    return Premise(left.first, right.last, left.start, right.end)


def decide(probabilities: Sequence[tuple[float, float, float]]) -> int:
    """Which premise decides a claim.

    It is the one that entails the claim most, if one does; else the one that contradicts it most, if one does; else
    the one that says most about it.

    Args:
        probabilities: of entailment, neutral and contradiction, for each premise.
    """
    rows = np.asarray(probabilities)
    labels = rows.argmax(axis=1)
    for label in (0, 2):
        candidates = np.flatnonzero(labels == label)
        if len(candidates):
            return int(candidates[rows[candidates, label].argmax()])
    return int(rows[:, 1].argmin())


def best_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Of each claim what the document says that decides it."""
    if len(verdicts) == 1:
        return verdicts[0]
    claims = []
    for each in zip(*(verdict.claims for verdict in verdicts), strict=True):
        rows = [(p.entailment, p.neutral, p.contradiction) for p in (claim.probabilities for claim in each)]
        claims.append(each[decide(rows)])
    return Verdict(tuple(claims))
