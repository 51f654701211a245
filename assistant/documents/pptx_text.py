"""The text of PowerPoint presentations, by python-pptx: slide by slide, in the order in which they are shown."""

import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from assistant.documents.archives import open_archive
from assistant.documents.blocks import Block, BlockKind, Extracted, TableBlock, heading, join_blocks, table_block
from assistant.documents.progress import report
from assistant.errors import DocumentError
from assistant.text import one_line

_SHOW_TYPES = (
    b"application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml",
    b"application/vnd.openxmlformats-officedocument.presentationml.template.main+xml",
    b"application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml",
    b"application/vnd.ms-powerpoint.slideshow.macroEnabled.main+xml",
)
_PRESENTATION = b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_OFFSET = f"{_P}spPr/{_A}xfrm/{_A}off"
_MAX_SLIDES = 5_000
_MAX_DEPTH = 20  # groups in groups
_LINE_BREAKS = str.maketrans({"\v": "\n"})
_FOOTERS = (13, 15, 16)  # placeholders: slide number, footer, date


def extract(data: bytes, max_characters: int) -> Extracted:
    """The text of a presentation: for each slide its title, text, tables, charts' figures and the speaker's notes.

    Raises:
        DocumentError: it unpacks to too much, is protected, or holds no text.
    """
    with open_archive(data, "PowerPoint presentation") as archive:
        if any(kind in archive.read("[Content_Types].xml") for kind in _SHOW_TYPES):
            data = _as_presentation(archive)
    import pptx

    presentation = pptx.Presentation(io.BytesIO(data))
    slides = presentation.slides
    blocks: list[Block | TableBlock] = []
    length = 0
    total = sum(len(slide._element.cSld.spTree) for slide in islice(slides, _MAX_SLIDES))
    reader = _Slide(total)
    for number, slide in enumerate(islice(slides, _MAX_SLIDES), 1):
        found = list(reader.blocks(slide, number))
        length += sum(len(block.text) for block in found if isinstance(block, Block))
        blocks += found
        if length > max_characters:
            break
    if not blocks:
        raise DocumentError("this PowerPoint presentation holds no text; its slides may be pictures.")
    pictures = reader.pictures
    notice = f"{'A picture was' if pictures == 1 else f'{pictures:,} pictures were'} not read."
    return join_blocks(blocks, [notice] if pictures else [])


def _as_presentation(archive: Any) -> bytes:
    """A show or a template as a presentation: python-pptx opens no other by its declared type."""
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as copy:
        for part in archive.infolist():
            content = archive.read(part)
            if part.filename == "[Content_Types].xml":
                for kind in _SHOW_TYPES:
                    content = content.replace(kind, _PRESENTATION)
            copy.writestr(part.filename, content)
    return out.getvalue()


class _Slide:
    """Reads slides into blocks.

    Args:
        total: how many shapes there are on all of them.
    """

    def __init__(self, total: int) -> None:
        self.pictures = 0
        self._done = 0
        self._total = total

    def blocks(self, slide: Any, number: int) -> Iterator[Block | TableBlock]:
        """The blocks of a slide, the first of which says which slide it is."""
        place = f"slide {number:,}" + (" (hidden)" if slide._element.get("show") == "0" else "")
        title = slide.shapes.title
        words = title.text_frame.text if title is not None and title.has_text_frame else ""
        found: list[Block | TableBlock] = []
        if words.strip():
            found.append(heading(2, words.translate(_LINE_BREAKS)))
        shapes = [shape for shape in slide.shapes if title is None or shape.shape_id != title.shape_id]
        for shape in sorted(shapes, key=_position):
            found += self._shape(shape, 0)
        if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame) is not None and frame.text.strip():
            found.append(Block(f"Notes: {frame.text.translate(_LINE_BREAKS).strip()}"))
        if found:
            yield replace(found[0], place=place)
            yield from found[1:]

    def _shape(self, shape: Any, depth: int) -> Iterator[Block | TableBlock]:
        from pptx.enum.shapes import MSO_SHAPE_TYPE

        self._done += not depth
        report(self._done, self._total)
        if _is_plain(shape._element):
            if (body := shape._element.find(f"{_P}txBody")) is not None:
                yield from _paragraphs(body, in_placeholder=False)
            return
        if shape.is_placeholder and shape.placeholder_format.type in _FOOTERS:
            return
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            for inner in sorted(shape.shapes, key=_position) if depth < _MAX_DEPTH else ():
                yield from self._shape(inner, depth + 1)
        elif getattr(shape, "has_table", False):
            table = _table(shape.table)
            if table is not None:
                yield table
        elif getattr(shape, "has_chart", False):
            yield from _chart(shape.chart)
        elif shape.has_text_frame:
            yield from _paragraphs(shape.text_frame._txBody, in_placeholder=shape.is_placeholder)
        elif shape.shape_type == MSO_SHAPE_TYPE.PICTURE:
            self.pictures += 1


def _is_plain(element: Any) -> bool:
    """Whether a shape is one of the slide's own, with its place and text in it, and no filled placeholder of a layout.

    Such shapes are read from their elements: the library's objects look up much for each.
    """
    return element.tag == f"{_P}sp" and element.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph") is None


def _position(shape: Any) -> tuple[int, int]:
    """From the top down, then from left to right; what stands on about the same level counts as one row."""
    offset = shape._element.find(_OFFSET)
    top, left = (shape.top, shape.left) if offset is None else (offset.y, offset.x)
    return (int(top or 0) // 400_000, int(left or 0))  # a bit over a centimetre


def _paragraphs(body: Any, *, in_placeholder: bool) -> Iterator[Block]:
    paragraphs = [(p, p.text.translate(_LINE_BREAKS).strip()) for p in body.p_lst]
    filled = [(p, text) for p, text in paragraphs if text]
    is_list = len(filled) > 1 and in_placeholder
    count: dict[int, int] = {}
    for paragraph, text in filled:
        properties = paragraph.pPr
        level = 0 if properties is None else min(properties.lvl, 8)
        numbered = properties is not None and properties.find(f"{_A}buAutoNum") is not None
        bullet = properties is not None and properties.find(f"{_A}buChar") is not None
        plain = properties is not None and properties.find(f"{_A}buNone") is not None
        if numbered:
            count[level] = count.get(level, 0) + 1
            yield Block(f"{'  ' * level}{count[level]}. {text}", BlockKind.ITEM)
        elif bullet or (is_list and not plain):
            yield Block(f"{'  ' * level}- {text}", BlockKind.ITEM)
        else:
            yield Block(text)


def _table(table: Any) -> TableBlock | None:
    rows = []
    above: dict[int, str] = {}
    for row in table._tbl.tr_lst:  # the library's own rows are searched for from the first, each time
        cells: list[tuple[str, int, int]] = []
        left = ""
        for column, element in enumerate(row.tc_lst):
            if element.get("hMerge") in ("1", "true"):
                text = left
            elif element.get("vMerge") in ("1", "true"):
                text = above.get(column, "")
            else:
                text = " ".join(element.text.split())
            above[column] = left = text
            cells.append((text, 1, 1))
        if len(cells) > 1 and len({text for text, _, _ in cells}) == 1 and cells[0][0] and row.tc_lst[0].gridSpan > 1:
            cells = [(cells[0][0], len(cells), 1)]
        rows.append(cells)
    return table_block(rows, header_rows=1 if table.first_row and len(rows) > 1 else None)


def _chart(chart: Any) -> Iterator[Block | TableBlock]:
    """The figures that a chart draws, as a table of its categories and series."""
    title = chart.chart_title.text_frame.text if chart.has_title and chart.chart_title.has_text_frame else ""
    title = one_line(title, 100)
    if title:
        yield Block(f"Chart: {title}")
    for plot in chart.plots:
        names = [str(name) for name in plot.categories]
        series = list(plot.series)
        rows = [[("", 1, 1), *((each.name, 1, 1) for each in series)]]
        values = [list(each.values) for each in series]
        for at, name in enumerate(names):
            figures = [column[at] if at < len(column) else None for column in values]
            rows.append([(name, 1, 1), *(("" if figure is None else f"{figure:g}", 1, 1) for figure in figures)])
        table = table_block(rows, header_rows=1, name=title or None)
        if table is not None:
            yield table
