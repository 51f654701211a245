"""Coverage-guided fuzzing of what reads files from anywhere: document loaders, files of questions, settings, cards.

    pip install atheris
    python -m benchmarks.fuzz TARGET [--seconds 120] [--corpus FOLDER]

Targets: text, tables (of a text), html, docx (a file), docx-text (what stands in it), pdf, xlsx, ods, odt, pptx, epub
(what stands in such archives), rtf, mail, notebook, jsonl, csv, squad, settings, card. A reader
may refuse an input by an error of its own kind; anything else it raises, or many seconds for a small input, is a
finding, which the fuzzer keeps as a file in the current folder. DOCX and PDF are read in a process of their own in the
product: here they are read in this one, and what their libraries raise is no finding, but what our own code raises is.
"""

import argparse
import io
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path

SECONDS_AN_INPUT = 20
LARGEST = 4096  # bytes, or those of the largest seed

MOST_CHARACTERS = 100_000

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_WORD_ELEMENTS = (
    "body", "p", "r", "t", "tbl", "tr", "tc", "pPr", "rPr", "pStyle", "numPr", "ilvl", "outlineLvl", "sdt",
    "sdtContent", "txbxContent", "del", "moveFrom", "br", "tab", "vanish", "noBreakHyphen", "instrText", "unknown",
)  # fmt: skip

SEEDS: dict[str, tuple[bytes, ...]] = {
    "text": (b"The forest.", "Forêt".encode("latin-1"), "Лес большой".encode("cp1251"), b"\xff\xfea\0", b"{\\rtf"),
    "html": (
        b"<!doctype html><title>t</title><h1>a</h1><p>b <b>c</b></p><table><tr><td>d</table><ul><li>e</ul><pre>f</pre>",
        b"<?xml version='1.0'?><!-- x --><html lang=en><meta charset=utf-8><ol><li>a<li>b</ol><script>x</script>",
    ),
    "docx-text": (
        bytes(4 * _WORD_ELEMENTS.index(name) for name in ("body", "p", "r", "t")) + b"\x23\x87\x02",
        bytes(4 * _WORD_ELEMENTS.index(name) for name in ("body", "tbl", "tr", "tc", "p", "r", "t")) + b"\x23\x02\x02",
        bytes(4 * _WORD_ELEMENTS.index(name) for name in ("body", "p", "pPr", "numPr", "ilvl")) + b"\x02\x02\x02\x08",
    ),
    "pdf": (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj "
        b"4 0 obj<</Length 60>>stream\nBT /F 12 Tf 9 80 Td (The forest) Tj 0 -14 Td (covers) Tj ET endstream endobj\n"
        b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
    ),
    "tables": (
        b"a,b,c\n1,2,3\n",
        b'sep=;\nx;y\n"1;2";3\n',
        b"# t\n\n| a | b |\n|---|---|\n| 1 | |\n",
        b"a  b\nc  d\ne  f\n",
    ),
    "rtf": (
        b"{\\rtf1\\ansi a\\par\\trowd\\intbl b\\cell c\\cell\\row\\pard \\'e9\\u8239?}",
        b"{\\rtf1{\\fonttbl{\\f0 T;}}{\\header\\pard h\\par}\\pard a{\\footnote\\pardn}\\v b\\v0 c{\\*\\annotation d}}",
    ),
    "mail": (
        b"From: a@example.org\nSubject: =?utf-8?B?YQ==?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\n"
        b"Content-Type: text/html\n\n<p>y\n--b--\n",
        b"From a Thu May  2 10:00:00 2024\nFrom: a\n\nx\n\nFrom b Thu May  2 10:00:00 2024\nTo: c\n\ny\n",
    ),
    "notebook": (b'{"cells": [{"cell_type": "code", "source": ["a"], "outputs": [{"text": "b"}]}]}',),
    "xlsx": (
        b"<row r='1'><c r='A1' t='inlineStr'><is><t>a</t></is></c><c r='B1'><v>1.5</v></c></row><row r='2'>"
        b"<c r='B2' s='1'><f>A1</f></c></row></sheetData><mergeCells><mergeCell ref='A1:B1'/></mergeCells><sheetData>",
    ),
    "ods": (
        b"<table:table table:name='S'><table:table-row><table:table-cell table:number-columns-spanned='2'>"
        b"<text:p>a</text:p></table:table-cell><table:covered-table-cell/></table:table-row></table:table>",
    ),
    "odt": (
        b"<text:h text:outline-level='1'>a</text:h><text:list><text:list-item><text:p>b<text:s text:c='3'/></text:p>"
        b"</text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>c</text:p></table:table-cell>"
        b"<table:table-cell/></table:table-row></table:table>",
    ),
    "epub": (
        b"<html><body><h1>a</h1><button aria-expanded='false'>b</button><div hidden><p>c</p></div></body></html>",
    ),
    "jsonl": (b'{"question": "a", "id": "1", "document": "b"}\n[1]\n{"a": 1e5}\n',),
    "csv": (b'question,document\n"a, b","c\nd"\ne;f\n',),
    "squad": (b'{"data": [{"title": "t", "paragraphs": [{"context": "c", "qas": [{"id": "1", "question": "q"}]}]}]}',),
    "settings": (b'profile = "x"\nseed = 1\n[keys]\n"chat.stop" = "f9"\n',),
    "card": (b"---\nlanguage: en\nmodel-index:\n- name: x\n  results: []\n---\ntext",),
}


def _document(name: str) -> Callable[[bytes], None]:
    from assistant.documents.encodings import decode_text
    from assistant.documents.formats import declared_encoding, sniff
    from assistant.errors import DocumentError

    def read(data: bytes) -> None:
        try:
            sniff(name, data)
            text, _ = decode_text(name, data, declared_encoding(data))
            text.encode("utf-8", "surrogatepass")
        except DocumentError:
            return

    return read


def _extracted(module: str, wrap: Callable[[bytes], bytes] = bytes) -> Callable[[bytes], None]:
    import importlib

    import assistant
    from assistant.errors import DocumentError

    extract = importlib.import_module(f"assistant.documents.{module}").extract
    ours = str(Path(assistant.__file__).parent)

    def read(data: bytes) -> None:
        try:
            extract(wrap(data), MOST_CHARACTERS)
        except DocumentError:
            return
        except Exception as error:
            *_, last = traceback.extract_tb(error.__traceback__)
            if isinstance(error, MemoryError) or module == "html_text" or last.filename.startswith(ours):
                raise

    return read


def _as_utf8(data: bytes) -> bytes:
    """What the loader gives to the reader of HTML: text, whatever it was."""
    return data.decode("utf-8", "replace").encode()


def _docx(text: bytes) -> bytes:
    """A DOCX file that holds this XML, with a heading's and a list's style."""
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/d.xml" ContentType="{word}.document.main+xml"/>'
        f'<Override PartName="/s.xml" ContentType="{word}.styles+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r" Type="{kinds}/officeDocument" Target="d.xml"/></Relationships>',
        "_rels/d.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r" Type="{kinds}/styles" Target="s.xml"/></Relationships>',
        "s.xml": f'<w:styles xmlns:w="{_WORD}">'
        '<w:style w:type="paragraph" w:styleId="1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="3"><w:name w:val="List"/></w:style></w:styles>',
    }
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        archive.writestr("d.xml", text)
    return file.getvalue()


def _as_docx(data: bytes) -> bytes:
    """A DOCX file whose text is a tree of Word's elements, each byte a step in making it: random bytes are no XML."""
    from lxml import etree

    at = root = etree.Element(f"{{{_WORD}}}document", nsmap={"w": _WORD})
    for step in data:
        how, what = step % 4, step // 4
        if how < 2:
            at = etree.SubElement(at, f"{{{_WORD}}}{_WORD_ELEMENTS[what % len(_WORD_ELEMENTS)]}")
        if how == 1:
            at.set(f"{{{_WORD}}}val", str(what - 32) if what % 2 else "²")
        elif how == 2:
            at = at.getparent() if at is not root else at
        elif how == 3:
            at.text = (at.text or "") + chr(what + 64)
    return _docx(etree.tostring(root))


def _xlsx(rows: bytes) -> bytes:
    """A workbook whose sheet holds this XML."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active["A1"] = "a"
    book.active["B2"] = 1.5
    book.active["B2"].number_format = "0.0%"
    book.save(file := io.BytesIO())
    sheet = "xl/worksheets/sheet1.xml"
    return _with_part(
        file.getvalue(),
        sheet,
        lambda old: old.partition(b"<sheetData>")[0] + b"<sheetData>" + rows + b"</sheetData></worksheet>",
    )


def _with_part(archive: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.namelist():
            new.writestr(part, change(old.read(part)) if part == name else old.read(part))
    return out.getvalue()


def _odf(kind: str) -> Callable[[bytes], bytes]:
    names = " ".join(
        f"xmlns:{name}='urn:oasis:names:tc:opendocument:xmlns:{name}:1.0'" for name in ("office", "text", "table")
    )
    before = f"<office:document-content {names}><office:body><office:{kind}>".encode()
    after = f"</office:{kind}></office:body></office:document-content>".encode()

    def wrap(inside: bytes) -> bytes:
        with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
            archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
            archive.writestr("content.xml", before + inside + after)
        return file.getvalue()

    return wrap


def _epub(chapter: bytes) -> bytes:
    container = "urn:oasis:names:tc:opendocument:xmlns:container"
    item = "<item id='a' href='a.xhtml' media-type='application/xhtml+xml'/>"
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr(
            "META-INF/container.xml", f"<container xmlns='{container}'><rootfile full-path='p.opf'/></container>"
        )
        archive.writestr(
            "p.opf", f"<package xmlns='http://www.idpf.org/2007/opf'><manifest>{item}</manifest><spine>"
            "<itemref idref='a'/></spine></package>",
        )  # fmt: skip
        archive.writestr("a.xhtml", chapter)
    return file.getvalue()


def _tables() -> Callable[[bytes], None]:
    from assistant.documents.table_search import find_tables

    def read(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        for table in find_tables(text, delimited=len(data) % 2 == 0):
            if len(table.cells) != table.width * table.height or not 0 <= table.start <= table.end <= len(text):
                raise AssertionError("a table whose cells are not complete")

    return read


def _rows(kind: str) -> Callable[[bytes], None]:
    from assistant.batch.lines import BatchOptions, read_lines
    from assistant.batch.sources import count_rows, read_rows
    from assistant.errors import AssistantError
    from assistant.records import error_to_json, json_line

    def read(data: bytes) -> None:
        try:
            for line in read_lines(read_rows(io.BytesIO(data), kind, 2_000), BatchOptions()):
                error = error_to_json(line.error) if line.error is not None else {}
                carried = json_line({"id": line.id, **line.carried, **error})
                carried.encode("utf-8")
            count_rows(io.BytesIO(data), kind)
        except AssistantError:
            return

    return read


def _settings() -> Callable[[bytes], None]:
    import os

    from assistant.errors import SettingsError
    from assistant.settings import load_settings

    path = Path(tempfile.mkdtemp()) / "settings.toml"
    os.environ["ASSISTANT_CONFIG"] = str(path)

    def read(data: bytes) -> None:
        path.write_bytes(data)
        try:
            load_settings()
        except SettingsError:
            return

    return read


def _card() -> Callable[[bytes], None]:
    from assistant.models.cards import read_figures, read_languages

    folder = Path(tempfile.mkdtemp())

    def read(data: bytes) -> None:
        (folder / "README.md").write_bytes(data)
        for figures in read_figures(folder):
            str(figures).encode("utf-8")
        read_languages(folder)

    return read


TARGETS: dict[str, Callable[[], Callable[[bytes], None]]] = {
    "text": lambda: _document("x.txt"),
    "html": lambda: _extracted("html_text", _as_utf8),
    "docx": lambda: _extracted("docx_text"),
    "docx-text": lambda: _extracted("docx_text", _as_docx),
    "pdf": lambda: _extracted("pdf_text"),
    "tables": _tables,
    "xlsx": lambda: _extracted("xlsx_text", _xlsx),
    "ods": lambda: _extracted("odf_text", _odf("spreadsheet")),
    "odt": lambda: _extracted("odf_text", _odf("text")),
    "pptx": lambda: _extracted("pptx_text"),
    "epub": lambda: _extracted("epub_text", _epub),
    "rtf": lambda: _extracted("rtf_text"),
    "mail": lambda: _extracted("email_text"),
    "notebook": lambda: _extracted("notebook_text"),
    "jsonl": lambda: _rows("jsonl"),
    "csv": lambda: _rows("csv"),
    "squad": lambda: _rows("squad"),
    "settings": _settings,
    "card": _card,
}


def seeds_of(target: str) -> tuple[bytes, ...]:
    """Inputs that a target reads, for the fuzzer to begin with."""
    if target == "docx":
        text = b'<w:document xmlns:w="%s"><w:body><w:p><w:r><w:t>The forest.</w:t></w:r></w:p></w:body></w:document>'
        return (_docx(text % _WORD.encode()),)
    if target == "pptx":
        import pptx

        shown = pptx.Presentation()
        shown.slides.add_slide(shown.slide_layouts[5]).shapes.title.text = "The forest"
        shown.save(file := io.BytesIO())
        return (file.getvalue(),)
    return SEEDS[target]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--corpus", type=Path, help="keep inputs that reach new code here, and begin with those there")
    options = parser.parse_args()
    import atheris

    with atheris.instrument_imports(include=["assistant", "csv", "json", "tomllib", "yaml"]):
        read = TARGETS[options.target]()
    corpus = options.corpus or Path(tempfile.mkdtemp())
    corpus.mkdir(parents=True, exist_ok=True)
    for at, seed in enumerate(seeds_of(options.target)):
        (corpus / f"seed-{at}").write_bytes(seed)
    longest = max(LARGEST, *map(len, seeds_of(options.target)), 0)
    arguments = [f"-max_total_time={options.seconds}", f"-timeout={SECONDS_AN_INPUT}", f"-max_len={longest}"]
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
