"""The errors people meet: each says what happened, what it means and what to do next."""


class AssistantError(Exception):
    """The work failed. The message is one line for a person; the cause is chained."""

    exit_code = 1


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
    """The generator could not answer, for example because the question alone exceeds its context."""
