"""Passages: stretches of a document of a limited size, and which of them bear on a question."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.conversation import Document, Evidence

PASSAGE_CHARACTERS = 900
_WORD = re.compile(r"\w+")
# Okapi BM25's usual constants (Robertson and Zaragoza, 2009).
_K1, _B = 1.2, 0.75
_STOP_WORDS = frozenset(
    "a an and are as at be by did do does for from had has have how in is it its of on or that the their this to was "
    "were what when where which who why will with "
    "au aux avec ce ces dans de des du elle en est et il la le les leur ou par pour quand que quel quelle qui sa se "
    "ses son sont sur un une où".split()
)


@dataclass(frozen=True, slots=True)
class Passage:
    """The characters `[start, end)` of a document."""

    document: Document
    start: int
    end: int

    @property
    def text(self) -> str:
        """The passage's text."""
        return self.document.text[self.start : self.end]

    def evidence(self, score: float | None = None) -> Evidence:
        """The passage as evidence."""
        return Evidence(self.document.name, self.start, self.end, self.text, score)


def split_passages(document: Document, characters: int = PASSAGE_CHARACTERS) -> list[Passage]:
    """Split a document at its paragraphs, lines or sentences, whichever keeps pieces whole, without overlap."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=characters,
        chunk_overlap=0,
        separators=["\n\n", "\r\n\r\n", "\n", ". ", " ", ""],
        keep_separator="end",
    )
    passages = []
    at = 0
    for piece in splitter.split_text(document.text):
        start = document.text.index(piece, at)
        at = start + len(piece)
        passages.append(Passage(document, start, at))
    return passages


def words(text: str) -> list[str]:
    """The words of a text that bear meaning, in lower case."""
    return [word for word in (match.lower() for match in _WORD.findall(text)) if word not in _STOP_WORDS]


def rank_passages(question: str, passages: Sequence[Passage]) -> list[tuple[float, Passage]]:
    """Score passages by the words they share with a question (Okapi BM25), best first; ties keep their order."""
    counts = [Counter(words(passage.text)) for passage in passages]
    lengths = [sum(count.values()) for count in counts]
    average = sum(lengths) / max(len(lengths), 1) or 1.0
    asked = set(words(question))
    holding = {word: sum(word in count for count in counts) for word in asked}

    def score(count: Counter[str], length: int) -> float:
        total = 0.0
        for word in asked & count.keys():
            rarity = math.log(1 + (len(passages) - holding[word] + 0.5) / (holding[word] + 0.5))
            total += rarity * count[word] * (_K1 + 1) / (count[word] + _K1 * (1 - _B + _B * length / average))
        return total

    scored = [(score(count, length), passage) for count, length, passage in zip(counts, lengths, passages, strict=True)]
    return sorted(scored, key=lambda pair: -pair[0])
