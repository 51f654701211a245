"""Texts told again word by word in another language, for a reader that has few questions in it.

A paragraph and its questions with most words replaced by their translations, in the order of the first language
("code-switching": Qin et al., CoSDA-ML, 2020), have their answers where they had them, and teach an encoder which words
of the other language ask for what. The dictionary comes from sentences that are given in both languages, by IBM model 1
(Brown et al., 1993): no other data, and no other model.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assistant.errors import UsageError
from finetune.data.squad import QAExample
from finetune.data.tables import column, read_table

Translations = tuple[tuple[str, ...], tuple[float, ...]]
"""What a word may become, and the share of each."""

_WORDS = re.compile(r"[^\W\d_]+")
_NO_WORD = ""  # what a word of the other language is laid to that translates none
_ROUNDS = 5  # of expectation and maximisation; the alignments hardly change after these
_LONGEST = 60  # words of a sentence: longer ones tell little and cost most
_SEEN = 3  # times that a word must be seen
_LIKELY = 0.15  # a translation less likely than this is chance
_CHOICES = 4


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Words of one language with their translations into another, by how often each is meant."""

    translations: Mapping[str, Translations]

    def gloss(self, text: str, generator: random.Random) -> str:
        """A text with every word that is known translated; which translation is drawn by how likely each is."""

        def translated(match: re.Match[str]) -> str:
            known = self.translations.get(match[0].lower())
            if known is None:
                return match[0]
            [word] = generator.choices(*known)
            return word.capitalize() if match[0][0].isupper() else word

        return _WORDS.sub(translated, text)

    def gloss_example(self, example: QAExample, generator: random.Random) -> QAExample:
        """A question and its paragraph glossed, and the answer with it."""
        question = self.gloss(example.question, generator)
        if example.start is None or example.end is None:
            return replace(example, question=question, context=self.gloss(example.context, generator))
        before = self.gloss(example.context[: example.start], generator)
        after = self.gloss(example.context[example.end :], generator)
        answer = self.gloss(example.context[example.start : example.end], generator)
        context = before + answer + after
        return replace(example, question=question, context=context, answers=(answer,), start=len(before))


def learn_dictionary(sentences: Sequence[str], translated: Sequence[str]) -> Dictionary:
    """Learn which word means which from sentences and their translations, in the same order.

    Every pair of words that stand in one pair of sentences begins as likely as any; in each round a word's occurrence
    is shared among the words that it may be a translation of, by how likely each is (expectation), and these shares
    are counted anew (maximisation).
    """
    words: dict[str, int] = {_NO_WORD: 0}
    others: dict[str, int] = {}
    sources, targets, lengths = _pairs(sentences, translated, words, others)
    if not len(sources):
        return Dictionary({})
    keys, which = np.unique(sources.astype(np.int64) * len(others) + targets, return_inverse=True)
    source_of = keys // len(others)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    likely: NDArray[np.float64] = np.full(len(keys), 1 / len(others))
    seen: NDArray[np.float64] = np.zeros(len(words))
    for _ in range(_ROUNDS):
        shares = likely[which]
        shares /= np.repeat(np.add.reduceat(shares, starts), lengths)
        counts = np.bincount(which, shares, len(keys))
        seen = np.bincount(source_of, counts, len(words)).astype(np.float64)
        likely = counts / np.maximum(seen[source_of], 1e-12)
    source_names, target_names = list(words), list(others)
    found: dict[str, list[tuple[float, str]]] = {}
    for key in np.flatnonzero((likely >= _LIKELY) & (source_of > 0) & (seen[source_of] >= _SEEN)):
        source, target = divmod(int(keys[key]), len(others))
        found.setdefault(source_names[source], []).append((float(likely[key]), target_names[target]))
    return Dictionary({word: _choices(options) for word, options in found.items()})


def read_dictionary(source: str, translation: str) -> Dictionary:
    """The dictionary of a table and the same table in another language, row for row.

    Raises:
        UsageError: the tables cannot be read, lack the columns, or have another number of rows.
    """
    columns = [_texts(name) for name in (source, translation)]
    if len(columns[0]) != len(columns[1]):
        raise UsageError(f"{translation}: has {len(columns[1])} texts, and {source} has {len(columns[0])}.")
    return learn_dictionary(*columns)


def gloss_some(
    examples: Sequence[QAExample], shares: Sequence[float], dictionary: Dictionary, seed: int
) -> list[QAExample]:
    """The examples, each of them glossed with a probability of its own."""
    generator = random.Random(seed)
    return [
        dictionary.gloss_example(example, generator) if generator.random() < share else example
        for example, share in zip(examples, shares, strict=True)
    ]


def _texts(source: str) -> list[str]:
    rows = read_table(source)
    if not rows:
        return []
    names = [
        column(source, rows[0], usual) for usual in (["premise", "sentence1"], ["hypo", "hypothesis", "sentence2"])
    ]
    return [str(row.get(name) or "") for row in rows for name in names]


def _pairs(
    sentences: Sequence[str], translated: Sequence[str], words: dict[str, int], others: dict[str, int]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Every translated word beside every word that it may translate, and how many these are for each."""
    sources: list[NDArray[np.int32]] = []
    targets: list[NDArray[np.int32]] = []
    lengths: list[NDArray[np.int64]] = []
    for sentence, translation in zip(sentences, translated, strict=True):
        from_, to = (_WORDS.findall(text.lower()) for text in (sentence, translation))
        if not from_ or not to or max(len(from_), len(to)) > _LONGEST:
            continue
        source = np.array([0, *(words.setdefault(word, len(words)) for word in from_)], np.int32)
        target = np.array([others.setdefault(word, len(others)) for word in to], np.int32)
        sources.append(np.tile(source, len(target)))
        targets.append(np.repeat(target, len(source)))
        lengths.append(np.full(len(target), len(source), np.int64))
    if not sources:
        return np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int64)
    return np.concatenate(sources), np.concatenate(targets), np.concatenate(lengths)


def _choices(options: list[tuple[float, str]]) -> Translations:
    best = sorted(options, reverse=True)[:_CHOICES]
    return tuple(word for _, word in best), tuple(likely for likely, _ in best)
