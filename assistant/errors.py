"""The errors people meet: each says what happened, what it means and what to do next."""


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


class ContextFullError(GenerationError):
    """The prompt is longer than the model's context, even without the turns before it."""
