"""`assistant config`: which settings are in force, where their file is, and changing it."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, SecretStr

from assistant.cli.files import path_line
from assistant.cli.options import Commands, Json, switches
from assistant.errors import AssistantError, SettingsError, UsageError
from assistant.settings import Settings, check_settings_text, load_settings, settings_path
from assistant.text import one_line

_HELP = """See and change the settings.

\b
Examples:
  assistant config show
  assistant config path
  assistant config set profile light
  assistant config edit
  ASSISTANT_PROFILE=gpt2-large assistant config show
"""
app = Commands(no_args_is_help=True, rich_markup_mode=None, help=_HELP)


@app.command()
def show(json_: Json = False) -> int:
    """Print the settings in force as TOML, each with its meaning; those that are not set stay commented out."""
    settings = load_settings()
    if json_:
        from assistant.records import json_line

        print(json_line({"path": str(settings_path()), "settings": settings.model_dump(mode="json")}))  # noqa: T201
        return 0
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        print(f"# {' '.join((field.description or '').split())}")  # noqa: T201
        print(f"# {name} is not set\n" if value is None else f"{name} = {_toml(value)}\n")  # noqa: T201
    return 0


def _toml(value: object) -> str:
    """A value as TOML. Its texts, numbers and truths are JSON's, except that TOML wants DEL escaped; its tables not."""
    if isinstance(value, BaseModel):
        value = {key: item for key, item in value if item is not None}
    if isinstance(value, SecretStr):
        value = str(value)  # stars
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_toml(key)} = {_toml(item)}' for key, item in value.items())}}}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@app.command()
def path() -> int:
    """Print where the settings file is, or would be."""
    print(path_line(settings_path()))  # noqa: T201
    return 0


@app.command("set")
def set_(
    name: Annotated[str, typer.Argument(help="The setting, such as profile, servers.work.url or keys.chat.stop.")],
    value: Annotated[str | None, typer.Argument(help="Its new value.")] = None,
    default: Annotated[bool, typer.Option("--default", help="Take it out of the file; its default holds.")] = False,
) -> int:
    """Write a setting into the settings file; comments and order there stay as they are."""
    if default == (value is not None):
        raise UsageError("Give a VALUE, or --default in its place.")
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = settings_path()
    try:
        document = tomlkit.parse(_text_of(path))
        table: Any = document
        *parents, key = _parts(name)
        for parent in parents:
            if parent not in table:
                table[parent] = tomlkit.table()
            table = table[parent]
        if value is None:
            table.pop(key, None)
        else:
            table[key] = _value(value, is_text=bool(parents))
        text = tomlkit.dumps(document)
    except (TOMLKitError, TypeError, AttributeError, ValueError) as error:
        raise SettingsError(f"{path}: {one_line(name, 60)} cannot be set: {one_line(str(error), 200)}.") from error
    check_settings_text(text, "the new settings")
    _write(path, text)
    return 0


@app.command()
def edit() -> int:
    """Open the settings file in your editor (VISUAL or EDITOR); it is kept only if it is right."""
    path = settings_path()
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")
    before = _text_of(path) or "# `assistant config show` prints all settings with their meaning.\n"
    handle, draft = tempfile.mkstemp(prefix="settings-", suffix=".toml")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(before)
    try:
        code = subprocess.call([*shlex.split(editor), draft])  # noqa: S603  (the user's own editor)
    except (OSError, ValueError) as error:
        raise AssistantError(f"{editor}: the editor cannot be started; set EDITOR to another.") from error
    after = _text_of(Path(draft))
    if code:
        raise AssistantError(f"The editor ended with {code}; nothing is changed. The draft is {draft}.")
    try:
        check_settings_text(after, "the draft")
    except SettingsError as error:
        raise SettingsError(f"{error} Nothing is changed; the draft is kept in {draft}.") from error
    Path(draft).unlink()
    if after != before:
        _write(path, after)
    if not switches.quiet:
        print(f"{'Kept' if after != before else 'Nothing changed'}: {path_line(path)}", file=sys.stderr)  # noqa: T201
    return 0


def _parts(name: str) -> list[str]:
    """The keys that lead to a setting; an action's name, under `keys`, has dots of its own."""
    first, _, rest = name.partition(".")
    if not rest:
        return [first]
    if first == "keys":
        return [first, rest]
    middle, _, last = rest.rpartition(".")
    return [first, middle, last] if middle else [first, rest]


def _value(text: str, *, is_text: bool) -> Any:
    """A value as it is written in TOML (5, true, "x"); what is none, and what must be one, is a text."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    if is_text:
        return text
    try:
        return tomlkit.value(text)
    except (TOMLKitError, ValueError):
        return text


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: the settings cannot be read as UTF-8 text.") from error


def _write(path: Path, text: str) -> None:
    """Put the settings in place whole; a key may stand in them, so they are for nobody else to read."""
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".settings-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError as error:
        raise SettingsError(f"{path}: the settings cannot be written ({error.strerror}).") from error
