"""Filled fields of the forms in PDF files, beside their labels, and notes, comments and stamps."""

import ctypes
import re
from typing import Any

from assistant.documents.pdf_words import Box, PageWords, Word, turned_box

_NO_TEXT = re.compile("[\x00\x01\x03-\x1f\x7f-\x9f\uffff\ufeff]")
_MAX_ANNOTATIONS = 5_000  # on a page
_FREE_TEXT, _STAMP, _POPUP, _LINK, _WIDGET = 3, 13, 16, 2, 20
_HIDDEN = 2 | 32  # flags of annotations that are not shown
_CHECK_BOX, _RADIO, _PUSH_BUTTON, _SIGNATURE, _COMBO_BOX, _LIST_BOX = 2, 3, 1, 7, 4, 5
_MAX_OPTIONS = 2_000  # of a choice


def read_annotations(page: Any, form: Any, turn: int, found: PageWords) -> None:
    """Add the fields of a page as words, and its notes, to what was found on it."""
    import pypdfium2.raw as pdfium

    shown: set[str] = set()
    rectangle = pdfium.FS_RECTF()
    for at in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)):
        note = pdfium.FPDFPage_GetAnnot(page, at)
        if not note:
            continue
        kind = pdfium.FPDFAnnot_GetSubtype(note)
        if not pdfium.FPDFAnnot_GetFlags(note) & _HIDDEN and pdfium.FPDFAnnot_GetRect(note, rectangle):
            edges = (rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
            if kind == _WIDGET and form is not None:
                _field(form, note, turned_box(turn, *edges), found)
            elif kind not in (_LINK, _POPUP, _WIDGET):
                _note(note, kind, turned_box(turn, *edges), found, shown)
        pdfium.FPDFPage_CloseAnnot(note)


def _field(form: Any, note: Any, box: Box, found: PageWords) -> None:
    """The value of a form's field as a word in its place."""
    import pypdfium2.raw as pdfium

    kind = pdfium.FPDFAnnot_GetFormFieldType(form, note)
    if kind in (_CHECK_BOX, _RADIO):
        value = "[x]" if pdfium.FPDFAnnot_IsChecked(form, note) else "[ ]"
    elif kind in (_PUSH_BUTTON, _SIGNATURE):
        return
    else:
        value = _chosen(form, note) if kind in (_COMBO_BOX, _LIST_BOX) else ""
        value = value or _string(lambda buffer, size: pdfium.FPDFAnnot_GetFormFieldValue(form, note, buffer, size))
    if value := " ".join(value.split()):
        found.words.append(_placed(value, box, found, is_box=kind in (_CHECK_BOX, _RADIO)))


def _chosen(form: Any, note: Any) -> str:
    """The labels of the options that are chosen; the field itself may keep codes for them."""
    import pypdfium2.raw as pdfium

    labels = []
    for at in range(min(pdfium.FPDFAnnot_GetOptionCount(form, note), _MAX_OPTIONS)):
        if pdfium.FPDFAnnot_IsOptionSelected(form, note, at):
            labels.append(
                _string(lambda buffer, size, at=at: pdfium.FPDFAnnot_GetOptionLabel(form, note, at, buffer, size))
            )
    return ", ".join(filter(None, labels))


def _placed(value: str, box: Box, found: PageWords, *, is_box: bool) -> Word:
    """A field's value as a word beside its label, so that nothing takes the white space between them for a column's."""
    x0, y0, x1, y1 = box
    middle = (y0 + y1) / 2
    level = [word for word in found.words if y0 - 2 <= word.y - 0.3 * word.size <= y1 + 2]
    left = max((word for word in level if word.x1 <= x0 + 2), key=lambda word: word.x1, default=None)
    right = min((word for word in level if word.x0 >= x1 - 2), key=lambda word: word.x0, default=None)
    if is_box and right is not None and not right.is_field and right.x0 - x1 < 2.5 * right.size:
        return Word(value, right.x0 - 0.6 * right.size, right.x0 - 0.3 * right.size, right.y, right.size, is_field=True)
    if left is not None and not left.is_field:
        colon = "" if left.text[-1] in ":?.=" or is_box else ":"
        left.text += colon
        if is_box:
            value += " yes" if "x" in value else " no"
        return Word(value, left.x1 + 0.3 * left.size, max(x1, left.x1 + left.size), left.y, left.size, is_field=True)
    if not is_box and (label := _label_above(box, found)) is not None:
        label.text += "" if label.text[-1] in ":?.=" else ":"
        begin = label.x1 + 0.3 * label.size
        return Word(
            value,
            begin,
            max(begin + 1.0, min(x1, begin + 0.5 * label.size * len(value))),
            label.y,
            label.size,
            is_field=True,
        )
    size = min(max(y1 - y0, 6.0) * 0.6, 12.0)
    return Word(
        value, x0, max(x0 + 1.0, min(x1, x0 + 0.5 * size * len(value))), middle + 0.3 * size, size, is_field=True
    )


def _label_above(box: Box, found: PageWords) -> Word | None:
    """The last word of a line that begins where a field does, right above it; None where none does."""
    x0, y0, x1, _ = box
    above = [word for word in found.words if -0.5 * word.size < y0 - word.y < 1.2 * word.size and not word.is_field]
    line = sorted((word for word in above if x0 - 4 <= word.x0 < x1), key=lambda word: word.x0)
    if not line or line[0].x0 > x0 + 4:
        return None
    last = line[0]
    for word in line[1:]:
        if abs(word.y - last.y) > 1.0 or word.x0 - last.x1 > last.size:
            break
        last = word
    return last


def _note(note: Any, kind: int, box: Box, found: PageWords, shown: set[str]) -> None:
    contents, author = _value(note, "Contents"), _value(note, "T")
    contents = " ".join(contents.split())
    if kind == _STAMP:
        contents = contents or _value(note, "Name")
        if contents:
            found.notes.append(f"Stamp: {contents}")
        return
    if not contents or contents in shown:
        return
    shown.add(contents)
    if kind == _FREE_TEXT and len(contents) <= 80:
        found.words.append(_placed(contents, box, found, is_box=False))
    elif kind == _FREE_TEXT:
        found.notes.append(contents)
    else:
        found.notes.append(f"Note ({author}): {contents}" if author else f"Note: {contents}")


def _value(note: Any, key: str) -> str:
    import pypdfium2.raw as pdfium

    name = key.encode()
    if key == "Name":  # of a stamp: a name, such as /Approved
        return ""
    return _string(lambda buffer, size: pdfium.FPDFAnnot_GetStringValue(note, name, buffer, size))


def _string(get: Any) -> str:
    """A string of PDFium, which is asked for twice: for its size and for its bytes."""
    import pypdfium2.raw as pdfium

    size = get(None, 0)
    if not 2 < size <= 1_000_000:
        return ""
    buffer = ctypes.create_string_buffer(size)
    get(ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    text = buffer.raw[: size - 2].decode("utf-16-le", "replace")
    return _NO_TEXT.sub("", text.replace("\r", "\n").replace("\n", " "))
