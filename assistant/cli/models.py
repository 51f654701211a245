"""`assistant models`: what is on this machine, fetching ahead of time, and removing."""

import sys
from typing import Annotated

import typer

from assistant.cli.console import StatusLine
from assistant.cli.files import path_line
from assistant.cli.options import NoColor, Quiet, Server, Verbose, switches
from assistant.models.catalogue import ModelSpec
from assistant.models.store import ModelStore
from assistant.settings import load_settings
from assistant.text import counted, one_line

_HELP = """See, fetch and remove models.

\b
Examples:
  assistant models list
  assistant models list --server ollama    those of a server
  assistant models pull                    all of the embedded profile, for later without a network
  assistant models path all-minilm-l6-v2
  assistant models remove embedded
"""
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)

Reference = Annotated[str, typer.Argument(help="A profile, a model of the list, a folder, or owner/name on the Hub.")]
Model = Annotated[str, typer.Argument(help="A model of the list, a folder, or owner/name on the Hub.")]


@app.command("list")
def list_(server: Server = None, verbose: Verbose = False, quiet: Quiet = False, no_color: NoColor = False) -> int:
    """List the profiles and the models that are on this machine, or with --server, those of a server."""
    if server is not None:
        return _list_server(server)
    store = ModelStore()
    lines = ["Profiles"]
    for profile in store.catalogue.profiles.values():
        lines.append(f"  {profile.name:<14} {profile.description}")
        lines += [
            f"    {part:<10} {getattr(profile, part)}  ({_state(store, getattr(profile, part))})"
            for part in ("generator", "reader", "verifier")
        ]
    lines.append("On this machine")
    installed = store.installed()
    lines += [
        f"  {one_line(model.name):<28} {model.bytes / 1e6:7.1f} MB  {path_line(model.path)}" for model in installed
    ]
    lines += [] if installed else ["  nothing yet; `assistant models pull` fetches the embedded profile"]
    print("\n".join(lines))  # noqa: T201
    return 0


@app.command()
def pull(
    reference: Reference = "embedded", verbose: Verbose = False, quiet: Quiet = False, no_color: NoColor = False
) -> int:
    """Fetch a model, or all models of a profile, so that no network is needed later."""
    store = ModelStore()
    profile = store.catalogue.profiles.get(reference)
    wanted: list[ModelSpec | str] = [profile.reader, profile.verifier, profile.generator] if profile else [reference]
    with StatusLine(quiet=switches.quiet, color=switches.color) as status:
        for model in wanted:
            resolved = store.resolve(model, status)
            status.say(f"{resolved.name} is ready")
    return 0


@app.command()
def path(reference: Model, verbose: Verbose = False, quiet: Quiet = False, no_color: NoColor = False) -> int:
    """Print the folder of a model that is on this machine."""
    print(path_line(ModelStore().path(reference)))  # noqa: T201
    return 0


@app.command()
def remove(reference: Reference, verbose: Verbose = False, quiet: Quiet = False, no_color: NoColor = False) -> int:
    """Remove a model, or those of a profile, from this machine."""
    store = ModelStore()
    profile = store.catalogue.profiles.get(reference)
    names = [reference]
    if profile is not None:
        bases = dict.fromkeys([profile.generator.base, profile.reader.base, profile.verifier.base])
        names = [base for base in bases if store.is_ready(base)]
    freed = sum(store.remove(name) for name in names)
    if not switches.quiet:
        print(f"Freed {freed / 1e6:.1f} MB.")  # noqa: T201
    return 0


def _list_server(server: str) -> int:
    from assistant.generation.server import list_models, resolve

    chosen = load_settings()
    address = resolve(server, chosen.servers)
    with StatusLine(quiet=switches.quiet, color=switches.color) as status:
        models = list_models(address, status, patience=chosen.server_patience)
    for model in models:
        notes = [] if model.converses else ["holds no conversations"]
        notes += [f"context of {counted(model.context, 'token')}"] if model.context else []
        notes += ["loaded"] if model.loaded else []
        print(model.name + (f"  ({', '.join(notes)})" if notes else ""))  # noqa: T201
    if not models and not switches.quiet:
        print(f"{address.shown} lists no model.", file=sys.stderr)  # noqa: T201
    return 0


def _state(store: ModelStore, spec: ModelSpec) -> str:
    return "ready" if store.is_ready(spec.base) else "not fetched"
