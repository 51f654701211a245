"""The model store: what a reference to a model means, and which models are on this machine, ready to be loaded."""

import os
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import ModelError, StoreError, UsageError
from assistant.events import Progress
from assistant.models.bases import unfinished_of
from assistant.models.catalogue import Base, Catalogue, ModelSpec, Profile, load_catalogue
from assistant.models.dequantised import remove_dequantised
from assistant.models.described import Descriptions
from assistant.models.entries import Entries, InstalledModel
from assistant.models.hub import HubReference
from assistant.models.index_files import IndexFiles
from assistant.models.local_files import GgufFile
from assistant.models.manifest import MANIFEST_FILE, read_manifest
from assistant.models.prepared import remove_prepared
from assistant.models.references import Place, name_of, place_of
from assistant.models.sources import Source
from assistant.models.staging import ProgressListener, storage_errors
from assistant.models.transfer import bytes_kept
from assistant.models.user_files import recognise, take_user_files
from assistant.models.validation import adapter_base, check_adapter, check_base, is_adapter, role_of, trained_in
from assistant.text import one_line


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model that is ready to be loaded: its name in answers, the folder of its base, and that of its adapter.

    Where the base's weights are in a GGUF file, `gguf` is that file; the folder has its configuration and tokenizer.
    """

    name: str
    base: Path
    adapter: Path | None = None
    gguf: Path | None = None


class ModelStore:
    """The models on this machine.

    A reference is the name of a base or adapter that the catalogue knows, a folder, a GGUF file (its path, or the name
    that Ollama or LM Studio has for it: `ollama:NAME`, `lmstudio:NAME`), or `owner/name[@revision]` on the Hub.
    """

    def __init__(
        self, cache: Path | None = None, catalogue: Catalogue | None = None, source: Source | None = None
    ) -> None:
        """Open it.

        Args:
            cache: defaults to `ASSISTANT_CACHE` or the platform's cache folder.
            catalogue: defaults to the one that comes with the package.
            source: where bases are fetched from; defaults to `ASSISTANT_SOURCE` or auto.
        """
        self.catalogue = catalogue or load_catalogue()
        self.cache = cache or default_cache()
        self.folder = self.cache / "models"
        self._entries = Entries(self.folder, source)
        self._descriptions = Descriptions(self.cache)

    def ensure(self, reference: str, on_progress: ProgressListener | None = None) -> Path:
        """The folder of a model, fetched and verified first where it is not there; a GGUF file's is its description's.

        `on_progress` is called several times a second meanwhile; what it raises ends the fetch. What was verified by
        then stays, so that the next one goes on.

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
        if isinstance(place, GgufFile):
            return self._descriptions.make(place, on_progress or _ignore)
        return self._entries.make(place, on_progress or _ignore)

    def resolve(self, model: ModelSpec | str, on_progress: ProgressListener | None = None) -> ResolvedModel:
        """Make a model ready to be loaded, with its base where it is an adapter.

        Args:
            model: a base and an adapter, or one reference: a base, a packaged adapter, the folder of a run, or an
                adapter in a folder or on the Hub, whose configuration then names the base.
            on_progress: as for `ensure`.

        Raises:
            UsageError, StoreError, ModelError: as for `ensure`.
        """
        if isinstance(model, str):
            model = str(trained_in(Path(model).expanduser()) or model)
            folder = self.ensure(model, on_progress)
            if not is_adapter(folder):
                return ResolvedModel(self._name(model), folder, gguf=self.gguf(model))
            base = adapter_base(folder)
            name = f"{self._name(base)}+{self._name(model)}"
            return ResolvedModel(name, self._base(base, on_progress), folder, self.gguf(base))
        base_folder, gguf = self._base(model.base, on_progress), self.gguf(model.base)
        if model.adapter is None:
            return ResolvedModel(self._name(model.base), base_folder, gguf=gguf)
        adapter = self.ensure(model.adapter, on_progress)
        check_adapter(adapter)
        return ResolvedModel(f"{self._name(model.base)}+{self._name(model.adapter)}", base_folder, adapter, gguf)

    def gguf(self, reference: str) -> Path | None:
        """The GGUF file with a base's weights; None where they are not in one, or not there yet."""
        place = self._place(reference)
        if isinstance(place, GgufFile):
            return place.path
        if not isinstance(place, Base) or place.gguf is None:
            return None
        folder = self._entries.ready(place)
        return folder / place.gguf.name if folder is not None else None

    def add(self, path: Path, on_progress: ProgressListener | None = None) -> str:
        """Put a base's files that the user has into the store, and return the base's name.

        Args:
            path: the file, a ZIP archive or a folder; its hash says which base it is.
            on_progress: as for `ensure`.

        Raises:
            UsageError: it cannot be read, or holds none of the catalogue's bases.
            ModelError: a file of it is not the one that was pinned.
            StoreError: the store cannot be written.
        """
        listen = on_progress or _ignore
        try:
            user_files = recognise(path, self.catalogue.bases.values(), listen)
        except OSError as error:
            raise UsageError(f"{one_line(str(path), 300)} cannot be read ({error.strerror or error}).") from error
        with storage_errors("add", path.name, self.folder):
            self._entries.make(
                user_files.base,
                listen,
                lambda _, unfinished, tell: take_user_files(user_files, unfinished, tell),
            )
        return user_files.base.name

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
        return embedded.with_part(role_of(folder), spec, name=name, description=about)

    def is_hub_profile(self, name: str) -> bool:
        """Whether a profile's name is that of a model of the Hub rather than one of ours or a folder."""
        if name in self.catalogue.profiles or HubReference.parse(name) is None:
            return False
        return not Path(name).exists()

    def is_ready(self, reference: str) -> bool:
        """Whether a model can be used at once, without the network. Raises as `path` does for what is no reference."""
        place = self._place(reference)
        return isinstance(place, Path | GgufFile) or self._entries.ready(place) is not None

    def unfinished_bytes(self, reference: str) -> int:
        """What an unfinished fetch of a base has kept, in bytes."""
        base = self.catalogue.bases.get(reference)
        return bytes_kept(unfinished_of(self._entries.place(base)).folder) if base is not None else 0

    def damaged_files(self, reference: str, *, hashes: bool = False) -> list[str]:
        """The files of a stored model that are not as they were fetched, the manifest itself among them.

        Args:
            reference: as for `path`; what lies in a folder of the user's own has nothing to be held against.
            hashes: read all files and compare their contents, beside their sizes.
        """
        place = self._place(reference)
        if isinstance(place, Path | GgufFile) or not (entry := self._entries.place(place)).exists():
            return []
        manifest = read_manifest(entry)
        return [MANIFEST_FILE] if manifest is None else manifest.damaged(entry, hashes=hashes)

    def path(self, reference: str) -> Path:
        """The folder of a model that is there, or a GGUF file itself.

        Raises:
            StoreError: it was not fetched yet.
        """
        place = self._place(reference)
        if isinstance(place, GgufFile):
            return place.path
        folder = place if isinstance(place, Path) else self._entries.ready(place)
        if folder is None:
            raise StoreError(f"{reference} is not on this machine; fetch it with `assistant models pull {reference}`.")
        return folder

    def installed(self) -> list[InstalledModel]:
        """The models that the store holds, by name."""
        return self._entries.installed()

    def remove(self, reference: str) -> int:
        """Remove a model and what an unfinished fetch of it left, and return how many bytes that freed.

        The indexes of documents that it made go too. A Hub model that was in the Hub's cache before this store first
        used it is only forgotten, which frees nothing; of a GGUF file of the user's, what was made from it is removed.

        Raises:
            UsageError: the reference is a folder of the user's, or an adapter of the package.
            StoreError: the model is not there, or cannot be removed.
        """
        entry = self._entries.named(reference)
        if entry is None:
            place = self._place(reference)
            if isinstance(place, GgufFile):
                freed = self._descriptions.remove(place) + remove_dequantised(self.cache, place.name)
                return freed + remove_prepared(self.cache, place.name)
            if isinstance(place, Path):
                raise UsageError(
                    f"{reference} is not in the store: it comes with the program or is a folder of yours, which stays."
                )
            entry = self._entries.place(place)
        freed = self._entries.remove(entry, reference)
        # What was made of the model, and what it made of documents, is of no use without it.
        freed += remove_dequantised(self.cache, reference) + remove_prepared(self.cache, reference)
        return freed + IndexFiles(self.cache).remove_model(reference)

    def _place(self, reference: str) -> Place:
        return place_of(reference, self.catalogue)

    def _name(self, reference: str) -> str:
        return name_of(reference, self.catalogue)

    def _base(self, reference: str, on_progress: ProgressListener | None) -> Path:
        folder = self.ensure(reference, on_progress)
        if is_adapter(folder):
            raise ModelError(f"{one_line(reference, 200)} is an adapter, not a base; an adapter goes on a whole model.")
        return folder


def default_cache() -> Path:
    """Where models are kept: `ASSISTANT_CACHE` or the platform's cache folder."""
    if folder := os.environ.get("ASSISTANT_CACHE"):
        return Path(folder).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("assistant", appauthor=False)


def _ignore(progress: Progress) -> None:
    """The listener where there is none."""
