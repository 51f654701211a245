"""The text of DOCX files, by python-docx."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from assistant.documents.archives import open_archive
from assistant.documents.blocks import Block, BlockKind, Extracted, TableBlock, heading, join_blocks, table_block
from assistant.documents.docx_numbering import Numbering
from assistant.documents.docx_runs import FALLBACK, SKIPPED, Marks, W, run_text, text_boxes
from assistant.documents.docx_styles import Styles, level_of, value_of
from assistant.documents.progress import report
from assistant.errors import DocumentError
from assistant.text import one_line

_MACROS = b"application/vnd.ms-word.document.macroEnabled.main+xml"
_TEMPLATES = (
    b"application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml",
    b"application/vnd.ms-word.template.macroEnabledTemplate.main+xml",
)
_DOCUMENT = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_PICTURE = "{http://schemas.openxmlformats.org/drawingml/2006/picture}pic"


def extract(data: bytes, max_characters: int) -> Extracted:
    """The text of a DOCX file as its pages show it.

    Headers come first and footers last, each once; headings are written as Markdown's, list items with their numbers,
    tables row by row; footnotes and comments stand at the end, each with what it belongs to.

    Raises:
        DocumentError: it unpacks to too much, is protected, or holds no text.
    """
    archive = open_archive(data, "DOCX file")
    import docx

    document = docx.Document(io.BytesIO(_as_document(archive, data)))
    reader = _Reader(document)
    blocks = [block for body in document.element.findall(W + "body") for block in reader.body(body)]
    blocks = reader.around(blocks)
    if not blocks:
        raise DocumentError("this DOCX file holds no text.")
    return join_blocks(blocks, reader.notices())


def _as_document(archive: Any, data: bytes) -> bytes:
    """The file as one that python-docx opens: it refuses templates and files with macros by their declared type."""
    import zipfile

    with archive:
        types = archive.read("[Content_Types].xml")
        if not any(kind in types for kind in (_MACROS, *_TEMPLATES)):
            return data
        for kind in (_MACROS, *_TEMPLATES):
            types = types.replace(kind, _DOCUMENT)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as copy:
            for part in archive.infolist():
                content = types if part.filename == "[Content_Types].xml" else archive.read(part)
                copy.writestr(part.filename, content)
        return out.getvalue()


class _Reader:
    """Reads the elements of a document into blocks."""

    def __init__(self, document: Any) -> None:
        self._part = document.part
        self._root = document.element
        self._styles = Styles(document.styles)
        self._numbering = Numbering(self._related("/numbering"))
        self._marks = Marks()
        self._anchors: dict[str, str] = {}

    def body(self, body: Any) -> Iterator[Block | TableBlock]:
        """The blocks of the body, with word of how far reading has come."""
        total = len(body)
        for done, element in enumerate(body):
            report(done, total)
            yield from self.blocks((element,))

    def blocks(self, elements: Iterable[Any]) -> Iterator[Block | TableBlock]:
        """The blocks of elements of the body, or of an element that holds paragraphs as the body does."""
        for element in elements:
            if element.tag == W + "p":
                yield from self._paragraph(element)
            elif element.tag == W + "tbl":
                yield from self._table(element)
            elif isinstance(element.tag, str) and element.tag not in SKIPPED:  # content controls and the like
                yield from self.blocks(element)

    def _paragraph(self, paragraph: Any) -> Iterator[Block | TableBlock]:
        text = run_text(paragraph, self._marks).strip()
        self._note_anchors(paragraph, text)
        if text:
            properties = paragraph.find(W + "pPr")
            style = value_of(properties, "pStyle")
            outline = level_of(value_of(properties, "outlineLvl"))
            heading_level = self._styles.heading(style) if outline is None else outline + 1
            name, depth = self._styles.numbering(style, properties)
            label = self._numbering.label(name, depth) if name else None
            if heading_level:
                yield heading(heading_level, f"{label} {text}" if label and label != "-" else text)
            elif label is not None or self._styles.is_list(style, properties):
                yield Block(f"{'  ' * depth}{label or '-'} {text}", BlockKind.ITEM)
            else:
                yield Block(text)
        for box in text_boxes(paragraph):
            yield from self.blocks(box)

    def _note_anchors(self, paragraph: Any, text: str) -> None:
        for reference in paragraph.iter(W + "commentReference"):
            self._anchors.setdefault(reference.get(W + "id", ""), text)

    def _table(self, table: Any) -> Iterator[Block | TableBlock]:
        rows = [row for row in table.iter(W + "tr") if next(row.iterancestors(W + "tbl")) is table]
        cells = [[cell for cell in row.iter(W + "tc") if next(cell.iterancestors(W + "tr")) is row] for row in rows]
        if all(len(row) < 2 for row in cells) or any(True for _ in _within(table, W + "tbl")):
            for row in cells:  # a frame for the layout of the page: what stands in it stands by itself
                for cell in row:
                    yield from self.blocks(cell)
            return
        headers = 0
        texts: list[list[tuple[str, int, int]]] = []
        above: dict[int, str] = {}  # the open merges down the columns
        for row, own in zip(rows, cells, strict=True):
            properties = row.find(W + "trPr")
            if properties is not None and properties.find(W + "del") is not None:
                continue
            if value_or_on(properties, "tblHeader") and headers == len(texts):
                headers += 1
            texts.append(self._row(properties, own, above))
        if (block := table_block(texts, header_rows=headers or None)) is not None:
            yield block
        for paragraph in table.iter(W + "p"):
            self._note_anchors(paragraph, "")
            for box in text_boxes(paragraph):
                yield from self.blocks(box)

    def _row(self, properties: Any, cells: list[Any], above: dict[int, str]) -> list[tuple[str, int, int]]:
        before = _count(value_of(properties, "gridBefore")) if properties is not None else 0
        row = [("", before, 1)] if before else []
        column = before
        for cell in cells:
            own = cell.find(W + "tcPr")
            columns = max(1, _count(value_of(own, "gridSpan")))
            merge = own.find(W + "vMerge") if own is not None else None
            if merge is not None and merge.get(W + "val", "continue") == "continue":
                text = above.get(column, "")
            else:
                text = " ".join(run_text(cell, self._marks).split())
                above[column] = text if merge is not None else ""
            row.append((text, columns, 1))
            column += columns
        return row

    def around(self, body: list[Block | TableBlock]) -> list[Block | TableBlock]:
        """The body with what stands around it: headers before; footers, notes and comments behind."""
        heads, feet = self._edges()
        blocks = _placed(heads, "page header") + (_placed(body, "") if heads else body)
        blocks += _placed(feet, "page footer")
        blocks += _placed(list(self._notes()), "footnotes")
        return blocks + _placed(list(self._comments()), "comments")

    def _edges(self) -> tuple[list[Block | TableBlock], list[Block | TableBlock]]:
        """Headers and footers that are shown, each text once."""
        settings = self._related("/settings")
        even = settings is not None and settings.find(W + "evenAndOddHeaders") is not None
        seen: set[tuple[str, ...]] = set()
        edges: tuple[list[Block | TableBlock], list[Block | TableBlock]] = ([], [])
        for section in self._root.iter(W + "sectPr"):
            first = value_or_on(section, "titlePg")
            for reference in section:
                kind = reference.get(W + "type", "default")
                if reference.tag not in (W + "headerReference", W + "footerReference"):
                    continue
                if (kind == "first" and not first) or (kind == "even" and not even):
                    continue
                related = self._part.rels.get(reference.get(_R + "id"))
                if related is None or related.is_external:
                    continue
                found = list(self.blocks(_parsed(related.target_part)))
                key = tuple(map(_plain, found))
                if key not in seen:
                    seen.add(key)
                    edges[reference.tag == W + "footerReference"].extend(found)
        return edges

    def _notes(self) -> Iterator[Block | TableBlock]:
        """Footnotes and endnotes in the order in which the text refers to them, behind their marks."""
        for kind in ("footnote", "endnote"):
            root = self._related(f"/{kind}s")
            notes = [] if root is None else [each for each in root if each.get(W + "type", "normal") == "normal"]
            for note in sorted(notes, key=lambda each: self._marks.place(kind, each.get(W + "id", ""))):
                mark = self._marks.mark(kind, note.get(W + "id", ""))
                for at, block in enumerate(self.blocks(note)):
                    if at == 0 and isinstance(block, Block):
                        yield replace(block, text=f"{mark} {block.text}".strip())
                    else:
                        yield block

    def _comments(self) -> Iterator[Block]:
        root = self._related("/comments")
        for comment in () if root is None else root.findall(W + "comment"):
            text = " ".join(_plain(block) for block in self.blocks(comment))
            if text:
                author = one_line(comment.get(W + "author", ""))
                anchor = one_line(self._anchors.get(comment.get(W + "id", ""), ""))
                on = f" on “{anchor}”" if anchor else ""
                yield Block(f"Comment{f' by {author}' if author else ''}{on}: {text}")

    def notices(self) -> list[str]:
        """What the file shows and its text does not hold."""
        pictures = sum(not any(True for _ in each.iterancestors(FALLBACK)) for each in self._root.iter(_PICTURE))
        if not pictures:
            return []
        return [f"{'A picture was' if pictures == 1 else f'{pictures:,} pictures were'} not read."]

    def _related(self, ending: str) -> Any:
        """The root of the first part that the document refers to by a relation of this kind."""
        for relation in self._part.rels.values():
            if not relation.is_external and relation.reltype.endswith(ending):
                return _parsed(relation.target_part)
        return None


def _parsed(part: Any) -> Any:
    from docx.oxml import parse_xml

    element = getattr(part, "element", None)
    return parse_xml(part.blob) if element is None else element


def _within(element: Any, tag: str) -> Iterator[Any]:
    return (each for each in element.iter(tag) if each is not element)


def _count(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 5 else 0


def value_or_on(properties: Any, name: str) -> bool:
    """Whether a switch is on: it is where its element stands without a value."""
    element = properties.find(W + name) if properties is not None else None
    return element is not None and element.get(W + "val", "1") not in ("0", "false", "off")


def _plain(block: Block | TableBlock) -> str:
    if isinstance(block, Block):
        return " ".join(block.text.split())
    return " ".join(cell for row in block.rows for left, cell in pairwise(["", *row]) if cell != left)


def _placed(blocks: list[Block | TableBlock], place: str) -> list[Block | TableBlock]:
    return [replace(blocks[0], place=place), *blocks[1:]] if blocks else []
