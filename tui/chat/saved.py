"""What is saved under a name: roles, which say what the model is told, and prompts, which are questions."""

import re
from collections.abc import Callable, Mapping
from typing import Literal

from assistant.errors import UsageError, did_you_mean
from assistant.text import one_line
from tui.chat.preferences import Preferences

SavedKind = Literal["roles", "prompts"]
_NAME = re.compile(r"[\w-]{1,40}")
_TAKEN = frozenset({"save", "default", "delete"})
_LONGEST = 8_000  # characters: the settings file is a small one


def use_saved(
    kind: SavedKind, preferences: Preferences, argument: str, text: Callable[[], str], use: Callable[[str], None]
) -> str | None:
    """Do what /role or /prompt asks for: use a text by its name, save one, take one out, or say which there are.

    Args:
        kind: of what is saved.
        preferences: where it is.
        argument: a name, `save NAME`, `delete NAME`, or nothing.
        text: gives what is to be saved.
        use: takes the text of a name.

    Returns:
        What to say; None where the text was used.

    Raises:
        UsageError: there is no such name, or the name or the text will not do.
        SettingsError: the settings cannot be written.
    """
    saved: Mapping[str, str] = getattr(preferences.settings, kind)
    one = kind.removesuffix("s")
    word, _, name = argument.partition(" ")
    name = name.strip()
    if not argument:
        return f"Your {kind}: {', '.join(sorted(saved))}" if saved else f"You have no {kind} yet; /{one} save NAME"
    if word not in {"save", "delete"}:
        use(_text_of(kind, saved, argument))
        return None
    _save(kind, preferences, name, text() if word == "save" else None)
    return f"{one.capitalize()} {one_line(name, 40)} is {'kept' if word == 'save' else 'gone'}"


def _text_of(kind: SavedKind, saved: Mapping[str, str], name: str) -> str:
    if name not in saved:
        one = kind.removesuffix("s")
        if not saved:
            raise UsageError(f"You have no {kind} yet; /{one} save NAME keeps one.")
        raise UsageError(f"{one_line(name, 40)} is no {one} of yours; {did_you_mean(name, sorted(saved))}")
    return saved[name]


def _save(kind: SavedKind, preferences: Preferences, name: str, text: str | None) -> None:
    """Keep a text under a name in the user's settings; None takes the name out."""
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
