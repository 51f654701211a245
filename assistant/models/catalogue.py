"""The models the product knows by name: the embedded bases, and the profiles that choose three models each."""

import difflib
import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from assistant.errors import UsageError
from assistant.models.validation import adapter_base, is_adapter

_PARTS = {"code": "generator", "qa": "reader", "nli": "verifier"}
_PACKAGED_ADAPTERS = Path(__file__).parent.parent / "adapters"


@dataclass(frozen=True, slots=True)
class Base:
    """A base model that comes inside a wheel of the package index.

    `weights` and `files` are members of the wheel; all other members are left out. Sizes are in bytes.
    """

    name: str
    wheel: str
    wheel_sha256: str
    download_bytes: int
    weights: str
    weights_sha256: str
    weights_bytes: int
    format: Literal["gguf", "safetensors"]
    files: tuple[str, ...]
    architecture: str
    licence: str
    parameters: int
    purpose: str

    @property
    def source(self) -> str:
        """Where exactly the model comes from; a stored copy of another source is out of date."""
        return f"wheel {self.wheel} sha256:{self.wheel_sha256}"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A base (catalogue name, folder or Hub reference) and the adapter on it, if any (packaged name, folder or Hub).

    `parameters` are those of a base on the Hub, where they are known.
    """

    base: str
    adapter: str | None = None
    parameters: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.base if self.adapter is None else f"{self.base}+{self.adapter}"


@dataclass(frozen=True, slots=True)
class Profile:
    """A named choice of generator, reader and verifier."""

    name: str
    generator: ModelSpec
    reader: ModelSpec
    verifier: ModelSpec
    description: str


@dataclass(frozen=True)
class Catalogue:
    """Bases and profiles by name, and the folder that holds the packaged adapters, one folder each.

    `embedder` is the base that ranks the passages of long documents; without one, words alone rank them.
    """

    bases: dict[str, Base] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    adapters_folder: Path = _PACKAGED_ADAPTERS
    embedder: str | None = None

    @cached_property
    def adapters(self) -> dict[str, Path]:
        """The packaged adapters by name."""
        found = sorted(self.adapters_folder.glob("*/adapter_config.json"))
        return {config.parent.name: config.parent for config in found}

    def profile(self, name: str) -> Profile:
        """The profile of that name; the folder of a `finetune` run is one too, the embedded with what it trained.

        Raises:
            UsageError: there is none; the message names the nearest right one.
            ModelError: the run's adapter is not whole.
        """
        if name not in self.profiles:
            own = self._profile_of_run(name)
            if own is not None:
                return own
            raise UsageError(f"there is no profile {name!r}; {nearest(name, self.profiles)}.")
        return self.profiles[name]

    def _profile_of_run(self, name: str) -> Profile | None:
        try:
            folder = Path(name).expanduser()
            recipe = json.loads((folder / "recipe.json").read_text("utf-8"))
            part, base = _PARTS[recipe["task"]], self.profiles["embedded"]
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):  # or the home of a user that there is not
            return None
        if is_adapter(folder / "adapter"):
            model = ModelSpec(adapter_base(folder / "adapter"), str((folder / "adapter").resolve()))
        elif (folder / "model" / "config.json").is_file():
            model = ModelSpec(str((folder / "model").resolve()))
        else:
            return None
        return replace(base, name=str(folder), description=f"the embedded profile with {folder}", **{part: model})


def nearest(name: str, names: Iterable[str]) -> str:
    """What to say after a wrong name: the name that was probably meant, or all there are."""
    known = sorted(names)
    folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    if close:
        return f"the nearest is {folded[close[0]]!r}"
    return f"choose one of {', '.join(known)}"


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read the catalogue that comes with the package, or another one of the same form."""
    content = tomllib.loads((path or Path(__file__).with_name("catalogue.toml")).read_text(encoding="utf-8"))
    bases = {
        name: Base(name=name, files=tuple(entry.pop("files")), **entry) for name, entry in content["bases"].items()
    }
    profiles = {name: _profile(name, entry) for name, entry in content["profiles"].items()}
    return Catalogue(bases, profiles, embedder=content.get("embedder"))


def _profile(name: str, entry: dict[str, Any]) -> Profile:
    parts = {part: ModelSpec(**entry[part]) for part in ("generator", "reader", "verifier")}
    return Profile(name=name, description=entry["description"], **parts)
