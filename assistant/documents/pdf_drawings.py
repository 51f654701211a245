"""Lines and boxes that are drawn on a PDF page, and how many pictures stand on it."""

import ctypes
from collections.abc import Iterator
from typing import Any

from assistant.documents.pdf_words import Box, PageWords, Rule, turned_box

_MOST_OBJECTS = 20_000  # on a page, looked at for rules
_THIN = 2.5  # points: a path no thicker is a rule
_MOST_SEGMENTS = 50_000  # of the paths on a page
_ONE_BOX = 5  # segments: a path of no more is one line or one box


def read_drawings(page: Any, turn: int, found: PageWords) -> None:
    """Add the rules of a page to what was found on it, as words at a turn see them; pictures are counted."""
    import pypdfium2.raw as pdfium

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    left_to_draw = _MOST_SEGMENTS
    for at in range(min(pdfium.FPDFPage_CountObjects(page), _MOST_OBJECTS)):
        drawn = pdfium.FPDFPage_GetObject(page, at)
        kind = pdfium.FPDFPageObj_GetType(drawn)
        found.pictures += kind == pdfium.FPDF_PAGEOBJ_IMAGE
        if kind != pdfium.FPDF_PAGEOBJ_PATH or not pdfium.FPDFPageObj_GetBounds(drawn, left, bottom, right, top):
            continue
        fill, stroke = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDFPath_GetDrawMode(drawn, fill, stroke)
        parts = pdfium.FPDFPath_CountSegments(drawn)
        if _ONE_BOX < parts <= left_to_draw:
            left_to_draw -= parts
            for (x0, y0), (x1, y1) in _pieces(drawn, parts, is_stroked=bool(stroke.value)):
                _add_rule(turned_box(turn, x0, y0, x1, y1), found, is_stroked=False)
            continue
        _add_rule(
            turned_box(turn, left.value, bottom.value, right.value, top.value), found, is_stroked=bool(stroke.value)
        )


def _add_rule(box: Box, found: PageWords, *, is_stroked: bool) -> None:
    x0, y0, x1, y1 = box
    if y1 - y0 < _THIN < x1 - x0:
        found.rules.append(Rule(x0, y0, x1, y0))
    elif x1 - x0 < _THIN < y1 - y0:
        found.rules.append(Rule(x0, y0, x0, y1))
    elif y1 - y0 < 0.5 * (found.bottom - found.top) and y1 - y0 > _THIN:  # the edges of a box or of a shaded row
        found.rules += [Rule(x0, y0, x1, y0), Rule(x0, y1, x1, y1)]
        if is_stroked:
            found.rules += [Rule(x0, y0, x0, y1), Rule(x1, y0, x1, y1)]


def _pieces(drawn: Any, parts: int, *, is_stroked: bool) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """The pieces of a path of several parts: the straight lines of one that is drawn, the boxes of one that is filled."""
    import pypdfium2.raw as pdfium

    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(drawn, matrix)
    x, y = ctypes.c_float(), ctypes.c_float()
    points: list[tuple[float, float]] = []
    for at in range(parts + 1):
        piece = pdfium.FPDFPath_GetPathSegment(drawn, at) if at < parts else None
        kind = pdfium.FPDFPathSegment_GetType(piece) if piece else pdfium.FPDF_SEGMENT_MOVETO
        if kind == pdfium.FPDF_SEGMENT_MOVETO and points:
            if not is_stroked:
                xs, ys = zip(*points, strict=True)
                yield (min(xs), min(ys)), (max(xs), max(ys))
            points = []
        if not piece or not pdfium.FPDFPathSegment_GetPoint(piece, x, y):
            continue
        point = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        if is_stroked and points and kind == pdfium.FPDF_SEGMENT_LINETO:
            yield points[-1], point
        points.append(point)
        if is_stroked and pdfium.FPDFPathSegment_GetClose(piece):
            yield points[-1], points[0]
