"""The last thing before the terminal: whatever a widget draws, no character of it steers the terminal.

Texts are made printable where they are shown. What the user edits cannot be, as the cursor counts its characters; and
what nobody thought of comes by here too.
"""

import re
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from assistant.text import FLOOD, printable

_PLAIN = re.compile(r"[\x20-\x7e\u2500-\u25ff…·]*")  # most of what is ever drawn


class EscapeFilter(LineFilter):
    """Draws a replacement character, or nothing, for what would steer the terminal; widths stay as they are."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments of a line, drawn so."""
        return [
            segment
            if segment.control or _PLAIN.fullmatch(segment.text)
            else segment._replace(text=_inert(segment.text))
            for segment in segments
        ]


@lru_cache(maxsize=4096)
def _inert(text: str) -> str:
    shown = "".join(
        character if printable(character) == character else "\ufffd" * cell_len(character) for character in text
    )
    return FLOOD.sub(r"\1", shown)
