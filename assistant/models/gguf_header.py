"""Checks the header of a GGUF file before anything reads it: the file comes from anywhere.

The header names how many keys, tokens and tensors follow and how long each is; a reader that believes it can be made to
take any time and memory, or to read beyond the file. The layout is the GGUF specification's (ggml, docs/gguf.md).
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from assistant.errors import ModelError
from assistant.text import one_line

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_KEYS = 4_096
_MAX_TENSORS = 65_536
_MAX_ELEMENTS = 4_000_000  # of one array: the largest vocabularies have a quarter of a million tokens
_LONGEST_KEY = 1_024
_LONGEST_TEXT = 4 << 20  # a chat template has some thousand characters
_LARGEST_HEADER = 256 << 20
_MAX_DIMENSIONS = 4
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # bytes, by the type of a value
_FORMATS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 7: "<?", 10: "<Q", 11: "<q"}
_TEXT, _ARRAY = 8, 9
_FRACTIONS = (6, 12)


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What the header says: the architecture, how many parts the model is split into, tensors and their parameters."""

    architecture: str
    parts: int
    tensors: int
    parameters: int


class _UnsoundError(Exception):
    """The header is not sound; says how."""


def read_header(path: Path) -> GgufHeader:
    """Read and check the header of a GGUF file.

    Raises:
        ModelError: it is no GGUF file, is cut short, or says what cannot be.
    """
    try:
        with path.open("rb") as file:
            return _Reader(file, path.stat().st_size).read()
    except (OSError, _UnsoundError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelError(
            f"{one_line(path.name, 200)} is no GGUF file that can be used ({why}); copy or download it again."
        ) from error


class _Reader:
    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def read(self) -> GgufHeader:
        if self._bytes(4) != _MAGIC:
            raise _UnsoundError("it does not begin as one")
        version = self._number("<I")
        if version not in _VERSIONS:
            raise _UnsoundError(f"its version is {version}; known are {_VERSIONS[0]} and {_VERSIONS[1]}")
        tensors = self._count(_MAX_TENSORS, "tensors")
        values = dict(self._entry() for _ in range(self._count(_MAX_KEYS, "keys")))
        architecture = values.get("general.architecture")
        if not isinstance(architecture, str) or not architecture:
            raise _UnsoundError("it does not name an architecture")
        sizes = [self._tensor() for _ in range(tensors)]
        parts = values.get("split.count")
        return GgufHeader(
            one_line(architecture, 60), parts if isinstance(parts, int) and parts > 1 else 1, tensors, sum(sizes)
        )

    def _entry(self) -> tuple[str, object]:
        key = self._text(_LONGEST_KEY)
        return key, self._value(self._number("<I"))

    def _value(self, kind: int) -> object:
        if kind == _TEXT:
            return self._text(_LONGEST_TEXT)
        if kind == _ARRAY:
            self._skip_array()
            return None
        if kind not in _SIZES:
            raise _UnsoundError(f"it has a value of an unknown type, {kind}")
        return self._bytes(_SIZES[kind]) if kind in _FRACTIONS else self._number(_FORMATS[kind])

    def _skip_array(self) -> None:
        kind, count = self._number("<I"), self._count(_MAX_ELEMENTS, "elements of an array")
        if kind == _TEXT:
            for _ in range(count):
                self._skip(self._number("<Q"), _LONGEST_TEXT)
        elif kind in _SIZES:
            self._skip(count * _SIZES[kind], _LARGEST_HEADER)
        else:
            raise _UnsoundError(f"it has an array of an unknown type, {kind}")

    def _tensor(self) -> int:
        """How many numbers a tensor has."""
        self._text(_LONGEST_KEY)
        dimensions = self._number("<I")
        if not 1 <= dimensions <= _MAX_DIMENSIONS:
            raise _UnsoundError(f"it has a tensor of {dimensions} dimensions")
        size = math.prod(self._number("<Q") for _ in range(dimensions))
        self._number("<I")  # the type of its numbers
        # No type has less than a bit for a number.
        if size < 1 or size > 8 * self._size or self._number("<Q") > self._size:
            raise _UnsoundError("it has a tensor that the file has no room for: it is cut short")
        return size

    def _count(self, limit: int, what: str) -> int:
        count = self._number("<Q")
        if count > limit:
            raise _UnsoundError(f"it says that it has {count} {what}")
        return count

    def _text(self, longest: int) -> str:
        length = self._number("<Q")
        if length > longest:
            raise _UnsoundError(f"it has a text of {length} bytes")
        return self._bytes(length).decode("utf-8", errors="replace")

    def _number(self, form: str) -> int:
        return int(struct.unpack(form, self._bytes(struct.calcsize(form)))[0])

    def _skip(self, length: int, longest: int) -> None:
        if length > longest or self._file.tell() + length > min(self._size, _LARGEST_HEADER):
            raise _UnsoundError("it is cut short")
        self._file.seek(length, 1)

    def _bytes(self, length: int) -> bytes:
        content = self._file.read(length)
        if len(content) < length:
            raise _UnsoundError("it is cut short")
        if self._file.tell() > _LARGEST_HEADER:
            raise _UnsoundError("its header is too large")
        return content
