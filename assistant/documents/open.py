"""Opening documents from a file or standard input: text of any encoding, web pages, PDF and DOCX files."""

import sys
from pathlib import Path

from assistant.documents.encodings import decode_text
from assistant.documents.formats import Format, declared_encoding, sniff
from assistant.documents.isolation import extract
from assistant.errors import DocumentError
from assistant.types import Document

STANDARD_INPUT = "-"
DEFAULT_MEGABYTES = 20


def read_document(source: str | Path, max_megabytes: int = DEFAULT_MEGABYTES) -> Document:
    """Read a document whole. Of text, Markdown and source every character is kept, line ends too.

    Args:
        source: a file, or "-" for standard input.
        max_megabytes: larger documents are refused.

    Raises:
        DocumentError: the document is missing, a folder, unreadable, too large, empty, binary, damaged or protected,
            its encoding is in doubt, or the library that reads it is not installed.
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
            raise DocumentError(f"{path}: this is a folder; name a file in it.")
        with path.open("rb") as file:
            data = file.read(max_megabytes * 1_000_000 + 1)
    except FileNotFoundError as error:
        raise DocumentError(f"{path}: there is no such file; check the spelling and the folder.") from error
    except OSError as error:
        raise DocumentError(f"{path}: the file cannot be read ({error.strerror}).") from error
    except (ValueError, RuntimeError) as error:  # a NUL, a lone surrogate, the home of a user that there is not
        raise DocumentError(f"{str(path)!r} is not a file name: {str(error).rstrip('.')}.") from error
    return decode_document(path.name, data, max_megabytes)


def decode_document(name: str, data: bytes, max_megabytes: int = DEFAULT_MEGABYTES) -> Document:
    """Turn bytes into a document; what they are is told from their content first, then from the name.

    Raises:
        DocumentError: as `read_document`.
    """
    if len(data) > max_megabytes * 1_000_000:
        raise DocumentError(
            f"{name}: the document is larger than {max_megabytes} MB; open the part you need, or raise "
            "max_document_megabytes in the settings."
        )
    form = sniff(name, data)
    if form is Format.TEXT:
        text, encoding = decode_text(name, data)
        return Document(name, text, encoding=encoding)
    encoding = "utf-8"
    if form is Format.HTML:
        text, encoding = decode_text(name, data, declared_encoding(data))
        data = text.encode("utf-8", "replace")
    extracted = extract(name, form, data, max_megabytes * 1_000_000)
    return Document(name, extracted.text, extracted.pages, encoding)
