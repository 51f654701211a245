"""`assistant doctor`: what is installed, what is missing, what each part costs, and what is out of order."""

import contextlib
import importlib.util
import os
import platform
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from assistant.errors import AssistantError
from assistant.settings import load_settings, settings_path
from assistant.text import one_line
from assistant.version import __version__

if TYPE_CHECKING:
    from assistant.models.store import ModelStore

_EXTRAS = {
    "documents": (("pypdfium2", "docx", "lxml", "openpyxl", "pptx", "striprtf", "charset_normalizer"), "PDF, Word …"),
    "web": (("textual_serve",), "the chat in a browser"),
    "mcp": (("mcp",), "assistant mcp"),
    "serve": (("starlette", "uvicorn", "multipart"), "assistant serve"),
    "ray": (("ray",), "batches on many machines"),
    "finetune": (("matplotlib", "tensorboard", "sklearn", "polars"), "plots and tables of trainings"),
}
_MARKS = {"ok": "ok", "missing": "--", "wrong": "!!"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what it is, how it is, and what to do where it is not as it should be."""

    part: str
    state: Literal["ok", "missing", "wrong"]
    what: str


def doctor(
    hashes: Annotated[
        bool, typer.Option("--hashes", help="Read the models' files too and compare their hashes.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    r"""Look at what is installed and what is missing; nothing is fetched, and the network is not used.

    The exit code is 1 where something is out of order. What is only missing is fetched or installed when you want it.

    \b
    Examples:
      assistant doctor
      assistant doctor --json
      assistant doctor --hashes
    """
    models, lacking = _models(hashes=hashes)
    findings = [*_machine(), _settings(), *_folders(lacking), *models, *_extras()]
    report = _report(findings)
    if json_:
        from assistant.records import json_line

        print(json_line({"findings": [asdict(each) for each in findings], "report": report}))  # noqa: T201
    else:
        for each in findings:
            print(f"{_MARKS[each.state]}  {each.part:<22} {one_line(each.what, 400)}")  # noqa: T201
        print(f"\nWith a report, send this line:\n{report}")  # noqa: T201
    return 1 if any(each.state == "wrong" for each in findings) else 0


def _report(findings: list[Finding]) -> str:
    """One line without a name or a path of the user's."""
    states = ", ".join(f"{each.part} {each.state}" for each in findings if each.state != "ok") or "all well"
    return (
        f"terminal-assistant {__version__}; Python {platform.python_version()}; {platform.system()} "
        f"{platform.release()} {platform.machine()}; {states}"
    )


def _machine() -> list[Finding]:
    import psutil  # type: ignore[import-untyped]

    memory = psutil.virtual_memory()
    room = f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB of memory free, {os.cpu_count()} cores"
    enough = memory.total > 3.5e9
    if not enough:
        room += "; 4 GB are needed: --server helps"
    elif wanted := _memory_wanted():
        room += f"; {wanted}"
    return [
        Finding("assistant", "ok", f"{__version__} on Python {platform.python_version()}"),
        Finding("machine", "ok" if enough else "wrong", room),
    ]


def _memory_wanted() -> str | None:
    """What the chosen profile wants of memory; None where nobody knows."""
    from assistant.loading.free_memory import memory_warning
    from assistant.models.catalogue import load_catalogue

    try:
        profile = load_catalogue().profile(load_settings().profile)
    except AssistantError:
        return None  # told below
    if profile.memory is None:
        return None
    return memory_warning(profile) or f"the profile {profile.name} wants {profile.memory / 1e9:.0f}"


def _settings() -> Finding:
    try:
        load_settings()
    except AssistantError as error:
        return Finding("settings", "wrong", str(error))
    path = settings_path()
    return Finding("settings", "ok", str(path) if path.exists() else f"defaults; {path} would hold others")


def _folders(lacking: int) -> list[Finding]:
    """The cache, with `lacking` bytes still to be fetched into it, the data folder and the history."""
    from assistant.history.database import default_path
    from assistant.history.store import History
    from assistant.models.store import default_cache

    found = []
    for part, folder in (("cache", default_cache()), ("data", default_path().parent)):
        there = folder
        while not there.exists() and there != there.parent:
            there = there.parent
        try:
            free = shutil.disk_usage(there).free
        except OSError as error:
            found.append(Finding(part, "wrong", f"{folder}: cannot be looked at ({error.strerror})"))
            continue
        usable = there.is_dir() and os.access(there, os.W_OK)
        room = f"{free / 1e9:.1f} GB free"
        if not usable:
            fault = "cannot be written" if there.is_dir() else "a file is in its place"
            why = f"{fault}; name another by ASSISTANT_{part.upper()}"
        elif part == "cache":
            why = f"{_bytes_below(folder) / 1e9:.1f} GB there, {room}"
            if free < lacking:
                usable, why = False, f"{why}; {lacking / 1e9:.1f} GB are still to be fetched and do not fit"
        else:
            why = room
        found.append(Finding(part, "ok" if usable else "wrong", f"{folder}: {why}"))
    if default_path().exists():
        try:
            with History() as history:
                some = bool(history.list_conversations(1))
            found.append(Finding("history", "ok", "readable" if some else "empty"))
        except AssistantError as error:
            found.append(Finding("history", "wrong", str(error)))
    return found


def _models(*, hashes: bool) -> tuple[list[Finding], int]:
    """The models of the chosen profile, and how many bytes of them are still to be fetched."""
    from assistant.models.store import ModelStore

    try:
        chosen = load_settings()
    except AssistantError:
        return [], 0  # the settings are told of already
    store = ModelStore()
    try:
        profile = store.catalogue.profile(chosen.profile)
    except AssistantError as error:
        unknown = not store.is_hub_profile(chosen.profile)  # one of the Hub is only not there yet
        return [Finding("profile", "wrong" if unknown else "missing", str(error))], 0
    found = []
    looked_at: dict[str, str] = {}
    lacking = 0
    for part in ("generator", "reader", "verifier", "ranking"):
        if part == "generator" and chosen.server:
            found.append(Finding(part, "ok", "a server generates"))
            continue
        if part == "ranking":
            name = chosen.embedder or store.catalogue.embedder
        else:
            name = getattr(chosen, part) or getattr(profile, part).base
        if name is None:
            continue
        finding = _model(store, part, name, hashes=hashes)
        if name in looked_at:
            finding = Finding(part, finding.state, f"{name}: the files of the {looked_at[name]}")
        elif finding.state != "ok" and (base := store.catalogue.bases.get(name)) is not None:
            lacking += base.download_bytes
        looked_at.setdefault(name, part)
        found.append(finding)
    return found, lacking


def _model(store: "ModelStore", part: str, name: str, *, hashes: bool) -> Finding:
    try:
        if damaged := store.damaged_files(name, hashes=hashes):
            which = ", ".join(damaged[:3]) + (", …" if len(damaged) > 3 else "")
            return Finding(part, "wrong", f"{name}: damaged ({which}); {_repaired_by(store, name)}")
        if store.is_ready(name):
            path = Path(store.path(name))
            files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
            return Finding(part, "ok", f"{name}: {sum(each.stat().st_size for each in files) / 1e6:,.0f} MB on disk")
    except (AssistantError, OSError) as error:
        return Finding(part, "wrong", f"{name}: {error}")
    base = store.catalogue.bases.get(name)
    size = f", {base.download_bytes / 1e6:,.0f} MB" if base is not None else ""
    return Finding(part, "missing", f"{name}{size}: fetched at first use, or by `assistant models pull`")


def _bytes_below(folder: Path) -> int:
    """The bytes of all files in a folder; what cannot be looked at counts as nothing."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(path, name).lstat().st_size
    return total


def _repaired_by(store: "ModelStore", name: str) -> str:
    if store.is_ready(name):  # of the right sizes: no start would notice
        return f"`assistant models remove {name}` and `assistant models pull {name}` fetch it anew"
    return "it is fetched anew at its next use, or by `assistant models pull`"


def _extras() -> list[Finding]:
    found = []
    for extra, (modules, purpose) in _EXTRAS.items():
        lacking = [each for each in modules if importlib.util.find_spec(each) is None]
        what = f"{purpose}: pip install 'terminal-assistant[{extra}]'" if lacking else purpose
        found.append(Finding(f"[{extra}]", "missing" if lacking else "ok", what))
    return found
