"""The surroundings of a span: about two sentences on each side, cut where words end."""

import re
from dataclasses import dataclass

from assistant.text import one_line, printable

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'»”’)\]]*\s+|\n\s*\n")
_SENTENCES = 2
# A line's end within a sentence: what follows is no blank line, no item of a list, no row of a table and not indented.
_SOFT_BREAK = re.compile(r"(?<=\S)[ \t]*\n(?=[^\s|#>])(?!(?:[-*+•]|\d{1,3}[.)])\s)")
_LONGEST = 320
EACH_SIDE = 160
"""Characters of a document that are shown on each side of a span."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A span between what stands before and after it, ready to be shown; cut ends carry an ellipsis."""

    before: str
    span: str
    after: str


def excerpt(text: str, start: int, end: int, each_side: int = EACH_SIDE) -> Excerpt:
    """Cut the surroundings of `text[start:end]` out of a document, in at most `each_side` characters on each side."""
    left = max(0, start - each_side)
    ends = [match.end() for match in _SENTENCE_END.finditer(text, left, start)]
    if len(ends) > _SENTENCES:
        left = ends[-_SENTENCES - 1]
    elif left > 0:
        space = re.compile(r"\s+").search(text, left, start)
        left = space.end() if space else left
    before = _flat(text[left:start])
    if left > 0 and text[:left].strip():
        before = "…" + before if left in ends else "… " + before.lstrip()

    right = min(len(text), end + each_side)
    ends = [match.end() for match in _SENTENCE_END.finditer(text, end, right)]
    if len(ends) > _SENTENCES:
        right = ends[_SENTENCES]
    elif right < len(text):
        cut = max(text.rfind(" ", end, right), text.rfind("\n", end, right))
        right = cut if cut > end else right
    after = _flat(text[end:right])
    if text[right:].strip():
        after = after.rstrip() + " …"
    return Excerpt(before, _shorten(_flat(text[start:end])), after)


def position(text: str | None, start: int, end: int, page: int | None = None, place: str | None = None) -> str:
    """Where a span stands, for a person: `page 7, characters 54–83, 12% in`.

    Args:
        text: the document's text; None where it is not known.
        start: where the span begins.
        end: where it ends.
        page: its page, if it has one.
        place: what `Document.place` says of it, instead of the page.
    """
    if place is None and page is not None:
        place = f"page {page:,}"
    share = f", {round(100 * start / max(1, len(text)))}% in" if text is not None else ""
    return (f"{one_line(place, 200)}, " if place else "") + f"characters {start:,}–{end:,}{share}"


def on_one_line(text: str) -> str:
    """A span as it is shown: printable, sentences that run over a line's end on one line; lists and code as they are.

    What is shown is no longer the characters that the span's offsets count.
    """
    return _SOFT_BREAK.sub(" ", printable(text))


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", printable(text))


def _shorten(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return text[:half].rsplit(" ", 1)[0] + " […] " + text[-half:].split(" ", 1)[-1]
