"""What is saved under a name: roles, which say what the model is told, and prompts, which are questions."""

import re
from collections.abc import Mapping
from typing import Literal

from assistant.errors import UsageError, did_you_mean
from assistant.text import one_line
from tui.chat.preferences import Preferences

Kind = Literal["roles", "prompts"]
_NAME = re.compile(r"[\w-]{1,40}")
_TAKEN = frozenset({"save", "default", "delete"})
_LONGEST = 8_000  # characters: the settings file is a small one


def saved_text(kind: Kind, saved: Mapping[str, str], name: str) -> str:
    """The text of a name.

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    if name not in saved:
        one = kind.removesuffix("s")
        if not saved:
            raise UsageError(f"You have no {kind} yet; /{one} save NAME keeps one.")
        raise UsageError(f"{one_line(name, 40)} is no {one} of yours; {did_you_mean(name, sorted(saved))}")
    return saved[name]


def save_text(kind: Kind, preferences: Preferences, name: str, text: str | None) -> None:
    """Keep a text under a name in the user's settings; None takes the name out.

    Raises:
        UsageError: the name or the text will not do.
        SettingsError: the settings cannot be written.
    """
    one = kind.removesuffix("s")
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise UsageError(f"/{one} save needs a name of letters, digits, - and _, for example /{one} save review")
    if text is not None and len(text) > _LONGEST:
        raise UsageError(f"This is longer than {_LONGEST:,} characters; put it into a file and name it @FILE.")
    known: dict[str, str] = dict(getattr(preferences.settings, kind))
    if text is None:
        known.pop(name, None)
    else:
        known[name] = text
    preferences.change(kind, known)
