"""`assistant config`: which settings are in force, and where their file is."""

import json

from pydantic import BaseModel, SecretStr

from assistant.cli.files import path_line
from assistant.cli.options import Commands
from assistant.settings import Settings, load_settings, settings_path

_HELP = """See the settings.

\b
Examples:
  assistant config show
  assistant config path
  ASSISTANT_PROFILE=gpt2-large assistant config show
"""
app = Commands(no_args_is_help=True, rich_markup_mode=None, help=_HELP)


@app.command()
def show() -> int:
    """Print the settings in force as TOML, each with its meaning; those that are not set stay commented out."""
    settings = load_settings()
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        print(f"# {' '.join((field.description or '').split())}")  # noqa: T201
        print(f"# {name} is not set\n" if value is None else f"{name} = {_toml(value)}\n")  # noqa: T201
    return 0


def _toml(value: object) -> str:
    """A value as TOML. Its texts, numbers and truths are JSON's, except that TOML wants DEL escaped; its tables not."""
    if isinstance(value, BaseModel):
        value = {key: each for key, each in value if each is not None}
    if isinstance(value, SecretStr):
        value = str(value)  # stars
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_toml(key)} = {_toml(each)}' for key, each in value.items())}}}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@app.command()
def path() -> int:
    """Print where the settings file is, or would be."""
    print(path_line(settings_path()))  # noqa: T201
    return 0
