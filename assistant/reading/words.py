"""Words as they are compared between a question and a table or list: without case, accents and endings."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_MARKS = "\u0300-\u036f"
# A number with its inner marks, a character of a script without spaces, or a run of letters and digits.
_WORD = re.compile(rf"\d+(?:[.,:'’/-]\d+)*(?![^\W\d])|[\u3040-\u30ff\u3400-\u9fff]|[^\W_](?:[\w{_MARKS}²³])*|[✓✔✗•●]")
_THOUSANDS = re.compile(r"(\d{1,3})(?:[.,'’ \u00a0\u2009\u202f]\d{3})+(?!\d)")
_DECIMAL_COMMA = re.compile(r"\d+,\d{1,2}")
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?![\d.,])")
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "a", "œ": "o", "ß": "s", "’": "'"})


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, at the characters `[start, end)`.

    Args:
        text: it in lower case without accents; a number without the marks between thousands.
        stem: what is left of it without endings.
        start: where it begins.
        end: where it ends.
        names: it looks like part of a name or is a number: it begins with a capital, or with a digit.
    """

    text: str
    stem: str
    start: int
    end: int
    names: bool


def fold(text: str) -> str:
    """A text in lower case and without accents, every character in its place, so that offsets stay."""
    if text.isascii():
        return text.lower()
    return text.translate({ord(char): _fold(char) for char in set(text) if char > "\x7f" or char.isupper()})


@lru_cache(maxsize=4096)
def _fold(char: str) -> str:
    base = unicodedata.normalize("NFKD", char)[:1].lower()[:1] if char not in "²³" else char
    return base.translate(_PLAIN) or char


def split_words(text: str) -> list[Word]:
    """The words of a text, in order; a possessive's "s" is none."""
    return list(_words(text))


def _words(text: str) -> Iterator[Word]:
    folded = fold(text)
    spaced = {match.start(): match.end() for match in _SPACED_THOUSANDS.finditer(text)}
    after = 0
    for match in _WORD.finditer(folded):
        start, end = match.span()
        if start < after:
            continue
        if start in spaced:
            end = after = spaced[start]
        piece = re.sub(f"[{_MARKS}]", "", folded[start:end])
        if piece == "s" and start and folded[start - 1] == "'":
            continue
        piece = plain_number(piece) if piece[0].isdigit() else piece
        yield Word(piece, stem(piece), start, end, text[start].isupper() or text[start].isdigit())


def plain_number(text: str) -> str:
    """A number without the marks between thousands, its decimals after a point: "9300" of "9,300"."""
    if _THOUSANDS.fullmatch(text):
        return re.sub(r"\D", "", text)
    return text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text


def written_forms(number: str) -> tuple[str, ...]:
    """The ways in which a plain number may be written: with each mark between thousands, and with a decimal comma."""
    whole, point, decimals = number.partition(".")
    if not whole.isdigit() or (point and not decimals.isdigit()):
        return (number,)
    tails = (f".{decimals}", f",{decimals}") if point else ("",)
    wholes = [whole]
    if 3 < len(whole) <= 15:
        wholes += [f"{int(whole):,}".replace(",", mark) for mark in ",.' \u00a0\u2009\u202f"]
    return tuple(form + tail for form in wholes for tail in tails)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A folded word without its ending, so that "opened" meets "opening", "towns" "town" and "berries" "berry"."""
    if len(word) < 4 or not word.isalpha() or not word.isascii():
        return word
    for ending, least in (("ing", 6), ("ied", 5), ("ies", 5), ("ed", 5)):
        if word.endswith(ending) and len(word) >= least:
            word = f"{word[: -len(ending)]}{'y' if ending in ('ied', 'ies') else ''}"
            break
    else:
        if word.endswith("s") and not word.endswith(("ss", "us", "is")):
            word = word[:-2] if word.endswith(("xes", "ches", "shes", "sses", "oes")) else word[:-1]
    if word.endswith("e") and len(word) > 3 and word != "fare":  # which is not "far"
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def find_phrase(words: Sequence[Word], phrase: Sequence[str]) -> list[range]:
    """Where the stems of a phrase stand in a row among words."""
    size = len(phrase)
    stems = [word.stem for word in words]
    return [
        range(at, at + size) for at in range(len(stems) - size + 1) if tuple(stems[at : at + size]) == tuple(phrase)
    ]
