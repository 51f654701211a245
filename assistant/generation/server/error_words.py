"""The words for a person in a server's error object, however deep they lie in it."""

import json
import re
from difflib import SequenceMatcher
from typing import Any

from assistant.text import one_line

_LONGEST = 1000
_DEEPEST = 4
_NAMES = (
    "message",
    "Message",
    "msg",
    "detail",
    "error",
    "errors",
    "error_description",
    "title",
    "reason",
    "status_msg",
)
_FEWEST_TOKENS = 64
_REPEATED = 20  # characters; fewer may be the trouble's own words, of which somebody asks
_AT_ONCE = re.compile(
    r"concurren|pending requests|simultaneous|parallel requests|requests? at (once|a time|the same time)|queue is full"
    r"|no slots? available",
    re.IGNORECASE,
)
_EMPTY_WORDS = ("provider returned error", "upstream error", "upstream request failed")
"""What routers say of a provider whose own words stand elsewhere in the object."""


def sentence_of(inner: Any, depth: int = 0) -> str:
    """The words, on one line; empty where there are none.

    Routers put a provider's error into theirs as it came: as JSON within a text, or below `metadata`.
    """
    if isinstance(inner, str):
        nested = _nested(inner) if depth < _DEEPEST else None
        found = sentence_of(nested, depth + 1) if nested is not None else ""
        return found or one_line(inner[:2000], _LONGEST)
    if depth > _DEEPEST:
        return ""
    if isinstance(inner, list):
        return one_line("; ".join(filter(None, (sentence_of(each, depth + 1) for each in inner[:3]))), _LONGEST)
    if isinstance(inner, dict):
        for name in _NAMES:
            if inner.get(name) and (found := sentence_of(inner[name], depth + 1)):
                return _of_provider(inner, found, depth)
    return ""


def _of_provider(inner: dict[str, Any], said: str, depth: int) -> str:
    metadata = inner.get("metadata")
    if not isinstance(metadata, dict) or said.strip(" .").lower() not in _EMPTY_WORDS:
        return said
    raw = sentence_of(metadata.get("raw"), depth + 1)
    name = metadata.get("provider_name")
    return f"{one_line(name, 40)}: {raw}" if raw and isinstance(name, str) and name else raw or said


def without_repeated(sentence: str, question: str) -> str:
    """A sentence without the longest stretch of the question that it repeats, where that is more than a few words."""
    asked = one_line(question, _LONGEST)
    found = SequenceMatcher(None, sentence, asked, autojunk=False).find_longest_match()
    if found.size < _REPEATED:
        return sentence
    return f"{sentence[: found.a]} {sentence[found.a + found.size :]}"


def affordable(sentence: str) -> int | None:
    """The tokens of an answer for which a router says that the credit is enough; None where it is for too few."""
    match = re.search(r"can only afford (\d{1,9})\b", sentence)
    return int(match[1]) if match and int(match[1]) >= _FEWEST_TOKENS else None


def wants_fewer_at_once(sentence: str) -> bool:
    """Whether a server refuses for the number of requests at once."""
    return _AT_ONCE.search(sentence) is not None


def _nested(text: str) -> Any:
    """The object that a text is; None where it is none."""
    if not text.lstrip().startswith(("{", "[{")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def in_events(body: bytes) -> Any:
    """The object of an error that came as an event of a stream though its status is one of errors; None if it did not.

    Args:
        body: of the response.
    """
    for line in body[:20_000].decode("utf-8", "replace").splitlines():
        if line.startswith("data:") and (found := _nested(line.removeprefix("data:").strip())) is not None:
            return found
    return None


def locations(inner: Any) -> str:
    """The places that a list of faults names, as FastAPI writes it, however deep it lies."""
    faults = inner
    for _ in range(_DEEPEST):
        faults = _nested(faults) if isinstance(faults, str) else faults
        if isinstance(faults, dict):
            faults = faults.get("detail") or faults.get("message")
    if not isinstance(faults, list):
        return ""
    places = [fault.get("loc") for fault in faults[:10] if isinstance(fault, dict)]
    return " ".join(str(part) for place in places if isinstance(place, list) for part in place[:10])
