"""The text of documents in binary and marked-up formats, taken out in a process of its own.

Such files come from anywhere, and the libraries that read them are large and partly written in C. In a process that
may use only so much time and memory, a file made to exhaust or crash its reader ends in an error message, and the
screen of the chat stays alive meanwhile.
"""

import contextlib
import importlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from assistant.documents import progress
from assistant.documents.blocks import Extracted
from assistant.documents.extras import missing
from assistant.documents.formats import Format
from assistant.errors import DocumentError
from assistant.layout import Cell, Place, Table

SECONDS = 120.0
MEMORY = 4_000_000_000
"""Bytes of address space, where the system can hold a process to them."""

_MODULES = {
    Format.HTML: "assistant.documents.html_text",
    Format.PDF: "assistant.documents.pdf_text",
    Format.DOCX: "assistant.documents.docx_text",
    Format.XLSX: "assistant.documents.xlsx_text",
    Format.PPTX: "assistant.documents.pptx_text",
    Format.ODS: "assistant.documents.odf_text",
    Format.ODT: "assistant.documents.odf_text",
    Format.ODP: "assistant.documents.odf_text",
    Format.EPUB: "assistant.documents.epub_text",
    Format.RTF: "assistant.documents.rtf_text",
    Format.EMAIL: "assistant.documents.email_text",
    Format.NOTEBOOK: "assistant.documents.notebook_text",
}


def extract(
    name: str,
    form: Format,
    data: bytes,
    max_characters: int,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
) -> Extracted:
    """Take the text out of a document.

    Args:
        name: what the document is called.
        form: what it is.
        data: its bytes; those of `formats.MARKUP` as UTF-8.
        max_characters: a longer text is refused.
        on_progress: told how many pages, rows or messages of how many are read, a few times a second.
        cancel: set by another thread to stop reading.

    Raises:
        DocumentError: the document is damaged, protected, without text or too large, its library is missing, or
            reading was stopped.
    """
    line = _run(name, form, data, max_characters, on_progress, cancel)
    try:
        answer: dict[str, Any] = json.loads(line)
    except ValueError as error:  # it was ended by the system, or by its library
        raise DocumentError(
            f"{name}: reading this {form} broke off: it is damaged or needs too much memory; "
            "open it in the program that made it and save it anew."
        ) from error
    if "missing" in answer:
        raise missing(name, f"this {form}", ImportError(answer["missing"], name=answer["missing"]))
    if "refused" in answer:
        raise DocumentError(f"{name}: {answer['refused']}")
    if "failed" in answer:
        raise DocumentError(
            f"{name}: this {form} is damaged or of an unusual kind; "
            "open it in the program that made it and save it anew, or convert it to text."
        ) from RuntimeError(answer["failed"])
    return Extracted(
        answer["text"],
        tuple(answer["pages"]),
        tuple(_unpacked(*table) for table in answer["tables"]),
        tuple(Place(start, label) for start, label in answer["places"]),
        tuple(answer["notices"]),
    )


def _run(
    name: str,
    form: Format,
    data: bytes,
    max_characters: int,
    on_progress: Callable[[int, int], None] | None,
    cancel: threading.Event | None,
) -> bytes:
    """The last line that the reading process wrote; the others are its progress."""
    # The child finds modules where this process does, and never in the folder that happens to be the current one.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-P", "-m", __name__, form.value, str(max_characters), str(MEMORY)]
    deadline = time.monotonic() + SECONDS
    try:
        # What libraries complain of is not kept: a damaged file can make them say more than memory holds.
        child = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
    except OSError as error:
        raise DocumentError(f"{name}: the process that reads {form}s cannot be started ({error}).") from error
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threads = [
        threading.Thread(target=_feed, args=(child, data)),
        threading.Thread(target=_listen, args=(child, lines)),
    ]
    for thread in threads:
        thread.start()
    last = b""
    try:
        while True:
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=0.1)
                if line is None:
                    return last
                last = line
                if on_progress is not None and line.startswith(b"[") and line.endswith(b"]\n"):
                    on_progress(*json.loads(line))
            if cancel is not None and cancel.is_set():
                raise DocumentError(f"{name}: reading was stopped.")
            if time.monotonic() > deadline:
                raise DocumentError(
                    f"{name}: reading this {form} took more than {SECONDS:.0f} s and was given up; "
                    "open the part you need, or convert it to text."
                )
    finally:
        child.kill()
        child.wait()
        for thread in threads:
            thread.join()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _feed(child: "subprocess.Popen[bytes]", data: bytes) -> None:
    assert child.stdin is not None  # noqa: S101  (opened as a pipe)
    with contextlib.suppress(OSError):  # it may have ended before it read everything
        child.stdin.write(data)
        child.stdin.close()


def _listen(child: "subprocess.Popen[bytes]", lines: "queue.SimpleQueue[bytes | None]") -> None:
    assert child.stdout is not None  # noqa: S101
    for line in child.stdout:
        lines.put(line)
    lines.put(None)


def _packed(table: Table) -> list[object]:
    """A table ready for JSON: of its cells only the offsets, as rows and columns follow from the width."""
    offsets = [offset for cell in table.cells for offset in (cell.start, cell.end)]
    names = (table.header_rows, table.name, table.sheet, table.first_row, table.first_column)
    return [table.start, table.end, table.width, offsets, *names]


def _unpacked(start: int, end: int, width: int, offsets: list[int], *names: Any) -> Table:
    pairs = zip(offsets[::2], offsets[1::2], strict=True)
    cells = tuple(Cell(*divmod(at, width), begin, stop) for at, (begin, stop) in enumerate(pairs))
    return Table(start, end, cells, *names)


def _answer(form: Format, data: bytes, max_characters: int) -> dict[str, object]:
    """What the child says, ready for JSON."""
    try:
        extracted: Extracted = importlib.import_module(_MODULES[form]).extract(data, max_characters)
    except ImportError as error:
        return {"missing": (error.name or str(error)).partition(".")[0]}
    except DocumentError as error:
        return {"refused": str(error)}
    except Exception as error:  # noqa: BLE001  (libraries fail on damaged files in every way)
        return {"failed": f"{type(error).__name__}: {error}"}
    if len(extracted.text) > max_characters:
        return {"refused": f"its text is longer than {max_characters:,} characters; open the part you need."}
    return {
        "text": extracted.text,
        "pages": extracted.pages,
        "tables": [_packed(table) for table in extracted.tables],
        "places": [(place.start, place.label) for place in extracted.places],
        "notices": extracted.notices,
    }


def _main() -> None:
    form, max_characters, memory = Format(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with contextlib.suppress(ImportError, ValueError, OSError):  # not everywhere can a process be held to a size
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    data = sys.stdin.buffer.read()
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what a library prints must not get into the answer

    def tell(done: int, total: int) -> None:
        print(json.dumps([done, total]), file=out, flush=True)

    progress.listen(tell)
    with out:
        json.dump(_answer(form, data, max_characters), out)


if __name__ == "__main__":
    _main()
