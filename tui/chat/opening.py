"""Opening what /open names: a file, a folder or a pattern, as --document does, and what there is to say of it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.text import counted, one_line
from assistant.types import Document
from tui.chat.pasting import unquoted


@dataclass(frozen=True, slots=True)
class Opened:
    """The documents that opened, and a line for each file that did not and for what of a document was not read."""

    documents: Sequence[Document]
    lines: Sequence[str] = ()

    def __str__(self) -> str:
        """What opened, on one line; with it what there is to say, where that is but one thing."""
        words = counted(sum(document.words for document in self.documents), "word")
        said = f" · {one_line(self.lines[0], 160)}" if len(self.lines) == 1 else ""
        if len(self.documents) > 1:
            return f"Opened {counted(len(self.documents), 'document')} · {words}{said}"
        [document] = self.documents
        pages = f" · {counted(len(document.pages), 'page')}" if document.pages else ""
        encoding = f" · read as {document.encoding}" if document.encoding != "utf-8" else ""
        name = one_line(document.name, 50)
        return f"Opened {name} · {words}{pages}{encoding}{said.replace(f' · {name}: ', ' · ', 1)}"


def named_source(argument: str) -> str:
    """The file, folder or pattern that an argument of /open names: as it stands where that is there, else unquoted."""
    argument = argument.strip()
    try:
        if Path(argument).expanduser().exists():
            return argument
    except (OSError, ValueError, RuntimeError):
        return argument  # whoever opens it says what is wrong
    return unquoted(argument) or argument


def read_source(
    source: str,
    max_megabytes: int,
    on_progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
) -> Opened:
    """Read a file, all files of a folder, or those that a pattern fits.

    Args:
        source: what is opened.
        max_megabytes: larger documents are refused.
        on_progress: told how many pages, rows or messages of how many are read.
        cancel: set by another thread to stop reading.

    Raises:
        DocumentError: the file cannot be opened, or none of them; with the first reason.
    """
    from assistant.documents.open import read_documents
    from assistant.errors import DocumentError

    lines: list[str] = []
    try:
        documents = read_documents([source], max_megabytes, say=lines.append, on_progress=on_progress, cancel=cancel)
    except DocumentError as error:
        if not lines:
            raise
        raise DocumentError(f"{one_line(source, 80)}: {counted(len(lines), 'file')}, none opens. {lines[0]}") from error
    return Opened(documents, lines)
