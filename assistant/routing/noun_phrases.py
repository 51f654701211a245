"""The noun phrases and names of a question, by word lists of its language: what a follow-up may refer to."""

import re
from dataclasses import dataclass

from assistant.routing.languages import ENGLISH, FRENCH, Language

_POSSESSIVES = frozenset("his her their its son sa ses leur leurs".split())
_PLACE = frozenset("in on at near from to over into through under dans sur à en vers sous chez".split())
_UNCONTRACTED = {"du": "le", "au": "le", "aux": "les", "des": "les"}
_FEMININE = frozenset("la l' une cette ma sa notre votre leur".split())
_MASCULINE = frozenset("le l' un du au ce cet mon son notre votre leur".split())
_PLURAL = frozenset("les des aux mes ses nos vos leurs ces these those".split())
_TIME = re.compile(
    r"\b(?:\d{4}|(?:year|month|week|day|quarter|century|decade|today|yesterday|earlier|later|time"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|fois|année|an|mois|semaine|jour|trimestre|siècle"
    r"|janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre)s?)\b",
    re.IGNORECASE,
)
_PARTICIPLE = re.compile(
    r"\w+ed|\w{3,}en|built|made|paid|held|sold|found|born|known|shot|cut|set|put|won|lost|sent|left|done|drawn|kept|due"
    r"|like|about|called|said|told|thought|spent|read|bought|taught|caught|allowed",
    re.IGNORECASE,
)
_AUXILIARY, _BEING = re.compile(ENGLISH.auxiliaries), re.compile(ENGLISH.being)
_TOKEN = re.compile(r"(?:jusqu|[ldnsjmtc]|qu)['’](?=\w)|\w[\w’'.-]*\w|\w|[^\w\s]", re.IGNORECASE)
_INVERTED = re.compile(r"-(?:t-)?(?:il|elle|on|ils|elles|je|tu|nous|vous)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Characters `[start, end)` of a question: a determiner with its noun, or a name (`determiner` is then empty).

    `after` is the word before it, in lower case.
    """

    text: str
    start: int
    end: int
    determiner: str = ""
    after: str = ""

    @property
    def noun(self) -> str:
        """The phrase without its determiner."""
        return self.text[len(self.determiner) :].strip()

    @property
    def is_name(self) -> bool:
        """Whether it is or holds a proper name."""
        return any(word[0].isupper() for word in self.noun.split())

    @property
    def is_time(self) -> bool:
        """Whether it says when."""
        return says_when(self.text)

    @property
    def is_place(self) -> bool:
        """Whether a preposition of place stands before it."""
        return self.after in _PLACE or self.determiner in ("au", "aux")

    @property
    def is_possessed(self) -> bool:
        """Whether it is said to be somebody's: "her daughter"."""
        return self.determiner in _POSSESSIVES

    @property
    def is_plural(self) -> bool:
        """Whether it looks like many."""
        return self.determiner in _PLURAL or (self.determiner not in _FEMININE and self.noun.endswith("s"))

    def has_gender(self, *, feminine: bool) -> bool:
        """Whether its French determiner allows a gender, in the singular."""
        return self.determiner in (_FEMININE if feminine else _MASCULINE)

    @property
    def alone(self) -> str:
        """The phrase as it stands by itself: "le loyer" of "du loyer"."""
        return f"{_UNCONTRACTED[self.determiner]} {self.noun}" if self.determiner in _UNCONTRACTED else self.text


def language_of(*texts: str) -> Language:
    """The language of the first text that shows one; English where none does."""
    for text in texts:
        said = [token for token, _, _ in _tokens(text)]
        french = sum(word in FRENCH.typical or _INVERTED.search(word) is not None for word in said)
        english = sum(word in ENGLISH.typical for word in said)
        if french != english:
            return FRENCH if french > english else ENGLISH
    return ENGLISH


def says_when(text: str) -> bool:
    """Whether a text holds a year, a month or another word of time."""
    return _TIME.search(text) is not None


def phrases(question: str, language: Language) -> list[Phrase]:
    """The noun phrases with a determiner and the names of a question, in order."""
    tokens = _tokens(question)
    found = []
    at = 0
    while at < len(tokens):
        end = _end_of_phrase(question, tokens, at, language)
        if end == at:
            at += 1
            continue
        first, start, _ = tokens[at]
        stop = tokens[end - 1][2]
        determiner = first if first in language.determiners else ""
        found.append(Phrase(question[start:stop], start, stop, determiner, tokens[at - 1][0] if at else ""))
        at = end
    return found


def _tokens(text: str) -> list[tuple[str, int, int]]:
    """Words, in lower case with plain apostrophes, and other marks, with where they stand."""
    return [(match[0].lower().replace("’", "'"), match.start(), match.end()) for match in _TOKEN.finditer(text)]


def _end_of_phrase(question: str, tokens: list[tuple[str, int, int]], at: int, language: Language) -> int:
    """The index after the last word of the phrase that begins at a word; the same index where none does."""
    end = at
    if tokens[at][0] in language.determiners:
        end = at + 1
        while end < len(tokens) and not _ends_phrase(tokens[end][0], language):
            end += 1
        return at if end == at + 1 else _without_verb(tokens, at, end)
    if at == 0:
        return at  # the capital of a first word says nothing
    while end < len(tokens) and question[tokens[end][1]].isupper() and not _ends_phrase(tokens[end][0], language):
        end += 1
        joined = end + 1 < len(tokens) and tokens[end][0] in ("de", "von", "van")
        if joined and question[tokens[end + 1][1]].isupper():
            end += 1
    return end


def _without_verb(tokens: list[tuple[str, int, int]], at: int, end: int) -> int:
    """In "did the talks resume" and "was the bridge closed" the last word is no part of the phrase."""
    before = tokens[at - 1][0] if at else ""
    if end - at < 3:
        return end
    if _AUXILIARY.fullmatch(before) or (_BEING.fullmatch(before) and _PARTICIPLE.fullmatch(tokens[end - 1][0])):
        return end - 1
    return end


def _ends_phrase(word: str, language: Language) -> bool:
    """Whether a word cannot go on with a phrase."""
    known = word in language.determiners or word in language.enders
    return known or not word[0].isalnum() or _INVERTED.search(word) is not None
