"""The errors people meet: each says what happened, what it means and what to do next."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to a wrong one, whatever its case; None where none is near."""
    by_folded = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[near[0]] if near else None


def did_you_mean(word: str, known: Collection[str], otherwise: str | None = None) -> str:
    """What to say after a wrong word: the nearest that is known, or something else, by default all that are."""
    if near := nearest(word, known):
        return f"did you mean {near}?"
    return f"choose one of {', '.join(known)}." if otherwise is None else otherwise


class AssistantError(Exception):
    """The work failed. The message is one line for a person; the cause is chained.

    `passing` says that the same request may well succeed later: the network, a busy server, a rate limit.
    """

    exit_code = 1
    passing = False


class UsageError(AssistantError):
    """The request cannot be carried out as it was put: wrong option, empty question, no terminal."""

    exit_code = 2


class DocumentError(UsageError):
    """A document that is missing, empty, binary, too large or not text."""


class SettingsError(UsageError):
    """A settings file or variable that does not say what a setting may say."""


class ModelError(AssistantError):
    """A model that is missing, corrupt, gated, or does not fit the use it is put to."""


class StoreError(ModelError):
    """The model store could not fetch, verify or keep a model."""


class GenerationError(AssistantError):
    """The generator could not answer, for example because the question alone exceeds its context.

    Args:
        message: one line for a person.
        passing: whether the same request may well succeed later.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class EmptyAnswerError(GenerationError):
    """The model ended without a word of an answer, for example because all it wrote was thinking."""


class ContextFullError(GenerationError):
    """The prompt is longer than the model's context, even without the turns before it."""
