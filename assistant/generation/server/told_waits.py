"""How long a server asks to wait: in its headers, in the details of its error, or in words."""

import email.utils
import math
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

_LONGEST_WAIT = 86_400.0
_WAIT_WORDS = re.compile(
    r"(?:try again|retry|wait|available again|reset)[^.\d]{0,40}?"
    r"(?:(\d+)\s*m(?:in\w*)?\s*)?(\d+(?:\.\d+)?)\s*(ms|s\b|sec|m\b|min)",
    re.IGNORECASE,
)
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
        _until(told.get("retry-after")),
        _longest(told, ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")),
        wait_in_error(inner, sentence),
    ]
    seconds = next((each for each in found if each is not None), None)
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_WAIT)


def wait_in_error(inner: Any, sentence: str) -> float | None:
    """Seconds that the error itself asks to wait, in its details or in words."""
    delay = _delay_of_details(inner)
    return _in_words(sentence) if delay is None else delay


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
    minutes, number, unit = match.groups()
    seconds = float(number) * {"ms": 0.001, "m": 60, "min": 60}.get(unit.lower(), 1)
    return 60 * float(minutes or 0) + seconds
