"""The token of `assistant serve`: made once, kept where only its user can read it."""

import os
import secrets
from pathlib import Path

from assistant.errors import AssistantError


def token_of(path: Path) -> tuple[str, bool]:
    """The token that a file keeps, made now if there is none; and whether it was made now.

    Raises:
        AssistantError: the file cannot be read or written, or others can read it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if os.name == "posix" and path.stat().st_mode & 0o077:
                raise AssistantError(f"{path}: others can read this token; remove the file and start again.") from None
            if len(kept := path.read_text("ascii").strip()) >= 32:
                return kept, False
            raise AssistantError(f"{path}: this is no token; remove the file and start again.") from None
        token = secrets.token_urlsafe(32)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(token + "\n")
    except (OSError, ValueError) as error:
        raise AssistantError(f"{path}: the token cannot be read or written ({error}).") from error
    return token, True
