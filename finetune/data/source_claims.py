"""Sentences that language models and people wrote about a source, each with whether the source supports it.

Read are RAGTruth (Niu et al., 2024: answers of six models, in which people marked what the source does not bear out),
SummEdits (Laban et al., 2023: summaries with a small edit or none) and FactCG (Lei et al., 2025: claims over several
sentences of a document). A verifier sees a sentence beside the part of its source that bears on it, so that is what the
pairs are made of.
"""

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.documents.passages import Passage
from assistant.documents.sentences import split_sentences
from assistant.errors import UsageError
from assistant.retrieval.ranking import PassageIndex, words
from assistant.types import Document, Label
from assistant.verification.claims import text_claims
from finetune.data.exchanges import exchanged
from finetune.data.files import read_json_lines
from finetune.data.pairs import Pair

BLANK = "on a source without a word"
"""Why a claim is left out, for who counts."""
_LETTERS = re.compile(r"\w\w")
_PREMISE_WORDS = (60, 100, 150, 210)
_FAR_SHARE = 0.25
_EXCHANGED_SHARE = 0.6
_CONTRADICTS = {"entity_modification", "antonym_swap", "negation_insertion_removal"}


@dataclass(frozen=True, slots=True)
class SourceClaim:
    """A statement on a source, and what the source says of it."""

    source: str
    text: str
    label: Label


@dataclass(frozen=True, slots=True)
class SourceText:
    """All that one writer wrote on a source, and whether the source supports all of it."""

    source: str
    text: str
    supported: bool


def holds_source_claims(row: dict[str, Any]) -> bool:
    """Whether a row is of one of the kinds that `read_source_claims` reads."""
    return {"source", "responses"} <= set(row) or {"premise", "hypothesis", "original"} <= set(row)


def read_source_claims(path: Path) -> list[SourceClaim]:
    """The statements of a file, sentence by sentence; sentences whose label is not known are left out.

    Raises:
        UsageError: the file is of none of the kinds.
    """
    return [claim for row in _rows(path) for claim in _claims(row)]


def read_source_texts(path: Path) -> list[SourceText]:
    """The whole texts of a file with their labels.

    Raises:
        UsageError: the file is of none of the kinds.
    """
    texts: list[SourceText] = []
    for row in _rows(path):
        if "responses" in row:
            source = _source_text(row["source"])
            texts += [SourceText(source, each["response"], not each["spans"]) for each in row["responses"]]
        else:
            texts.append(SourceText(row["premise"], row["hypothesis"], row["label"] == "entailment"))
    return texts


def is_held_out(source: str, share: float) -> bool:
    """Whether a source is among the share that is kept out of training, by a hash of its text."""
    return int.from_bytes(hashlib.sha256(source.encode()).digest()[:4], "big") / 2**32 < share


def is_blank(source: str) -> bool:
    """Whether a source holds no sign that could be read, and so is no document."""
    return not any(sign.isprintable() and not sign.isspace() for sign in source)


def source_pairs(claims: Sequence[SourceClaim], seed: int, left_out: Counter[str] | None = None) -> list[Pair]:
    """Training pairs: each claim beside the sentences of its source that share most with it.

    What is not supported comes twice, beside a longer and a shorter part. Of what is supported some is also put to a
    part that has nothing to do with it (neutral), and some comes again with one thing exchanged (contradiction).

    Args:
        claims: what was written.
        seed: of all that is drawn.
        left_out: counts the claims that stand on a source without a word, of which no pair can be made.
    """
    draw = random.Random(f"{seed} source claims")
    parts: dict[str, _Source] = {}
    made: list[Pair] = []
    for claim in claims:
        if is_blank(claim.source):
            if left_out is not None:
                left_out[BLANK] += 1
            continue
        source = parts.setdefault(claim.source, _Source(claim.source))
        near = source.gathered(claim.text, draw.choice(_PREMISE_WORDS[1:]))
        made.append(Pair(near, claim.text, claim.label))
        if claim.label is not Label.ENTAILMENT:
            made.append(Pair(source.stretch(claim.text, draw.choice(_PREMISE_WORDS)), claim.text, claim.label))
            continue
        if draw.random() < _FAR_SHARE and (far := source.far(claim.text, draw.choice(_PREMISE_WORDS))):
            made.append(Pair(far, claim.text, Label.NEUTRAL))
        if draw.random() < _EXCHANGED_SHARE and (other := exchanged(claim.text, claim.source, draw)):
            made.append(Pair(near, other, Label.CONTRADICTION))
    return made


def exchanged_sentences(contexts: Sequence[str], count: int, seed: int) -> list[Pair]:
    """Sentences of texts beside their text: as they are, and with one thing exchanged; `count` of both together."""
    draw = random.Random(f"{seed} exchanged sentences")
    made: list[Pair] = []
    for context in draw.sample(list(contexts), len(contexts)):
        if len(made) >= count:
            break
        sentences = [context[each.start : each.end] for each in split_sentences(context)]
        fit = [each for each in sentences if 6 <= len(each.split()) <= 40]
        sentence = draw.choice(fit) if fit else None
        if sentence and (other := exchanged(sentence, context, draw)):
            premise = _Source(context).gathered(sentence, draw.choice(_PREMISE_WORDS))
            made += [Pair(premise, sentence, Label.ENTAILMENT), Pair(premise, other, Label.CONTRADICTION)]
    return made[:count]


class _Source:
    """A source with its sentences ranked."""

    def __init__(self, text: str) -> None:
        self.text = text
        document = Document("source", text)
        self.sentences = [Passage(document, each.start, each.end) for each in split_sentences(text)]
        self.sizes = [len(each.text.split()) for each in self.sentences]
        self.index = PassageIndex(self.sentences)

    def gathered(self, claim: str, max_words: int) -> str:
        """The sentences that share most with a claim, at most so many words of them, in the source's order."""
        if sum(self.sizes) <= max_words:
            return self.text
        scores = self.index.lexical(claim)
        order = sorted(range(len(self.sentences)), key=lambda at: -scores[at])
        chosen: list[int] = []
        left = max_words
        for at in order:
            if self.sizes[at] <= left or not chosen:
                chosen.append(at)
                left -= self.sizes[at]
        return " ".join(self.sentences[at].text for at in sorted(chosen))

    def stretch(self, claim: str, max_words: int) -> str:
        """The stretch of neighbouring sentences that shares most with a claim."""
        wanted = set(words(claim))
        best = max(self._stretches(max_words), key=lambda span: len(wanted & set(words(self._slice(span)))))
        return self._slice(best)

    def far(self, claim: str, max_words: int) -> str | None:
        """A stretch that shares hardly a word with a claim, if there is one."""
        wanted = set(words(claim))
        scored = [(len(wanted & set(words(self._slice(span)))), span) for span in self._stretches(max_words)]
        least, span = min(scored)
        return self._slice(span) if len(scored) > 1 and least <= len(wanted) / 5 else None

    def _stretches(self, max_words: int) -> Iterator[tuple[int, int]]:
        for first in range(len(self.sentences)):
            last, left = first + 1, max_words - self.sizes[first]
            while last < len(self.sentences) and self.sizes[last] <= left:
                left -= self.sizes[last]
                last += 1
            yield first, last
            if last == len(self.sentences):
                return

    def _slice(self, span: tuple[int, int]) -> str:
        return self.text[self.sentences[span[0]].start : self.sentences[span[1] - 1].end]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(read_json_lines(path), 1):
        known = {"source", "responses"} <= set(row) or {"premise", "hypothesis", "label"} <= set(row)
        if not known:
            raise UsageError(f"{path}, line {number}: neither answers on a source nor a premise and a hypothesis.")
        yield row


def _claims(row: dict[str, Any]) -> Iterator[SourceClaim]:
    if "responses" in row:
        source = _source_text(row["source"])
        for response in row["responses"]:
            yield from _marked(source, response["response"], response["spans"])
        return
    label = row["label"]
    if "original" not in row:  # a claim as it is
        yield SourceClaim(row["premise"], row["hypothesis"], _two_way(label))
        return
    sentences = _sentences(row["hypothesis"])
    if label == "entailment":
        for _, _, sentence in sentences:
            yield from (SourceClaim(row["premise"], claim, Label.ENTAILMENT) for claim in text_claims(sentence))
        return
    before = {sentence for _, _, sentence in _sentences(row["original"])}
    contradicts = bool(_CONTRADICTS & set(row["edit_types"]))
    for _, _, sentence in sentences:
        if sentence not in before:
            yield SourceClaim(row["premise"], sentence, Label.CONTRADICTION if contradicts else Label.NEUTRAL)


def _two_way(label: str) -> Label:
    return Label.ENTAILMENT if label == "entailment" else Label.NEUTRAL


def _marked(source: str, text: str, spans: Sequence[dict[str, Any]]) -> Iterator[SourceClaim]:
    """The sentences of an answer: what overlaps a marked span is not supported."""
    for start, end, sentence in _sentences(text):
        inside = [span for span in spans if span["start"] < end and span["end"] > start]
        if not inside:
            yield from (SourceClaim(source, claim, Label.ENTAILMENT) for claim in text_claims(sentence))
            continue
        conflict = any("conflict" in span["label_type"].lower() for span in inside)
        plain = " ".join(text_claims(sentence))
        if plain:
            yield SourceClaim(source, plain, Label.CONTRADICTION if conflict else Label.NEUTRAL)


def _sentences(text: str) -> list[tuple[int, int, str]]:
    found = [(each.start, each.end, text[each.start : each.end]) for each in split_sentences(text)]
    return [each for each in found if _LETTERS.search(each[2])]


def _source_text(source: Any) -> str:
    """A source as it would be read: a text as it is, a record as JSON."""
    return source if isinstance(source, str) else json.dumps(source, ensure_ascii=False, indent=1)
