"""What kind of document some bytes are: by their content first, then by the ending of the name."""

import re
from enum import StrEnum
from pathlib import PurePath

from assistant.errors import DocumentError


class Format(StrEnum):
    """A kind of document that can be opened. Plain text, Markdown and source files are all `TEXT`."""

    TEXT = "text"
    HTML = "HTML"
    PDF = "PDF"
    DOCX = "DOCX"


FORMATS = "text, Markdown, source, HTML, PDF or DOCX"
"""The formats as the help of options names them."""

MARKDOWN = frozenset({".md", ".markdown", ".mdx", ".qmd", ".rmd"})

LANGUAGES = {
    suffix: language
    for language, suffixes in {
        "c": ".c .h",
        "cobol": ".cbl .cob",
        "cpp": ".cc .cpp .cxx .hh .hpp .hxx",
        "csharp": ".cs",
        "elixir": ".ex .exs",
        "go": ".go",
        "haskell": ".hs",
        "java": ".java",
        "js": ".cjs .js .jsx .mjs .svelte .vue",
        "kotlin": ".kt .kts",
        "latex": ".latex .tex",
        "lua": ".lua",
        "php": ".php",
        "powershell": ".ps1 .psm1",
        "proto": ".proto",
        "python": ".py .pyi",
        "rst": ".rst",
        "ruby": ".rb",
        "rust": ".rs",
        "scala": ".scala",
        "sol": ".sol",
        "swift": ".swift",
        "ts": ".mts .ts .tsx",
    }.items()
    for suffix in suffixes.split()
}
"""Endings of source files, with the name that langchain-text-splitters has for the language."""

_HTML_SUFFIXES = frozenset({".htm", ".html", ".xhtml"})
# The comments are atomic: else each could end at any later one's end, and there are too many ways to try.
_HTML = re.compile(rb"\s*(<\?xml[^>]*>\s*)?(?><!--.*?-->\s*)*<(!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL)
_CHARSET = re.compile(
    rb"<meta[^>]+charset\s*=\s*[\"']?([\w.:-]+)|<\?xml[^>]+encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE
)
_BYTE_ORDER_MARKS = b"\xef\xbb\xbf\xfe\xff"
_ELSEWHERE = (
    (b"PK\x03\x04", "a ZIP archive or a document of another program; save it as DOCX, PDF or text first"),
    (b"\xd0\xcf\x11\xe0", "a Word file of the old kind, or one with a password; save it as DOCX without one first"),
    (b"{\\rtf", "an RTF file; save it as DOCX or text first"),
)


def suffix(name: str) -> str:
    """The ending of a document's name, in lower case."""
    return PurePath(name).suffix.lower()


def sniff(name: str, data: bytes) -> Format:
    """The format of a document.

    Source files and Markdown stay text even where they begin like a web page.

    Raises:
        DocumentError: the document is of a known kind that cannot be opened.
    """
    head = data[:4096].replace(b"\0", b"").lstrip(_BYTE_ORDER_MARKS)  # UTF-16 begins like its ASCII letters
    ending = suffix(name)
    if head.lstrip().startswith(b"%PDF-") or (ending == ".pdf" and b"%PDF-" in data[:1024]):
        return Format.PDF
    if data.startswith(b"PK\x03\x04") and (b"word/document" in data or ending == ".docx"):
        return Format.DOCX
    for beginning, what in _ELSEWHERE:
        if data.startswith(beginning):
            raise DocumentError(f"{name}: this is {what}.")
    if ending in LANGUAGES or ending in MARKDOWN:
        return Format.TEXT
    if _HTML.match(head) or ending in _HTML_SUFFIXES:
        return Format.HTML
    return Format.TEXT


def declared_encoding(page: bytes) -> str | None:
    """The encoding that a web page says it is in."""
    match = _CHARSET.search(page[:4096])
    return (match[1] or match[2]).decode("ascii", "replace") if match else None
