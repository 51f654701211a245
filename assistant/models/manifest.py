"""The record beside each stored model: where it came from and which files make it complete."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

MANIFEST_FILE = "manifest.json"
_VERSION = 1  # raised when stored models have to be made anew, for example because the conversion changed
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Size in bytes and SHA-256 of one file of a model."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the store knows of a model. It is written last, so an entry that has one was complete.

    `folder` is where the files lie; None means beside the manifest. `fetched` is False for files of the Hub's own
    cache that were there already: those are not ours to remove. `description` is the version of the files that were
    made from a GGUF file; 0 where none were.
    """

    name: str
    source: str
    files: dict[str, StoredFile]
    folder: str | None = None
    fetched: bool = True
    description: int = 0

    def location(self, entry: Path) -> Path:
        """The folder that holds the model's files."""
        return entry if self.folder is None else Path(self.folder)

    @property
    def bytes(self) -> int:
        """What the model's files take together."""
        return sum(file.bytes for file in self.files.values())

    def fits(self, entry: Path) -> bool:
        """Whether all files are there in their size: cheap, for each start. Contents were checked when fetched."""
        folder = self.location(entry)
        try:
            return all((folder / name).stat().st_size == file.bytes for name, file in self.files.items())
        except OSError:
            return False

    def damaged(self, entry: Path, *, hashes: bool = False) -> list[str]:
        """The files that are missing or of another size, or with `hashes`, of other contents."""
        folder = self.location(entry)
        wrong = []
        for name, file in self.files.items():
            try:
                path = folder / name
                same = path.stat().st_size == file.bytes and (not hashes or hash_file(path) == file)
            except OSError:
                same = False
            if not same:
                wrong.append(name)
        return wrong


def read_manifest(entry: Path) -> Manifest | None:
    """The manifest of an entry of the store, or None where there is no readable one of this version."""
    try:
        content = json.loads((entry / MANIFEST_FILE).read_text(encoding="utf-8"))
        if content.pop("version") != _VERSION:
            return None
        files = {name: StoredFile(**file) for name, file in content.pop("files").items()}
        return Manifest(files=files, **content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def write_manifest(entry: Path, manifest: Manifest) -> None:
    """Write the manifest into the entry and see it to the disk."""
    with (entry / MANIFEST_FILE).open("w", encoding="utf-8") as file:
        json.dump({"version": _VERSION} | asdict(manifest), file, indent=2)
        file.flush()
        os.fsync(file.fileno())


def record_files(
    folder: Path, names: Iterable[str], on_bytes: Callable[[int], None] | None = None, *, sync: bool = False
) -> dict[str, StoredFile]:
    """Size and hash of the named files of a folder.

    `on_bytes` is told how many bytes are done; `sync` sees the files to the disk, so that a manifest that survives a
    power cut speaks of files that did too.
    """
    files: dict[str, StoredFile] = {}
    done = 0
    for name in sorted(names):
        files[name] = hash_file(folder / name, shifted(on_bytes, done))
        done += files[name].bytes
        if sync:
            sync_file(folder / name)
    return files


def shifted(on_bytes: Callable[[int], object] | None, before: int) -> Callable[[int], object] | None:
    """What is told of the bytes of a whole, for one of its pieces, before which so many bytes lie."""
    if on_bytes is None:
        return None
    return lambda done: on_bytes(before + done)


def hash_file(path: Path, on_bytes: Callable[[int], object] | None = None) -> StoredFile:
    """Size and hash of a file; `on_bytes` is told how many bytes are done."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if on_bytes is not None:
                on_bytes(size)
    return StoredFile(size, digest.hexdigest())


def sync_file(path: Path) -> None:
    """See a file to the disk."""
    with contextlib.suppress(PermissionError), path.open("r+b") as file:  # a file that may only be read
        os.fsync(file.fileno())
