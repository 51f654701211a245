"""Lines and boxes that are drawn on a PDF page, and how many pictures stand on it."""

import ctypes
from collections.abc import Iterator
from itertools import islice
from typing import Any

from assistant.documents.pdf_words import Box, PageWords, Rule, turned_box

Matrix = tuple[float, float, float, float, float, float]
"""What moves the points of an object, as PDF writes it: a, b, c, d, e and f."""

_UNMOVED: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_MAX_DEPTH = 4  # forms in forms
_MAX_OBJECTS = 20_000  # on a page, looked at for rules
_THIN = 2.5  # points: a path no thicker is a rule
_MAX_SEGMENTS = 50_000  # of the paths on a page
_ONE_BOX = 5  # segments: a path of no more is one line or one box


def read_drawings(page: Any, turn: int, found: PageWords) -> None:
    """Add the rules of a page to what was found on it, as words at a turn see them; pictures are counted."""
    import pypdfium2.raw as pdfium

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    left_to_draw = _MAX_SEGMENTS
    for drawn, matrix in islice(_objects(page), _MAX_OBJECTS):
        kind = pdfium.FPDFPageObj_GetType(drawn)
        if kind not in (pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE):
            continue
        if not pdfium.FPDFPageObj_GetBounds(drawn, left, bottom, right, top):
            continue
        (x0, y0), (x1, y1) = _moved(matrix, left.value, bottom.value), _moved(matrix, right.value, top.value)
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            found.pictures += 1
            found.picture_area = max(found.picture_area, abs(x1 - x0) * abs(y1 - y0))
            continue
        found.paths += 1
        fill, stroke = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDFPath_GetDrawMode(drawn, fill, stroke)
        parts = pdfium.FPDFPath_CountSegments(drawn)
        if not _ONE_BOX < parts <= left_to_draw:
            _add_rule(turned_box(turn, x0, y0, x1, y1), found, is_stroked=bool(stroke.value))
            continue
        left_to_draw -= parts
        for one, other in _pieces(drawn, parts, is_stroked=bool(stroke.value)):
            corners = (*_moved(matrix, *one), *_moved(matrix, *other))
            _add_rule(turned_box(turn, *corners), found, is_stroked=False)


def _objects(page: Any) -> Iterator[tuple[Any, Matrix]]:
    """The objects of a page, those in the forms on it too, each with what moves its points to their places."""
    import pypdfium2.raw as pdfium

    stack: list[tuple[Any, Matrix, int]] = []
    for at in range(min(pdfium.FPDFPage_CountObjects(page), _MAX_OBJECTS)):
        stack.append((pdfium.FPDFPage_GetObject(page, at), _UNMOVED, 0))
        while stack:
            drawn, matrix, depth = stack.pop()
            if pdfium.FPDFPageObj_GetType(drawn) != pdfium.FPDF_PAGEOBJ_FORM:
                yield drawn, matrix
            elif depth < _MAX_DEPTH:
                inner = pdfium.FS_MATRIX()
                pdfium.FPDFPageObj_GetMatrix(drawn, inner)
                both = _after(matrix, (inner.a, inner.b, inner.c, inner.d, inner.e, inner.f))
                count = min(pdfium.FPDFFormObj_CountObjects(drawn), _MAX_OBJECTS)
                stack += [(pdfium.FPDFFormObj_GetObject(drawn, number), both, depth + 1) for number in range(count)]


def _moved(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _after(outer: Matrix, inner: Matrix) -> Matrix:
    """The one matrix that does what the inner and then the outer one do."""
    a, b, c, d, _, _ = outer
    e, f = _moved(outer, inner[4], inner[5])
    return (
        a * inner[0] + c * inner[1], b * inner[0] + d * inner[1],
        a * inner[2] + c * inner[3], b * inner[2] + d * inner[3], e, f,
    )  # fmt: skip


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
    """The pieces of a path of several parts: straight lines of one that is drawn, boxes of one that is filled."""
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
