"""How long a server asks to wait: in its headers, in the details of its error, or in words."""

import email.utils
import math
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

_LONGEST_WAIT = 86_400.0
_YEAR_2001 = 1e9  # of moments in seconds; less is a number of seconds
_UNIT = r"(ms|milliseconds?|d(?:ays?)?|h(?:ours?|rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)(?![a-z])"
_SPAN = re.compile(rf"(\d+(?:\.\d+)?)\s*{_UNIT}", re.IGNORECASE)
_WAIT_WORDS = re.compile(
    r"(?:try again|retry|wait|available again|reset)[^.\d]{0,40}?"
    rf"((?:\d+(?:\.\d+)?\s*{_UNIT}[\s,]*(?:and\s+)?){{1,4}})",
    re.IGNORECASE,
)
_SECONDS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


def wait_told(headers: Mapping[str, str], inner: Any, sentence: str) -> float | None:
    """Seconds that a server asks to wait, a day at most; None where it does not say.

    Args:
        headers: of the response.
        inner: the error object.
        sentence: the server's own.
    """
    told = {name.lower(): value for name, value in headers.items()}
    found = [
        _number(told.get("retry-after-ms"), 0.001),
        _number(told.get("retry-after"), 1) if "retry-after" in told else None,
        _until(told.get("retry-after"), told.get("date")),
        wait_in_error(inner, sentence),
        # Until all of the limit is there again, of which the next request may need little.
        _longest(told, ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")),
        _at_reset(told),
    ]
    seconds = next((each for each in found if each is not None), None)
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_WAIT)


def wait_in_error(inner: Any, sentence: str) -> float | None:
    """Seconds that the error itself asks to wait, in its details or in words."""
    metadata = inner.get("metadata") if isinstance(inner, dict) else None
    headers = metadata.get("headers") if isinstance(metadata, dict) else None  # as OpenRouter repeats them
    found = [_delay_of_details(inner), _in_words(sentence), _at_reset(headers) if isinstance(headers, dict) else None]
    return next((each for each in found if each is not None), None)


def _number(text: str | None, unit: float) -> float | None:
    try:
        seconds = float(text) * unit if text else math.nan
    except ValueError:
        return None
    return None if math.isnan(seconds) else seconds


def _until(text: str | None, now: str | None) -> float | None:
    """Seconds until a date, as Retry-After may give one.

    Args:
        text: the date.
        now: by the server's own clock, which this machine's may be far from; None where it does not say.
    """
    if (then := _moment(text)) is None:
        return None
    told = _moment(now)
    return then - (time.time() if told is None else told)


def _moment(text: str | None) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, TypeError, OverflowError):
        return None


def _longest(told: Mapping[str, str], names: Iterable[str]) -> float | None:
    """The longest of several durations such as 6m0s; which limit was met is not said."""
    found = [_duration(told[name]) for name in names if name in told]
    return max((each for each in found if each is not None), default=None)


def _duration(text: Any) -> float | None:
    if isinstance(text, str) and text.strip().isdecimal() and len(text.strip()) < 6:  # more is a date
        return float(text)
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
    spans = [(float(number), unit.lower()) for number, unit in _SPAN.findall(match[1])]
    return sum(number * (0.001 if unit.startswith(("ms", "mil")) else _SECONDS[unit[0]]) for number, unit in spans)


def _at_reset(headers: Mapping[str, Any]) -> float | None:
    """Seconds until a limit of which nothing is left begins anew, told as a moment in seconds or thousandths."""
    told = {name.lower(): str(value) for name, value in headers.items()}
    moment = _number(told.get("x-ratelimit-reset"), 1.0)
    if told.get("x-ratelimit-remaining") != "0" or moment is None or moment < _YEAR_2001:
        return None
    return max((moment / 1000 if moment > 1000 * _YEAR_2001 else moment) - time.time(), 0.0)
