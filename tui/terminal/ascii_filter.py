"""The screen in plain ASCII, for terminals that cannot draw more: every character becomes one that is as wide."""

import unicodedata
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SYMBOLS = {
    "✔": "+", "✘": "x", "✕": "x", "■": "#", "●": "*", "○": "o", "◌": "o", "◍": "@", "∅": "0", "▤": "=", "…": ".",
    "·": "-", "—": "-", "–": "-", "⏎": ">", "↑": "^", "↓": "v", "←": "<", "→": ">", "⇧": "^", "•": "*", "“": '"',
    "”": '"', "‘": "'", "’": "'", "«": "<", "»": ">", "━": "=", "─": "-", "│": "|", "▌": "|", "▐": "|", "▎": "|",
    "▏": "|", "▊": "|", "█": "#", "▉": "#", "▋": "#", "▍": "|", "▔": "-", "▁": "_", "▄": "#", "▀": "#",
}  # fmt: skip


class AsciiFilter(LineFilter):
    """Draws without anything beyond ASCII. Accents are dropped; what has no likeness is a question mark."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments of a line, drawn so."""
        return [
            segment if segment.control or segment.text.isascii() else segment._replace(text=_plain(segment.text))
            for segment in segments
        ]


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return "".join(character if character.isascii() else _one(character) for character in text)


@lru_cache(maxsize=4096)
def _one(character: str) -> str:
    width = cell_len(character)
    if character in _SYMBOLS:
        return _SYMBOLS[character].ljust(width)
    letters = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode("ascii")
    if len(letters) == width:
        return letters
    return "?" * width
