"""Repositories on the Hub."""

import socket
from typing import Any

from assistant.errors import AssistantError
from assistant.text import one_line

_OFFLINE = ("ConnectError", "ConnectTimeout", "ReadTimeout", "OfflineModeIsEnabled")
"""What httpx and huggingface_hub call it."""


def create_private(api: Any, repo: str, *, private: bool = True, **options: Any) -> None:
    """Make a repository of the Hub where there is none.

    Raises:
        AssistantError: no login, no right, no network.
    """
    try:
        api.create_repo(repo, private=private, exist_ok=True, **options)
    except Exception as error:
        if is_offline(error):
            raise AssistantError(
                f"The Hub cannot be reached, so nothing was written to {repo}: {one_line(str(error), 200)}. "
                "Look at the network (a proxy, HF_HUB_OFFLINE) and run it again."
            ) from error
        raise AssistantError(
            f"The Hub does not let us write to {repo}: {one_line(str(error), 200)}. Log in with `hf auth login` and a "
            "token that may write, and check the name: OWNER/NAME, yours or your organisation's."
        ) from error


def is_offline(error: BaseException | None) -> bool:
    """Whether an error of the Hub's library comes of there being no network, rather than of an answer of the Hub."""
    while error is not None:
        name = type(error).__name__
        if isinstance(error, ConnectionError | TimeoutError | socket.gaierror) or name in _OFFLINE:
            return True
        error = error.__cause__ or error.__context__
    return False
