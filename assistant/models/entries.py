"""The store's entries: the folders of fetched models, each made as a whole or not at all.

An entry is complete when it holds a manifest. It is made beside its place under a name that starts with a dot, and
renamed into place when it is whole, so a killed process leaves only such folders, which the next fetch sweeps. What of
a base's files is right already lies in another such folder, which stays until the base is complete or removed: an
interrupted fetch goes on. One lock for each entry keeps processes from doing the same work twice. Where a complete
entry is found, nothing is asked of the network.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import StoreError
from assistant.events import Progress
from assistant.models.bases import Fetch, holds, make_base, unfinished_of
from assistant.models.catalogue import Base
from assistant.models.hub import HubReference, drop_damaged, fetch_snapshot, remove_snapshot
from assistant.models.manifest import Manifest, read_manifest, write_manifest
from assistant.models.sources import Source, fetch_files, source_of_environment
from assistant.models.staging import ProgressListener, locked, new_folder, remove_folder, replace_folder, storage_errors
from assistant.models.transfer import Unfinished


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model in the store: what it takes in bytes and where it came from."""

    name: str
    path: Path
    bytes: int
    source: str


_LONGEST_NAME = 200
"""Of an entry: file systems take 255 bytes, and its lock and its unfinished fetch have longer names."""


class Entries:
    """The entries in a folder.

    Args:
        folder: where they are.
        source: where bases are fetched from; None for what the environment says.
    """

    def __init__(self, folder: Path, source: Source | None = None) -> None:
        self.folder = folder
        self._source = source

    def installed(self) -> list[InstalledModel]:
        """The models of the complete ones, by name."""
        if not self.folder.is_dir():
            return []
        models = []
        for entry in sorted(self.folder.iterdir()):
            manifest = None if entry.name.startswith(".") else read_manifest(entry)
            if manifest is not None:
                models.append(InstalledModel(manifest.name, manifest.location(entry), manifest.bytes, manifest.source))
        return models

    def named(self, reference: str) -> Path | None:
        """The entry of a model, whole or unfinished, that is there under this name, in the catalogue or not."""
        if not reference or reference.startswith(".") or "\\" in reference or len(reference) > _LONGEST_NAME:
            return None
        entry = self.folder / reference.replace("/", "--")
        manifest = read_manifest(entry)
        whole = manifest is not None and manifest.name == reference
        return entry if whole or unfinished_of(entry).folder.is_dir() else None

    def place(self, model: Base | HubReference) -> Path:
        """Where the entry of a model is, or would be."""
        name = model.name if isinstance(model, Base) else str(model)
        return self.folder / name.replace("/", "--")

    def ready(self, model: Base | HubReference) -> Path | None:
        """The folder of a complete entry, looked at cheaply: manifest, source and sizes."""
        entry = self.place(model)
        manifest = read_manifest(entry)
        if manifest is None or not manifest.fits(entry):
            return None
        if isinstance(model, Base) and not holds(manifest, model):
            return None
        return manifest.location(entry)

    def make(
        self,
        model: Base | HubReference,
        on_progress: ProgressListener,
        fetch: Fetch | None = None,
    ) -> Path:
        """The folder of a complete entry, made where there is none; `fetch` takes the place of a base's sources."""
        entry = self.place(model)
        ready = self.ready(model)
        if ready is not None:
            # A process that was killed right after it had put the entry in place left this.
            shutil.rmtree(unfinished_of(entry).folder, ignore_errors=True)
            return ready
        name = model.name if isinstance(model, Base) else str(model)
        with storage_errors("fetch", name, self.folder), locked(entry, name, on_progress):
            ready = self.ready(model)  # another process may have fetched it while this one waited
            if ready is not None:
                return ready
            if entry.is_dir():
                on_progress(Progress(f"the stored copy of {name} is damaged or out of date: fetching it again"))
            with new_folder(entry) as staging:
                if isinstance(model, Base):
                    make_base(model, entry, staging, fetch or self._fetch, on_progress)
                else:
                    self._fetch_hub(model, staging, on_progress)
                replace_folder(entry, staging)
            shutil.rmtree(unfinished_of(entry).folder, ignore_errors=True)
        ready = self.ready(model)
        if ready is None:
            raise StoreError(f"{name} was removed while it was being fetched; try again.")
        return ready

    def _fetch(self, base: Base, unfinished: Unfinished, on_progress: ProgressListener) -> str:
        return fetch_files(base, unfinished, self._source or source_of_environment(), on_progress)

    def _fetch_hub(self, reference: HubReference, staging: Path, on_progress: ProgressListener) -> None:
        former = read_manifest(self.place(reference))
        if former is not None and former.folder is not None:
            drop_damaged(Path(former.folder), former.files)
        snapshot = fetch_snapshot(reference, on_progress)
        source = f"Hub {reference.repo} commit {snapshot.commit}"
        folder = str(snapshot.folder)
        fetched = snapshot.fetched if former is None else former.fetched
        write_manifest(staging, Manifest(str(reference), source, snapshot.files, folder, fetched))

    def remove(self, entry: Path, name: str) -> int:
        """Remove an entry and what an unfinished fetch of it left, and return how many bytes that freed.

        Raises:
            StoreError: it is not there, or cannot be removed.
        """
        unfinished = unfinished_of(entry).folder
        if not entry.is_dir() and not unfinished.is_dir():
            raise StoreError(f"{name} is not on this machine, so there is nothing to remove.")
        freed = 0
        with storage_errors("remove", name, self.folder), locked(entry, name, lambda _: None):
            manifest = read_manifest(entry)
            freed += remove_folder(entry) if entry.is_dir() else 0
            freed += remove_folder(unfinished) if unfinished.is_dir() else 0
            if manifest is not None and manifest.folder is not None and manifest.fetched:
                freed += remove_snapshot(manifest.name.partition("@")[0], Path(manifest.folder).name)
        return freed
