"""The bytes of a file of questions as UTF-8, whatever Excel, PowerShell or an old program has written them in.

UTF-16 and UTF-32 are told by their marks, or by the zero bytes of what is plain ASCII in them. Lines that are not UTF-8
are taken for Windows-1252 where they read like western text; a word says so, as it is a guess.
"""

import codecs
import io
import re
from collections.abc import Callable
from typing import IO

Tell = Callable[[str], None]
_UTF8_MARK = codecs.BOM_UTF8
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with UTF-16's mark, so it is looked for first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = "cp1252"
_WESTERN_LETTERS = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿŒœŸŠšŽžÐðÞþÝýªº")
_WESTERN_SIGNS = frozenset("‘’‚“”„«»‹›–—…•·€£¥§©®™°²³¹¼½¾×÷¿¡±µ¶†‡‰\xa0")
_FOREIGN_SHARE = 0.35  # of the letters beyond ASCII: western text stays below it, but where there is one alone
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CHUNK = 1 << 16
_ENDS = (b"\r", b"\n")


class _Decoded(io.RawIOBase):
    """The bytes of a file, told again in UTF-8."""

    def __init__(self, file: IO[bytes], encoding: str, begun: bytes) -> None:
        self._file, self._begun = file, begun
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # wider than typeshed's Buffer
        while not self._ready:
            read, self._begun = self._begun or self._file.read(_CHUNK), b""
            try:
                self._ready = self._decoder.decode(read, not read).encode("utf-8", "surrogatepass")
            except UnicodeDecodeError:  # a line with this byte is then told to be no text
                self._decoder.reset()
                self._ready = b"\xff"
            if not read:
                break
        chunk, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(chunk)] = chunk
        return len(chunk)


def as_utf8(file: IO[bytes], tell: Tell | None = None) -> tuple[IO[bytes], bool]:
    """A file's bytes in UTF-8, and whether a mark says that they are; UTF-16 and UTF-32 are decoded on reading.

    Args:
        file: opened for bytes.
        tell: hears which other encoding it is in.
    """
    begun = _beginning(file)
    file, is_utf8 = _decoded(file, begun, tell)
    return io.BufferedReader(_WithLines(file), _CHUNK), is_utf8


def _decoded(file: IO[bytes], begun: bytes, tell: Tell | None) -> tuple[IO[bytes], bool]:
    encoding = next((name for mark, name in _MARKS if begun.startswith(mark)), None) or _without_mark(begun)
    if encoding is None:
        marked = begun.startswith(_UTF8_MARK)
        return io.BufferedReader(_Joined(file, begun.removeprefix(_UTF8_MARK)), _CHUNK), marked
    if tell is not None:
        tell(f"The file was read as {encoding.upper()}.")
    return io.BufferedReader(_Decoded(file, encoding, begun), _CHUNK), True


class _WithLines(io.RawIOBase):
    """The bytes of a file whose lines end as in files of old Macs, with the line ends of today; others as they are.

    Which it is, its first line end tells.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._old: bool | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # as above
        read = _some(self._file, len(buffer))
        if self._old is None:
            at = min((found for end in _ENDS if (found := read.find(end)) >= 0), default=len(read))
            if at == len(read) - 1 < len(buffer) - 1 and read.endswith(b"\r"):
                read += bytes(self._file.read(1))  # which of the two it is, the next byte tells
            if at < len(read) and (len(read) > at + 1 or read.endswith(b"\n")):
                self._old = read[at : at + 1] == b"\r" and read[at + 1 : at + 2] != b"\n"
        if self._old:
            read = read.replace(b"\r", b"\n")
        buffer[: len(read)] = read
        return len(read)


class _Joined(io.RawIOBase):
    """What was read of a file already, and then the rest of it."""

    def __init__(self, file: IO[bytes], begun: bytes) -> None:
        self._file, self._begun = file, begun

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # as above
        if self._begun:
            chunk, self._begun = self._begun[: len(buffer)], self._begun[len(buffer) :]
        else:
            chunk = _some(self._file, len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def with_first_line(file: IO[bytes]) -> tuple[bytes, IO[bytes]]:
    """The first line of a file that is not blank, or the beginning of a long one, and the file from its beginning."""
    taken = line = file.readline(_CHUNK)
    while line and not line.strip() and len(taken) < _CHUNK:
        taken += (line := file.readline(_CHUNK))
    return line, io.BufferedReader(_Joined(file, taken), _CHUNK)


def _beginning(file: IO[bytes]) -> bytes:
    """The first bytes of a file, as many as tell its encoding, without waiting for more of a pipe than a line."""
    begun = b""
    while len(begun) < 4 and (piece := _some(file, 4 - len(begun))):
        begun += piece
    return begun


def _some(file: IO[bytes], size: int) -> bytes:
    """What is there of a file: of a pipe, without waiting for all of so many bytes."""
    read = getattr(file, "read1", file.read)
    return bytes(read(size))


def _without_mark(begun: bytes) -> str | None:
    """The UTF-16 that a file without a mark begins in: with two characters that a row can begin with."""
    for encoding, low, high in (("utf-16-le", begun[::2], begun[1::2]), ("utf-16-be", begun[1::2], begun[::2])):
        if high == b"\0\0" and all(chr(byte).isalnum() or byte in b'{["_ ' for byte in low):
            return encoding
    return None


class LineDecoder:
    """Decodes the lines of a file, which is UTF-8 unless it is clearly Windows-1252.

    A file with a mark of UTF-8, or with letters in UTF-8, is UTF-8: what is none in it is damage.

    Args:
        tell: hears, once, that lines were taken for Windows-1252.
        is_utf8: whether a mark says so.
    """

    def __init__(self, tell: Tell | None = None, *, is_utf8: bool = False) -> None:
        self._tell = tell
        self._is_utf8 = is_utf8
        self._told = False

    def text(self, raw: bytes, number: int) -> str:
        """The text of a line.

        Raises:
            UnicodeDecodeError: it is in neither encoding.
        """
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            western = "" if self._is_utf8 or _MULTIBYTE.search(raw) else _western(raw)
            if not western:
                raise
            if self._tell is not None and not self._told:
                self._told = True
                self._tell(f"Line {number:,} is not UTF-8; it and others like it were read as Windows-1252.")
            return western
        self._is_utf8 = self._is_utf8 or not raw.isascii()
        return text


def _western(raw: bytes) -> str:
    """A line in Windows-1252; empty where it does not read like it."""
    try:
        text = raw.decode(_WESTERN)
    except UnicodeDecodeError:
        return ""
    return text if _is_western(text) else ""


def _is_western(text: str) -> bool:
    foreign = [char for char in text if char > "\x7f"]
    if not all(char in _WESTERN_LETTERS or char in _WESTERN_SIGNS for char in foreign):
        return False
    if any(char < " " and char not in "\t\r\n" for char in text):
        return False
    letters = [char for char in text if char.isalpha()]
    return len(foreign) == 1 or sum(char > "\x7f" for char in letters) <= _FOREIGN_SHARE * len(letters)
