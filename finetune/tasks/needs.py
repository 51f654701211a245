"""What measuring needs beside the package itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from assistant.errors import AssistantError


@contextmanager
def of_the_extra(package: str) -> Iterator[None]:
    """Import what only the extra `finetune` brings.

    Raises:
        AssistantError: it is not installed; the message says how it is.
    """
    try:
        yield
    except ImportError as error:
        raise AssistantError(f"This needs {package}: pip install 'terminal-assistant[finetune]'.") from error
