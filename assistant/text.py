"""One place that makes untrusted text safe to show: documents, model output and file names may hold anything."""

import re

# C0 except newline and tab, DEL and C1 (escape sequences live there), and the marks that reorder text on screen
# (U+061C, U+200E-F, U+202A-E, U+2066-9), with which a text can show something other than what it says.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
# Whole escape sequences, as a terminal reads them: of colours and the cursor, of titles, links and the clipboard, of
# character sets. What stands within one is bounded, so that one that is never ended hides nothing.
_TOLD = "[^\x00-\x1f\x7f-\x9f]{0,2000}"
_INTRODUCES = re.compile("[\x1b\x90\x98\x9b\x9d-\x9f]")
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"
    f"|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f]){_TOLD}(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b[ -/]{1,2}[0-~]"
)
_BEGUN = re.compile(
    "(?:(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,8}"
    f"|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f]){_TOLD}\x1b?"
    "|\x1b[ -/]{0,2})\\Z"
)
"""What may become a sequence with the next piece."""
_LINE_END = re.compile("\r\n?|\u2028|\u2029|\x85")
_SURROGATE = re.compile("[\ud800-\udfff]")
# What takes no room of its own: accents that pile up on a letter, joiners, variation selectors, tags. Any script needs
# a few in a row (a flag of six tags is the longest); thousands on one letter cover the screen or stall the terminal.
_WITHOUT_WIDTH = (
    "\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u06d6-\u06dc\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
    "\u0f71-\u0f7e\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200d\u2060-\u2064\u206a-\u206f\u20d0-\u20f0\u302a-\u302d\u3099\u309a"
    "\ufe00-\ufe0f\ufe20-\ufe2f\U0001d165-\U0001d182\U000e0000-\U000e0fff"
)
FLOOD = re.compile(f"([{_WITHOUT_WIDTH}]{{8}})[{_WITHOUT_WIDTH}]+")
"""More marks without width than any script needs; the group are those that may stay."""
_MARKS_AT_END = re.compile(f"[{_WITHOUT_WIDTH}]*\\Z")


def printable(text: str) -> str:
    """The text without what could steer a terminal: escape sequences, control characters, marks that reorder it.

    Line ends of every kind become newlines, lone surrogates, which cannot be encoded, a replacement character, and of
    marks without width at most eight in a row stay.
    The result may be shorter than the text: cut by offsets first, then make printable.
    """
    return _without_controls(_without_sequences(text))


def _without_sequences(text: str) -> str:
    return _SEQUENCE.sub("", text) if _INTRODUCES.search(text) else text


def _without_controls(text: str) -> str:
    text = _UNPRINTABLE.sub("", _LINE_END.sub("\n", text))
    return encodable(FLOOD.sub(r"\1", text))


def encodable(text: str) -> str:
    """The text with a replacement character for each lone surrogate, which no file and no tokenizer takes."""
    return _SURROGATE.sub("\ufffd", text)


class PrintableStream:
    """Makes a text printable that comes in pieces, as if it had come whole."""

    def __init__(self) -> None:
        self._held = ""
        self._marks = ""

    def add(self, piece: str) -> str:
        """What of this piece can be shown; what may be half of a line end or of a sequence waits for what follows."""
        text = self._held + piece
        begun = _BEGUN.search(text)
        at = len(text) if begun is None else begun.start()
        text, self._held = text[:at], text[at:]
        text = _without_sequences(text)
        if text.endswith("\r"):
            text, self._held = text[:-1], "\r" + self._held
        return self._shown(text)

    def finish(self) -> str:
        """What waited and can be shown all the same."""
        held, self._held = self._held, ""
        return self._shown(held)

    def _shown(self, text: str) -> str:
        shown = _without_controls(self._marks + text)
        new = shown[len(self._marks) :]
        found = _MARKS_AT_END.search(shown)
        self._marks = found[0] if found else ""
        return new


def counted(count: int, noun: str) -> str:
    """A count with its noun, in the plural where it is not one: `1 token`, `1,200 tokens`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def one_line(text: str, limit: int = 80) -> str:
    """The text made printable, on one line, and cut at `limit` characters with an ellipsis."""
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
