"""The text of EPUB books: the chapters in their order, each read as a web page."""

import posixpath
from dataclasses import replace
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

from assistant.documents.archives import open_archive
from assistant.documents.blocks import Block, Extracted, TableBlock, heading, join_blocks
from assistant.documents.html_controls import Controls
from assistant.documents.html_text import page_blocks, parse
from assistant.documents.office_xml import parse_part
from assistant.documents.progress import report
from assistant.errors import DocumentError
from assistant.text import one_line

_CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}"
_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})
_MAX_CHAPTERS = 10_000


def extract(data: bytes, max_characters: int) -> Extracted:
    """The text of a book: its title and author, then its chapters; tables of contents made for programs are left out.

    Raises:
        DocumentError: it unpacks to too much, is locked by its shop, or holds no text.
    """
    with open_archive(data, "EPUB book") as archive:
        names = set(archive.namelist())
        if "META-INF/rights.xml" in names or "META-INF/sinf.xml" in names:
            raise DocumentError("this EPUB book is locked by the shop that sold it; open it in the shop's program.")
        package = _package_path(archive)
        root = parse_part(archive.read(package))
        blocks: list[Block | TableBlock] = list(_title(root))
        chapters = _chapters(root)
        length = 0
        for done, path in enumerate(chapters[:_MAX_CHAPTERS], 1):
            name = posixpath.normpath(posixpath.join(posixpath.dirname(package), unquote(path)))
            if name in names:
                chapter = _chapter(archive.read(name))
                length += sum(len(block.text) for block in chapter if isinstance(block, Block))
                blocks += chapter
            report(done, len(chapters))
            if length > max_characters:
                break
    if not any(not isinstance(block, Block) or not block.text.startswith("#") for block in blocks):
        raise DocumentError("this EPUB book holds no text.")
    return join_blocks(blocks)


def _package_path(archive: ZipFile) -> str:
    container = parse_part(archive.read("META-INF/container.xml"))
    found = container.find(f".//{_CONTAINER}rootfile")
    if found is None:
        raise DocumentError("this EPUB book does not say what is in it; get the file again.")
    return str(found.get("full-path", ""))


def _title(root: Any) -> list[Block]:
    titles = [" ".join((each.text or "").split()) for each in root.iter(f"{_DC}title")]
    authors = [" ".join((each.text or "").split()) for each in root.iter(f"{_DC}creator")]
    blocks = [heading(1, titles[0])] if titles and titles[0] else []
    if authors := [author for author in authors if author]:
        blocks.append(Block(f"By {', '.join(authors)}"))
    return blocks


def _chapters(root: Any) -> list[str]:
    """The paths of the pages in the order of reading."""
    items = {item.get("id"): item for item in root.iter(f"{_OPF}item") if item.get("media-type", "").lower() in _PAGES}
    order = [items[each.get("idref")] for each in root.iter(f"{_OPF}itemref") if each.get("idref") in items]
    chosen = order or list(items.values())
    return [
        item.get("href", "").partition("#")[0] for item in chosen if "nav" not in item.get("properties", "").split()
    ]


def _chapter(data: bytes) -> list[Block | TableBlock]:
    from assistant.documents.encodings import decode_text
    from assistant.documents.formats import declared_encoding

    text, _ = decode_text("a chapter", data, declared_encoding(data))
    root = parse(text.encode("utf-8", "replace"))
    if root is None:
        return []
    blocks = page_blocks(root, Controls(root))
    if not blocks:
        return []
    first = next((b.text.lstrip("# ") for b in blocks if isinstance(b, Block) and b.text.startswith("#")), "")
    title = first or " ".join((root.findtext(".//title") or "").split())
    label = f"chapter “{one_line(title, 60)}”" if title else ""
    return [replace(blocks[0], place=label), *blocks[1:]]
