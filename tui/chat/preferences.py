"""The settings in force, and changing one: in the user's settings file, every other line of which stays as it was."""

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from assistant.errors import SettingsError
from assistant.settings import Settings, settings_path

Value = str | int | float | bool | None


class Preferences:
    """The settings of a running chat.

    Args:
        settings: Those it began with.
        changed: Called with the name of a setting once it has another value.
    """

    def __init__(self, settings: Settings, changed: Callable[[str], None]) -> None:
        self.settings = settings
        self._changed = changed

    def change(self, name: str, value: Value, *, keep: bool = True) -> None:
        """Change a setting; None is its default.

        Raises:
            SettingsError: the value does not fit, or the file cannot be written; nothing was changed then.
        """
        self.change_all({name: value}, keep=keep)

    def change_all(self, values: Mapping[str, Value], *, keep: bool = True) -> None:
        """Change some settings at once.

        Args:
            values: by their names; None is the default of one.
            keep: for the next time too.

        Raises:
            SettingsError: as `change`.
        """
        given = {**self.settings.model_dump(exclude_unset=True), **values}
        given = {name: value for name, value in given.items() if name not in values or value is not None}
        try:
            settings = Settings.model_validate(given)
        except ValidationError as error:
            raise SettingsError(f"{', '.join(values)}: {error.errors()[0]['msg'].lower()}.") from error
        for name, value in values.items() if keep else ():
            save_setting(settings_path(), name, None if value is None else getattr(settings, name))
        self.settings = settings
        for name in list(values)[-1:]:
            self._changed(name)


def save_setting(path: Path, name: str, value: Value) -> None:
    """Set a setting in a settings file, or take it out where the value is None.

    Args:
        path: The file; it is made where there is none.
        name: The setting's.
        value: What it is from now on.

    Raises:
        SettingsError: the file cannot be written, or its form is one that this cannot change.
    """
    try:
        text = path.read_text("utf-8") if path.exists() else ""
        changed = _changed(text, name, value)
        parsed = tomllib.loads(changed)
        if parsed.get(name) != value:
            raise SettingsError(f"{path}: {name} is written there in a way the chat cannot change; change it yourself.")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(changed)
        with suppress(FileNotFoundError):
            new.chmod(path.stat().st_mode & 0o777)
        new.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: the settings cannot be written ({error}).") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}. Mend the line, then change the setting.") from error


def _changed(text: str, name: str, value: Value) -> str:
    head, table, tables = _split(text)
    lines = head.splitlines(keepends=True)
    new = [] if value is None else [f"{name} = {json.dumps(value, ensure_ascii=False)}\n"]
    at = next((at for at, line in enumerate(lines) if re.match(rf"\s*{re.escape(name)}\s*=", line)), None)
    if at is not None:
        lines[at : at + 1] = new
    elif new:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines += new + (["\n"] if table else [])
    return "".join(lines) + table + tables


def _split(text: str) -> tuple[str, str, str]:
    """What stands before the first table, that table's heading, and the rest."""
    match = re.search(r"^\s*\[", text, re.MULTILINE)
    if match is None:
        return text, "", ""
    return text[: match.start()], text[match.start() : match.end()], text[match.end() :]
