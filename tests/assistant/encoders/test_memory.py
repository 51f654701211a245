"""What a process hands back of its memory."""

import sys
from pathlib import Path

import numpy as np
import pytest

from assistant.encoders.memory import release_mapped_pages

SIZE = 1 << 22
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells what is resident")


def _resident(path: Path) -> int:
    """Bytes of a file's mappings that are in memory."""
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ")[0]:
            inside = line.endswith(str(path))
        elif inside and line.startswith("Rss:"):
            total += 1024 * int(line.split()[1])
    return total


@pytest.fixture
def mapped(tmp_path: Path) -> np.memmap:
    """A file that is mapped so that writing makes a copy, as ONNX Runtime maps weights, and read."""
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    mapped = np.memmap(path, np.uint8, "c")
    assert int(mapped.sum(dtype=np.int64)) > 0 and _resident(path) == SIZE
    return mapped


def test_pages_of_a_mapped_file_are_handed_back_and_read_again(mapped: np.memmap, tmp_path: Path) -> None:
    release_mapped_pages(tmp_path)
    assert _resident(tmp_path / "weights.bin") < SIZE // 8
    assert np.array_equal(mapped, np.arange(SIZE) % 256)


def test_what_was_written_stays(mapped: np.memmap, tmp_path: Path) -> None:
    mapped[5] = 77
    release_mapped_pages(tmp_path)
    assert mapped[5] == 77


def test_files_of_other_folders_stay(mapped: np.memmap, tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    release_mapped_pages(tmp_path / "weights")
    assert _resident(tmp_path / "weights.bin") == SIZE
