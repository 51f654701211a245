"""Changing one setting in a settings file: comments, order and every other line stay as they are."""

import os
from contextlib import suppress
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from assistant.errors import SettingsError

Value = str | int | float | bool | None


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
        raise SettingsError(f"{path}: not valid TOML: {error}. Mend the line, then change the setting.") from error
