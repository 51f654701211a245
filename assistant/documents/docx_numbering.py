"""The numbers of numbered lists and headings in DOCX files: they stand in no paragraph, but follow from definitions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LEVELS = 9
_LARGEST = 1_000_000
_PLACE = re.compile(r"%([1-9])")
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


@dataclass(slots=True)
class _Level:
    start: int = 1
    form: str = "bullet"
    text: str = ""


@dataclass(slots=True)
class _List:
    """A list's levels, and how far its counting has come; lists of one definition count on together."""

    levels: list[_Level] = field(default_factory=lambda: [_Level() for _ in range(_LEVELS)])
    counts: list[int | None] = field(default_factory=lambda: [None] * _LEVELS)


class Numbering:
    """Counts the items of the lists of a document, asked for them in the order in which they stand.

    Args:
        root: the element `w:numbering`; None where the document has none.
    """

    def __init__(self, root: Any) -> None:
        self._lists: dict[str, _List] = {}
        self._restarts: dict[str, dict[int, int]] = {}
        if root is None:
            return
        definitions = {
            element.get(_W + "abstractNumId"): _List(_levels(element)) for element in root.findall(_W + "abstractNum")
        }
        for number in root.findall(_W + "num"):
            name, abstract = number.get(_W + "numId", ""), number.find(_W + "abstractNumId")
            found = definitions.get(abstract.get(_W + "val")) if abstract is not None else None
            if found is not None:
                self._lists[name] = found
                self._restarts[name] = dict(_overrides(number))

    def label(self, name: str, level: int) -> str | None:
        """The label of the next item of a list, such as `2.1.` or `-`; None where there is no such list.

        Args:
            name: the list's `numId`.
            level: the item's level, counted from 0.
        """
        counted = self._lists.get(name)
        if counted is None or not 0 <= level < _LEVELS:
            return None
        for at, start in self._restarts.pop(name, {}).items():
            counted.counts[at] = start - 1
        shape = counted.levels[level]
        before = counted.counts[level]
        counted.counts[level] = shape.start if before is None else before + 1
        counted.counts[level + 1 :] = [None] * (_LEVELS - level - 1)
        if shape.form == "bullet":
            return "-"
        if shape.form == "none":
            return ""
        return _PLACE.sub(lambda match: self._figure(counted, int(match[1]) - 1, shape), shape.text).strip()

    @staticmethod
    def _figure(counted: _List, level: int, asked: _Level) -> str:
        count = counted.counts[level]
        shape = counted.levels[level]
        # "Legal" numbering writes the levels above in figures whatever they are; so does a plain decimal level.
        form = shape.form if asked.form != "decimalZero" else "decimal"
        return in_figures(shape.start if count is None else count, form)


def _levels(definition: Any) -> list[_Level]:
    levels = [_Level() for _ in range(_LEVELS)]
    for element in definition.findall(_W + "lvl"):
        at = _number(element.get(_W + "ilvl"), -1)
        if 0 <= at < _LEVELS:
            levels[at] = _Level(
                _number(_child(element, "start"), 1), _child(element, "numFmt") or "decimal", _child(element, "lvlText")
            )
    return levels


def _overrides(number: Any) -> Iterator[tuple[int, int]]:
    for element in number.findall(_W + "lvlOverride"):
        at = _number(element.get(_W + "ilvl"), -1)
        start = element.find(_W + "startOverride")
        if 0 <= at < _LEVELS and start is not None:
            yield at, _number(start.get(_W + "val"), 1)


def _child(element: Any, name: str) -> str:
    found = element.find(_W + name)
    return "" if found is None else found.get(_W + "val", "")


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else default


def in_figures(number: int, form: str) -> str:
    """A number as a list shows it: `decimal`, `lowerLetter`, `upperRoman` and so on."""
    number = min(max(number, 0), _LARGEST)
    if form.endswith("Letter"):
        letter = chr(ord("a") + (number - 1) % 26) * min((number - 1) // 26 + 1, 20) if number else ""
        return letter.upper() if form.startswith("upper") else letter
    if form.endswith("Roman") and number < 4000:
        roman = ""
        for value, letters in _ROMAN:
            roman += letters * (number // value)
            number %= value
        return roman.upper() if form.startswith("upper") else roman
    return f"{number:02d}" if form == "decimalZero" else str(number)
