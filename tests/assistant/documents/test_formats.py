"""Opening PDF, DOCX and HTML files: what text comes out of them, and what is refused."""

import io
import re
import sys
import zipfile
from pathlib import Path

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from assistant.documents import archives
from assistant.documents import isolation as extraction
from assistant.documents.formats import Format, sniff
from assistant.documents.open import decode_document, read_document
from assistant.errors import DocumentError
from tests.assistant.documents.samples import pdf, protected_pdf, with_declared_size, with_part, word_file


def refused(name: str, data: bytes, said: str) -> DocumentError:
    with pytest.raises(DocumentError, match=said) as caught:
        decode_document(name, data)
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)
    return caught.value


# --- PDF


def test_a_pdf_gives_its_text_with_paragraphs_and_pages() -> None:
    data = pdf([["The light at Corran was", "lit in 1872.", "", "A second paragraph."], [], ["Page three."]])
    document = decode_document("report.pdf", data)
    assert document.text == "The light at Corran was\nlit in 1872.\n\nA second paragraph.\n\nPage three."
    assert [document.page(document.text.index(words)) for words in ("The", "second", "Page")] == [1, 1, 3]
    assert document.page(len(document.text) - 1) == 3


def test_words_broken_at_a_lines_end_are_whole() -> None:
    data = pdf([["It was in-", "credible, this well-", "known keeper.", "All agree: well-known."]])
    assert "incredible, this well-known keeper" in decode_document("a.pdf", data).text


def test_the_page_reaches_the_evidence() -> None:
    document = decode_document("a.pdf", pdf([["one"], ["two"], ["three"]]))
    at = document.text.index("two")
    evidence = document.evidence(at, at + 3, 0.5)
    assert (evidence.text, evidence.page, evidence.score, evidence.document) == ("two", 2, 0.5, "a.pdf")


def test_a_pdf_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "download"
    path.write_bytes(pdf([["hello"]]))
    assert read_document(path).text == "hello"


def test_a_pdf_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pdf([["piped"]]))))
    document = read_document("-")
    assert (document.name, document.text, document.pages) == ("standard input", "piped", (0,))


def test_a_pdf_that_cannot_be_read_is_refused() -> None:
    refused("a.pdf", pdf([[], []]), "pictures of pages")
    refused("a.pdf", protected_pdf(), "protected by a password")
    error = refused("a.pdf", pdf([["hello"]])[:150], "damaged")
    assert error.exit_code == 2


def test_a_text_that_speaks_of_pdf_is_text() -> None:
    assert decode_document("notes.txt", b"Files begin with %PDF-1.4.").text.startswith("Files")


# --- DOCX


def test_a_word_file_gives_headings_lists_and_tables() -> None:
    word = docx.Document()
    word.add_heading("Report", 0)
    word.add_heading("Costs", 2)
    word.add_paragraph("All in euros.")
    word.add_paragraph("first", style="List Bullet")
    word.add_paragraph("second", style="List Number")
    table = word.add_table(2, 2)
    for cell, text in zip(table._cells, ("Year", "Sum", "1872", "40"), strict=True):
        cell.text = text
    word.add_paragraph("The end.")
    document = decode_document("report.docx", word_file(word))
    assert document.text == (
        "# Report\n\n## Costs\n\nAll in euros.\n\n- first\n1. second\n\nYear | Sum\n1872 | 40\n\nThe end."
    )
    assert document.pages == ()


def test_deleted_and_hidden_text_of_a_word_file_is_left_out() -> None:
    word = docx.Document()
    paragraph = word.add_paragraph("kept ")
    paragraph.add_run("hidden").font.hidden = True
    deleted = OxmlElement("w:del")
    deleted.append(word.add_paragraph().add_run("deleted")._r)
    paragraph._p.append(deleted)
    inserted = OxmlElement("w:ins")
    inserted.append(word.add_paragraph().add_run("inserted")._r)
    paragraph._p.append(inserted)
    assert decode_document("a.docx", word_file(word)).text == "kept inserted"


def test_text_in_content_controls_is_read() -> None:
    word = docx.Document()
    control, content = OxmlElement("w:sdt"), OxmlElement("w:sdtContent")
    content.append(word.add_paragraph("in a control")._p)
    control.append(content)
    word.element.body.insert(0, control)
    assert decode_document("a.docx", word_file(word)).text == "in a control"


@pytest.mark.parametrize("level", ["²", "-1", "999999999", "1.5", ""])
def test_a_level_of_a_docx_that_word_does_not_have_is_none(level: str) -> None:
    word = docx.Document()
    for name, style in (("outlineLvl", "Normal"), ("ilvl", "List Bullet")):
        paragraph = word.add_paragraph(f"of {name}", style)
        element = OxmlElement(f"w:{name}")
        element.set(qn("w:val"), level)
        properties = paragraph._p.get_or_add_pPr()
        (properties.get_or_add_numPr() if name == "ilvl" else properties).append(element)
    assert decode_document("a.docx", word_file(word)).text == "of outlineLvl\n\n- of ilvl"


@pytest.mark.parametrize(
    "content", [b"<a/>", b'<w:body xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/x"/>']
)
def test_a_docx_that_holds_something_else_holds_no_text(content: bytes) -> None:
    refused("a.docx", with_part(word_file(docx.Document()), "word/document.xml", content), "no text")


def test_a_word_file_that_unpacks_to_too_much_is_refused() -> None:
    bomb = with_declared_size(word_file(docx.Document()), "word/document.xml", archives.MOST_UNPACKED)
    refused("bomb.docx", bomb, "unpacks to more than 200 MB")


def test_a_word_file_that_lies_about_its_size_is_refused() -> None:
    bomb = with_part(word_file(docx.Document()), "word/document.xml", b"<a>" + b" " * 9_000_000)
    refused("liar.docx", with_declared_size(bomb, "word/document.xml", 1000), "damaged")


def test_entities_of_a_word_file_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET")
    word = docx.Document()
    word.add_paragraph("MARK")
    with zipfile.ZipFile(io.BytesIO(word_file(word))) as archive:
        xml = archive.read("word/document.xml").decode()
    xml = re.sub(r"(<\?xml.*?\?>)", rf'\1<!DOCTYPE d [<!ENTITY x SYSTEM "{secret.as_uri()}">]>', xml)
    data = with_part(word_file(word), "word/document.xml", xml.replace("MARK", "seen &x;").encode())
    try:
        assert "SECRET" not in decode_document("a.docx", data).text
    except DocumentError as error:
        assert "SECRET" not in str(error)


def test_a_word_file_that_cannot_be_read_is_refused() -> None:
    refused("a.docx", word_file(docx.Document()), "no text")
    refused("a.docx", word_file(docx.Document())[:400], "damaged")
    refused("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Office program")
    refused("a.zip", b"PK\x03\x04" + bytes(600), "ZIP archive")


# --- HTML

PAGE = """<!DOCTYPE html><html><head><title>Lights &amp; towers</title><style>p{color:red}</style>
<script>document.write("scripted")</script></head>
<body><nav><a href="/">menu</a></nav><div role="search">find</div>
<h2>The <em>light</em></h2><p>Built in
 1872.<br>Lit  at dusk.<!-- comment --><p hidden>hidden one<p>Second &eacute;.
<div style="color:red; display : none">hidden two</div><script>var tail</script>
Loose text<span hidden>hidden three</span> goes on.
<ul><li>one<li><p>two</p><p>more</p><ol><li>inner<li>last</ol></ul>
<table><caption>Costs</caption><tr><th>Year<th>Sum<tr><td><p>1872</p><td>40<tr><td></table>
<pre>
def f():
    # comment
    return 1
</pre><noscript>no script</noscript><template>template</template><button>press</button></body></html>"""


def test_a_web_page_gives_what_a_reader_sees() -> None:
    assert decode_document("page.html", PAGE.encode()).text == (
        "# Lights & towers\n\n## The light\n\nBuilt in 1872.\nLit at dusk.\n\nSecond é.\n\nLoose text goes on.\n\n"
        "- one\n- two\n  more\n  1. inner\n  2. last\n\nCosts\n\nYear | Sum\n1872 | 40\n\n"
        "```\ndef f():\n    # comment\n    return 1\n```"
    )


def test_a_page_laid_out_by_a_table_keeps_its_paragraphs() -> None:
    page = "<html><table><tr><td>menu<td><table><tr><td><p>One.<p>Two.</table></table>"
    assert decode_document("a.html", page.encode()).text == "menu\n\nOne.\n\nTwo."


def test_a_page_is_known_by_its_content_but_source_and_markdown_stay_as_they_are() -> None:
    page = b"\n<!-- saved --><!doctype HTML>\n<html><body><p>text"
    assert decode_document("standard input", page).text == "text"
    assert decode_document("x", "<html><p>é".encode("utf-16")).text == "é"
    for name in ("template.php", "README.md", "view.vue"):
        assert decode_document(name, page).text == page.decode()


def test_the_encoding_that_a_page_declares_is_believed() -> None:
    document = decode_document("a.html", '<html><meta charset="iso-8859-2"><p>Žluť'.encode("iso-8859-2"))
    assert (document.text, document.encoding) == ("Žluť", "iso8859-2")
    document = decode_document("a.html", '<html><meta charset="utf-16"><p>é'.encode())
    assert (document.text, document.encoding) == ("é", "utf-8")


def test_a_page_nested_deep_is_read_or_refused_in_a_line() -> None:
    assert decode_document("a.html", b"<html>" + b"<div>" * 1000 + b"deep").text == "deep"
    refused("a.html", b"<html>" + b"<div>" * 100_000 + b"deep", "nested too deep")


def test_a_page_that_only_a_script_fills_is_refused() -> None:
    refused("a.html", b"<html><body><div id=app></div><script>go()</script>", "shows no text")


# --- the process that reads


def test_a_reader_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "SECONDS", 0.001)
    refused("slow.pdf", pdf([["x"]]), "took more than")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to a size")
def test_a_reader_that_takes_too_much_memory_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "MEMORY", 60_000_000)
    refused("big.html", b"<html><p>" + b"<b>word</b> " * 500_000, "damaged|too much memory")


def test_a_text_longer_than_the_limit_is_refused() -> None:
    with pytest.raises(DocumentError, match="longer than 1,000 characters"):
        extraction.extract("a.pdf", Format.PDF, pdf([["word " * 20] * 50] * 3), 1000)


@pytest.mark.parametrize(
    "name, data, library",
    [("a.pdf", pdf([["x"]]), "pypdfium2"), ("a.html", b"<html><p>x", "lxml"), ("a.docx", b"", "docx")],
)
def test_a_missing_library_names_the_extra(
    name: str, data: bytes, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{library}.py").write_text(f"raise ModuleNotFoundError('gone', name={library!r})")
    monkeypatch.syspath_prepend(tmp_path)
    if not data:
        data = word_file(docx.Document())
    error = refused(name, data, re.escape('pip install "terminal-assistant[documents]"'))
    assert library in str(error)


def test_no_module_is_taken_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pypdfium2.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    assert decode_document("a.pdf", pdf([["safe"]])).text == "safe"


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.py", "notes", "a.rs"])
def test_plain_text_is_text_whatever_its_name(name: str) -> None:
    assert sniff(name, b"# heading\n") is Format.TEXT


def test_soft_hyphens_of_pages_are_no_part_of_their_words() -> None:
    page = b"<html><body><p>Sau&shy;na and H&#173;otel</p><label>Name</label><label>Town</label></body></html>"
    assert decode_document("page.html", page).text == "Sauna and Hotel\n\nName Town"
