"""Whether what a server writes goes round in circles; it is told in text, not in tokens."""

import re

from assistant.generation.decoding import repeats_itself

_WORDS = re.compile(r"\w+|[!-/:-@\[-`{-~]")
_TAIL = 4096  # characters, of which the last words are taken
_SAME, _PERIOD = 4000, 120  # characters: so many of a stretch of up to so many, over and over, be it words or not
_LAST = 300  # about as long as the words that are looked at
_EVERY = 24  # characters between two looks


class LoopWatch:
    """Watches a text that grows."""

    def __init__(self) -> None:
        self._tail = ""
        self._new = 0

    def add(self, piece: str) -> bool:
        """Take a piece; whether the text only repeats itself by now."""
        self._tail = (self._tail + piece)[-_TAIL:]
        self._new += len(piece)
        if self._new < _EVERY:
            return False
        self._new = 0
        return _repeats_words(self._tail) or _repeats_characters(self._tail)


def _repeats_words(text: str) -> bool:
    if not "".join(text[-_LAST:].split()).isprintable():
        return False  # no words: it is shown as something else anyway
    words = _WORDS.findall(text)[:-1]  # the last one may go on
    return repeats_itself([hash(word) for word in words])


def _repeats_characters(text: str) -> bool:
    tail = text[-_SAME:]
    return len(tail) == _SAME and any(tail[period:] == tail[:-period] for period in range(1, _PERIOD + 1))
