"""The options that all commands share, and what they switch."""

import functools
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, TypeVar

import typer

from assistant.cli.completion import models, profiles
from assistant.settings import Settings, load_settings, system_text
from assistant.text import printable

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass
class Switches:
    """How much a command says, and whether in colour."""

    verbose: bool = False
    quiet: bool = False
    color: bool = True


switches = Switches(color="NO_COLOR" not in os.environ)


class _Printable(logging.Formatter):
    """Log lines that steer no terminal, whatever names and errors they tell of."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def _set_verbose(value: bool) -> None:
    if value:
        switches.verbose = True
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Printable("%(name)s: %(message)s"))
        logging.basicConfig(level=logging.INFO, handlers=[handler])


def _set_quiet(value: bool) -> None:
    switches.quiet = switches.quiet or value


def _set_no_color(value: bool) -> None:
    if value:
        switches.color = False


Profile = Annotated[
    str | None,
    typer.Option(help="Which models: see `assistant models list`.", metavar="NAME", autocompletion=profiles),
]
Server = Annotated[
    str | None,
    typer.Option(
        help="Generate on an OpenAI-compatible server: its address, ollama, lmstudio, or a name of the settings.",
        metavar="URL",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="The model that generates: of the list, a folder, a Hub name, a GGUF file, ollama:NAME or lmstudio:NAME; "
        "on a server, the server's.",
        metavar="NAME",
        autocompletion=models,
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option("--temperature", help="0 takes the likeliest token; by default the chat varies.", min=0, max=2),
]
TopP = Annotated[
    float | None, typer.Option("--top-p", help="Draw from the likeliest tokens of this probability.", min=0.01, max=1)
]
MaxTokens = Annotated[int | None, typer.Option("--max-tokens", help="The longest generated answer, in tokens.", min=1)]
System = Annotated[
    str | None,
    typer.Option("--system", help="What the model is told before the conversation; @FILE reads it.", metavar="TEXT"),
]
Windows = Annotated[
    int | None,
    typer.Option(help="Read at most this many windows of a long document, the most promising; 0 reads all.", min=0),
]
Verbose = Annotated[bool, typer.Option("--verbose", callback=_set_verbose, help="Say more, and show tracebacks.")]
Quiet = Annotated[bool, typer.Option("--quiet", callback=_set_quiet, help="No progress and no notices.")]
NoColor = Annotated[bool, typer.Option("--no-color", callback=_set_no_color, help="No colours (also: NO_COLOR).")]


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


_SWITCHES = {"verbose": Verbose, "quiet": Quiet, "no_color": NoColor}


@dataclass(frozen=True, slots=True)
class Generation:
    """The options that choose the models and how they answer: a command with a parameter of this type has them all."""

    profile: Profile = None
    server: Server = None
    model: Model = None
    temperature: Temperature = None
    top_p: TopP = None
    max_tokens: MaxTokens = None
    system: System = None

    def settings(self, **options: object) -> Settings:
        """The settings with these options, and others by their names, laid over them."""
        return settings(
            self.profile, self.server, self.model,
            temperature=self.temperature, top_p=self.top_p, max_new_tokens=self.max_tokens, system=self.system,
            **options,
        )  # fmt: skip

    @property
    def by_option(self) -> dict[str, object]:
        """The values by the options' names."""
        return {f"--{field.name.replace('_', '-')}": getattr(self, field.name) for field in fields(self)}


class Commands(typer.Typer):
    """Commands that need not name --verbose, --quiet and --no-color, nor each option of `Generation`."""

    def command(self, *args: Any, **options: Any) -> Callable[[Function], Function]:
        """As Typer's."""
        return _keeping(super().command(*args, **options))

    def callback(self, *args: Any, **options: Any) -> Callable[[Function], Function]:
        """As Typer's."""
        return _keeping(super().callback(*args, **options))


def _keeping(register: Callable[[Any], Any]) -> Callable[[Function], Function]:
    def add(function: Function) -> Function:
        register(_with_shared_options(function))
        return function

    return add


def _with_shared_options(function: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(function)
    group = next((name for name, parameter in signature.parameters.items() if parameter.annotation is Generation), None)
    of_group = {field.name: field.type for field in fields(Generation)} if group is not None else {}
    switched = {name: kind for name, kind in _SWITCHES.items() if name not in signature.parameters}

    @functools.wraps(function)
    def command(**values: Any) -> Any:
        own = {name: value for name, value in values.items() if name not in switched and name not in of_group}
        if group is not None:
            own[group] = Generation(**{name: values[name] for name in of_group})
        return function(**own)

    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += _keywords(of_group, None) if name == group else [parameter]
    parameters += _keywords(switched, False)
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typing has none
    own = {name: kind for name, kind in inspect.get_annotations(function).items() if name != group}
    command.__annotations__ = {**own, **of_group, **switched}
    return command


def _keywords(kinds: Mapping[str, Any], default: object) -> Iterator[inspect.Parameter]:
    for name, kind in kinds.items():
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def settings(
    profile: str | None = None, server: str | None = None, model: str | None = None, **options: object
) -> Settings:
    """The settings with these options laid over them; the model is the server's, where the answers come from one."""
    given = {"profile": profile, "server": server, **options}
    if isinstance(system := given.get("system"), str):
        given["system"] = system_text(system)
    chosen = load_settings(given)
    if model is None:
        return chosen
    return load_settings({**given, "server_model" if chosen.server else "generator": model})
