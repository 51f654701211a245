"""Pages that are pictures: read with the extra `[ocr]`, and named where they are not."""

import io
import threading
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from assistant.documents import pdf_ocr
from assistant.documents.open import decode_document
from assistant.documents.pdf_words import PageWords
from assistant.errors import DocumentError


def scanned(*pages: list[str], foot: str = "", typed: str = "") -> bytes:
    """A PDF of a typed page, if any, and of pages that are pictures of their lines."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595, 842))
    if typed:
        canvas.drawString(72, 760, typed)
        canvas.showPage()
    for lines in pages:
        picture = Image.new("L", (1240, 1754), 255)
        draw = ImageDraw.Draw(picture)
        for at, line in enumerate(lines):
            draw.text((140, 180 + 60 * at), line, fill=0, font_size=34)
        canvas.drawImage(ImageReader(picture), 0, 0, 595, 842)
        if foot:
            canvas.drawString(290, 30, foot)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@pytest.fixture
def without_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library without its models in place of the installed one."""
    (tmp_path / "rapidocr").mkdir()
    (tmp_path / "rapidocr" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))


BELLS = ["The tenor bell was cast by John Warner", "and paid for by the miller Anselm Brandt."]


@pytest.mark.slow
def test_pages_that_are_pictures_are_recognised_and_named() -> None:
    pytest.importorskip("rapidocr")
    document = decode_document("bells.pdf", scanned(BELLS, foot="7", typed="Minutes of the ringers."))
    assert "Minutes of the ringers." in document.text
    assert "The tenor bell was cast by John Warner\nand paid for by the miller Anselm Brandt." in document.text
    assert document.text[document.pages[1] :].startswith("The tenor bell")
    assert document.notices == ("Page 2 is a picture; its text was recognised and may hold errors.",)


@pytest.mark.usefixtures("without_extra")
def test_without_the_extra_a_picture_is_named_with_what_to_install() -> None:
    document = decode_document("bells.pdf", scanned(BELLS, typed="Minutes of the ringers."))
    assert "tenor" not in document.text
    assert document.notices[0].startswith("Page 2 is a picture and was not read; install `pip install")
    assert "[ocr]" in document.notices[0]


@pytest.mark.usefixtures("without_extra")
def test_a_scan_with_a_number_at_its_foot_is_still_a_picture() -> None:
    assert "Page 1 is a picture" in decode_document("bells.pdf", scanned(BELLS, foot="page 7")).notices[0]


@pytest.mark.usefixtures("without_extra")
def test_a_file_of_pictures_alone_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"pictures of pages and no text; install .*\[ocr\]"):
        decode_document("bells.pdf", scanned(BELLS))


@pytest.mark.slow
def test_reading_pictures_can_be_stopped() -> None:
    pytest.importorskip("rapidocr")
    stop = threading.Event()
    timer = threading.Timer(1.0, stop.set)
    timer.start()
    with pytest.raises(DocumentError, match="was stopped"):
        decode_document("bells.pdf", scanned(*[BELLS] * 30), cancel=stop)
    timer.join()


def test_no_page_is_begun_when_the_time_for_recognition_is_up() -> None:
    recogniser = pdf_ocr.Recogniser()
    recogniser._engine = lambda picture: pytest.fail("a page was begun")
    assert recogniser.words(None, PageWords()) is None
