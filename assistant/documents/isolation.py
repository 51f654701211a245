"""The text of PDF, DOCX and HTML files, taken out in a process of its own.

Such files come from anywhere, and the libraries that read them are large and partly written in C. In a process that
may use only so much time and memory, a file made to exhaust or crash its reader ends in an error message, and the
screen of the chat stays alive meanwhile.
"""

import contextlib
import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from assistant.documents.extras import missing
from assistant.documents.formats import Format
from assistant.errors import DocumentError

SECONDS = 120.0
MEMORY = 4_000_000_000
"""Bytes of address space, where the system can hold a process to them."""

_MODULES = {
    Format.HTML: "assistant.documents.html_text",
    Format.PDF: "assistant.documents.pdf_text",
    Format.DOCX: "assistant.documents.docx_text",
}


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a document, and the offsets at which its pages begin, if it has pages."""

    text: str
    pages: tuple[int, ...] = ()


def extract(name: str, form: Format, data: bytes, most_characters: int) -> Extracted:
    """Take the text out of a document.

    Args:
        name: what the document is called.
        form: what it is.
        data: its bytes; HTML as UTF-8.
        most_characters: a longer text is refused.

    Raises:
        DocumentError: the document is damaged, protected, without text or too large, or its library is missing.
    """
    # The child finds modules where this process does, and never in the folder that happens to be the current one.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-P", "-m", __name__, form.value, str(most_characters), str(MEMORY)]
    try:
        # What libraries complain of is not kept: a damaged file can make them say more than memory holds.
        done = subprocess.run(  # noqa: S603  (our own interpreter and module)
            command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=SECONDS, env=environment, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise DocumentError(
            f"{name}: reading this {form} file took more than {SECONDS:.0f} s and was given up; "
            "open the part you need, or convert it to text."
        ) from error
    except OSError as error:
        raise DocumentError(f"{name}: the process that reads {form} files cannot be started ({error}).") from error
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:  # it was ended by the system, or by its library
        raise DocumentError(
            f"{name}: reading this {form} file broke off: it is damaged or needs too much memory; "
            "open it in the program that made it and save it anew."
        ) from error
    if "missing" in answer:
        raise missing(name, form, ImportError(answer["missing"], name=answer["missing"]))
    if "refused" in answer:
        raise DocumentError(f"{name}: {answer['refused']}")
    if "failed" in answer:
        raise DocumentError(
            f"{name}: this {form} file is damaged or of an unusual kind; "
            "open it in the program that made it and save it anew, or convert it to text."
        ) from RuntimeError(answer["failed"])
    return Extracted(answer["text"], tuple(answer["pages"]))


def _answer(form: Format, data: bytes, most_characters: int) -> dict[str, object]:
    """What the child says, ready for JSON."""
    try:
        extracted: Extracted = importlib.import_module(_MODULES[form]).extract(data, most_characters)
    except ImportError as error:
        return {"missing": (error.name or str(error)).partition(".")[0]}
    except DocumentError as error:
        return {"refused": str(error)}
    except Exception as error:  # noqa: BLE001  (libraries fail on damaged files in every way)
        return {"failed": f"{type(error).__name__}: {error}"}
    if len(extracted.text) > most_characters:
        return {"refused": f"its text is longer than {most_characters:,} characters; open the part you need."}
    return {"text": extracted.text, "pages": extracted.pages}


def _main() -> None:
    form, most_characters, memory = Format(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with contextlib.suppress(ImportError, ValueError, OSError):  # not everywhere can a process be held to a size
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    data = sys.stdin.buffer.read()
    answer = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what a library prints must not get into the answer
    with answer:
        json.dump(_answer(form, data, most_characters), answer)


if __name__ == "__main__":
    _main()
