"""How a folder of the store comes and goes as a whole, with other processes around and disks that fill up."""

import errno
import glob
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.errors import StoreError
from assistant.events import Progress
from assistant.text import one_line

ProgressListener = Callable[[Progress], None]

# A limit on the size of files (EFBIG) and a quota count as a full disk: what to do about them is the same.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_LOCK_POLL_SECONDS = 0.2


@contextmanager
def locked(entry: Path, name: str, on_progress: ProgressListener) -> Iterator[None]:
    """Hold the entry's lock, which the system frees when the process dies. What `on_progress` raises ends the wait."""
    from filelock import FileLock, Timeout

    entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(entry.with_name(f".{entry.name}.lock"), mode=0o600)
    while True:
        try:
            lock.acquire(timeout=_LOCK_POLL_SECONDS)
            break
        except Timeout:
            on_progress(Progress(f"waiting for another process to fetch {name}"))
    try:
        yield
    finally:
        lock.release()


@contextmanager
def new_folder(entry: Path) -> Iterator[Path]:
    """A new folder beside the entry, gone afterwards whatever happened; sweeps what killed processes left.

    Needs the entry's lock.
    """
    prefix = f".{entry.name}.partial-"
    for stale in entry.parent.glob(f"{glob.escape(prefix)}*"):
        shutil.rmtree(stale, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=entry.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace_folder(entry: Path, folder: Path) -> None:
    """Put a whole folder in the entry's place; what stood there goes out of the way first."""
    former = folder.with_name(f"{folder.name}.former")
    if entry.exists():
        entry.rename(former)
    folder.rename(entry)
    shutil.rmtree(former, ignore_errors=True)


def remove_folder(entry: Path) -> int:
    """Remove the entry and return how many bytes that freed; nobody ever finds half of it."""
    freed = sum(path.lstat().st_size for path in entry.rglob("*") if not path.is_dir())
    with new_folder(entry) as folder:
        entry.rename(folder / entry.name)
    return freed


@contextmanager
def storage_errors(verb: str, name: str, folder: Path) -> Iterator[None]:
    """Turn an error of the file system into a StoreError that says what to do; `verb` is what was being done."""
    try:
        yield
    except OSError as error:
        where, why = one_line(str(folder), 200), error.strerror or one_line(str(error), 200)
        if error.errno in DISK_FULL:
            raise StoreError(
                f"cannot {verb} {name}: the disk of {where} is full ({why}); free some space, "
                "or set ASSISTANT_CACHE to a folder on another disk."
            ) from error
        raise StoreError(
            f"cannot {verb} {name} in {where} ({why}); make that folder writable, "
            "or set ASSISTANT_CACHE to another one."
        ) from error
