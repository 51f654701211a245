"""Sentence boundaries, with offsets, by sentencex (Wikimedia)."""

import re
from dataclasses import dataclass
from itertools import pairwise

# sentencex stops looking for boundaries in very long paragraphs, so it is given at most this many characters at once.
_AT_ONCE = 4000
_PARAGRAPH_BREAK = re.compile(r"\n[ \t\r]*\n\s*")
_LINE_BREAK = re.compile(r"\n")
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Sentence:
    """The characters `[start, end)` of a text, white space around them left out."""

    start: int
    end: int


def split_sentences(text: str, language: str = "en") -> list[Sentence]:
    """The sentences of a text, in order; together they hold every character that is not white space."""
    import sentencex

    found = []
    for begin, stop in _paragraphs(text):
        paragraph = text[begin:stop]
        for boundary in sentencex.get_sentence_boundaries(language, paragraph):
            start, end = begin + boundary["start_index"], begin + boundary["end_index"]
            piece = text[start:end]
            if stripped := piece.strip():
                start += piece.index(stripped[0])
                found.append(Sentence(start, start + len(stripped)))
    return found


def _paragraphs(text: str) -> list[tuple[int, int]]:
    """Stretches between blank lines; one longer than sentencex takes is cut, at a line's end or a space."""
    cuts = [0, *(match.end() for match in _PARAGRAPH_BREAK.finditer(text)), len(text)]
    stretches = []
    for begin, stop in pairwise(cuts):
        at = begin
        while stop - at > _AT_ONCE:
            end = _last_match_end(text, at, at + _AT_ONCE)
            stretches.append((at, end))
            at = end
        if stop > at:
            stretches.append((at, stop))
    return stretches


def _last_match_end(text: str, begin: int, stop: int) -> int:
    for pattern in (_LINE_BREAK, _SPACE):
        ends = [match.end() for match in pattern.finditer(text, begin + _AT_ONCE // 2, stop)]
        if ends:
            return ends[-1]
    return stop
