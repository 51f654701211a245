"""What a pasted text is: a part of the question, a document to be asked about, or the path of a dropped file."""

import re
import shlex
from enum import Enum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from assistant.text import one_line

_LINES = 8
_CHARACTERS = 600
_ALWAYS = 12_000  # longer than a question can be, whatever it is
_CODE_SHARE = 0.4
_TITLE = 40

_CODE = re.compile(
    r"""
    ^\s*(def|class|import|from\s+\S+\s+import|return|if\b.*:$|elif\b.*:$|else:|for\b.*:$|while\b.*:$|try:|except\b.*:$|with\b.*:$
        |async\s|await\s|raise\b|assert\b|@\w|print\(|function\b|const\s|let\s|var\s|public\s|private\s|static\s
        |void\s|int\s+\w+|fn\s
        |impl\b|use\s.+;|struct\b|enum\b|package\s|func\s|\#include|\#define|\#!|SELECT\s|INSERT\s|UPDATE\s|CREATE\s|FROM\s|WHERE\s)
    | [{};]\s*$ | ^\s*[}\])]+[,;)]*\s*$ | ^\s*(//|/\*|\*/|\#\s) | ^\s*</?\w[^>]*>\s*$
    | ^\s*[\w.\[\]"']+\s*(=|\+=|:=|=>)\s*\S | ^\s*[\w.]+\(.*\)\s*:?$ | ^\s*"[^"]+"\s*:\s
    | ^\s*(\$|>>>|\.\.\.|PS>|In\s\[\d+\]:)\s | ^\s*[+-]\s{2,}\S | ^@@\s
    """,
    re.VERBOSE,
)
_TRACE = re.compile(
    r"""
    Traceback\s\(most\srecent\scall\slast\) | ^\s+File\s".+",\sline\s\d+ | ^\s+at\s[\w$.<>]+\(.*\)
    | ^\w*(Error|Exception|Warning):\s
    | ^panic:\s | ^thread\s'.+'\spanicked | ^error(\[E\d+\])?:\s | ^\S+:\d+:\d+:\s(error|warning)
    | ^\[?\d{4}-\d\d-\d\d[T\s]\d\d:\d\d.*\b(DEBUG|INFO|WARN|WARNING|ERROR|FATAL)\b
    """,
    re.VERBOSE | re.MULTILINE,
)


class Kind(Enum):
    """What is done with a pasted text."""

    QUESTION = "question"
    DOCUMENT = "document"


def kind(text: str) -> Kind:
    """Long prose is a document; short texts, code, tracebacks and logs are part of a question."""
    if len(text) > _ALWAYS:
        return Kind.DOCUMENT
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) <= _LINES and len(text) <= _CHARACTERS:
        return Kind.QUESTION
    return Kind.QUESTION if _is_code(lines, text) else Kind.DOCUMENT


def _is_code(lines: list[str], text: str) -> bool:
    if "```" in text or len(_TRACE.findall(text)) >= 2 or "Traceback (most recent call last)" in text:
        return True
    code = sum(1 for line in lines if _CODE.search(line) and len(line) < 200)
    indented = sum(1 for line in lines if line.startswith(("    ", "\t")) and not line.rstrip().endswith("."))
    return (code + indented / 2) / len(lines) >= _CODE_SHARE


def title(text: str) -> str:
    """A name for a pasted text: the beginning of its first line."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    line = one_line(first.strip().lstrip("#").strip(), 400)
    if len(line) <= _TITLE:
        return line or "pasted text"
    cut = line[:_TITLE].rsplit(" ", 1)[0]
    return (cut if len(cut) > _TITLE // 2 else line[:_TITLE]).rstrip(",;:.- ") + "…"


def dropped_file(text: str) -> Path | None:
    """The file whose path a terminal pastes when it is dropped there: perhaps quoted, escaped or a file URL."""
    line = text.strip()
    if not line or len(line) > 4096 or "\n" in line:
        return None
    if line.startswith("file://"):
        line = unquote(urlsplit(line).path)
    elif line[0] in "'\"" or "\\" in line:
        try:
            parts = shlex.split(line)
        except ValueError:
            return None
        if len(parts) != 1:
            return None
        line = parts[0]
    if not line.startswith(("/", "~/")):
        return None
    try:
        path = Path(line).expanduser()
        return path if path.is_file() else None
    except (OSError, ValueError):  # a name too long or with a NUL in it is no file
        return None
