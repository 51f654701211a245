"""Repositories on the Hub."""

from typing import Any

from assistant.errors import AssistantError
from assistant.text import one_line


def create_private(api: Any, repo: str, *, private: bool = True, **options: Any) -> None:
    """Make a repository of the Hub where there is none.

    Raises:
        AssistantError: no login, no right, no network.
    """
    try:
        api.create_repo(repo, private=private, exist_ok=True, **options)
    except Exception as error:
        raise AssistantError(
            f"The Hub does not let us write to {repo}: {one_line(str(error), 200)}. Log in with `hf auth login` and a "
            "token that may write, and check the name: OWNER/NAME, yours or your organisation's."
        ) from error
