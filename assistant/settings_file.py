"""Changing one setting in a settings file: comments, order and every other line stay as they are."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from assistant.errors import SettingsError

Value = str | int | float | bool | Mapping[str, str] | None


def save_setting(path: Path, name: str, value: Value) -> None:
    """Set a setting in a settings file, or take it out where the value is None.

    Args:
        path: The file; it is made where there is none.
        name: The setting's.
        value: What it is from now on.

    Raises:
        SettingsError: the file cannot be written, or is not valid TOML.
    """
    try:
        content = tomlkit.parse(path.read_text("utf-8") if path.exists() else "")
        if value is None:
            content.pop(name, None)
        elif isinstance(value, Mapping):
            _merge(content, name, value)
        else:
            content[name] = value
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(tomlkit.dumps(content))
        with suppress(FileNotFoundError):
            new.chmod(path.stat().st_mode & 0o777)
        new.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: the settings cannot be written ({error}).") from error
    except (TOMLKitError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}. Correct the line, then change the setting.") from error


def _merge(content: tomlkit.TOMLDocument, name: str, values: Mapping[str, str]) -> None:
    """Give a table these entries and no others; those that stay keep their lines."""
    if name not in content:
        content[name] = tomlkit.table()
    table: Any = content[name]
    for key in [key for key in table if key not in values]:
        del table[key]
    for key, value in values.items():
        if table.get(key) != value:
            table[key] = value
