"""The text of PDF files, by PDFium."""

import re
from statistics import median
from typing import Any

from assistant.documents.blocks import Extracted, TableBlock
from assistant.documents.pdf_joining import join_pages
from assistant.documents.pdf_layout import layout
from assistant.documents.pdf_ocr import Recogniser, is_installed
from assistant.documents.pdf_page import read_words
from assistant.documents.pdf_paragraphs import Paragraph
from assistant.documents.pdf_rows import Row, rows_of
from assistant.documents.pdf_turned import set_heads_upright
from assistant.documents.pdf_words import PageWords
from assistant.documents.progress import report
from assistant.errors import DocumentError

MOST_PAGES = 10_000
_PASSWORD = 4  # FPDF_ERR_PASSWORD
_EDGE_ROWS = 3  # at the top and at the bottom of a page that may be its running head or foot
_EDGE = 0.14  # of the page's height in which they stand
_NUMBER = re.compile(r"\d+")
_NUMBERS_NAMED = 20
_FEW_WORDS = 12  # beside a scan: a page's number, a stamp
_LARGE = 0.5  # of a page
_DRAWN_LETTERS = 200  # shapes: so many on a page without a word are letters


def extract(data: bytes, max_characters: int) -> Extracted:
    """The text of a PDF: columns in turn, tables row by row, fields beside their labels, notes at a page's end.

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
    pdf.init_forms()
    form = pdf.formenv.raw if pdf.formenv is not None else None
    heads = _RunningHeads()
    pages: list[list[Paragraph | TableBlock]] = []
    recogniser = Recogniser() if is_installed() else None
    pictures: list[int] = []
    recognised: list[int] = []
    length = 0
    for number in range(len(pdf)):
        page = pdf[number]
        found = read_words(page, form)
        if _is_picture(page, found):
            words = recogniser.words(page, found) if recogniser is not None else None
            (pictures if words is None else recognised).append(number + 1)
            found.words = words if words and len(words) > len(found.words) else found.words
        page.close()
        set_heads_upright(found)
        heads.take_out(number, found)
        pages.append(_blocks(found))
        length += sum(map(_size, pages[-1]))
        report(number + 1, len(pdf))
        if length > max_characters:
            break  # refused by its length, whatever follows
    if not any(pages):
        if recognised:
            raise DocumentError("this PDF holds pictures of pages, and no text was recognised on them.")
        raise DocumentError(f"this PDF holds pictures of pages and no text; {_how_to_read(recogniser is not None)}.")
    notices = []
    if recognised:
        which = "Page {} is a picture; its" if len(recognised) == 1 else "Pages {} are pictures; their"
        notices.append(f"{which.format(_named(recognised))} text was recognised and may hold errors.")
    if pictures:
        which = "Page {} is a picture and was" if len(pictures) == 1 else "Pages {} are pictures and were"
        notices.append(f"{which.format(_named(pictures))} not read; {_how_to_read(recogniser is not None)}.")
    return join_pages(pages, notices)


def _is_picture(page: Any, found: PageWords) -> bool:
    """Whether what a page says stands in a picture or in drawn letters: it has no words, or few and a large picture."""
    if not found.words:
        return found.pictures > 0 or found.paths > _DRAWN_LETTERS
    width, height = page.get_size()
    return len(found.words) <= _FEW_WORDS and found.picture_area > _LARGE * width * height


def _named(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:_NUMBERS_NAMED])) + (" …" if len(numbers) > _NUMBERS_NAMED else "")


def _how_to_read(is_tried: bool) -> str:
    if is_tried:
        return "run text recognition on the file first (ocrmypdf)"
    return 'install `pip install "terminal-assistant[ocr]"`, or run text recognition on the file first (ocrmypdf)'


def _blocks(page: PageWords) -> list[Paragraph | TableBlock]:
    found = layout(page.words, page.rules)
    for words in page.turned:
        found += layout(words, [])
    return found + [Paragraph((note,), 0.0) for note in page.notes]


def _size(block: Paragraph | TableBlock) -> int:
    if isinstance(block, Paragraph):
        return sum(map(len, block.lines))
    return sum(len(cell) for row in block.rows for cell in row)


class _RunningHeads:
    """Takes out the heads and feet that pages repeat, but for the first time."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], list[tuple[int, tuple[int, ...]]]] = {}

    def take_out(self, number: int, page: PageWords) -> None:
        """Take the repeated rows of a page out of its words; `number` counts pages from 0."""
        height = max(1.0, page.bottom - page.top)
        body = median([word.size for word in page.words] or [0.0])
        upper = [word for word in page.words if word.y - page.top < _EDGE * height]
        lower = [word for word in page.words if page.bottom - word.y < _EDGE * height]
        repeated: set[int] = set()
        for rows, reference in ((rows_of(upper)[:_EDGE_ROWS], page.top), (rows_of(lower)[-_EDGE_ROWS:], page.bottom)):
            for row in rows:
                # Large figures that count up are headings above ("Room 2"), and at the foot the number of the page.
                largest = body if reference == page.top else row.size
                if self._is_repeated(number, row, round(row.y - reference), largest):
                    repeated.update(map(id, row.words))
        if repeated:
            page.words = [word for word in page.words if id(word) not in repeated]

    def _is_repeated(self, number: int, row: Row, level: int, body: float) -> bool:
        text = _NUMBER.sub("#", row.text)
        figures = tuple(int(figure[:9]) for figure in _NUMBER.findall(row.text))
        found = False
        for near in (level - 1, level, level + 1):
            for page, before in self._seen.get((text, near), []):
                steps = {now - then for now, then in zip(figures, before, strict=True)}
                found |= steps <= ({0, number - page} if row.size < 1.1 * body else {0})  # "Room 2" is a heading
        places = self._seen.setdefault((text, level), [])
        if len(places) < 4:
            places.append((number, figures))
        else:
            places[-1] = (number, figures)
        return found
