"""Opening documents from files, folders, patterns or standard input."""

import glob
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from assistant.documents.encodings import decode_text
from assistant.documents.formats import DELIMITED, MARKUP, Format, declared_encoding, sniff, suffix
from assistant.documents.isolation import extract
from assistant.documents.table_search import find_tables
from assistant.errors import DocumentError
from assistant.text import one_line
from assistant.types import Document

STANDARD_INPUT = "-"
DEFAULT_MEGABYTES = 20
MOST_FILES = 500
"""Of a folder or a pattern; more are refused."""

_ADDRESSES = ("http:/", "https:/", "ftp:/")
_PATTERN = frozenset("*?[")
_NO_DOCUMENTS = frozenset("__pycache__ node_modules".split())


def read_document(
    source: str | Path,
    max_megabytes: int = DEFAULT_MEGABYTES,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
) -> Document:
    """Read a document whole. Of text, Markdown and source every character is kept, line ends too.

    Args:
        source: a file, or "-" for standard input.
        max_megabytes: larger documents are refused.
        on_progress: told how many pages, rows or messages of how many are read.
        cancel: set by another thread to stop reading.

    Raises:
        DocumentError: the document is missing, a folder, unreadable, too large, empty, binary, damaged or protected,
            its encoding is in doubt, the library that reads it is not installed, or reading was stopped.
    """
    if str(source) == STANDARD_INPUT:
        if sys.stdin is None or sys.stdin.isatty():
            raise DocumentError(
                "--document -: nothing is piped in; try `cat FILE | assistant ask QUESTION --document -`."
            )
        data = sys.stdin.buffer.read(max_megabytes * 1_000_000 + 1)
        return decode_document("standard input", data, max_megabytes, on_progress=on_progress, cancel=cancel)
    _refuse_address(source)
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
    document = decode_document(path.name, data, max_megabytes, on_progress=on_progress, cancel=cancel)
    return replace(document, path=str(path.absolute()))


def read_documents(
    sources: Sequence[str],
    max_megabytes: int = DEFAULT_MEGABYTES,
    *,
    say: Callable[[str], None] = lambda line: None,
    on_progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
) -> tuple[Document, ...]:
    """Read all documents that are named, folders and patterns such as `*.pdf` among them.

    Of a folder, which is gone through to the bottom, and of a pattern, what cannot be opened is told and passed over;
    the documents are named by their paths from there. A file that is named by itself must open.

    Args:
        sources: files, folders, patterns, or "-" for standard input.
        max_megabytes: larger documents are refused.
        say: told, a line each, what was not opened and why, and what of a document was not read.
        on_progress: told how many pages, rows or messages of how many are read.
        cancel: set by another thread to stop reading.

    Raises:
        DocumentError: as `read_document`; also where a folder or a pattern has nothing that opens, or too much.
    """
    documents: list[Document] = []
    for source in sources:
        if source == STANDARD_INPUT or not (files := _files(source)):
            documents.append(read_document(source, max_megabytes, on_progress=on_progress, cancel=cancel))
            continue
        before = len(documents)
        for name, path in files:
            try:
                document = read_document(path, max_megabytes, on_progress=on_progress, cancel=cancel)
            except DocumentError as error:
                if cancel is not None and cancel.is_set():
                    raise
                say(f"Not opened: {one_line(name)}{str(error).removeprefix(str(path)).removeprefix(path.name)}")
                continue
            documents.append(replace(document, name=name))
        if len(documents) == before:
            raise DocumentError(f"{source}: no file in it can be opened; what is said above tells why.")
    for document in documents:
        for notice in document.notices:
            say(f"{one_line(document.name)}: {notice}")
    return tuple(documents)


def _files(source: str) -> list[tuple[str, Path]]:
    """The files of a folder or a pattern, each with the name it is shown by; none where the source is neither."""
    _refuse_address(source)
    try:
        path = Path(source).expanduser()
        if path.is_dir():
            base, found = path, _below(path)
        elif not path.exists() and _PATTERN & set(source):
            base = path.parent if not _PATTERN & set(str(path.parent)) else Path()
            found = (Path(name) for name in _matches(path) if Path(name).is_file())
        else:
            return []
        files: list[tuple[str, Path]] = []
        for file in found:
            files.append((str(file.relative_to(base)) if file.is_relative_to(base) else str(file), file))
            if len(files) > MOST_FILES:
                raise DocumentError(f"{source}: more than {MOST_FILES:,} files; name a smaller folder or a pattern.")
    except OSError as error:
        raise DocumentError(f"{source}: it cannot be gone through ({error.strerror}).") from error
    except (ValueError, RuntimeError):
        return []  # what is no file name is refused with a reason by whoever reads it
    if not files:
        what = "a folder without files" if path.is_dir() else "a pattern that no file fits"
        raise DocumentError(f"{source}: this is {what}; check the spelling and the folder.")
    return sorted(files)


def _matches(pattern: Path) -> Iterator[str]:
    return glob.iglob(str(pattern), recursive=True)  # noqa: PTH207  (a pattern may begin at the root)


def _below(folder: Path) -> Iterator[Path]:
    """The files of a folder and of those in it; hidden ones and those made by programs are passed over, links too."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "~$")) or entry.name in _NO_DOCUMENTS:
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _below(entry)
        elif entry.is_file():
            yield entry


def _refuse_address(source: str | Path) -> None:
    address = str(source)
    scheme = next((scheme for scheme in _ADDRESSES if address.lower().startswith(scheme)), None)
    if scheme is None or Path(address).exists():
        return
    whole = f"{scheme}/{address[len(scheme) :].lstrip('/')}"  # a path has lost one of the slashes
    raise DocumentError(
        f"{one_line(whole, 300)}: addresses are not fetched, as nothing here uses the network by itself; save the page "
        f"in a browser, or with `curl -L -o page.html '{one_line(whole, 300)}'`, and open that file."
    )


def decode_document(
    name: str,
    data: bytes,
    max_megabytes: int = DEFAULT_MEGABYTES,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
) -> Document:
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
        tables = find_tables(text, delimited=True) if suffix(name) in DELIMITED else ()
        return Document(name, text, encoding=encoding, tables=tables)
    encoding = "utf-8"
    if form in MARKUP:
        text, encoding = decode_text(name, data, declared_encoding(data))
        data = text.encode("utf-8", "replace")
    found = extract(name, form, data, max_megabytes * 1_000_000, on_progress=on_progress, cancel=cancel)
    return Document(name, found.text, found.pages, encoding, found.tables, found.places, found.notices)
