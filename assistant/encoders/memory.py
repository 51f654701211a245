"""What a process keeps of its memory between batches, and what it hands back."""

import contextlib
import ctypes
import mmap
import re
import sys
import time
from pathlib import Path

# Values of <malloc.h>.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -2, -4, -8
_NEVER = -1  # read as the largest size_t
_TOP_PAD = 64 << 20
_ARENAS = 2  # more heaps have more gaps: with one for every thread, a chat grows by 0.2 MB a turn
_PAUSE = 0.25  # seconds; it takes some milliseconds, and what comes next has to ask for the pages again
_last_release = 0.0


def keep_freed_memory() -> None:
    """Tell glibc to keep what is freed, for the next batch.

    By default glibc maps every large tensor anew and gives it back when it is freed, and the kernel then zeroes the
    same pages again for each operation: on long windows that is most of the time (a training step on 32 windows of
    384 tokens takes 5.6 s without this and 1.9 s with it). Elsewhere than on glibc this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, _NEVER)
    mallopt(_M_TOP_PAD, _TOP_PAD)
    mallopt(_M_ARENA_MAX, _ARENAS)


def release_freed_memory() -> None:
    """Hand back what `keep_freed_memory` keeps: batches of many lengths leave gaps that no later batch fits in.

    Called again within a quarter of a second, it does nothing.
    """
    global _last_release  # noqa: PLW0603  (there is one heap in a process)
    if sys.platform.startswith("linux") and time.monotonic() - _last_release >= _PAUSE:
        _last_release = time.monotonic()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def release_mapped_pages(folder: Path) -> None:
    """Hand back the memory into which mapped files of a folder were read: what is needed again is read again.

    A mapping that was written to stays as it is. Elsewhere than on Linux this does nothing.
    """
    with contextlib.suppress(OSError, AttributeError):
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for begin, end in _clean_mappings(
            Path("/proc/self/smaps").read_text("utf-8", "replace"), str(folder.resolve())
        ):
            advise(begin, end - begin, mmap.MADV_DONTNEED)


def _clean_mappings(smaps: str, folder: str) -> list[tuple[int, int]]:
    """First address and end of each mapping of a folder's files of which no page was copied to be written to."""
    found = []
    for each in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", smaps, flags=re.MULTILINE):
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (?:\S+ +){4}(.+)", each)
        if head and head[3].startswith(f"{folder}/") and re.search(r"^Anonymous: +0 kB", each, re.MULTILINE):
            found.append((int(head[1], 16), int(head[2], 16)))
    return found
