"""What a pasted text is: a part of the question, a document to be asked about, or the path of a dropped file."""

import shlex
from enum import Enum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from assistant.routing.code_text import is_code
from assistant.text import one_line

_LINES = 8
_CHARACTERS = 600
_ALWAYS = 12_000  # longer than a question can be, whatever it is
_TITLE = 40


class PasteKind(Enum):
    """What is done with a pasted text."""

    QUESTION = "question"
    DOCUMENT = "document"


def kind(text: str) -> PasteKind:
    """Long prose is a document; short texts, code, tracebacks and logs are part of a question."""
    if len(text) > _ALWAYS:
        return PasteKind.DOCUMENT
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) <= _LINES and len(text) <= _CHARACTERS:
        return PasteKind.QUESTION
    return PasteKind.QUESTION if is_code(text) else PasteKind.DOCUMENT


def title(text: str) -> str:
    """A name for a pasted text: the beginning of its first line."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    line = one_line(first.strip().lstrip("#").strip(), 400)
    if len(line) <= _TITLE:
        return line or "pasted text"
    cut = line[:_TITLE].rsplit(" ", 1)[0]
    return (cut if len(cut) > _TITLE // 2 else line[:_TITLE]).rstrip(",;:.- ") + "…"


def unquoted(text: str) -> str | None:
    """A path as a shell would take it, without its quotes and escapes; None where it is none or several."""
    try:
        parts = shlex.split(text)
    except ValueError:
        return None
    return parts[0] if len(parts) == 1 else None


def dropped_file(text: str) -> Path | None:
    """The file whose path a terminal pastes when it is dropped there: perhaps quoted, escaped or a file URL."""
    line = text.strip()
    if not line or len(line) > 4096 or "\n" in line:
        return None
    if line.startswith("file://"):
        line = unquote(urlsplit(line).path)
    elif line[0] in "'\"" or "\\" in line:
        line = unquoted(line) or ""
    if not line.startswith(("/", "~/")):
        return None
    try:
        path = Path(line).expanduser()
        return path if path.is_file() else None
    except (OSError, ValueError):  # a name too long or with a NUL in it is no file
        return None
