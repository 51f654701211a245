"""Clauses of a text as bags of words: what is compared where a claim may tie a figure or a name to another subject."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from assistant.verification.figures import Figure, figures

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SENTENCE_END = re.compile(
    r"(?<=[^\W\d_][^\W_][.!?])[\"”’)]?\s+(?=[\"“(]?[A-ZÀ-Þ\d])|(?<=[\d%)][.!?])\s+(?=[A-ZÀ-Þ])|\n\s*"
)
_JOINT = re.compile(
    r"\s*;\s+|,?\s+(?:and|but|while|whereas|et|mais|tandis que|alors que|compared with)\s+", re.IGNORECASE
)
_COMMA = re.compile(r",\s+(?!\d)")
_OPENS = re.compile(r"(?:in|on|at|by|from|since|until|during|between|for|of|with|en|au|le|depuis)\b", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|will|would|may|might|must|did|does|do|\w{2,}ed|began|rose|fell|grew|won|"
    r"lost|beat|made|took|gave|came|went|became|built|wrote|held|found|left|est|sont|était|étaient|fut|furent|a|ont)\b"
)
_PRONOUN = re.compile(r"\b(?:he|she|it|they|him|her|them|his|hers|its|their|this|that|these|those|who|which|one|former"
                      r"|latter|il|elle|ils|elles|ce|cela|celui|celle|qui)\b", re.IGNORECASE)  # fmt: skip
_DIGITS = re.compile(r"\d[\d.,]*\d|\d")
_SUFFIXES = ("ations", "ation", "ings", "ing", "ied", "ies", "ed", "es", "ly", "s")
_MONTHS = (
    "january february march april may june july august september october november december "
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
).split()
FUNCTION_WORDS = frozenset(
    "a an the of to in on at by for from with without into onto over under as than and or but not no nor so if then "
    "that this these those there here it its he she him her his hers they them their we us our you your i me my who "
    "whom whose which what when where why how is are was were be been being am has have had having do does did done "
    "can could will would shall should may might must also only just very too about around some any each every all "
    "both more most less least much many few such same own other another one up down out off per during between "
    "among through within while whereas because since until unless although though yes "
    "le la les un une des du de d l au aux en dans sur par pour avec sans et ou mais ne pas que qui dont où ce cet "
    "cette ces son sa ses leur leurs il elle ils elles on est sont était étaient fut été être a ont avait avoir y se "
    "s n qu plus moins très oui non".split()
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A stretch of a sentence with what it says.

    `stems` are those of its words of meaning in their order, `names` those that are proper names; `sentence` is the
    number of the sentence it stands in.
    """

    text: str
    sentence: int
    stems: tuple[str, ...]
    names: frozenset[str]
    figures: tuple[Figure, ...]

    @property
    def words(self) -> frozenset[str]:
        """The stems as a set."""
        return frozenset(self.stems)

    @property
    def leans(self) -> bool:
        """Whether a pronoun in it stands for something said elsewhere."""
        return _PRONOUN.search(self.text) is not None


@dataclass(frozen=True, slots=True)
class Clauses:
    """A source cut up: whole sentences, and the clauses that each has a figure or a statement of its own."""

    sentences: tuple[Clause, ...]
    clauses: tuple[Clause, ...]

    def of(self, sentence: int) -> list[Clause]:
        """The clauses of a sentence."""
        return [clause for clause in self.clauses if clause.sentence == sentence]


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A word without the endings of number, time and manner: "opened", "opening" and "opens" are one."""
    word = re.sub(r"['’]s$|^[dlnsjcqm]['’]", "", word.lower())
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word.removesuffix(suffix)
            break
    word = word[:-1] if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "ls" else word
    return word[:-1] if word.endswith(("e", "y", "i")) and len(word) > 3 else word


def content_words(text: str) -> frozenset[str]:
    """The stems of a text's words of meaning, and its numbers."""
    words = (stem(word) for word in WORD.findall(text) if len(word) > 1 and word.lower() not in FUNCTION_WORDS)
    return frozenset((*words, *_DIGITS.findall(text)))


def lowercase_words(text: str) -> frozenset[str]:
    """The words that a text writes small: what it writes so is no name."""
    return frozenset(word for word in WORD.findall(text) if word.islower())


def read_clause(text: str, sentence: int, common: frozenset[str]) -> Clause:
    """A stretch of text as a clause; `common` are words that are no names."""
    words = [word for word in WORD.findall(text) if word.lower() not in FUNCTION_WORDS and len(word) > 1]
    names = {
        stem(word) for word in words if word[0].isupper() and word.lower() not in common and word.lower() not in _MONTHS
    }
    return Clause(text, sentence, tuple(map(stem, words)), frozenset(names), (*figures(text), *_months(text)))


def cut(source: str) -> Clauses:
    """A source in sentences, and these in clauses; a part without a verb or figure of its own joins the next one."""
    common = lowercase_words(source)
    sentences, clauses = [], []
    for number, sentence in enumerate(filter(None, (part.strip() for part in _SENTENCE_END.split(source) if part))):
        sentences.append(read_clause(sentence, number, common))
        for part in _parts(sentence):
            clauses.append(read_clause(part, number, common))
    return Clauses(tuple(sentences), tuple(clauses))


def _parts(sentence: str) -> Iterable[str]:
    for part in _joined(_split(sentence, _JOINT)):
        if len(figures(part)) > 1:
            pieces = _split(part, _COMMA)
            counted = [len(figures(piece)) for piece in pieces]
            if counted and max(counted) == 1 and sum(counted) > 1:
                yield from _joined(pieces)
                continue
        yield part


def _split(text: str, at: re.Pattern[str]) -> list[str]:
    """The parts of a text; a conjunction between two names, as in "Trinidad and Tobago", parts nothing."""
    parts, begin = [], 0
    for joint in at.finditer(text):
        before = WORD.findall(text[max(0, joint.start() - 40) : joint.start()])
        named = before and before[-1][0].isupper() and text[joint.end() : joint.end() + 1].isupper()
        if named and not joint[0].lstrip().startswith((",", ";")):
            continue
        parts.append(text[begin : joint.start()])
        begin = joint.end()
    return [part for part in (*parts, text[begin:]) if part.strip()]


def _joined(parts: list[str]) -> list[str]:
    """Parts that each say something: an opening ("In 2007,") goes with what follows it, a bare end with what is before.

    A part without a verb says something where it has a figure, as "the Weser in 1890".
    """
    joined: list[str] = []
    waiting = ""
    for part in parts:
        waiting = f"{waiting} and {part}" if waiting else part
        if _VERB.search(waiting) or (figures(waiting) and not _OPENS.match(waiting)):
            joined.append(waiting)
            waiting = ""
    if waiting:
        joined = [*joined[:-1], f"{joined[-1]} and {waiting}"] if joined else [waiting]
    return joined


def _months(text: str) -> list[Figure]:
    """Months as figures of a kind of their own."""
    from decimal import Decimal

    found = []
    for word in WORD.findall(text):
        if word.lower() in _MONTHS and (word[0].isupper() or _MONTHS.index(word.lower()) >= 12):
            found.append(Figure(word, Decimal(_MONTHS.index(word.lower()) % 12 + 1), ((-1, 0),)))
    return found
