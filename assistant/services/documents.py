"""The documents that a server holds for its clients: bounded, and read from nowhere but the folders it was given."""

import threading
from collections.abc import Sequence
from pathlib import Path

from assistant.documents.open import read_document
from assistant.errors import DocumentError
from assistant.recent import Recent
from assistant.text import one_line
from assistant.types import Document


class HeldDocuments:
    """Documents by their ids; the longest unused are let go when there are too many.

    Args:
        most: how many are held.
        characters: how many characters they may have together.
    """

    def __init__(self, most: int = 100, characters: int = 100_000_000) -> None:
        self._held: Recent[str, Document] = Recent(most, characters, lambda each: len(each.text))
        self._lock = threading.Lock()

    def add(self, document: Document) -> list[str]:
        """Hold a document; the ids of those that were let go for it."""
        with self._lock:
            return self._held.keep(document.id, document)

    def get(self, identifier: str) -> Document:
        """The document of an id, or of a beginning of at least eight characters of one.

        Raises:
            DocumentError: there is none.
        """
        with self._lock:
            for known, document in self._held.items():
                if known == identifier or (len(identifier) >= 8 and known.startswith(identifier)):
                    self._held.get(known)
                    return document
        raise DocumentError(f"No open document has the id {one_line(identifier, 80)!r}; open it first, perhaps again.")

    def remove(self, identifier: str) -> None:
        """Let a document go; nothing happens where there is none."""
        with self._lock:
            self._held.pop(identifier)

    def all(self) -> tuple[Document, ...]:
        """All that are held, the newest last."""
        with self._lock:
            return tuple(document for _, document in self._held.items())


def read_within(path: str, folders: Sequence[Path], max_megabytes: int, cancel: threading.Event) -> Document:
    """Read a document that lies in one of some folders, wherever links and dots in its path lead.

    Args:
        path: absolute, or from one of the folders on.
        folders: absolute and without links.
        max_megabytes: larger documents are refused.
        cancel: set by another thread to stop reading.

    Raises:
        DocumentError: it lies elsewhere, there is none, or it cannot be read.
    """
    if not folders:
        raise DocumentError("No folder was given to this server; start it with --folder, or pass the text itself.")
    try:
        for folder in folders:
            found = (folder / path).resolve()  # of an absolute path the folder drops out
            if any(found.is_relative_to(root) for root in folders) and found.is_file():
                return read_document(found, max_megabytes, cancel=cancel)
    except (OSError, ValueError, RuntimeError) as error:
        raise DocumentError(f"{one_line(path, 80)!r} is not a file name.") from error
    raise DocumentError(f"{one_line(path, 80)!r}: there is no such file in the folders that this server was given.")
