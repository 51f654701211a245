"""Words that a line's end broke, made whole again: with their hyphen where they are written with one."""

import re
from collections.abc import Iterable

from assistant.documents.pdf_words import BREAK

_BROKEN = re.compile(rf"(\w[\w'’-]*){BREAK}\n?(\w[\w'’]*)")
_HYPHENATED = re.compile(r"\w+(?:-\w+)+")
_WORD = re.compile(r"[^\W\d_]{2,}")
# First and last parts of compounds that are written with a hyphen; they are hardly ever syllables of a longer word.
_FIRST = frozenset(
    "well self half ever ill all long short high low full hard soft old new open two three four five six seven eight "
    "nine ten twenty thirty forty fifty sixty seventy eighty ninety first second third much so far left right north "
    "south east west cross fast slow deep wide single double triple multi large small medium late early mid quasi "
    "world state hand user time real cost data man post".split()
)
_LAST = frozenset(
    "known like based free called made old year day week month hour minute term time scale wide speed level sized "
    "shaped style type specific related driven oriented aware dependent friendly proof rate quality made built born "
    "paid looking going being door story metre meter kilometre mile foot inch handed eyed haired up down off law "
    "established intentioned defined off-hand sixth third half quarter century".split()
)

_SYLLABLES = frozenset("re un in im dis de mis pre sub en em non con com per pro ex".split())  # before "built", "like"


class Rejoiner:
    """Joins broken words as the rest of the document writes them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._hyphenated: set[str] = set()
        self._words: set[str] = set()
        self._all = list(texts)
        if not any(BREAK in text for text in self._all):
            self._all = []
        for text in self._all:
            self._hyphenated.update(map(str.lower, _HYPHENATED.findall(text)))
            # The parts of broken words are not known to be words.
            self._words.update(map(str.lower, _WORD.findall(_BROKEN.sub(" ", text))))
        self._all = []

    def rejoin(self, text: str) -> str:
        """The text with its broken words whole; a hyphen that breaks none stays one."""
        return _BROKEN.sub(self._whole, text).replace(BREAK, "-") if BREAK in text else text

    def _whole(self, match: re.Match[str]) -> str:
        left, right = match.groups()
        return f"{left}-{right}" if self._keeps(left, right) else left + right

    def _keeps(self, left: str, right: str) -> bool:
        with_hyphen, without = f"{left}-{right}".lower(), f"{left}{right}".lower()
        if with_hyphen in self._hyphenated:
            return True
        if without in self._words:
            return False
        if not (left[-1].islower() and right[0].islower()):
            return True
        left, right = left.lower(), right.lower()
        if len(right) < 3 or left in _SYLLABLES:
            return "-" in left
        known = "-" in left or left in _FIRST or right in _LAST
        return known or (len(left) > 3 and len(right) > 3 and left in self._words and right in self._words)
