"""What questions call the columns of tables, read from `table_words.toml`."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from assistant.reading.words import split_words

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ColumnKind:
    """A kind of column.

    Args:
        name: what it is called here.
        headers: stems, one of which its header has.
        cells: what its cells hold where the header does not tell.
        asks: phrases, as stems, by which a question asks for it.
        weak: phrases that also ask for other kinds.
        holds: what its cells are: "number", "time", "text" or, where it may be anything, "".
        units: stems of units that tell the kind in the name of a row or column, such as "Charging, minutes".
        general: a column of the kind "time" may answer for it, where there is no other.
    """

    name: str
    headers: frozenset[str]
    cells: re.Pattern[str] | None
    asks: tuple[Phrase, ...]
    weak: tuple[Phrase, ...]
    holds: str
    units: frozenset[str]
    general: bool


@dataclass(frozen=True, slots=True)
class Superlative:
    """Phrases that ask for the row whose cell in a column of one of the kinds is the greatest, or the smallest.

    Where it is not `sure` which order is meant, as of "the last", nothing is computed.
    """

    phrases: tuple[Phrase, ...]
    kinds: frozenset[str]
    most: bool
    sure: bool


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All of it; sets of words are of stems, and a group of units is one unit's names."""

    function_words: frozenset[str]
    generic_words: frozenset[str]
    beyond_words: frozenset[str]
    explanation: tuple[Phrase, ...]
    roles: frozenset[str]
    marks: frozenset[str]
    empty_cells: frozenset[str]
    units: frozenset[str]
    unit_groups: tuple[frozenset[str], ...]
    time_words: frozenset[str]
    number_words: frozenset[str]
    superlatives: tuple[Superlative, ...]
    kinds: tuple[ColumnKind, ...]


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary, read once."""
    data = tomllib.loads(files("assistant.reading").joinpath("table_words.toml").read_text("utf-8"))
    stems = {
        name: _stems(data[name])
        for name in ("function_words", "generic_words", "beyond_words", "roles", "time_words", "number_words")
    }
    unit_groups = tuple(map(_stems, data["units"]))
    return Vocabulary(
        **stems,
        units=frozenset().union(*unit_groups),
        unit_groups=unit_groups,
        explanation=_phrases(data["explanation"]),
        marks=frozenset(data["marks"]),
        empty_cells=frozenset(data["empty_cells"]),
        superlatives=tuple(_superlative(entry) for entry in data["superlative"]),
        kinds=tuple(_kind(entry) for entry in data["kind"]),
    )


def _stems(text: str) -> frozenset[str]:
    return frozenset(word.stem for word in split_words(text))


def _phrases(texts: list[str]) -> tuple[Phrase, ...]:
    return tuple(tuple(word.stem for word in split_words(text)) for text in texts)


def _superlative(entry: dict[str, Any]) -> Superlative:
    phrases = _phrases([phrase.replace("_", " ") for phrase in entry["words"].split()])
    return Superlative(phrases, frozenset(entry["kinds"]), bool(entry.get("most", True)), bool(entry.get("sure", True)))


def _kind(entry: dict[str, Any]) -> ColumnKind:
    return ColumnKind(
        entry["name"],
        _stems(entry["headers"]),
        re.compile(entry["cells"], re.IGNORECASE) if "cells" in entry else None,
        _phrases(entry.get("asks", [])),
        _phrases(entry.get("weak", [])),
        entry.get("is", ""),
        _stems(entry.get("units", "")),
        bool(entry.get("general", False)),
    )
