"""A question taken apart for looking up: the words that may name rows and columns, and the kind of cell it asks for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from assistant.documents.tables import is_value
from assistant.reading.vocabulary import ColumnKind, Superlative, vocabulary
from assistant.reading.words import Word, find_phrase, split_words

LONGEST_QUESTION = 600
"""Characters; a longer message is no question of a table."""

_STRONG, _WEAK = 3, 1
_WHO = frozenset(("who", "whom", "qui", "whose"))
_BE = frozenset(("is", "are", "was", "were", "est", "sont", "etait"))
_MANY = frozenset(("many", "much", "combien"))


@dataclass(frozen=True, slots=True)
class AskedKind:
    """A kind that a question asks for: how surely, and the positions of the words that say so."""

    kind: ColumnKind
    weight: int
    positions: frozenset[int]


@dataclass(frozen=True, slots=True)
class ParsedQuestion:
    """A question's words and what they ask for; positions are indices of words.

    Args:
        words: all of its words.
        content: positions of the words that may name something.
        kinds: the kinds that are asked for, by name.
        superlative: what asks for the greatest or smallest, with its positions; None where nothing does.
        beyond: positions of words that ask for more than a cell: totals, comparisons, negations.
        explains: it asks for reasons or ways, which are no cells.
    """

    words: tuple[Word, ...]
    content: frozenset[int]
    kinds: Mapping[str, AskedKind]
    superlative: tuple[Superlative, frozenset[int]] | None
    beyond: frozenset[int]
    explains: bool

    @property
    def asks_who(self) -> bool:
        """Whether it asks for a person or a party."""
        return any(word.text in _WHO for word in self.words)

    @property
    def asks_many(self) -> bool:
        """Whether it asks how many or how much."""
        return any(word.text in _MANY for word in self.words)

    @property
    def asks_who_it_is(self) -> bool:
        """Whether it asks who somebody is: "who is Ada Osei?" but not "who is 35?" or "who is in Ulm?"."""
        begins = len(self.words) > 2 and self.words[0].text in _WHO and self.words[1].text in _BE
        return begins and 2 in self.content and not self.words[2].text[0].isdigit()

    def positions_of(self, stems: frozenset[str]) -> frozenset[int]:
        """The positions of words with one of the stems."""
        return frozenset(at for at, word in enumerate(self.words) if word.stem in stems)


@lru_cache(maxsize=64)
def parse_question(question: str) -> ParsedQuestion:
    """Take a question apart."""
    known = vocabulary()
    words = tuple(split_words(question))
    content = frozenset(
        at for at, word in enumerate(words) if word.stem not in known.function_words or _stands_out(question, words, at)
    )
    kinds: dict[str, AskedKind] = {}
    for kind in known.kinds:
        strong = _positions(words, kind.asks)
        weak = _positions(words, kind.weak)
        if strong or weak:
            kinds[kind.name] = AskedKind(kind, _STRONG if strong else _WEAK, strong | weak)
    superlative = next(
        ((kind, found) for kind in known.superlatives if (found := _positions(words, kind.phrases))), None
    )
    beyond = frozenset(at for at in content if words[at].stem in known.beyond_words)
    return ParsedQuestion(
        words, content, kinds, superlative, beyond, any(find_phrase(words, phrase) for phrase in known.explanation)
    )


def _stands_out(question: str, words: tuple[Word, ...], at: int) -> bool:
    """Whether a word that is mostly a function word is meant as a name: the A of "grade A", the department "IT"."""
    written = question[words[at].start : words[at].end]
    return at > 0 and written.isupper() and written != "I" and not question.isupper()


def _positions(words: tuple[Word, ...], phrases: tuple[tuple[str, ...], ...]) -> frozenset[int]:
    return frozenset(at for phrase in phrases for found in find_phrase(words, phrase) for at in found)


_DIGIT = re.compile(r"\d")


def fits(kind: ColumnKind, cell: str) -> bool:
    """Whether what stands in a cell can answer a question for a kind."""
    known = vocabulary()
    words = {word.stem for word in split_words(cell[:200])}
    match kind.holds:
        case "number":
            return _DIGIT.search(cell) is not None or bool(words & known.number_words)
        case "time":
            return _DIGIT.search(cell) is not None or bool(words & known.time_words)
        case "text":
            return not is_value(cell) and not is_mark(cell)
    return not is_empty(cell)


def is_empty(cell: str) -> bool:
    """Whether a cell says nothing."""
    return cell.strip().lower() in vocabulary().empty_cells


def is_mark(cell: str) -> bool:
    """Whether a cell holds a tick or the like, so that its column's header is what it says."""
    return cell.strip().lower() in vocabulary().marks
