"""Folders, patterns, addresses, kinds that are not read, progress and stopping."""

import io
import threading
import zipfile
from pathlib import Path

import pptx
import pytest

from assistant.documents import pptx_text, progress
from assistant.documents.formats import Format, sniff
from assistant.documents.open import decode_document, read_document, read_documents
from assistant.errors import DocumentError
from tests.assistant.documents.corpus import CASES
from tests.assistant.documents.samples import pdf


def test_a_folder_opens_what_it_can_and_says_what_not(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a.txt").write_text("the first")
    (tmp_path / "b" / "c.pdf").write_bytes(pdf([["the second"]]))
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le") + bytes(9))
    (tmp_path / ".hidden").write_text("no")
    said: list[str] = []
    documents = read_documents([str(tmp_path)], say=said.append)
    assert [(document.name, document.text) for document in documents] == [
        ("a.txt", "the first"), (str(Path("b") / "c.pdf"), "the second"),
    ]  # fmt: skip
    (line,) = said
    assert line.startswith("Not opened: old.xls") and "an Excel workbook of 1997" in line
    assert documents[1].evidence(0, 3).document == str(Path("b") / "c.pdf")


def test_a_pattern_opens_the_files_that_fit_it(tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt", "three.md"):
        (tmp_path / name).write_text(name)
    assert [document.name for document in read_documents([str(tmp_path / "*.txt")])] == ["one.txt", "two.txt"]
    (tmp_path / "[x].txt").write_text("a name that looks like a pattern")
    assert [document.name for document in read_documents([str(tmp_path / "[x].txt")])] == ["[x].txt"]


def test_what_opens_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    for source, said in (
        ("empty", "folder without files"),
        ("*.pdf", "no file fits"),
        ("bad", "no file in it can be opened"),
    ):
        with pytest.raises(DocumentError, match=said):
            read_documents([str(tmp_path / source)])


@pytest.mark.parametrize("source", ["https://example.org/a.html", "https:/example.org/a.html"])
def test_an_address_is_said_with_both_slashes_and_is_not_fetched(source: str) -> None:
    for read in (read_document, lambda given: read_documents([given])):
        with pytest.raises(DocumentError, match=r"https://example\.org/a\.html.*not fetched.*curl -L"):
            read(source)


def test_what_a_file_leaves_unread_is_said_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "plan.pdf").write_bytes(CASES["a-page-that-is-a-picture.pdf"]())
    said: list[str] = []
    read_documents([str(tmp_path / "plan.pdf")], say=said.append)
    assert said[0].startswith("plan.pdf: Page 2 is a picture")


def _ole(stream: str) -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100) + stream.encode("utf-16-le") + bytes(50)


def _archive(name: str) -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr(name, "x")
    return file.getvalue()


@pytest.mark.parametrize(
    "data, said",
    [
        (_ole("Workbook"), "Excel workbook of 1997"),
        (_ole("WordDocument"), "Word document of 1997"),
        (_ole("PowerPoint Document"), "PowerPoint presentation of 1997"),
        (_ole("EncryptedPackage"), "with a password"),
        (_archive("xl/workbook.bin"), "binary Excel workbook"),
        (_archive("Index/Document.iwa"), "Pages, Numbers or Keynote"),
        (_archive("a.txt"), "ZIP archive"),
        (b"\xff\xd8\xff\xe0" + bytes(9), "picture"),
        (b"\0\0\0\x20ftypmp42" + bytes(9), "film"),
        (b"SQLite format 3\0" + bytes(9), "SQLite database"),
        (bytes(60) + b"BOOKMOBI", "Kindle"),
    ],
)
def test_a_kind_that_is_not_read_is_named(data: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        decode_document("file", data)


def test_a_format_is_known_by_its_content_whatever_its_name() -> None:
    wanted = {".docx": Format.DOCX, ".xlsx": Format.XLSX, ".pptx": Format.PPTX, ".odt": Format.ODT, ".ods": Format.ODS,
              ".odp": Format.ODP, ".epub": Format.EPUB, ".rtf": Format.RTF, ".mbox": Format.EMAIL}  # fmt: skip
    files = {name: make for name, make in CASES.items() if Path(name).suffix in wanted}
    assert {Path(name).suffix for name in files} == set(wanted)
    for name, make in files.items():
        assert sniff("download", make()) is wanted[Path(name).suffix], name


def test_a_presentation_that_holds_a_workbook_is_a_presentation() -> None:
    assert sniff("x", CASES["slide-with-a-chart.pptx"]()) is Format.PPTX


def test_a_text_that_begins_like_a_letter_is_text() -> None:
    assert sniff("notes.txt", b"To: the board\n\nWe met on Monday.\n") is Format.TEXT


def test_reading_tells_how_far_it_has_come_and_can_be_stopped() -> None:
    told: list[tuple[int, int]] = []
    data = pdf([["a page"]] * 400)
    decode_document("long.pdf", data, on_progress=lambda done, total: told.append((done, total)))
    assert told and all(0 < done <= total == 400 for done, total in told)
    stop = threading.Event()
    stop.set()
    with pytest.raises(DocumentError, match="stopped"):
        decode_document("long.pdf", data, cancel=stop)


def test_a_crowded_slide_tells_how_far_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    for at in range(60):
        box = slide.shapes.add_textbox(at * 1_000_000, 0, 900_000, 400_000)
        box.text_frame.text = f"Box {at}"
    file = io.BytesIO()
    presentation.save(file)
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN", 0.0)
    progress.listen(lambda done, total: told.append((done, total)))
    try:
        text = pptx_text.extract(file.getvalue(), 1_000_000).text
    finally:
        progress.listen(None)
    assert text.split("\n\n") == [f"Box {at}" for at in range(60)]
    assert len(told) >= 60
    assert told[-1][0] == 60
