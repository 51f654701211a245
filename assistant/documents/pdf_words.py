"""The words of a PDF page with their places, and the lines that are drawn on it."""

import unicodedata
from dataclasses import dataclass, field

from assistant.documents.blocks import TableBlock

BREAK = "\ufffe"
"""Stands at the end of a word in place of the hyphen that may break it."""

Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge; heights grow downwards."""


@dataclass(slots=True)
class Word:
    """Characters without a gap; `y` is the baseline, growing downwards; all measures in points."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    is_field: bool = False
    block: TableBlock | None = None  # the table that a drawn grid holds, for which the word stands


@dataclass(frozen=True, slots=True)
class Rule:
    """A drawn line: horizontal where `y0 == y1`, else vertical."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(slots=True)
class PageWords:
    """What stands on a page.

    Args:
        words: The words that stand upright when the page is held as most of its characters stand.
        turned: Groups of words that stand otherwise, each as one holds the page to read it.
        turns: For each of these groups by how many quarters it is turned against the upright words.
        rules: Drawn lines, as the upright words are held.
        notes: Notes, comments and stamps, as lines.
        pictures: How many pictures there are on the page.
        picture_area: How much of the page the largest of them takes, in square points.
        paths: How many lines, boxes and other shapes are drawn on it.
        top: The upper edge of the page.
        bottom: The lower edge of the page.
    """

    words: list[Word] = field(default_factory=list)
    turned: list[list[Word]] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pictures: int = 0
    picture_area: float = 0.0
    paths: int = 0
    top: float = 0.0
    bottom: float = 0.0


def turned(turn: int, x: float, y: float) -> tuple[float, float]:
    """A point of the page, which counts upwards, as one sees it who holds the page so that such text stands upright."""
    return ((x, -y), (-y, -x), (-x, y), (y, x))[turn]


def turned_point(quarters: int, x: float, y: float) -> tuple[float, float]:
    """A point of words that are held one way, as it lies when the page is held otherwise, by quarter turns."""
    return ((x, y), (y, -x), (-x, -y), (-y, x))[quarters % 4]


def turned_box(turn: int, left: float, bottom: float, right: float, top: float) -> Box:
    """A box of the page, as `turned` gives its corners."""
    x0, y0 = turned(turn, left, bottom)
    x1, y1 = turned(turn, right, top)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def runs_leftwards(text: str) -> bool:
    """Whether a text holds letters of a script that is written from right to left, and none of another."""
    kinds = {unicodedata.bidirectional(char) for char in text}
    return not kinds.isdisjoint(("R", "AL")) and "L" not in kinds
