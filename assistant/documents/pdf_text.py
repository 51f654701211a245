"""The text of PDF files, by PDFium."""

import ctypes
import re
from collections.abc import Callable
from itertools import pairwise
from statistics import median_low
from typing import Any

from assistant.documents.isolation import Extracted
from assistant.errors import DocumentError

MOST_PAGES = 10_000
_PASSWORD = 4  # FPDF_ERR_PASSWORD
_LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st"}
)
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\uffff\ud800-\udfff]")
_BROKEN_WORD = re.compile(r"(\w+)\ufffe(\w+)")
# A line this many times further below the last one than lines usually are on the page begins a paragraph.
_PARAGRAPH_GAP = 1.35


def extract(data: bytes, most_characters: int) -> Extracted:
    """The text of a PDF, pages apart by a blank line, paragraphs too where the lines' distances tell them.

    Raises:
        DocumentError: it is protected, damaged, has too many pages or no text at all.
    """
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD:
            raise DocumentError("this PDF is protected by a password; save a copy without one first.") from error
        raise
    if len(pdf) > MOST_PAGES:
        raise DocumentError(f"this PDF has {len(pdf):,} pages, more than {MOST_PAGES:,}; open the part you need.")
    texts = []
    length = 0
    for number in range(len(pdf)):
        page = pdf[number]
        texts.append(_page_text(page.get_textpage()))
        page.close()
        length += len(texts[-1])
        if length > most_characters:
            break  # refused by its length, whatever follows
    if not any(text.strip() for text in texts):
        raise DocumentError("this PDF holds pictures of pages and no text; run text recognition first (ocrmypdf).")
    return _joined(_rejoin_words(texts))


def _page_text(page: Any) -> str:
    """The text of a page; a hyphen that breaks a word at a line's end is left as PDFium's mark U+FFFE."""
    import pypdfium2.raw as pdfium

    text: str = page.get_text_range()
    lines = text.split("\r\n")

    def baseline(at: int, char: str) -> float | None:
        # Where text and characters are out of step (code points above U+FFFF), nothing is known.
        if not char or pdfium.FPDFText_GetUnicode(page, at) != ord(char):
            return None
        x, y = ctypes.c_double(), ctypes.c_double()
        return y.value if pdfium.FPDFText_GetCharOrigin(page, at, x, y) else None

    return _NO_TEXT.sub("", _with_paragraphs(lines, baseline)).translate(_LIGATURES).strip()


def _with_paragraphs(lines: list[str], baseline: Callable[[int, str], float | None]) -> str:
    at = 0
    heights = []
    for line in lines:
        heights.append(baseline(at, line[:1]))
        at += len(line) + 2
    gaps = [upper - lower if upper is not None and lower is not None else None for upper, lower in pairwise(heights)]
    usual = median_low([gap for gap in gaps if gap is not None and gap > 0] or [0.0])
    parts = [lines[0].rstrip()]
    for line, gap in zip(lines[1:], gaps, strict=True):
        parts.append("\n\n" if gap is not None and gap > _PARAGRAPH_GAP * usual > 0 else "\n")
        parts.append(line.rstrip())
    return "".join(parts)


def _rejoin_words(texts: list[str]) -> list[str]:
    """Words broken at a line's end made whole; the hyphen stays where the word is written with it elsewhere."""
    whole = "\n".join(texts)
    if "\ufffe" not in whole:
        return texts
    hyphenated = set(re.findall(r"\w+-\w+", whole))

    def rejoined(match: re.Match[str]) -> str:
        left, right = match.groups()
        keep = f"{left}-{right}" in hyphenated or not (left[-1].islower() and right[0].islower())
        return f"{left}-{right}" if keep else left + right

    return [_BROKEN_WORD.sub(rejoined, text).replace("\ufffe", "-") for text in texts]


def _joined(texts: list[str]) -> Extracted:
    parts: list[str] = []
    pages = []
    length = 0
    for text in texts:
        if text and length:
            parts.append("\n\n")
            length += 2
        pages.append(length)
        parts.append(text)
        length += len(text)
    return Extracted("".join(parts), tuple(pages))
