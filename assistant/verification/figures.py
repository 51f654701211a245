"""Figures: the numbers that a claim states, held against those that its source states."""

import re
from dataclasses import dataclass
from decimal import Decimal

_SCALES = {
    "thousand": 3,
    "mille": 3,
    "million": 6,
    "millions": 6,
    "billion": 9,
    "milliard": 9,
    "milliards": 9,
    "trillion": 12,
}
_NUMBER = re.compile(
    r"(?<![\w.,])(?P<digits>\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?|\d{1,30}(?:[.,]\d{1,30})?)(?![\d])"
    rf"(?:[\s-](?P<scale>{'|'.join(sorted(_SCALES, key=len, reverse=True))})\b)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as it is written, and its value."""

    text: str
    value: Decimal


def figures(text: str) -> list[Figure]:
    """The numbers written in digits, with the scale that follows: "5.6 million" is 5,600,000."""
    return [Figure(match[0], _value(match["digits"], match["scale"])) for match in _NUMBER.finditer(text)]


def missing_figures(claim: str, source: str) -> list[Figure]:
    """The figures of a claim whose value the source states nowhere in digits; words ("twelve") are not looked at."""
    stated = {figure.value for figure in figures(source)}
    return [figure for figure in figures(claim) if figure.value not in stated]


def _value(digits: str, scale: str | None) -> Decimal:
    grouped = re.fullmatch(r"\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?", digits)
    plain = re.sub(r"[,\u00a0\u202f]", "", digits) if grouped else digits.replace(",", ".")
    return Decimal(plain).scaleb(_SCALES[scale.lower()] if scale else 0)
