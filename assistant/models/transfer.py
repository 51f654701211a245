"""What every source of a base's files shares: the folder of an unfinished fetch, its progress, and its failures."""

import errno
import os
import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from assistant.events import Progress
from assistant.models.catalogue import Base, BaseFile
from assistant.models.manifest import hash_file, sync_file

POLL_SECONDS = 0.2
_RATE_SECONDS = 8.0  # speed is that of so long a time
_LINKED_FROM = 16 << 20  # bytes; smaller files are copied, as some are rewritten


class SourceError(Exception):
    """A source did not give a base: `problem` says why, `advice` what to do, as parts of a sentence."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.advice = advice


class Meter:
    """Reports how far a transfer has come, with its speed and the time left.

    Args:
        stage: what is being done.
        total: in bytes.
        on_progress: is told of it.
    """

    def __init__(self, stage: str, total: int, on_progress: Callable[[Progress], None]) -> None:
        self._stage, self._total, self._on_progress = stage, total, on_progress
        self._seen: deque[tuple[float, int]] = deque()

    def __call__(self, done: int) -> None:
        """Report that so many bytes are done, those of earlier attempts included."""
        now, done = time.monotonic(), min(done, self._total)
        if self._seen and done < self._seen[-1][1]:  # an attempt was thrown away
            self._seen.clear()
        self._seen.append((now, done))
        while now - self._seen[0][0] > _RATE_SECONDS:
            self._seen.popleft()
        began, before = self._seen[0]
        rate = (done - before) / (now - began) if now - began > 2 * POLL_SECONDS else 0.0
        left = (self._total - done) / rate if rate > 0 else None
        self._on_progress(Progress(self._stage, done, self._total, rate or None, left))

    def waiting(self, stage: str) -> None:
        """Report that nothing comes yet."""
        self._on_progress(Progress(stage))


class Unfinished:
    """The folder of a base's unfinished fetch, which holds what is right already and outlives the process.

    `files` are those of the base itself, `wheels` the parts that they are made of, `work` is for whoever is at work and
    gone afterwards. A name is only ever given to what was verified.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "files"
        self.wheels = folder / "wheels"
        self.hub = folder / "hub"
        self.work = folder / "work"

    def begin(self, base: Base) -> None:
        """Make the folders, and remove what another process left at work and what is of another pin."""
        shutil.rmtree(self.work, ignore_errors=True)
        known = {self.file(file) for file in base.files}
        known |= {self.wheels / f"{part.sha256}.whl" for part in base.parts}
        known |= {self.partial(file) for file in base.files}
        if base.archive is not None:
            known.add(self.archive(base.archive.sha256))
        for folder in (self.files, self.wheels, self.hub, self.work):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                elif path not in known:
                    path.unlink(missing_ok=True)

    def end(self) -> None:
        """Remove what is of no use to a later attempt; all of it, where nothing is kept."""
        shutil.rmtree(self.work, ignore_errors=True)
        if not bytes_kept(self.folder):
            shutil.rmtree(self.folder, ignore_errors=True)

    def file(self, file: BaseFile) -> Path:
        """Where a file of the base lies when it is right."""
        return self.files / f"{file.sha256}-{file.name}"

    def partial(self, file: BaseFile) -> Path:
        """Where the beginning of a file of the Hub lies."""
        return self.hub / f"{file.sha256}-{file.name}"

    def archive(self, sha256: str) -> Path:
        """Where the joined archive lies when it is right."""
        return self.wheels / f"{sha256}.zip"

    def has(self, base: Base) -> bool:
        """Whether all files of the base are there."""
        return not self.missing(base)

    def missing(self, base: Base) -> list[BaseFile]:
        """The files of the base that are not there yet."""
        return [file for file in base.files if not self.file(file).is_file()]

    def take(self, source: Path, file: BaseFile, *, move: bool = True) -> bool:
        """Keep a file that is said to be one of the base; False, and nothing is kept, where its hash differs."""
        actual = hash_file(source)
        if (actual.bytes, actual.sha256) != (file.bytes, file.sha256):
            return False
        if move:
            keep(source, self.file(file))
        else:
            copy = self.work / file.name
            link_or_copy(source, copy)
            keep(copy, self.file(file))
        return True


def keep(source: Path, target: Path) -> None:
    """Give a verified file its name, its content on the disk first, so that the name outlives a power cut alone."""
    sync_file(source)
    source.replace(target)


def link_or_copy(source: Path, target: Path) -> None:
    """Have a file in a second place: a large one without taking room where the file system can do that."""
    if source.stat().st_size >= _LINKED_FROM:
        try:
            os.link(source.resolve(), target)
            return
        except OSError:
            pass  # another file system, or one without links
    shutil.copyfile(source, target)


def bytes_kept(folder: Path) -> int:
    """What a folder holds, in bytes."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def check_room(folder: Path, need: int) -> None:
    """See that so many bytes are free on the disk of a folder.

    Raises:
        OSError: they are not (ENOSPC); the message has the figures.
    """
    free = shutil.disk_usage(folder).free
    if free < need:
        raise OSError(errno.ENOSPC, f"{need / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB are free")
