"""What a server says went wrong: its own sentence, what kind of trouble it is, and how long it asks to wait."""

import email.utils
import json
import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from assistant.text import one_line

LONGEST_LINE = 200
_SHORTEST_SENTENCE = 60
_LONGEST_WAIT = 86_400.0


class Kind(Enum):
    """What a trouble with a server is, and so what can be done about it."""

    CONTEXT = "the context is full"
    LOADING = "the model is being loaded"
    RATE = "rate limit"
    QUOTA = "the quota is used up"
    PARAMETER = "a parameter is refused"
    ROLES = "the chat template takes fewer roles"
    KEY = "the key is refused"
    MODEL = "there is no such model"
    REFUSED = "the request is refused"
    BUSY = "the server failed"
    UNREACHABLE = "cannot be reached"
    TIMEOUT = "too slow"
    BROKEN = "broke off"
    EMPTY = "an empty answer"
    NOT_THE_API = "not the OpenAI API"


PASSING = frozenset((Kind.LOADING, Kind.RATE, Kind.QUOTA, Kind.BUSY, Kind.UNREACHABLE, Kind.TIMEOUT, Kind.BROKEN))
"""Troubles after which the same request may well succeed later."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's refusal, as far as it could be read.

    Args:
        kind: what it means.
        status: of HTTP; where an error comes inside an answer, the code that it holds, or 0.
        sentence: the server's own, on one line; empty where it gave none.
        retry_after: seconds that it asks to wait; None where it does not say.
        parameter: the name of a parameter that it refuses.
    """

    kind: Kind
    status: int = 0
    sentence: str = ""
    retry_after: float | None = None
    parameter: str | None = None


_CONTEXT = re.compile(
    r"context[ _-]?(length|size|window)|exceed_context|context overflow|too many (input )?tokens|kv.?cache is full"
    r"|(prompt|input|request|message)s? (is |are )?(too (long|large)|longer than)|reduce the length"
    r"|max(imum)?[ _](number of |input |model |sequence )?(tokens|length).{0,60}exceed"
    r"|exceeds? the (available |maximum |model.{0,3} )?.{0,20}(context|number of tokens|token limit)"
    r"|max_(completion_)?tokens must be at least 1|tokens to keep from the initial prompt|trying to keep the first",
    re.IGNORECASE,
)
_LOADING = re.compile(r"loading (the )?model|model (is )?(still |currently |being )*load|warming up|is starting", re.I)
_QUOTA = re.compile(r"insufficient_(quota|balance|funds)|exceeded your current quota|billing|credits?\b|payment", re.I)
_RATE = re.compile(r"rate.?limit|too many requests|requests per (minute|day|second)|overloaded|at capacity", re.I)
_ROLES = re.compile(
    r"roles? must alternate|system (role|message|prompt)s?.{0,30}(not|n't) (be )?(supported|allowed)|system role not"
    r"|only (the )?user.{1,30} roles|unexpected role.{0,10}system",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"model.{0,80}(not (be )?(found|exist|available|loaded)|does not exist)|(no such|unknown) model", re.I
)
_REFUSING = re.compile(
    r"unsupported|not support|unrecognized|unknown|unexpected|not permitted|not allowed|extra (input|field)|invalid"
    r"|does not (allow|accept|take)|cannot be|must be|too large|deprecated|only the default",
    re.IGNORECASE,
)
_WAIT_WORDS = re.compile(
    r"(?:try again|retry|wait|available again|reset)[^.\d]{0,40}?"
    r"(?:(\d+)\s*m(?:in\w*)?\s*)?(\d+(?:\.\d+)?)\s*(ms|s\b|sec|m\b|min)",
    re.IGNORECASE,
)
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


def read_refusal(status: int, headers: Mapping[str, str], body: bytes, sent: Iterable[str] = ()) -> Reply:
    """The refusal that an HTTP response with an error status is.

    Args:
        status: of the response.
        headers: of the response.
        body: its beginning.
        sent: the names of the optional parameters of the request.
    """
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        data = _plain(body)
    return refusal(status, data, sent, headers)


def refusal(status: int, data: Any, sent: Iterable[str] = (), headers: Mapping[str, str] | None = None) -> Reply:
    """The refusal that a server's error object is, whether it came as a response or in the middle of an answer."""
    inner = data.get("error", data) if isinstance(data, dict) else data
    inner = inner if isinstance(inner, dict | list | str) and inner else data
    fields: dict[str, Any] = inner if isinstance(inner, dict) else {}
    if not status:
        told: list[Any] = [fields.get("code"), fields.get("status")]
        status = next((int(code) for code in told if _is_status(code)), 0)
    sentence = _sentence(inner)
    words = " ".join([sentence, *(str(fields[name])[:200] for name in ("type", "code") if fields.get(name))])
    retry_after = _retry_after(headers or {}, inner, sentence)
    kind, parameter = _kind(status, words, fields, _locations(inner), list(sent))
    return Reply(kind, status, sentence, retry_after, parameter)


def _kind(  # noqa: PLR0911  (one way out for each kind)
    status: int, words: str, fields: dict[str, Any], locations: str, sent: list[str]
) -> tuple[Kind, str | None]:
    if status in (402,) or _QUOTA.search(words):
        return Kind.QUOTA, None
    if _CONTEXT.search(words) or (status == 413 and not _QUOTA.search(words)):
        return Kind.CONTEXT, None
    if status == 429:
        return Kind.RATE, None
    if _LOADING.search(words):
        return Kind.LOADING, None
    if status in (401, 403):
        return Kind.KEY, None
    if _ROLES.search(words):
        return Kind.ROLES, None
    if status in (400, 422, 500, 0) and (parameter := _parameter(words, fields, locations, sent)):
        return Kind.PARAMETER, parameter
    if status == 404 or _MODEL.search(words):
        return Kind.MODEL, None
    if _RATE.search(words):
        return Kind.RATE, None
    if status in (408, 409, 425) or status >= 500 or (status == 0 and not fields.get("param")):
        return Kind.BUSY, None
    return Kind.REFUSED, None


def _parameter(words: str, fields: dict[str, Any], locations: str, sent: list[str]) -> str | None:
    """The optional parameter that is refused; the longest name is looked for first, as some contain another."""
    told = fields.get("param")
    if isinstance(told, str) and (named := told.partition(".")[0]) in sent:
        return named
    if not (_REFUSING.search(words) or locations):
        return None
    for name in sorted(sent, key=len, reverse=True):
        if re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", f"{words} {locations}"):
            return name
    return None


def _locations(inner: Any) -> str:
    """The places that a list of faults names, as FastAPI writes it."""
    faults = inner.get("detail") if isinstance(inner, dict) else inner
    if not isinstance(faults, list):
        return ""
    places = [fault.get("loc") for fault in faults[:10] if isinstance(fault, dict)]
    return " ".join(str(part) for place in places if isinstance(place, list) for part in place[:10])


def _sentence(inner: Any, depth: int = 0) -> str:
    """The words for a person in an error object; empty where there are none."""
    if isinstance(inner, str):
        return one_line(inner[:2000], 1000)
    if depth > 3:
        return ""
    if isinstance(inner, list):
        return one_line("; ".join(filter(None, (_sentence(each, depth + 1) for each in inner[:3]))), 1000)
    if isinstance(inner, dict):
        for name in ("message", "msg", "detail", "error", "error_description", "title", "reason"):
            if inner.get(name) and (found := _sentence(inner[name], depth + 1)):
                return found
    return ""


def _plain(body: bytes) -> str:
    """What a body that is no JSON says: its text, or the title of its page."""
    text = body[:4000].decode("utf-8", "replace")
    if "<" in text[:200]:
        title = re.search(r"<title[^>]*>(.{1,200}?)</title>", text, re.I | re.S)
        return title[1] if title else ""
    return text[:500]


def _is_status(code: Any) -> bool:
    return isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600


def _retry_after(headers: Mapping[str, str], inner: Any, sentence: str) -> float | None:
    told = {name.lower(): value for name, value in headers.items()}
    found = [
        _number(told.get("retry-after-ms"), 0.001),
        _number(told.get("retry-after"), 1) if "retry-after" in told else None,
        _until(told.get("retry-after")),
        _longest(told, ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")),
        _delay_of_details(inner),
        _in_words(sentence),
    ]
    seconds = next((each for each in found if each is not None), None)
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_WAIT)


def _number(text: str | None, unit: float) -> float | None:
    try:
        seconds = float(text) * unit if text else math.nan
    except ValueError:
        return None
    return None if math.isnan(seconds) else seconds


def _until(text: str | None) -> float | None:
    """Seconds until a date, as Retry-After may give one."""
    try:
        return email.utils.parsedate_to_datetime(text).timestamp() - time.time() if text else None
    except (ValueError, TypeError, OverflowError):
        return None


def _longest(told: Mapping[str, str], names: Iterable[str]) -> float | None:
    """The longest of several durations such as 6m0s; which limit was met is not said."""
    found = [_duration(told[name]) for name in names if name in told]
    return max((each for each in found if each is not None), default=None)


def _duration(text: Any) -> float | None:
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds, thousandths = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds + thousandths / 1000


def _delay_of_details(inner: Any) -> float | None:
    """The delay in the details of Google's errors."""
    details = inner.get("details") if isinstance(inner, dict) else None
    for each in details[:10] if isinstance(details, list) else []:
        if isinstance(each, dict) and (delay := _duration(each.get("retryDelay"))) is not None:
            return delay
    return None


def _in_words(sentence: str) -> float | None:
    match = _WAIT_WORDS.search(sentence)
    if match is None:
        return None
    minutes, number, unit = match.groups()
    seconds = float(number) * {"ms": 0.001, "m": 60, "min": 60}.get(unit.lower(), 1)
    return 60 * float(minutes or 0) + seconds


def line_of(where: str, says: str, sentence: str = "", advice: str = "", *, secret: str | None = None) -> str:
    """One line of at most LONGEST_LINE characters: who, what happened, the server's own sentence, and what to do.

    Args:
        where: host and port.
        says: what happened, where the server gave no sentence, else its status.
        sentence: the server's own.
        advice: what to do next, a sentence without its end.
        secret: the key, which servers like to repeat.
    """
    end = f"; {advice}." if advice else "."
    if not sentence:
        return one_line(f"The server {where} {says}{end}", LONGEST_LINE)
    if secret:
        sentence = sentence.replace(secret, "…")
    begin, status = f"The server {where} says: ", f" ({says})" if says else ""
    room = LONGEST_LINE - len(begin) - len(status) - len(end)
    if room < _SHORTEST_SENTENCE:
        end, room = ".", LONGEST_LINE - len(begin) - len(status) - 1
    return f"{begin}{one_line(sentence, room).rstrip('.')}{status}{end}"
