"""The description of a GGUF file that stays where it lies: configuration and tokenizer, made once and kept."""

import hashlib
import struct
from pathlib import Path

from assistant.errors import ModelError
from assistant.events import Progress
from assistant.models.gguf_header import read_header
from assistant.models.local_files import GgufFile
from assistant.models.manifest import Manifest, read_manifest, record_files, write_manifest
from assistant.models.staging import ProgressListener, locked, new_folder, remove_folder, replace_folder, storage_errors
from assistant.text import one_line

DESCRIPTION = 1  # raised when descriptions have to be made anew, because they are written in another way


def describe(gguf: Path, target: Path) -> None:
    """Check a GGUF file's header, and write its description into an existing folder.

    Raises:
        ModelError: the file is not sound, is only a part of a model, or its description makes no sense.
        StoreError: its architecture or tokenizer is none that is known; the message names it.
    """
    header = read_header(gguf)
    if header.parts > 1:
        raise ModelError(
            f"{one_line(gguf.name, 200)} is one of {header.parts} parts of a model; join them first "
            "(llama-gguf-split --merge)."
        )
    from assistant.models.gguf import write_description

    try:
        write_description(gguf, target)
    except (ValueError, KeyError, IndexError, TypeError, ArithmeticError, AttributeError, struct.error) as error:
        raise ModelError(
            f"what {one_line(gguf.name, 200)} says of its model makes no sense ({type(error).__name__}: "
            f"{one_line(str(error), 120)}); copy or download it again."
        ) from error


class Descriptions:
    """The descriptions in a cache, each in a folder named for the file's path, size and time."""

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "described"

    def find(self, file: GgufFile) -> Path | None:
        """The folder of a file's description; None where there is none yet."""
        entry = self._entry(file.path)
        manifest = read_manifest(entry)
        return entry if manifest is not None and manifest.fits(entry) else None

    def make(self, file: GgufFile, on_progress: ProgressListener) -> Path:
        """The folder of a file's description, made where it is not there; those of files that are gone are removed.

        Raises:
            ModelError, StoreError: as `describe`, or the cache cannot be written.
        """
        folder = self.find(file)
        if folder is not None:
            return folder
        entry = self._entry(file.path)
        with storage_errors("describe", file.name, self._folder), locked(entry, file.name, on_progress):
            if self.find(file) is None:
                on_progress(Progress(f"reading the header of {file.name}"))
                with new_folder(entry) as folder:
                    describe(file.path, folder)
                    files = record_files(folder, [path.name for path in folder.iterdir()], sync=True)
                    write_manifest(folder, Manifest(file.name, str(file.path), files, description=DESCRIPTION))
                    replace_folder(entry, folder)
            self._sweep()
        return entry

    def remove(self, file: GgufFile) -> int:
        """Remove a file's description and return how many bytes that freed; the file itself stays."""
        entry = self._entry(file.path)
        return remove_folder(entry) if entry.is_dir() else 0

    def _sweep(self) -> None:
        for entry in self._folder.iterdir():
            manifest = None if entry.name.startswith(".") else read_manifest(entry)
            if manifest is not None and self._entry(Path(manifest.source)) != entry:
                remove_folder(entry)

    def _entry(self, path: Path) -> Path:
        try:
            status = path.stat()
            state = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:
            state = "gone"
        key = hashlib.sha256(f"{DESCRIPTION}\0{path}\0{state}".encode(errors="surrogateescape")).hexdigest()
        return self._folder / key[:32]
