"""GGUF files that are on this machine already: by their path, or by the name that Ollama or LM Studio has for them."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import ModelError, UsageError, did_you_mean
from assistant.text import one_line

OLLAMA, LM_STUDIO = "ollama:", "lmstudio:"
_LARGEST_MANIFEST = 1 << 20
_MAX_FILES = 10_000
_MAX_SHOWN = 6
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)
_PLAIN = re.compile(r"[\w][\w.-]*", re.ASCII)
_MODEL_LAYER = "application/vnd.ollama.image.model"


@dataclass(frozen=True, slots=True)
class GgufFile:
    """A GGUF file, and the name that its model has in answers."""

    path: Path
    name: str


def find_gguf(reference: str) -> GgufFile | None:
    """The GGUF file that a reference names; None where it is another kind of reference.

    Args:
        reference: a path that ends in .gguf, a folder with one such file and no config.json,
            `ollama:NAME[:TAG]`, or `lmstudio:` and the publisher, repository and file, or a part that only one has.

    Raises:
        ModelError: there is no such file.
        UsageError: the name is none, or more than one file has it.
    """
    if reference.startswith(OLLAMA):
        return GgufFile(_ollama_file(reference.removeprefix(OLLAMA)), reference)
    if reference.startswith(LM_STUDIO):
        path = _lm_studio_file(reference.removeprefix(LM_STUDIO))
        return GgufFile(path, path.stem)
    try:
        path = Path(reference).expanduser()
        if path.suffix.lower() == ".gguf":
            if not path.is_file():
                raise ModelError(f"there is no file {one_line(reference, 300)}; give the path of a GGUF file.")
            return GgufFile(path.resolve(), path.stem)
        if reference and path.is_dir() and not (path / "config.json").exists():
            files = sorted(path.glob("*.gguf"))
            if len(files) == 1:
                return GgufFile(files[0].resolve(), files[0].stem)
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, the home of a user that there is not
        pass
    return None


def _ollama_folders() -> list[Path]:
    if folder := os.environ.get("OLLAMA_MODELS"):
        return [Path(folder).expanduser()]
    return [Path.home() / ".ollama" / "models", Path("/usr/share/ollama/.ollama/models")]


def _ollama_file(name: str) -> Path:
    """The file of a model that Ollama has pulled: a manifest names the blob that holds it."""
    model, _, tag = name.partition(":")
    parts = [*model.split("/"), tag or "latest"]
    if not all(_PLAIN.fullmatch(part) for part in parts):
        raise UsageError(f"{one_line(OLLAMA + name)!r} names no model of Ollama; write ollama:NAME or ollama:NAME:TAG.")
    if len(parts) == 2:
        parts = ["library", *parts]
    if len(parts) == 3:
        parts = ["registry.ollama.ai", *parts]
    folders = [folder for folder in _ollama_folders() if (folder / "manifests").is_dir()]
    for folder in folders:
        manifest = folder.joinpath("manifests", *parts)
        if manifest.is_file():
            blob = folder / "blobs" / f"sha256-{_model_digest(manifest, name)}"
            if not blob.is_file():
                raise ModelError(f"Ollama's file of {one_line(name)} is not there; pull it again (ollama pull {name}).")
            return blob
    names = [listed for folder in folders for listed in _ollama_names(folder)]
    if not names:
        raise ModelError(
            f"there is no model of Ollama on this machine, so no {one_line(name)}; set OLLAMA_MODELS to its folder, or "
            f"run `ollama pull {one_line(name)}`."
        )
    raise ModelError(f"Ollama has no model {one_line(name)!r} here; {did_you_mean(name, sorted(names))}")


def _ollama_names(folder: Path) -> list[str]:
    names = []
    for count, path in enumerate((folder / "manifests").rglob("*")):
        if count > _MAX_FILES:
            break
        if path.is_file():
            *model, tag = path.relative_to(folder / "manifests").parts
            if model[:2] == ["registry.ollama.ai", "library"]:
                model = model[2:]
            elif model[:1] == ["registry.ollama.ai"]:
                model = model[1:]
            names.append(one_line(f"{'/'.join(model)}:{tag}", 120))
    return names


def _model_digest(manifest: Path, name: str) -> str:
    try:
        with manifest.open(encoding="utf-8") as file:
            layers = json.loads(file.read(_LARGEST_MANIFEST))["layers"]
        for layer in layers:
            match = _DIGEST.fullmatch(layer["digest"])
            if layer["mediaType"] == _MODEL_LAYER and match is not None:
                return match[1]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"what Ollama says of {one_line(name)} cannot be read; pull it again (ollama pull {one_line(name)})."
        ) from error
    raise ModelError(f"{one_line(name)} of Ollama has no model file; it runs elsewhere: choose another.")


def _lm_studio_folders() -> list[Path]:
    home = Path.home()
    homes = [home / ".lmstudio", home / ".cache" / "lm-studio"]
    try:
        with (home / ".lmstudio-home-pointer").open(encoding="utf-8") as file:
            homes.insert(0, Path(file.read(4_096).strip()))
    except (OSError, ValueError):
        pass  # it was never moved
    return [folder / "models" for folder in homes if (folder / "models").is_dir()]


def _lm_studio_file(name: str) -> Path:
    """The file of a model that LM Studio has: PUBLISHER/REPOSITORY/FILE, or a part of that which only one has."""
    files: dict[str, Path] = {}
    for folder in _lm_studio_folders():
        for count, path in enumerate(folder.rglob("*.gguf")):
            if count > _MAX_FILES:
                break
            if path.is_file() and not path.name.lower().startswith("mmproj"):  # beside a model, its eyes
                files.setdefault(path.relative_to(folder).as_posix(), path)
    if not files:
        raise ModelError(
            f"there is no model of LM Studio on this machine, so no {one_line(name)}; give the path of the GGUF file."
        )
    if name in files:
        return files[name].resolve()
    matching = [file for file in files if name and name.casefold() in file.casefold()]
    if len(matching) == 1:
        return files[matching[0]].resolve()
    if not matching:
        raise ModelError(f"LM Studio has no model {one_line(name)!r} here; {did_you_mean(name, sorted(files))}")
    shown = ", ".join(one_line(path, 120) for path in sorted(matching)[:_MAX_SHOWN])
    raise UsageError(f"{one_line(name)!r} is the name of {len(matching)} files of LM Studio; choose one of {shown}.")
