"""One place that makes untrusted text safe to show: documents, model output and file names may hold anything."""

import re

# C0 except newline and tab, DEL and C1 (escape sequences live there), and the marks that reorder text on screen
# (U+061C, U+200E-F, U+202A-E, U+2066-9), with which a text can show something other than what it says.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
_LINE_END = re.compile("\r\n?|\u2028|\u2029|\x85")
_SURROGATE = re.compile("[\ud800-\udfff]")


def printable(text: str) -> str:
    """The text without what could steer a terminal: control characters, escape sequences, marks that reorder it.

    Line ends of every kind become newlines, and lone surrogates, which cannot be encoded,
    a replacement character.
    The result may be shorter than the text: cut by offsets first, then make printable.
    """
    return _SURROGATE.sub("\ufffd", _UNPRINTABLE.sub("", _LINE_END.sub("\n", text)))


def one_line(text: str, limit: int = 80) -> str:
    """The text made printable, on one line, and cut at `limit` characters with an ellipsis."""
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
