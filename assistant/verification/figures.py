"""Figures: the numbers, units and directions that a claim states, held against those of its source.

A model of sentences takes 6.5 million for 5.6 million; read as figures they are two. What is compared is exact and few:
a value that the source states nowhere, a unit of the same kind that is another one there, a rise where the deciding
sentence has a fall. Whatever is not certain is left to the model.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

_SCALES = {
    "thousand": 3,
    "mille": 3,
    "million": 6,
    "millions": 6,
    "billion": 9,
    "milliard": 9,
    "milliards": 9,
    "trillion": 12,
    "k": 3,
    "m": 6,
    "mn": 6,
    "bn": 9,
    "tn": 12,
}
_SHORT = frozenset(("k", "m", "mn", "bn", "tn"))
"""Scales that stand at the number itself; "8m" may be eight metres as well."""

_ROUNDED = {
    **dict.fromkeys(("over", "above", "beyond", "exceeding", "more than", "at least", "plus de"), "above"),
    **dict.fromkeys(("under", "below", "nearly", "almost", "less than", "fewer than", "up to", "at most"), "below"),
    **dict.fromkeys(("moins de", "près de", "presque"), "below"),
    **dict.fromkeys(("about", "around", "roughly", "approximately", "some", "circa", "close to", "environ"), "near"),
}
_BEFORE = 24  # characters before a number in which a word like "about" stands
_NEAR_ENOUGH = Decimal("0.1")  # so far a rounded figure may be from the one it stands for, as a share of it
_NUMBER = re.compile(
    r"(?<![\w.,/])(?<!\w[-\u2010\u2011])"
    r"(?P<digits>\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?|\d{1,30}(?:[.,]\d{1,30})?)(?!\d|/\d)"
    rf"(?:[\s-](?P<scale>{'|'.join(sorted(set(_SCALES) - _SHORT, key=len, reverse=True))})\b"
    r"|(?P<short>bn|mn|tn|[mk])\b)?"
    r"(?:(?:st|nd|rd|th|er|ère|e|ème)\b)?"
    r"(?P<after>[^\S\n]*[^\W\d_]+(?: (?:per|an?|par) \w+)?|[^\S\n]*[%°€$£])?",
    re.IGNORECASE,
)
_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))
_FRENCH = "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize".split()
_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_VALUES = {
    **{word: value for value, word in enumerate(_FRENCH)},
    **{word: value for value, word in enumerate(_ORDINALS)},
    **{word: value for value, word in enumerate(_WORDS)},
    **_TENS,
    "dozen": 12, "hundred": 100, "cent": 100, "once": 1, "twice": 2, "half": 2, "both": 2, "a": 1, "an": 1,
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_UNITS = (
    ("litre liter l", "gallon gal", "pint", "barrel"),
    ("metre meter m", "kilometre kilometer km", "centimetre centimeter cm", "millimetre millimeter mm", "mile mi",
     "foot feet ft", "inch inches", "yard yd", "mètre", "kilomètre"),
    ("kilogram kilogramme kilo kg", "gram gramme g", "pound lb lbs", "ounce oz", "tonne ton"),
    ("second sec", "minute min", "hour hr", "day", "week", "month", "year"),
    ("euro eur €", "dollar usd $", "pound gbp £", "yen", "franc", "krone kroner"),
    ("percent %",),
    ("celsius", "fahrenheit"),
)  # fmt: skip
_UNIT: dict[str, tuple[int, int]] = {}
for _kind, _names in enumerate(_UNITS):
    for _number, _same in enumerate(_names):
        for _name in _same.split():
            _UNIT.setdefault(_name, (_kind, _number))
            _UNIT.setdefault(f"{_name}s", (_kind, _number))
_UP = re.compile(
    r"\b(?:rose|rises?|rising|risen|increas\w+|grew|grow(?:s|n|ing)?|climb\w*|gain(?:s|ed|ing)?|augment\w+|haussé?e?)\b",
    re.IGNORECASE,
)
_DOWN = re.compile(
    r"\b(?:fell|falls?|falling|fallen|decreas\w+|declin\w+|drop(?:s|ped|ping)?|shr[aiu]nk\w*|diminu\w+|baiss\w+)\b",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:not|no|never|neither|nor|without|\w+n['’]t|ne|n['’]\w+|pas|aucune?|jamais)\b", re.IGNORECASE)
_AROUND = 600  # characters on either side of the deciding sentence
_COMPARED = 2_000  # characters on either side in which what is said of another thing is looked for
_CLAUSE = re.compile(r"[.;!?]\s+|,\s+(?:and|but|while|whereas|et|mais)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as it is written, its value, and the units that follow it as (kind, which), `per` a second one.

    `also` is a second value that it may have ("8m": eight, or eight million); `rounded` says that the value stands for
    one above, below or near it.
    """

    text: str
    value: Decimal
    units: tuple[tuple[int, int], ...] = ()
    also: Decimal | None = None
    rounded: str | None = None

    @property
    def values(self) -> tuple[Decimal, ...]:
        """All values that it may have."""
        return (self.value,) if self.also is None else (self.value, self.also)

    def stands_for(self, value: Decimal) -> bool:
        """Whether it may be said of a value: its own, or one that it is rounded from."""
        return any(mine == value or self._is_near(mine, value) for mine in self.values)

    def _is_near(self, mine: Decimal, value: Decimal) -> bool:
        if self.rounded is None or abs(mine - value) > _NEAR_ENOUGH * abs(value):
            return False
        return self.rounded == "near" or (value > mine) == (self.rounded == "above")


@dataclass(frozen=True, slots=True)
class Fault:
    """What of a claim its source does not bear out, in words; `opposed` where the source says another thing."""

    reason: str
    opposed: bool


@lru_cache(maxsize=1024)
def figures(text: str) -> tuple[Figure, ...]:
    """The numbers written in digits, with the scale that follows: "5.6 million" is 5,600,000."""
    found = []
    for match in _NUMBER.finditer(text):
        after = [word.lower() for word in re.findall(r"[^\W\d_]+|[%°€$£]", match["after"] or "")]
        short = (match["short"] or "").lower()
        units = tuple(_UNIT[word] for word in [*([short] if short in _UNIT else []), *after] if word in _UNIT)
        scale = match["scale"] or (short if short not in ("m", "k") else None)
        also = _value(match["digits"], short) if short in ("m", "k") else None
        written = match[0][: max(match.end("scale"), match.end("short"), match.end("digits")) - match.start()]
        rounded = _rounding(text[max(0, match.start() - _BEFORE) : match.start()])
        found.append(Figure(written, _value(match["digits"], scale), units, also, rounded))
    return tuple(found)


def _rounding(before: str) -> str | None:
    """What the words right before a number say of it: that the true one is above, below or near it."""
    words = before.lower().rstrip(" \u00a0$€£~").split()
    return _ROUNDED.get(" ".join(words[-2:])) or _ROUNDED.get(words[-1]) if words else None


def missing_figures(claim: str, source: str) -> list[Figure]:
    """The figures of a claim whose value the source states nowhere, in digits or as a word.

    A rounded one ("over 9,000") is there where one that it may stand for is.
    """
    stated = _stated(source)
    return [figure for figure in figures(claim) if not any(figure.stands_for(value) for value in stated)]


@lru_cache(maxsize=16)  # all claims on a document are held against the same
def _stated(source: str) -> frozenset[Decimal]:
    return frozenset(value for figure in figures(source) for value in figure.values) | in_words(source)


def figure_fault(answer: str, sentence: str, source: str, at: int) -> Fault | None:
    """What figures, units and directions say against an answer; None where they say nothing.

    Args:
        answer: what was said.
        sentence: of the source, the one that decides.
        source: all of it.
        at: where the sentence begins in it.
    """
    for figure in missing_figures(answer, source):
        like = _like(figure, figures(sentence))
        if like is not None:
            return Fault(f"{like.text}, not {figure.text}", opposed=True)
        return Fault(f"{figure.text} is not in the document", opposed=False)
    known = figures(source)
    for figure in figures(answer):
        same = [each for each in known if set(each.values) & set(figure.values)]
        if figure.units and same and all(_is_other_unit(figure, each) for each in same):
            return Fault(f"{figure.text} is in another unit in the document", opposed=True)
    return _direction(answer, source[max(0, at - _AROUND) : at + len(sentence) + _AROUND])


def whole_sentences(text: str, start: int, end: int) -> str:
    """A sentence, the characters `[start, end)` of a text, with what stands around it, no sentence of which is cut."""
    first, last = max(0, start - _COMPARED), min(len(text), end + _COMPARED)
    before, after = text.find(". ", first, start), text.rfind(". ", end, last)
    begin = before + 2 if first and before >= 0 else first
    return text[begin : after + 1 if last < len(text) and after >= 0 else last]


def _like(figure: Figure, known: Sequence[Figure]) -> Figure | None:
    """A figure of the same kind and unit, or the only one that could be meant."""
    plain = [each for each in known if not figure.units and not each.units]
    same = [each for each in known if figure.units and each.units[:1] == figure.units[:1]]
    return same[0] if same else plain[0] if plain else None


def _is_other_unit(mine: Figure, theirs: Figure) -> bool:
    if not theirs.units:
        return False
    pairs = list(zip(mine.units, theirs.units, strict=False))
    return any(one[0] == other[0] and one[1] != other[1] for one, other in pairs)


def _direction(claim: str, source: str) -> Fault | None:
    """A rise where the clause of the source that shares most of the claim's words has a fall, or the reverse."""
    up, down = _UP.search(claim), _DOWN.search(claim)
    if (up is None) == (down is None) or _NOT.search(claim):
        return None
    words = set(_long_words(claim))
    words |= {figure.text for figure in figures(claim)}
    clauses = [clause for clause in _CLAUSE.split(source) if _UP.search(clause) or _DOWN.search(clause)]
    shared = [len(words & {*_long_words(clause), *(each.text for each in figures(clause))}) for clause in clauses]
    if not shared or not max(shared) or shared.count(max(shared)) > 1:
        return None
    best = clauses[shared.index(max(shared))]
    theirs_up, theirs_down = _UP.search(best), _DOWN.search(best)
    if (theirs_up is None) == (theirs_down is None) or _NOT.search(best):
        return None
    if (up is None) == (theirs_up is None):
        return None
    mine, theirs = up or down, theirs_up or theirs_down
    return Fault(f"{theirs[0]}, not {mine[0]}", opposed=True) if mine and theirs else None


def _long_words(text: str) -> list[str]:
    told = _DOWN.sub("", _UP.sub("", text))
    return [word.lower()[:6] for word in _WORD.findall(told) if len(word) > 3]


def in_words(text: str) -> set[Decimal]:
    """The values of the numbers that are written as words, "twenty-one" among them."""
    words = [word.lower() for word in _WORD.findall(text)]
    values = {Decimal(_VALUES[word]) for word in words if word in _VALUES}
    for tens, ones in pairwise(words):
        if tens in _TENS and ones in _VALUES:
            values.add(Decimal(_TENS[tens] + _VALUES[ones]))
    return values


def _value(digits: str, scale: str | None) -> Decimal:
    grouped = re.fullmatch(r"\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?", digits)
    plain = re.sub(r"[,\u00a0\u202f]", "", digits) if grouped else digits.replace(",", ".")
    # A long s is an s to a pattern that ignores case, and none to a table.
    return Decimal(plain).scaleb(_SCALES.get(scale.lower(), 0) if scale else 0)
