"""What follows /retry: which question, which way, and how it is sampled this time."""

from collections.abc import Callable
from dataclasses import dataclass, fields

from assistant.errors import UsageError, did_you_mean
from assistant.settings import Settings
from assistant.text import one_line
from assistant.types import Route, TurnSampling

_PARAMETERS: dict[str, tuple[Callable[[str], float], float, float]] = {
    "temperature": (float, 0, 2),
    "top_p": (float, 0.01, 1),
    "max_tokens": (int, 1, 1_000_000),
    "seed": (int, 0, 2**63 - 1),
}


@dataclass(frozen=True, slots=True)
class Retry:
    """A question by its number, counted from 1, or the last; a route; how sampling differs from the settings."""

    number: str = ""
    route: Route | None = None
    sampling: TurnSampling | None = None


def read_retry(argument: str) -> Retry:
    """What is asked for.

    Raises:
        UsageError: a word is no number, no route and no parameter, or a parameter has no value that it can have.
    """
    number, route, given = "", None, {}
    for word in argument.split():
        name, sign, value = word.partition("=")
        if sign:
            given[name] = _value(name, value)
        elif word.isascii() and word.isdigit():
            number = word
        elif word in list(Route):
            route = Route(word)
        else:
            known = [*Route, *(f"{each}=" for each in _PARAMETERS)]
            raise UsageError(f"{one_line(word, 40)} is no route; {did_you_mean(word, known)}")
    return Retry(number, route, TurnSampling(**given) if given else None)  # type: ignore[arg-type]  # by their own names


def _value(name: str, value: str) -> float:
    if name not in _PARAMETERS:
        raise UsageError(f"{one_line(name, 40)} is no parameter; {did_you_mean(name, list(_PARAMETERS))}")
    kind, least, most = _PARAMETERS[name]
    try:
        read = kind(value)
    except ValueError:
        read = -1
    if not least <= read <= most:
        raise UsageError(f"{name} is a number from {least:g} to {most:g}, not {one_line(value, 30)}.")
    return read


def retry_line(number: int, sampling: TurnSampling | None, settings: Settings) -> str:
    """The command that asks a question again with the parameters it was asked with, for a person to change."""
    now = sampling or TurnSampling()
    values: dict[str, float] = {
        "temperature": _first(now.temperature, settings.temperature, 0.7),
        "top_p": _first(now.top_p, settings.top_p, 0.95),
        "max_tokens": _first(now.max_tokens, settings.max_new_tokens),
    }
    seed = now.seed if now.seed is not None else settings.seed
    if seed is not None:
        values["seed"] = seed
    return f"/retry {number} " + " ".join(f"{name}={value}" for name, value in values.items())


def told(sampling: TurnSampling | None) -> str:
    """What is chosen, as it is shown below an answer."""
    if sampling is None:
        return ""
    named = ((each.name, getattr(sampling, each.name)) for each in fields(sampling))
    return ", ".join(f"{name} {value}" for name, value in named if value not in (None, ()))


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
