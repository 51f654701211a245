"""Files made to run code, to escape their folder or to exhaust the machine: refused with a reason, soon."""

import contextlib
import io
import json
import pickle
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.batch.sources import read_rows
from assistant.documents import isolation as extraction
from assistant.documents.open import decode_document, read_document
from assistant.errors import AssistantError, DocumentError, ModelError, SettingsError, UsageError
from assistant.loading.embedder import load_embedder
from assistant.loading.generator import load_generator
from assistant.loading.reader import load_reader
from assistant.loading.verifier import load_verifier
from assistant.models import hub
from assistant.models.cards import read_figures, read_languages
from assistant.models.catalogue import load_catalogue
from assistant.models.store import ModelStore, ResolvedModel
from assistant.models.validation import check_adapter, check_base
from assistant.settings import load_settings
from assistant.types import Document

SECONDS = 60.0


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    """Whatever a file is made to do, a test of it ends soon."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SECONDS


class Payload:
    """Pickled, it makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def copied(folder: Path, target: Path, **configs: dict[str, Any] | str) -> Path:
    """A copy of a model with changes to its JSON files; a text stands for the whole file."""
    target.mkdir(parents=True)
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    for name, change in configs.items():
        path = target / f"{name}.json"
        if isinstance(change, str):
            path.write_text(change)
        else:
            path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | change))
    return target


# --- models


LOADERS: dict[str, Callable[[ResolvedModel], object]] = {
    "reader": load_reader, "verifier": load_verifier, "generator": load_generator, "encoder": load_embedder,
}  # fmt: skip


@pytest.mark.parametrize("kind", LOADERS)
def test_pickled_weights_are_never_read(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    ran = tmp_path / "it ran"
    model = copied(request.getfixturevalue(f"{kind}_folder"), tmp_path / "model")
    for name in ("pytorch_model.bin", "model.bin", "adapter_model.bin", "training_args.bin", "tokenizer.pkl"):
        (model / name).write_bytes(pickle.dumps(Payload(ran)))
    LOADERS[kind](ResolvedModel("beside safetensors", model))
    (model / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="can run code"):
        ModelStore(tmp_path / "cache").resolve(str(model))
    with pytest.raises(ModelError):
        LOADERS[kind](ResolvedModel("pickled alone", model))
    assert not ran.exists()


CODE = {
    "config names code": {"config": {"auto_map": {"AutoModel": "evil.Model"}}},
    "tokenizer names code": {"tokenizer_config": {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}}},
    "attention kernel of the Hub": {"config": {"attn_implementation": "evil/kernel"}},
}
SIZES = {
    "layers": {"config": {"num_hidden_layers": 10_000_000}},
    "hidden size": {"config": {"hidden_size": 1 << 40}},
    "inner size": {"config": {"intermediate_size": 1 << 40}},
    "vocabulary": {"config": {"vocab_size": 1 << 40}},
    "positions": {"config": {"max_position_embeddings": 1 << 40}},
    "labels": {"config": {"num_labels": 1 << 40, "id2label": None}},
    "a float": {"config": {"hidden_size": 1e300}},
}
BROKEN = {
    "deep JSON": {"config": "[" * 200_000},
    "deep JSON in the tokenizer's": {"tokenizer_config": '{"a":' * 200_000},
    "infinite JSON": {"config": '{"hidden_size": Infinity, "num_hidden_layers": NaN}'},
    "not UTF-8": {"config": "\udcff"},
}


@pytest.mark.parametrize("name", [*CODE, *SIZES, *BROKEN])
def test_a_model_that_names_code_or_lies_about_its_size_is_refused(
    name: str, reader_folder: Path, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {**CODE, **SIZES, **BROKEN}[name]
    (tmp_path / "evil.py").write_text("raise SystemExit")
    try:
        model = copied(reader_folder, tmp_path / "model", **changes)
    except UnicodeEncodeError:
        model = copied(reader_folder, tmp_path / "other")
        (model / "config.json").write_bytes(b'{"a": "\xff"}')
    if name in CODE:
        (model / "evil.py").write_text("raise SystemExit")
    with pytest.raises(ModelError):
        load_reader(ResolvedModel("model", ModelStore(tmp_path / "cache").ensure(str(model))))


def test_a_configuration_larger_than_any_is_not_read(reader_folder: Path, tmp_path: Path) -> None:
    model = copied(reader_folder, tmp_path / "model")
    with (model / "config.json").open("wb") as file:
        file.write(b'{"a": "')
        file.truncate(3_000_000_000)  # a hole: nothing on disk, three gigabytes to read
    with pytest.raises(ModelError, match="cannot be read"):
        check_base(model)


ADAPTERS = {
    "code": {"auto_mapping": {"base_model_class": "Evil", "parent_library": "evil"}},
    "a module": {"megatron_config": {"a": 1}, "megatron_core": "evil"},
    "another kind": {"peft_type": "MULTITASK_PROMPT_TUNING", "prompt_tuning_init_state_dict_path": "/etc/passwd"},
    "rank": {"r": 1 << 40},
    "a rank in a pattern": {"rank_pattern": {"query": 1 << 40}},
    "repeated layers": {"layer_replication": [[0, 1 << 40]]},
    "repeated layers of no form": {"layer_replication": ["x"]},
    "a base outside": {"base_model_name_or_path": "../../../etc"},
    "no base": {"base_model_name_or_path": None},
    "a base that is no name": {"base_model_name_or_path": "http://evil.example/x"},
}


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_hostile_adapter_is_refused(name: str, tmp_path: Path) -> None:
    packaged = load_catalogue().adapters["reader"]
    adapter = copied(packaged, tmp_path / "adapter", adapter_config=ADAPTERS[name])
    with pytest.raises(AssistantError):
        ModelStore(tmp_path / "cache").resolve(str(adapter))


def test_a_pickled_adapter_is_never_read(tmp_path: Path) -> None:
    ran = tmp_path / "it ran"
    adapter = copied(load_catalogue().adapters["reader"], tmp_path / "adapter")
    (adapter / "adapter_model.safetensors").rename(tmp_path / "elsewhere")
    (adapter / "adapter_model.bin").write_bytes(pickle.dumps(Payload(ran)))
    with pytest.raises(ModelError, match="can run code"):
        check_adapter(adapter)
    assert not ran.exists()


def _safetensors(header: bytes, data: bytes = b"\0" * 16, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def _tensor(shape: list[int], offsets: list[int], dtype: str = "F32") -> bytes:
    return json.dumps({"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95",
        _safetensors(b"{}", length=1 << 62),
        _safetensors(b"{}", length=(1 << 64) - 1),
        _safetensors(b"[" * 100_000),
        _safetensors(b'{"w":' * 50_000),
        _safetensors(b"\xff" * 64),
        _safetensors(_tensor([1 << 62, 1 << 62], [0, 16])),
        _safetensors(_tensor([4], [0, 1 << 60])),
        _safetensors(_tensor([4], [16, 0])),
        _safetensors(_tensor([4], [-16, 0])),
        _safetensors(_tensor([2], [8, 16])),
        _safetensors(_tensor([4], [0, 16], "PICKLE")),
        _safetensors(b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},'
                     b'"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'),
    ],
)  # fmt: skip
def test_a_header_that_lies_is_refused(content: bytes, reader_folder: Path, tmp_path: Path) -> None:
    model = copied(reader_folder, tmp_path / "model")
    (model / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="damaged or cut short"):
        check_base(model)


@pytest.mark.parametrize(
    "reference",
    ["../../etc/passwd", "a/../../b", "..", "a/..", "./x", "~root/x", "/etc", "a/b/c", "a b/c", "a/b@../../c", "a/b@",
     "a\x00/b", "a\n/b", "http://evil.example/a", "a/b;rm -rf", "a/b\\c", "a/b@x y", "-rf/x y", "\u202ea/b", "é/b",
     "x" * 100_000, "a/b" * 5_000 + "/", "con:/x", "file:///etc/passwd", "a//b", ""],
)  # fmt: skip
def test_no_name_leads_out_of_the_store(reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    store = ModelStore(tmp_path / "cache")
    with pytest.raises(AssistantError):
        store.remove(reference)
    with pytest.raises(AssistantError):
        store.resolve(reference)
    parsed = hub.HubReference.parse(reference)
    if parsed is not None:
        assert store._entries.place(parsed).resolve().parent == store.folder.resolve()


def test_links_in_a_cache_lead_to_no_deletion_outside(tmp_path: Path) -> None:
    own = tmp_path / "my thesis.txt"
    own.write_text("years of work")
    snapshot = tmp_path / "hub" / "models--a--b" / "snapshots" / "c0ffee"
    blobs = tmp_path / "hub" / "models--a--b" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (blobs / "x").write_text("weights")
    (snapshot / "config.json").symlink_to(own)
    (snapshot / "model.safetensors").symlink_to("../../blobs/x")
    for name in ("config.json", "model.safetensors"):
        hub._drop(snapshot / name)
    assert own.read_text() == "years of work"
    assert not list(snapshot.iterdir()) and not list(blobs.iterdir())


def test_a_store_entry_that_is_a_link_is_removed_and_what_it_leads_to_stays(
    tmp_path: Path, reader_folder: Path
) -> None:
    store = ModelStore(tmp_path / "cache")
    store.folder.mkdir(parents=True)
    mine = copied(reader_folder, tmp_path / "mine")
    (store.folder / "all-minilm-l6-v2").symlink_to(mine, target_is_directory=True)
    store.remove("all-minilm-l6-v2")
    assert (mine / "model.safetensors").exists()
    assert not (store.folder / "all-minilm-l6-v2").exists()


@pytest.mark.parametrize(
    "manifest",
    ["[" * 100_000, "{}", "[]", '{"version": 1, "name": "x", "source": "y", "files": {"../../../x": {"bytes": 1}}}',
     '{"version": 1, "name": "x", "source": "y", "files": [], "folder": "/"}'],
)  # fmt: skip
def test_a_manifest_that_is_none_makes_the_entry_one_to_fetch_again(tmp_path: Path, manifest: str) -> None:
    store = ModelStore(tmp_path / "cache")
    entry = store.folder / "all-minilm-l6-v2"
    entry.mkdir(parents=True)
    (entry / "manifest.json").write_text(manifest)
    assert not store.is_ready("all-minilm-l6-v2")
    assert store.installed() == []


# --- documents


def _zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


_TYPES = (
    b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    b'<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    b'wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    b'<Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    b'Target="%s"/></Relationships>'
)
_W = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def _docx(document: bytes, target: bytes = b"word/document.xml", **more: bytes) -> bytes:
    members = {"[Content_Types].xml": _TYPES, "_rels__.rels": _RELATIONS % target, "word__document.xml": document}
    return _zip(**members, **more)


def _body(inside: bytes) -> bytes:
    return b"<w:document " + _W + b"><w:body>" + inside + b"</w:body></w:document>"


_LAUGHS = b"<!DOCTYPE x [<!ENTITY a0 'ha'>%s]>" % b"".join(
    b"<!ENTITY a%d '%s'>" % (at, b"&a%d;" % (at - 1) * 10) for at in range(1, 12)
)
_PARAGRAPH = b"<w:p><w:r><w:t>%s</w:t></w:r></w:p>"


def _pdf(*objects: bytes) -> bytes:
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start))


def _stream(content: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        content = zlib.compress(content)
    return b"<</Length %d/Filter[%s]>>stream\n" % (len(content), b"/FlateDecode" * times) + content + b"\nendstream"


_PAGE = b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 9 9]/Resources<</Font<</F 5 0 R>>>>>>"
_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
_ROOT = b"<</Type/Catalog/Pages 2 0 R>>"


def _xlsx(rows: bytes, beginning: bytes = b"", tail: bytes = b"") -> bytes:
    spread = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = b"http://schemas.openxmlformats.org/package/2006/relationships"
    types = (
        b"<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'><Override "
        b"PartName='/xl/workbook.xml' "
        b"ContentType='application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml'/></Types>"
    )
    return _zip(**{
        "[Content_Types].xml": types,
        "_rels__.rels": b"<Relationships xmlns='%s'><Relationship Id='r' Type='%s/officeDocument' "
                        b"Target='xl/workbook.xml'/></Relationships>" % (package, kind),
        "xl__workbook.xml": b"<workbook xmlns='%s' xmlns:r='%s'><sheets><sheet name='S' sheetId='1' r:id='r1'/>"
                            b"</sheets></workbook>" % (spread, kind),
        "xl___rels__workbook.xml.rels": b"<Relationships xmlns='%s'><Relationship Id='r1' Type='%s/worksheet' "
                                        b"Target='worksheets/s.xml'/></Relationships>" % (package, kind),
        "xl__worksheets__s.xml": b"".join(
            (beginning, b"<worksheet xmlns='%s'><sheetData>" % spread, rows, b"</sheetData>", tail, b"</worksheet>")
        ),
    })  # fmt: skip


def _odf(kind: bytes, inside: bytes, beginning: bytes = b"") -> bytes:
    names = b" ".join(
        b"xmlns:%s='urn:oasis:names:tc:opendocument:xmlns:%s:1.0'" % (name, full)
        for name, full in ((b"office", b"office"), (b"text", b"text"), (b"table", b"table"), (b"draw", b"drawing"))
    )
    content = (
        b"<office:document-content %s><office:body><office:%s>%s</office:%s></office:body></office:document-content>"
    )
    return _zip(
        mimetype=b"application/vnd.oasis.opendocument." + kind,
        **{"content.xml": beginning + content % (names, kind, inside, kind)},
    )


def _epub(chapter: bytes, times: int) -> bytes:
    items = b"<item id='a' href='a.xhtml' media-type='application/xhtml+xml'/>"
    package = b"<package xmlns='http://www.idpf.org/2007/opf'><manifest>%s</manifest><spine>%s</spine></package>"
    container = (
        b"<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles><rootfile full-path='p.opf'/>"
        b"</rootfiles></container>"
    )
    return _zip(
        mimetype=b"application/epub+zip", **{
            "META-INF__container.xml": container, "p.opf": package % (items, b"<itemref idref='a'/>" * times),
            "a.xhtml": chapter,
        },
    )  # fmt: skip


_GROUP = b"<p:nvGrpSpPr><p:cNvPr id='2' name='g'/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>"
_SHAPE = (
    b"<p:nvSpPr><p:cNvPr id='3' name='s'/><p:cNvSpPr txBox='1'/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p>"
    b"<a:r><a:t>%s</a:t></a:r></a:p></p:txBody>"
)


def _pptx(shapes: bytes, beginning: bytes = b"") -> bytes:
    """A presentation by python-pptx, with these shapes on its only slide."""
    import pptx

    shown = pptx.Presentation()
    shown.slides.add_slide(shown.slide_layouts[6])
    shown.save(made := io.BytesIO())
    out = io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "ppt/slides/slide1.xml":
                content = content.replace(b"</p:spTree>", shapes + b"</p:spTree>")
                content = content.replace(b"<p:sld ", beginning + b"<p:sld ", 1)
            new.writestr(name, content)
    return out.getvalue()


BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "DOCX of spaces": ("x.docx", lambda: _docx(_body(_PARAGRAPH % (b" " * 201_000_000)))),
    "DOCX of many parts": ("x.docx", lambda: _docx(_body(b""), **{f"word__x{at}": b"" for at in range(10_001)})),
    "DOCX, billion laughs": ("x.docx", lambda: _docx(_LAUGHS + _body(_PARAGRAPH % b"&a11;"))),
    "DOCX, deep": ("x.docx", lambda: _docx(_body(b"<w:sdt><w:sdtContent>" * 20_000))),
    "DOCX, many cells": ("x.docx", lambda: _docx(_body(b"<w:tbl>" + b"<w:tr><w:tc/></w:tr>" * 400_000 + b"</w:tbl>"))),
    "DOCX in a circle": ("x.docx", lambda: _docx(_body(b""), target=b"_rels/.rels")),
    "DOCX that leads outside": ("x.docx", lambda: _docx(_body(b""), target=b"../../../../etc/passwd")),
    "DOCX that is a page": ("x.docx", lambda: b"PK\x03\x04word/document" + b"\0" * 1000),
    "PDF, unpacked a thousandfold": (
        "x.pdf", lambda: _pdf(_ROOT, _PAGES, _PAGE, _stream(b" " * 100_000_000), _FONT)
    ),
    "PDF, packed three times": (
        "x.pdf", lambda: _pdf(_ROOT, _PAGES, _PAGE, _stream(b" " * 100_000_000, 3), _FONT)
    ),
    "PDF, text without end": (
        "x.pdf", lambda: _pdf(_ROOT, _PAGES, _PAGE, _stream(b"BT /F 1 Tf " + b"(a) Tj " * 2_000_000 + b"ET"), _FONT)
    ),
    "PDF, pages in a circle": ("x.pdf", lambda: _pdf(_ROOT, b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>")),
    "PDF, pages beyond count": ("x.pdf", lambda: _pdf(_ROOT, b"<</Type/Pages/Kids[3 0 R]/Count 2000000000>>", _PAGE)),
    "PDF, deep arrays": ("x.pdf", lambda: _pdf(b"[" * 500_000)),
    "PDF, nothing": ("x.pdf", lambda: b"%PDF-1.7" + b"\n" * 1_000_000),
    "PDF, xref in a circle": ("x.pdf", lambda: b"%PDF-1.4\nxref\n0 1\ntrailer<</Prev 9>>\nstartxref\n9\n%%EOF"),
    "HTML of comments": ("x.txt", lambda: b"<!-- -->" * 400 + b"x"),
    "HTML of deep elements": ("x.html", lambda: b"<div>" * 300_000),
    "HTML of open scripts": ("x.html", lambda: b"<html><script>" * 100_000),
    "HTML of attributes": ("x.html", lambda: b"<p " + b"a='b' " * 500_000 + b">"),
    "HTML, billion laughs": ("x.html", lambda: _LAUGHS + b"<html><p>&a11;</p></html>"),
    "XLSX of spaces": ("x.xlsx", lambda: _xlsx(b"<row><c t='inlineStr'><is><t>" + b" " * 201_000_000)),
    "XLSX, billion laughs": (
        "x.xlsx", lambda: _xlsx(b"<row r='1'><c r='A1' t='inlineStr'><is><t>&a11;</t></is></c></row>", _LAUGHS)
    ),
    "XLSX, far corner": (
        "x.xlsx", lambda: _xlsx(b"<row r='1048576'><c r='XFD1048576'><v>1</v></c></row><row r='1'><c r='A1'/></row>")
    ),
    "XLSX, all merged": (
        "x.xlsx",
        lambda: _xlsx(b"<row r='1'><c r='A1'><v>1</v></c></row>", tail=b"<mergeCells><mergeCell ref='A1:XFD1048576'/>"
                      + b"<mergeCell ref='A1:XFD1048576'/>" * 50_000 + b"</mergeCells>"),
    ),
    "XLSX, many cells": ("x.xlsx", lambda: _xlsx(b"<row>" + b"<c><v>1</v></c>" * 3_000_000 + b"</row>")),
    "ODS, repeated": ("x.ods", lambda: _odf(b"spreadsheet", (
        b"<table:table><table:table-row table:number-rows-repeated='1048576'><table:table-cell "
        b"table:number-columns-repeated='16384'><text:p>x</text:p></table:table-cell></table:table-row></table:table>"
    ))),
    "ODS, spaces": ("x.ods", lambda: _odf(b"spreadsheet", (
        b"<table:table><table:table-row><table:table-cell><text:p>a<text:s text:c='999999999'/></text:p>"
        b"</table:table-cell></table:table-row></table:table>"
    ))),
    "ODT, billion laughs": ("x.odt", lambda: _odf(b"text", b"<text:p>&a11;</text:p>", _LAUGHS)),
    "ODT, deep": ("x.odt", lambda: _odf(b"text", b"<text:list><text:list-item>" * 50_000)),
    "ODT, deep sections": ("x.odt", lambda: _odf(b"text", b"<text:section>" * 250 + b"</text:section>" * 250)),
    "PPTX, nothing in it": ("x.pptx", lambda: _zip(**{"ppt__presentation.xml": _LAUGHS + b"<p>&a11;</p>"})),
    "PPTX, spaces": ("x.pptx", lambda: _pptx(b"<p:sp>%s</p:sp>" % (_SHAPE % (b" " * 201_000_000)))),
    "PPTX, groups in groups": ("x.pptx", lambda: _pptx(
        (b"<p:grpSp>" + _GROUP) * 200 + b"<p:sp>%s</p:sp>" % (_SHAPE % b"deep") + b"</p:grpSp>" * 200
    )),
    "PPTX, many shapes": ("x.pptx", lambda: _pptx(b"<p:sp>%s</p:sp>" % (_SHAPE % b"a") * 100_000)),
    "PPTX, a wide table": ("x.pptx", lambda: _pptx(
        b"<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id='9' name='t'/><p:cNvGraphicFramePr/><p:nvPr/>"
        b"</p:nvGraphicFramePr><p:xfrm/><a:graphic><a:graphicData "
        b"uri='http://schemas.openxmlformats.org/drawingml/2006/table'><a:tbl><a:tblPr/><a:tblGrid/>%s</a:tbl>"
        b"</a:graphicData></a:graphic></p:graphicFrame>" % (b"<a:tr h='1'>%s</a:tr>" % (
            b"<a:tc gridSpan='60000' rowSpan='60000'><a:txBody><a:bodyPr/><a:p><a:r><a:t>a</a:t></a:r></a:p>"
            b"</a:txBody></a:tc>"
        ) * 5_000)
    )),
    "PPTX, billion laughs": ("x.pptx", lambda: _pptx(b"<p:sp>%s</p:sp>" % (_SHAPE % b"&a11;"), _LAUGHS)),
    "ODP, boxes in boxes": ("x.odp", lambda: _odf(b"presentation", (
        b"<draw:page>" + b"<draw:frame><draw:text-box>" * 5_000 + b"</draw:text-box></draw:frame>" * 5_000
        + b"</draw:page>"
    ))),
    "ODP, slides without end": ("x.odp", lambda: _odf(b"presentation", (
        b"<draw:page><draw:frame><draw:text-box><text:p>a</text:p></draw:text-box></draw:frame></draw:page>" * 100_000
    ))),
    "MHTML, parts in parts": ("x.mhtml", lambda: b"MIME-Version: 1.0\nSnapshot-Content-Location: http://x\n" + b"".join(
        b"Content-Type: multipart/related; boundary=b%d\n\n--b%d\n" % (at, at) for at in range(1_500)
    ) + b"Content-Type: text/html\n\n<p>x"),
    "MHTML of open scripts": ("x.mhtml", lambda: (
        b"MIME-Version: 1.0\nSnapshot-Content-Location: http://x\nContent-Type: multipart/related; boundary=b\n\n--b\n"
        b"Content-Type: text/html\n\n" + b"<html><script>" * 100_000
    )),
    "EPUB, chapters without end": ("x.epub", lambda: _epub(b"<html><p>word " * 20_000 + b"</p></html>", 5_000)),
    "EPUB, deep": ("x.epub", lambda: _epub(b"<html>" + b"<div>" * 300_000, 1)),
    "EPUB, billion laughs": ("x.epub", lambda: _epub(_LAUGHS + b"<html><p>&a11;</p></html>", 1)),
    "mail, deep": ("x.eml", lambda: b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at) for at in range(5_000)
    )),
    "mail in mail": ("x.eml", lambda: b"From: a@example.org\nContent-Type: message/rfc822\n\n" * 20_000),
    "mail, header without end": ("x.eml", lambda: b"Subject: " + b"=?utf-8?B?YWFh?= " * 500_000 + b"\n\nx"),
    "mail, one field a million times": ("x.eml", lambda: b"To: <a@example.org>,\n" * 300_000 + b"\nx"),
    "mailbox of beginnings": ("x.mbox", lambda: b"From a 10:00 2024\nA: b\n\n" * 300_000),
    "RTF, deep": ("x.rtf", lambda: b"{\\rtf1" + b"{" * 1_000_000),
    "RTF, binary": ("x.rtf", lambda: b"{\\rtf1 a\\bin999999999 b" + b"\\u8239?" * 500_000 + b"}"),
    "notebook, deep": ("x.ipynb", lambda: b'{"cells": ' + b"[" * 1_000_000),
    "notebook, many cells": ("x.ipynb", lambda: b'{"cells": [' + b"{}," * 1_000_000 + b"{}]}"),
    "PDF of rules": ("x.pdf", lambda: _pdf(
        _ROOT, _PAGES, _PAGE, _stream(b"0 0 m 9 0 l S " * 500_000 + b"BT /F 1 Tf (a) Tj ET"), _FONT
    )),
    "PDF of cells": ("x.pdf", lambda: _pdf(
        _ROOT, _PAGES, _PAGE,
        _stream(b"BT /F 1 Tf " + b"".join(b"1 0 0 1 %d %d Tm (a) Tj " % (at % 200 * 9, at // 200 * 3)
                                         for at in range(60_000)) + b"ET"), _FONT,
    )),
    "HTML of spans": ("x.html", lambda: b"<table>" + b"<tr><td rowspan=60000 colspan=999>a<td>b</tr>" * 10_000),
    "HTML of controls": ("x.html", lambda: b"<html>" + b"<button aria-controls=a>b</button><div hidden id=a>c" * 200),
    "CSV of quotation marks": ("x.csv", lambda: b'"' * 2_000_001),
    "CSV of commas": ("x.csv", lambda: b"," * 2_000_000),
    "CSV of lines": ("x.csv", lambda: b",\n" * 300_000),
    "text of bars": ("x.csv", lambda: b"|\n" * 300_000),
    "ZIP": ("x.zip", lambda: _zip(x=b"y")),
    "a ZIP in a ZIP": ("x.docx", lambda: _zip(**{"word__document.xml": _zip(x=b"0" * 100_000)})),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_or_read_within_bounds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "SECONDS", 4.0)
    monkeypatch.setattr(extraction, "MEMORY", 1_500_000_000)
    file, make = BOMBS[name]
    content = make()
    assert len(content) < 20_000_000
    began = time.monotonic()
    try:
        document = decode_document(file, content)
    except DocumentError as error:
        assert len(str(error)) < 400
    else:
        assert len(document.text) <= 20_000_000
    assert time.monotonic() - began < 15


def test_no_file_of_this_machine_gets_into_a_document(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret of this machine")
    entity = b"<!DOCTYPE x [<!ENTITY s SYSTEM 'file://%s'>]>" % str(secret).encode()
    for file, content in (
        ("x.docx", _docx(entity + _body(_PARAGRAPH % b"The forest &s; is large."))),
        ("x.html", entity + b"<html><p>The forest &s; is large.</p><iframe src='file://%s'>" % str(secret).encode()),
        ("x.docx", _docx(_body(_PARAGRAPH % b"x"), target=str(secret).encode())),
    ):
        try:
            text = decode_document(file, content).text
        except DocumentError as error:
            text = str(error)
        assert "the secret" not in text


def test_what_a_library_prints_is_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = tmp_path / "chatty.py"
    module.write_text(
        "import sys\nfrom assistant.documents.isolation import Extracted\n"
        "def extract(data, most):\n    sys.stderr.write('x' * 50_000_000)\n    print('y' * 1_000_000)\n"
        "    return Extracted('the text')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    script = "import assistant.documents.isolation as e; e._MODULES = dict.fromkeys(e.Format, 'chatty'); e._main()"
    monkeypatch.setattr(extraction, "__name__", "runner")
    (tmp_path / "runner.py").write_text(script)
    assert extraction.extract("x.html", extraction.Format.HTML, b"<html>", 100).text == "the text"


@pytest.mark.parametrize("source", ["/dev/zero", "/dev/urandom", "/proc/self/mem", "/dev/null", "/proc/kcore", "/"])
def test_a_file_of_the_system_is_no_document(source: str) -> None:
    with pytest.raises(DocumentError):
        read_document(source, 1)


# --- questions


@pytest.mark.parametrize(
    "content", [b"question\rdocument\na,b\n", b'"question\n', b"\x00,question\n", b"\r\r\r", b"question,\xff\n"]
)
def test_a_table_whose_first_line_is_broken_is_one_error_or_read(content: bytes) -> None:
    with contextlib.suppress(UsageError):
        list(read_rows(io.BytesIO(content), "csv"))


# --- settings and cards


@pytest.mark.parametrize(
    "content",
    [b"x = " + b"[" * 100_000, b"[a" + b".a" * 5_000 + b"]", b"a." * 5_000 + b"b = 1", b"# a\n" * 50_000,
     b"profile = '\xff'", b"profile = '\x00'", b"seed = " + b"9" * 5_000, b"max_new_tokens = 1e999", b"seed = inf",
     b'profile = "!!python/object:os.system"\n[__class__]', b"keys = 5", b"\x00" * 1000, b"'''" * 1000],
)  # fmt: skip
def test_hostile_settings_are_one_error(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.toml").write_bytes(content)
    monkeypatch.setenv("ASSISTANT_CONFIG", str(tmp_path / "settings.toml"))
    with pytest.raises(SettingsError):
        load_settings()


@pytest.mark.parametrize(
    "front",
    ["!!python/object/apply:os.system ['touch RAN']", "!!python/object/new:os.system [touch RAN]",
     "a: &a [x,x]\nb: &b [*a,*a]\nlanguage: *b", "language: " + "[" * 50_000, "language: " + "{a: " * 400,
     "language: !!binary " + "A" * 60_000, "? " * 20_000, "language: en\n" * 5_000, "- " * 30_000,
     "model-index: [{name: x, results: [{task: {type: question-answering}, metrics: [{value: 1e400}]}]}]",
     "language: \x1b[31m", "a: " + "9" * 60_000, "%YAML 9.9", "<<: [*x]", "language: 'en"],
)  # fmt: skip
def test_a_hostile_card_gives_nothing_and_runs_nothing(
    front: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").write_text(f"---\n{front}\n---\n", "utf-8")
    assert read_figures(tmp_path) == ()
    assert read_languages(tmp_path) <= {"en"}
    assert not (tmp_path / "RAN").exists()


def test_a_document_that_only_looks_like_code_is_text() -> None:
    text = "import os; os.system('touch RAN') # {{7*7}} !!python/object:x"
    assert decode_document("x.py", text.encode()) == Document("x.py", text)
