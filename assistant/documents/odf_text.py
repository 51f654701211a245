"""The text of OpenDocument texts, spreadsheets and presentations, read from their XML by lxml."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from assistant.documents.archives import open_archive
from assistant.documents.blocks import Block, BlockKind, Extracted, TableBlock, heading, join_blocks, table_block
from assistant.documents.docx_numbering import in_figures
from assistant.documents.office_xml import parse_part
from assistant.documents.progress import report
from assistant.documents.sheets import Merge, Sheet, sheets_blocks
from assistant.documents.tables import MOST_CELLS
from assistant.errors import DocumentError
from assistant.layout import column_letters
from assistant.text import one_line

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_PRESENTATION = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
_SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
_CHARACTERS = {_TEXT + "tab": "\t", _TEXT + "line-break": "\n"}
_SKIPPED = frozenset(
    {
        _TEXT + "tracked-changes", _OFFICE + "annotation", _OFFICE + "annotation-end", _TEXT + "note",
        _TEXT + "table-of-content", _OFFICE + "forms", _TEXT + "sequence-decls", _TEXT + "hidden-text",
        _DRAW + "frame", _DRAW + "custom-shape", _DRAW + "text-box", _SVG + "title", _SVG + "desc",
    }
)  # fmt: skip
_MAX_REPEATS = 10_000
_MAX_DEPTH = 100
_FORMS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def extract(data: bytes, max_characters: int) -> Extracted:
    """The text of an OpenDocument file: headings, lists with their numbers, tables, notes; sheets; slides.

    Raises:
        DocumentError: it unpacks to too much, is protected, or holds no text.
    """
    what = "OpenDocument file"
    with open_archive(data, what) as archive:
        if "META-INF/manifest.xml" in archive.namelist() and b"encryption-data" in archive.read(
            "META-INF/manifest.xml"
        ):
            raise DocumentError(f"this {what} is protected by a password; save a copy without one first.")
        root = parse_part(archive.read("content.xml"))
        styles = parse_part(archive.read("styles.xml")) if "styles.xml" in archive.namelist() else None
    body = root.find(f"{_OFFICE}body")
    notices: list[str] = []
    blocks: list[Block | TableBlock] = []
    if body is not None and len(body):
        kind = body[0] if isinstance(body[0].tag, str) else body[-1]
        if kind.tag == f"{_OFFICE}spreadsheet":
            blocks = list(sheets_blocks(_sheets(kind), notices.append))
        elif kind.tag == f"{_OFFICE}presentation":
            blocks = list(_slides(kind, root))
        else:
            blocks = _text_document(kind, root, styles)
    if not blocks:
        raise DocumentError(f"this {what} holds no text.")
    return join_blocks(blocks, notices)


def _text_document(body: Any, root: Any, styles: Any) -> list[Block | TableBlock]:
    reader = _Reader(root, styles)
    blocks: list[Block | TableBlock] = []
    for done, element in enumerate(body):
        report(done, len(body))
        blocks += reader.blocks(element, 0)
    heads, feet = _edges(styles, reader)
    blocks = _placed(heads, "page header") + (_placed(blocks, "") if heads else blocks) + _placed(feet, "page footer")
    return blocks + _placed(reader.notes, "footnotes") + _placed(reader.comments, "comments")


def _edges(styles: Any, reader: "_Reader") -> tuple[list[Block | TableBlock], list[Block | TableBlock]]:
    """The headers and footers of all kinds of pages, each text once."""
    edges: tuple[list[Block | TableBlock], list[Block | TableBlock]] = ([], [])
    seen = set()
    for at, name in enumerate(("header", "footer")):
        for element in (
            () if styles is None else styles.iter(_STYLE + name, _STYLE + f"{name}-left", _STYLE + f"{name}-first")
        ):
            found = [block for child in element for block in reader.blocks(child, 0)]
            key = tuple(str(block) for block in found)
            if found and key not in seen:
                seen.add(key)
                edges[at].extend(found)
    return edges


def _placed(blocks: list[Any], place: str) -> list[Block | TableBlock]:
    return [replace(blocks[0], place=place), *blocks[1:]] if blocks else []


class _Reader:
    """Reads the elements of a text into blocks."""

    def __init__(self, root: Any, styles: Any) -> None:
        self.notes: list[Block | TableBlock] = []
        self.comments: list[Block | TableBlock] = []
        self._numbers: dict[tuple[str, int], tuple[str, str, str, int]] = {}
        self._counts: dict[tuple[str, int], int] = {}
        for part in (styles, root):
            for style in () if part is None else part.iter(_TEXT + "list-style"):
                self._learn(style)

    def _learn(self, style: Any) -> None:
        for level in style:
            if level.tag == _TEXT + "list-level-style-number":
                form = level.get(_STYLE + "num-format", "")
                key = (style.get(_STYLE + "name", ""), _int(level.get(_TEXT + "level"), 1))
                self._numbers[key] = (
                    form, level.get(_STYLE + "num-prefix", ""), level.get(_STYLE + "num-suffix", ""),
                    _int(level.get(_TEXT + "start-value"), 1),
                )  # fmt: skip

    def blocks(self, element: Any, depth: int) -> Iterator[Block | TableBlock]:
        """The blocks of an element of the body."""
        if not isinstance(element.tag, str) or depth > _MAX_DEPTH:
            return
        if element.tag in (_TEXT + "p", _TEXT + "h"):
            text = self.text(element).strip()
            if text and element.tag == _TEXT + "h":
                yield heading(_int(element.get(_TEXT + "outline-level"), 1), text)
            elif text:
                yield Block(text)
            for frame in element.iter(_DRAW + "text-box", _DRAW + "custom-shape"):
                for inner in frame:
                    yield from self.blocks(inner, depth + 1)
        elif element.tag == _TEXT + "list":
            yield from self._list(element, element.get(_TEXT + "style-name", ""), 1)
        elif element.tag == _TABLE + "table":
            yield from self._table(element, depth)
        elif element.tag not in _SKIPPED or element.tag in (
            _DRAW + "frame",
            _DRAW + "text-box",
            _DRAW + "custom-shape",
        ):
            for inner in element:
                yield from self.blocks(inner, depth + 1)

    def _list(self, element: Any, style: str, level: int) -> Iterator[Block | TableBlock]:
        style = element.get(_TEXT + "style-name", "") or style
        key = (style, level)
        if element.get(_TEXT + "continue-numbering") != "true":
            self._counts.pop(key, None)
        for item in element:
            if not isinstance(item.tag, str) or level > 20:
                continue
            label = None if item.tag == _TEXT + "list-header" else self._label(key, item)
            for inner in item:
                if inner.tag == _TEXT + "list":
                    yield from self._list(inner, style, level + 1)
                    continue
                for block in self.blocks(inner, level):
                    indent = "  " * (level - 1)
                    if isinstance(block, TableBlock) or block.text.startswith("#"):
                        yield block
                    else:
                        yield Block(f"{indent}{label} {block.text}" if label else indent + block.text, BlockKind.ITEM)
                    label = " " * len(label) if label else label

    def _label(self, key: tuple[str, int], item: Any) -> str:
        if key not in self._numbers:
            return "-"
        form, prefix, suffix, start = self._numbers[key]
        if not form:
            return ""
        own = item.get(_TEXT + "start-value")
        self._counts[key] = _int(own, 1) if own else self._counts.get(key, start - 1) + 1
        return f"{prefix}{in_figures(self._counts[key], _FORMS.get(form, 'decimal'))}{suffix}"

    def _table(self, table: Any, depth: int) -> Iterator[Block | TableBlock]:
        rows = [row for row in table.iter(_TABLE + "table-row") if next(row.iterancestors(_TABLE + "table")) is table]
        nested = any(inner is not table for inner in table.iter(_TABLE + "table"))
        if nested or all(len(_own_cells(row)) < 2 for row in rows):
            for row in rows:
                for cell in _own_cells(row):
                    for inner in cell:
                        yield from self.blocks(inner, depth + 1)
            return
        headers = sum(row.getparent().tag == _TABLE + "table-header-rows" for row in rows)
        texts: list[list[tuple[str, int, int]]] = []
        for row in rows:
            cells: list[tuple[str, int, int]] = []
            for cell in _own_cells(row):
                if cell.tag == _TABLE + "covered-table-cell":
                    continue
                text = " ".join(
                    block.text for inner in cell for block in self.blocks(inner, 1) if isinstance(block, Block)
                )
                spans = (_int(cell.get(_TABLE + f"number-{name}-spanned"), 1) for name in ("columns", "rows"))
                columns, down = spans
                for _ in range(min(_int(cell.get(_TABLE + "number-columns-repeated"), 1), 1000)):
                    cells.append((text, columns, down))
            texts.append(cells)
        block = table_block(texts, header_rows=headers or None)
        if block is not None:
            yield block

    def text(self, element: Any) -> str:
        """The text of a paragraph as it is shown; its notes and comments are kept for the end."""
        parts: list[str] = [element.text or ""]
        stack = [(child, False) for child in reversed(element)]
        while stack:
            child, tail = stack.pop()
            if tail:
                parts.append(child.tail or "")
                continue
            stack.append((child, True))
            if child.tag == _TEXT + "s":
                parts.append(" " * min(_int(child.get(_TEXT + "c"), 1), 1000))
            elif child.tag in _CHARACTERS:
                parts.append(_CHARACTERS[child.tag])
            elif child.tag == _TEXT + "note":
                parts.append(self._note(child))
            elif child.tag == _OFFICE + "annotation":
                self._comment(child)
            elif isinstance(child.tag, str) and child.tag not in _SKIPPED:
                parts.append(child.text or "")
                stack.extend((inner, False) for inner in reversed(child))
        return "".join(parts)

    def _note(self, note: Any) -> str:
        mark = "".join(note.findtext(_TEXT + "note-citation") or "").translate(_RAISED)
        body = note.find(_TEXT + "note-body")
        text = " ".join(self.text(each).strip() for each in body) if body is not None else ""
        if text:
            self.notes.append(Block(f"{mark} {text}".strip()))
        return mark

    def _comment(self, comment: Any) -> None:
        author = one_line(comment.findtext(_DC + "creator") or "")
        text = " ".join(self.text(each).strip() for each in comment if each.tag in (_TEXT + "p", _TEXT + "list"))
        if text:
            self.comments.append(Block(f"Comment{f' by {author}' if author else ''}: {text}"))


def _own_cells(row: Any) -> list[Any]:
    return [cell for cell in row if cell.tag in (_TABLE + "table-cell", _TABLE + "covered-table-cell")]


def _slides(body: Any, root: Any) -> Iterator[Block | TableBlock]:
    pages = body.findall(_DRAW + "page")
    for number, page in enumerate(pages, 1):
        reader = _Reader(root, None)
        found: list[Block | TableBlock] = []
        for shape in page:
            if shape.tag == _PRESENTATION + "notes":
                notes = [block.text for each in shape for block in reader.blocks(each, 0) if isinstance(block, Block)]
                found += [Block("Notes: " + "\n".join(notes))] if notes else []
                continue
            blocks = list(reader.blocks(shape, 0))
            if shape.get(_PRESENTATION + "class") == "title":
                text = " ".join(block.text for block in blocks if isinstance(block, Block))
                found[:0] = [heading(2, text)] if text else []
            else:
                found += blocks
        found += reader.notes + reader.comments
        report(number, len(pages))
        yield from _placed(found, f"slide {number:,}")


def _sheets(body: Any) -> Iterator[Sheet]:
    reader = _Reader(body, None)
    cells = 0
    for table in body.findall(_TABLE + "table"):
        sheet = Sheet(table.get(_TABLE + "name", ""))
        number = 0
        for row in table.iter(_TABLE + "table-row"):
            repeats = max(1, _int(row.get(_TABLE + "number-rows-repeated"), 1))
            texts, merges, notes = _row(row, reader)
            sheet.notes += [(f"{column_letters(column)}{number + 1}", note) for column, note in notes]
            for at in range(min(repeats, _MAX_REPEATS) if texts else 0):
                sheet.rows[number + at] = dict(texts)
                cells += len(texts)
            for column, columns, rows in merges:
                merge: Merge = (number, column, number + rows - 1, column + columns - 1)
                sheet.merges.append(merge)
            number += repeats
            report(number, number)
            if cells > MOST_CELLS:
                raise DocumentError("this OpenDocument file holds too many cells; save the sheet you need by itself.")
        yield sheet


def _row(row: Any, reader: _Reader) -> tuple[dict[int, str], list[tuple[int, int, int]], list[tuple[int, str]]]:
    """The texts of a row by their columns, its merged cells and its comments."""
    texts: dict[int, str] = {}
    merges = []
    notes = []
    column = 0
    for cell in _own_cells(row):
        repeats = max(1, _int(cell.get(_TABLE + "number-columns-repeated"), 1))
        lines = [reader.text(each).strip() for each in cell if each.tag == _TEXT + "p"]
        text = " ".join(line for line in lines if line)
        if text and cell.tag == _TABLE + "table-cell":
            for at in range(min(repeats, _MAX_REPEATS)):
                texts[column + at] = text
            columns = _int(cell.get(_TABLE + "number-columns-spanned"), 1)
            rows = _int(cell.get(_TABLE + "number-rows-spanned"), 1)
            if columns > 1 or rows > 1:
                merges.append((column, columns, rows))
        for comment in cell.findall(_OFFICE + "annotation"):
            if note := " ".join(
                filter(None, (reader.text(each).strip() for each in comment if each.tag == _TEXT + "p"))
            ):
                notes.append((column, note))
        column += repeats
    return texts, merges, notes


def _int(value: str | None, default: int) -> int:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 8 else default
