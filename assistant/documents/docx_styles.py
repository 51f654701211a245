"""What the paragraph styles of a DOCX file make of a paragraph: a heading, an item of a list, plain text."""

import re
from typing import Any

from assistant.documents.docx_runs import W

_HEADING_NAME = re.compile(r"heading ([1-9])", re.IGNORECASE)


class Styles:
    """The styles of a document, each with what it takes from those that it is based on."""

    def __init__(self, styles: Any) -> None:
        self._levels: dict[str, int] = {}
        self._lists: set[str] = set()
        self._numbers: dict[str, tuple[str, int]] = {}
        for style in styles:
            self._learn(style)

    def _learn(self, style: Any) -> None:
        seen: set[str] = set()
        base = style
        known = False
        while base is not None and base.style_id not in seen:
            seen.add(base.style_id)
            properties = base.element.find(W + "pPr")
            numbers = _numbers(properties)
            if numbers is not None and style.style_id not in self._numbers:
                self._numbers[style.style_id] = numbers
            if not known:
                known = self._classify(style.style_id, base.name or "", properties)
            base = getattr(base, "base_style", None)

    def _classify(self, style: str, name: str, properties: Any) -> bool:
        outline = level_of(value_of(properties, "outlineLvl"))
        if match := _HEADING_NAME.fullmatch(name):
            self._levels[style] = int(match[1])
        elif name == "Title":
            self._levels[style] = 1
        elif outline is not None:
            self._levels[style] = outline + 1
        elif name.startswith("List") or _numbers(properties) is not None:
            self._lists.add(style)
        else:
            return False
        return True

    def heading(self, style: str) -> int | None:
        """The level of a heading's style; None for any other."""
        return self._levels.get(style)

    def is_list(self, style: str, properties: Any) -> bool:
        """Whether a paragraph of this style and with these properties of its own is an item of a list."""
        own = _numbers(properties)
        return own is not None or (properties is not None and _has(properties)) or style in self._lists

    def numbering(self, style: str, properties: Any) -> tuple[str, int]:
        """The list that a paragraph is of and its level, counted from 0; an empty name where it is of none."""
        name, level = self._numbers.get(style, ("", 0))
        own = _numbers(properties)
        if own is not None:
            name, level = own
        elif properties is not None and (number := properties.find(W + "numPr")) is not None:
            level = level_of(value_of(number, "ilvl")) or 0  # a level alone: of the style's list
        return ("" if name == "0" else name), level


def _has(properties: Any) -> bool:
    return properties.find(W + "numPr") is not None


def _numbers(properties: Any) -> tuple[str, int] | None:
    number = properties.find(W + "numPr") if properties is not None else None
    name = value_of(number, "numId")
    return (name, level_of(value_of(number, "ilvl")) or 0) if name else None


def value_of(properties: Any, name: str) -> str:
    """The value of a property; empty where it is not set."""
    element = properties.find(W + name) if properties is not None else None
    return "" if element is None else element.get(W + "val", "")


def level_of(value: str) -> int | None:
    """A level of headings or lists: Word has nine of each, and no other number is one."""
    return int(value) if value in set("012345678") else None
