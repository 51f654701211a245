"""The text of DOCX files, by python-docx."""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from assistant.documents.blocks import Block, Kind, heading, join_blocks
from assistant.documents.isolation import Extracted
from assistant.errors import DocumentError

MOST_UNPACKED = 200_000_000
_MOST_PARTS = 10_000
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
# Deleted and moved text, field codes, formatting, and the second telling of a drawing.
_SKIPPED = {_FALLBACK, *(_W + tag for tag in ("del", "moveFrom", "instrText", "delText", "pPr", "rPr", "sdtPr"))}
_CHARACTERS = {_W + "tab": "\t", _W + "br": "\n", _W + "cr": "\n", _W + "noBreakHyphen": "-"}
_HEADING_NAME = re.compile(r"heading ([1-9])", re.IGNORECASE)


def extract(data: bytes, most_characters: int) -> Extracted:
    """The text of a DOCX file: headings as Markdown's, list items, tables row by row, notes at the end.

    Raises:
        DocumentError: it unpacks to too much, is protected, or holds no text.
    """
    _check_size(data)
    import docx

    document = docx.Document(io.BytesIO(data))
    reader = _Reader(document)
    blocks = [block for body in document.element.findall(_W + "body") for block in reader.blocks(body)]
    blocks += reader.notes()
    if not blocks:
        raise DocumentError("this DOCX file holds no text.")
    return Extracted(join_blocks(blocks))


def _check_size(data: bytes) -> None:
    """Refuse archives that unpack to too much. zipfile never unpacks more of a part than is declared for it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise DocumentError("this DOCX file is protected by a password; save a copy without one first.")
    if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise DocumentError(
            f"this DOCX file unpacks to more than {MOST_UNPACKED // 1_000_000} MB and was not opened; "
            "save it without its pictures, or as text."
        )


class _Reader:
    """Reads the elements of a document into blocks."""

    def __init__(self, document: Any) -> None:
        self._part = document.part
        self._levels: dict[str, int] = {}
        self._lists: set[str] = set()
        for style in document.styles:
            self._learn(style)

    def _learn(self, style: Any) -> None:
        """Note whether a paragraph style, or one that it is based on, is a heading's or a list's."""
        seen: set[str] = set()
        base = style
        while base is not None and base.style_id not in seen:
            seen.add(base.style_id)
            name = base.name or ""
            outline = _level(_value(base.element.find(_W + "pPr"), "outlineLvl"))
            if match := _HEADING_NAME.fullmatch(name):
                self._levels[style.style_id] = int(match[1])
            elif name == "Title":
                self._levels[style.style_id] = 1
            elif outline is not None:
                self._levels[style.style_id] = outline + 1
            elif name.startswith("List") or base.element.find(f"{_W}pPr/{_W}numPr") is not None:
                self._lists.add(style.style_id)
            else:
                base = getattr(base, "base_style", None)
                continue
            return

    def blocks(self, parent: Any) -> Iterator[Block]:
        """The blocks of the body, or of an element that holds paragraphs as the body does."""
        for element in parent:
            if element.tag == _W + "p":
                yield from self._paragraph(element)
            elif element.tag == _W + "tbl":
                for row in element.iter(_W + "tr"):
                    if next(row.iterancestors(_W + "tbl")) is element:  # tables within are part of their cell
                        cells = [" ".join(_text(cell).split()) for cell in row.iter(_W + "tc") if _owner(cell) is row]
                        if any(cells):
                            yield Block(" | ".join(cell for cell in cells if cell), Kind.ROW)
            elif isinstance(element.tag, str) and element.tag not in _SKIPPED:  # content controls and the like
                yield from self.blocks(element)

    def _paragraph(self, paragraph: Any) -> Iterator[Block]:
        text = _text(paragraph).strip()
        if text:
            properties = paragraph.find(_W + "pPr")
            style = _value(properties, "pStyle")
            outline = _level(_value(properties, "outlineLvl"))
            level = self._levels.get(style) if outline is None else outline + 1
            if level:
                yield heading(level, text)
            elif style in self._lists or (properties is not None and properties.find(_W + "numPr") is not None):
                depth = _level(_value(None if properties is None else properties.find(_W + "numPr"), "ilvl"))
                indent = "  " * (depth or 0)
                yield Block(f"{indent}- {text}", Kind.ITEM)
            else:
                yield Block(text)
        for box in paragraph.iter(_W + "txbxContent"):
            if not any(ancestor.tag == _FALLBACK for ancestor in box.iterancestors()):
                yield from self.blocks(box)

    def notes(self) -> list[Block]:
        """Footnotes and endnotes."""
        from docx.oxml import parse_xml

        found: list[Block] = []
        for relation in self._part.rels.values():
            if not relation.is_external and relation.reltype.endswith(("/footnotes", "/endnotes")):
                for note in parse_xml(relation.target_part.blob):
                    if note.get(_W + "type", "normal") == "normal":
                        found.extend(self.blocks(note))
        return found


def _value(properties: Any, name: str) -> str:
    element = properties.find(_W + name) if properties is not None else None
    return "" if element is None else element.get(_W + "val", "")


def _level(value: str) -> int | None:
    """A level of headings or lists: Word has nine of each, and no other number is one."""
    return int(value) if value in set("012345678") else None


def _owner(cell: Any) -> Any:
    return next(cell.iterancestors(_W + "tr"))


def _text(element: Any) -> str:
    """The text of a paragraph or a cell as it is shown; text boxes are left to their own paragraphs."""
    parts: list[str] = []
    stack = list(reversed(element))
    while stack:
        child = stack.pop()
        if child.tag in (_W + "t", _MATH_TEXT):
            parts.append(child.text or "")
        elif child.tag in _CHARACTERS:
            parts.append(_CHARACTERS[child.tag])
        elif not _left_out(child):
            if child.tag == _W + "p" and parts:
                parts.append("\n")
            stack.extend(reversed(child))
    return "".join(parts)


def _left_out(element: Any) -> bool:
    if not isinstance(element.tag, str) or element.tag in _SKIPPED or element.tag == _W + "txbxContent":
        return True
    return element.tag == _W + "r" and element.find(f"{_W}rPr/{_W}vanish") is not None
