"""Questions that their paragraph does not answer, made from questions that it does.

SQuAD v2.0 (Rajpurkar et al., 2018) had people write such questions; from v1.1 alone three kinds can be made by rule:

- moved: the question is put to another paragraph of its article;
- removed: the sentences that hold the answer are taken out of the paragraph, so that all the rest still fits;
- altered: the question asks for something else: another name or number of the paragraph takes the place of one in
  the question, a word is turned into its opposite, or the statement is negated.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice

from assistant.documents.sentences import Sentence, split_sentences
from finetune.data.opposites import opposites
from finetune.data.squad import QAExample

_WORDS = re.compile(r"\w+")
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?![\w%])")
_NAME = re.compile(r"\b[A-ZÀ-Þ][\w'’-]+(?: (?:(?:of|de|la|le|the|du|des) )?[A-ZÀ-Þ][\w'’-]+)*")
_AUXILIARY = re.compile(r"\b(is|was|were|are|did|does|do|has|had|could|would|should|can|will)\b", re.IGNORECASE)
_NEGATED = re.compile(r"\b(not|never|no|cannot|without)\b|n't\b", re.IGNORECASE)
_PARAGRAPHS_DRAWN = 12
_SHORTEST = 80
"""Characters that a paragraph must keep when sentences are taken out of it."""

_SHARE_NEGATED = 0.3
"""Nearly every question can be negated; of those that come to it, this share is."""


def make_unanswerable(examples: Iterable[QAExample], counts: Mapping[str, int], seed: int) -> list[QAExample]:
    """Make questions without an answer.

    Args:
        examples: answerable ones are drawn from these, at random, each at most once for a kind.
        counts: how many to make of each kind, by `MAKERS`' names; fewer come where no more can be made.
        seed: the same seed gives the same questions.
    """
    pool = [example for example in examples if example.start is not None]
    made: list[QAExample] = []
    for kind, count in counts.items():
        generator = random.Random(f"{seed} {kind}")
        drawn = pool.copy()
        generator.shuffle(drawn)
        made += islice(MAKERS[kind](pool, drawn, generator), count)
    return made


def is_made(example: QAExample) -> bool:
    """Whether a question was made here rather than written by people."""
    return not example.answers and example.id.endswith(tuple(f"-{kind}" for kind in MAKERS))


def _moved(pool: Sequence[QAExample], drawn: Sequence[QAExample], generator: random.Random) -> Iterator[QAExample]:
    """Put the question to the paragraph, of several drawn, that shares most words with it."""
    paragraphs: dict[str, dict[str, None]] = {}
    for example in pool:
        paragraphs.setdefault(example.title, {})[example.context] = None
    for example in drawn:
        others = [text for text in paragraphs[example.title] if not _holds_answer(text, example)]
        if others:
            asked = _words(example.question)
            sample = generator.sample(others, min(_PARAGRAPHS_DRAWN, len(others)))
            yield _unanswerable(example, "moved", context=max(sample, key=lambda text: len(asked & _words(text))))


def _removed(pool: Sequence[QAExample], drawn: Sequence[QAExample], generator: random.Random) -> Iterator[QAExample]:
    """Take out every sentence that holds the answer."""
    for example in drawn:
        kept = [
            example.context[sentence.start : sentence.end]
            for sentence in _sentences(example.context)
            if not (sentence.start < (example.end or 0) and sentence.end > (example.start or 0))
        ]
        context = " ".join(text for text in kept if not _holds_answer(text, example))
        if len(context) >= _SHORTEST and not _holds_answer(context, example):
            yield _unanswerable(example, "removed", context=context)


def _altered(pool: Sequence[QAExample], drawn: Sequence[QAExample], generator: random.Random) -> Iterator[QAExample]:
    """Make the question ask for something that the paragraph does not say."""
    ways: list[Callable[[QAExample, random.Random], str | None]] = [_swap, _opposite, _negate]
    weights = [5, 3, 1]
    for example in drawn:
        # Names, numbers and opposites are to be had for fewer questions than a negation is: they come first.
        order = sorted(range(len(ways)), key=lambda way: generator.random() ** (1 / weights[way]), reverse=True)
        for way in order:
            question = ways[way](example, generator)
            if question and question != example.question:
                yield _unanswerable(example, "altered", question=question)
                break


MAKERS: Mapping[str, Callable[[Sequence[QAExample], Sequence[QAExample], random.Random], Iterator[QAExample]]] = {
    "moved": _moved,
    "removed": _removed,
    "altered": _altered,
}


def _swap(example: QAExample, generator: random.Random) -> str | None:
    """Put another number or name of the paragraph in the place of one in the question."""
    for pattern in generator.sample([_NUMBER, _NAME], 2):
        # The first word of a question is capital whatever it is.
        inside = [match for match in pattern.finditer(example.question) if match.start() > 0]
        inside = [match for match in inside if match[0].lower() in example.context.lower()]
        if not inside:
            continue
        chosen = generator.choice(inside)
        others = [
            match[0]
            for match in pattern.finditer(example.context)
            if _could_stand_for(chosen[0], match, example) and (pattern is _NAME or len(match[0]) == len(chosen[0]))
        ]
        if others:
            return (
                example.question[: chosen.start()]
                + generator.choice(sorted(set(others)))
                + example.question[chosen.end() :]
            )
    return None


def _could_stand_for(word: str, match: re.Match[str], example: QAExample) -> bool:
    """Whether the question asks for something else when a name or number of the paragraph takes a word's place."""
    other = match[0].lower()
    if other in example.question.lower():
        return False
    if any(other in gold.lower() or gold.lower() in other for gold in example.answers):
        return False
    # The first word of a sentence is capital whatever it is.
    return word[0].isdigit() or " " in other or not _begins_sentence(example.context, match.start())


def _opposite(example: QAExample, generator: random.Random) -> str | None:
    """Turn one word into its opposite."""
    known = opposites()
    found = [match for match in _WORDS.finditer(example.question) if match[0].lower() in known]
    if not found:
        return None
    chosen = generator.choice(found)
    word = generator.choice(known[chosen[0].lower()])
    word = word.capitalize() if chosen[0][0].isupper() else word
    return example.question[: chosen.start()] + word + example.question[chosen.end() :]


def _negate(example: QAExample, generator: random.Random) -> str | None:
    """Negate the first auxiliary verb."""
    if _NEGATED.search(example.question) or generator.random() > _SHARE_NEGATED:
        return None
    found = _AUXILIARY.search(example.question)
    if found is None:
        return None
    word = found[0]
    negated = {"can": "can't", "will": "won't"}.get(word.lower(), f"{word}n't")
    return example.question[: found.start()] + negated + example.question[found.end() :]


def _unanswerable(
    example: QAExample, kind: str, *, context: str | None = None, question: str | None = None
) -> QAExample:
    return replace(
        example,
        id=f"{example.id}-{kind}",
        context=context or example.context,
        question=question or example.question,
        answers=(),
        start=None,
    )


def _holds_answer(text: str, example: QAExample) -> bool:
    low = text.lower()
    return any(gold.lower() in low for gold in example.answers)


def _begins_sentence(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \"'([“")
    return not before or before[-1] in ".!?:\n"


@cache
def _sentences(text: str) -> tuple[Sentence, ...]:
    return tuple(split_sentences(text))


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORDS.findall(text))
