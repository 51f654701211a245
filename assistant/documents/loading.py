"""Opening documents: plain UTF-8 text from a file or standard input."""

import sys
from pathlib import Path

from assistant.conversation import Document
from assistant.errors import DocumentError

STANDARD_INPUT = "-"
DEFAULT_MEGABYTES = 20


def read_document(source: str | Path, max_megabytes: int = DEFAULT_MEGABYTES) -> Document:
    """Read a document whole, its line ends kept as they are.

    Args:
        source: a file, or "-" for standard input.
        max_megabytes: larger documents are refused.

    Raises:
        DocumentError: the document is missing, a folder, unreadable, too large, empty, binary or not UTF-8.
    """
    if str(source) == STANDARD_INPUT:
        if sys.stdin is None or sys.stdin.isatty():
            raise DocumentError(
                "--document -: nothing is piped in; try `cat FILE | assistant ask QUESTION --document -`."
            )
        return decode_document("standard input", sys.stdin.buffer.read(max_megabytes * 1_000_000 + 1), max_megabytes)
    path = Path(source)
    try:
        path = path.expanduser()
        if path.is_dir():
            raise DocumentError(f"{path}: this is a folder; name a text file in it.")
        with path.open("rb") as file:
            data = file.read(max_megabytes * 1_000_000 + 1)
    except FileNotFoundError as error:
        raise DocumentError(f"{path}: there is no such file; check the spelling and the folder.") from error
    except OSError as error:
        raise DocumentError(f"{path}: the file cannot be read ({error.strerror}).") from error
    except (ValueError, RuntimeError) as error:  # a NUL, a lone surrogate, the home of a user that there is not
        raise DocumentError(f"{str(path)!r} is not a file name: {error}.") from error
    return decode_document(path.name, data, max_megabytes)


def decode_document(name: str, data: bytes, max_megabytes: int = DEFAULT_MEGABYTES) -> Document:
    """Turn bytes into a document.

    Raises:
        DocumentError: the bytes are too many, empty, binary or not UTF-8.
    """
    if len(data) > max_megabytes * 1_000_000:
        raise DocumentError(
            f"{name}: the document is larger than {max_megabytes} MB; open the part you need, or raise "
            "max_document_megabytes in the settings."
        )
    if b"\0" in data:
        raise DocumentError(f"{name}: this is a binary file, not text; convert it to UTF-8 text first.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"{name}: not UTF-8 text (byte 0x{data[error.start]:02x} at {error.start}); "
            "convert it, for example with `iconv -f LATIN1 -t UTF-8`."
        ) from error
    return Document(name, text)
