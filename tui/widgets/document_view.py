"""A document's text with spans highlighted: only the lines on screen are drawn, however long it is."""

from itertools import pairwise
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from assistant.text import printable

Span = tuple[int, int]
_MARGIN = 2


def wrap(text: str, width: int) -> list[Span]:
    """Where each line of the text begins and ends when it is wrapped between words at `width` characters."""
    lines: list[Span] = []
    start = 0
    for line in text.splitlines(keepends=True) or [""]:
        end = start + len(line.rstrip("\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))
        at = start
        while end - at > width:
            cut = text.rfind(" ", at, at + width + 1)
            cut = cut if cut > at else at + width
            lines.append((at, cut))
            at = cut + 1 if text[cut : cut + 1] == " " else cut
        lines.append((at, end))
        start += len(line)
    return lines


class DocumentView(ScrollView, can_focus=True):
    """Shows a text; `spans` are evidence, `spans` what a search found. Both are character offsets."""

    DEFAULT_CSS = """
    DocumentView { background: $background; overflow: hidden scroll; scrollbar-size-vertical: 1; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"document--span", "document--current", "document--found"}

    def __init__(self, text: str, spans: list[Span]) -> None:
        super().__init__()
        self._text = text
        self._spans = spans
        self._found: list[Span] = []
        self._current: Span | None = None
        self._lines: list[Span] = []
        self._width = 0

    def on_resize(self) -> None:
        """Wrap the text anew."""
        self._wrap()

    def _wrap(self) -> None:
        width = max(10, self.scrollable_content_region.width - 2 * _MARGIN)
        if width != self._width:
            self._width = width
            self._lines = wrap(self._text, width)
            self.virtual_size = Size(width, len(self._lines))
            if self._current is not None:
                self.go(self._current)

    def mark_found(self, spans: list[Span]) -> None:
        """Mark what a search found."""
        self._found = spans
        self.refresh()

    def go(self, span: Span) -> None:
        """Scroll to a span and show it as the current one."""
        self._current = span
        row = next((row for row, (_, end) in enumerate(self._lines) if span[0] <= end), 0)
        self.scroll_to_region(Region(0, row, 1, 1), center=True, animate=False, force=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line of the screen."""
        row = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        base = self.rich_style
        if row >= len(self._lines):
            return Strip.blank(width, base)
        start, end = self._lines[row]
        segments = [
            Segment(printable(self._text[left:right]).replace("\t", " "), base + self._style(left))
            for left, right in self._pieces(start, end)
        ]
        strip = Strip([Segment(" " * _MARGIN, base), *segments]).adjust_cell_length(width, base)
        return strip.apply_offsets(-_MARGIN, row)

    def _marks(self) -> list[tuple[Span, str]]:
        marks = [(span, "document--span") for span in self._spans] + [(span, "document--found") for span in self._found]
        return [*marks, *([(self._current, "document--current")] if self._current else [])]

    def _pieces(self, start: int, end: int) -> list[Span]:
        cuts = {start, end}
        for (left, right), _ in self._marks():
            cuts.update(cut for cut in (left, right) if start < cut < end)
        ordered = sorted(cuts)
        return list(pairwise(ordered))

    def _style(self, at: int) -> Style:
        style = Style.null()
        for (left, right), name in self._marks():
            if left <= at < right:
                style += self.get_component_rich_style(name)
        return style

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text under a selection made with the mouse."""
        return selection.extract("\n".join(self._text[start:end] for start, end in self._lines)), "\n"
