"""The words of a PDF page with their places: text as it stands, filled form fields, notes and rules."""

import ctypes
import math
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from assistant.documents.blocks import TableBlock

BREAK = "\ufffe"
"""Stands at the end of a word in place of the hyphen that may break it."""

_HYPHENS = frozenset("-\u00ad\u2010\x02\ufffe")
_SPACES = frozenset((0, 9, 10, 13, 32, 0xA0, 0x2028, 0x2029, 0x3000, *range(0x2000, 0x200C)))
_NO_TEXT = re.compile("[\x00\x01\x03-\x1f\x7f-\x9f\uffff\ufeff]")
_LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st"}
)
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_MOST_CHARACTERS = 1_000_000  # on a page
_MOST_ANNOTATIONS = 5_000  # on a page
_MOST_OBJECTS = 20_000  # on a page, looked at for rules
_EM = 0.85  # of the height of a character's loose box
_THIN = 2.5  # points: a path no thicker is a rule
_FREE_TEXT, _STAMP, _POPUP, _LINK, _WIDGET = 3, 13, 16, 2, 20
_HIDDEN = 2 | 32  # flags of annotations that are not shown
_CHECK_BOX, _RADIO, _PUSH_BUTTON, _SIGNATURE = 2, 3, 1, 7


@dataclass(slots=True)
class Word:
    """Characters without a gap; `y` is the baseline, growing downwards; all measures in points."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    is_field: bool = False
    block: TableBlock | None = None  # the table that a drawn grid holds, for which the word stands


@dataclass(frozen=True, slots=True)
class Rule:
    """A drawn line: horizontal where `y0 == y1`, else vertical."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(slots=True)
class PageWords:
    """What stands on a page.

    Args:
        words: The words that stand upright when the page is held as most of its characters stand.
        turned: Groups of words that stand otherwise, each as one holds the page to read it.
        rules: Drawn lines, as the upright words are held.
        notes: Notes, comments and stamps, as lines.
        pictures: How many pictures there are on the page.
        top: The upper edge of the page.
        bottom: The lower edge of the page.
    """

    words: list[Word] = field(default_factory=list)
    turned: list[list[Word]] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pictures: int = 0
    top: float = 0.0
    bottom: float = 0.0


def read_words(page: Any, form: Any) -> PageWords:
    """The words of a page.

    Args:
        page: a page of pypdfium2.
        form: the raw handle of the document's form; None where it has none.
    """
    groups = _character_words(page.get_textpage())
    sizes = Counter({turn: sum(len(word.text) for word in words) for turn, words in groups.items()})
    main = sizes.most_common(1)[0][0] if sizes else 0
    found = PageWords(groups.pop(main, []))
    found.turned = [words for _, words in sorted(groups.items())]
    width, height = page.get_width(), page.get_height()
    if page.get_rotation() in (90, 270):
        width, height = height, width
    edges = [_turned(main, 0, 0)[1], _turned(main, width, height)[1]]
    found.top, found.bottom = min(edges), max(edges)
    _read_objects(page, main, found)
    _read_annotations(page, form, main, found)
    return found


def _turned(turn: int, x: float, y: float) -> tuple[float, float]:
    """A point of the page, which counts upwards, as one sees it who holds the page so that such text stands upright."""
    return ((x, -y), (-y, -x), (-x, y), (y, x))[turn]


def _character_words(page: Any) -> dict[int, list[Word]]:
    """Words by the quarter turns that their characters stand at."""
    import pypdfium2.raw as pdfium

    unicode, angle_of, box_of, origin_of = (
        pdfium.FPDFText_GetUnicode, pdfium.FPDFText_GetCharAngle, pdfium.FPDFText_GetLooseCharBox,
        pdfium.FPDFText_GetCharOrigin,
    )  # fmt: skip
    box = pdfium.FS_RECTF()
    x, y = ctypes.c_double(), ctypes.c_double()
    groups: dict[int, list[Word]] = {}
    word: Word | None = None
    last = 0
    for at in range(min(pdfium.FPDFText_CountChars(page), _MOST_CHARACTERS)):
        code = unicode(page, at)
        if code in _SPACES:
            word = None
            continue
        if not box_of(page, at, box) or not origin_of(page, at, x, y):
            continue
        turn = round(angle_of(page, at) / (math.pi / 2)) % 4
        left, first = _turned(turn, box.left, box.bottom)
        right, second = _turned(turn, box.right, box.top)
        left, right = min(left, right), max(left, right)
        size = max(0.5, abs(first - second) * _EM)
        base = _turned(turn, x.value, y.value)[1]
        char = chr(code) if code < 0x110000 else "\ufffd"
        if (
            word is not None
            and turn == last
            and abs(base - word.y) < 0.45 * word.size
            and -word.size < left - word.x1 < 0.35 * word.size
        ):
            if size < 0.75 * word.size and word.y - base > 0.15 * word.size:
                char = char.translate(_RAISED)  # "1902" with the note 1 is not the year 19021
            word.text += char
            word.x1 = max(word.x1, right)
        else:
            word = Word(char, left, right, base, size)
            groups.setdefault(turn, []).append(word)
            last = turn
    for turn, words in groups.items():
        for each in words:
            each.text = _clean(each.text)
        groups[turn] = [each for each in words if each.text]
    return {turn: words for turn, words in groups.items() if words}


def _clean(text: str) -> str:
    if len(text) > 1 and text[-1] in _HYPHENS and text[-2].isalpha():
        text = text[:-1] + BREAK
    text = _NO_TEXT.sub("", text.replace("\x02", "-")).replace("\u00ad", "").translate(_LIGATURES)
    if any("\ud800" <= char <= "\udfff" for char in text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _read_objects(page: Any, turn: int, found: PageWords) -> None:
    import pypdfium2.raw as pdfium

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    for at in range(min(pdfium.FPDFPage_CountObjects(page), _MOST_OBJECTS)):
        drawn = pdfium.FPDFPage_GetObject(page, at)
        kind = pdfium.FPDFPageObj_GetType(drawn)
        found.pictures += kind == pdfium.FPDF_PAGEOBJ_IMAGE
        if kind != pdfium.FPDF_PAGEOBJ_PATH or not pdfium.FPDFPageObj_GetBounds(drawn, left, bottom, right, top):
            continue
        x0, y0 = _turned(turn, left.value, bottom.value)
        x1, y1 = _turned(turn, right.value, top.value)
        x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        if y1 - y0 < _THIN < x1 - x0:
            found.rules.append(Rule(x0, y0, x1, y0))
        elif x1 - x0 < _THIN < y1 - y0:
            found.rules.append(Rule(x0, y0, x0, y1))
        elif y1 - y0 < 0.5 * (found.bottom - found.top):  # the edges of a box or of a shaded row
            found.rules += [Rule(x0, y0, x1, y0), Rule(x0, y1, x1, y1)]


def _read_annotations(page: Any, form: Any, turn: int, found: PageWords) -> None:
    import pypdfium2.raw as pdfium

    shown: set[str] = set()
    rectangle = pdfium.FS_RECTF()
    for at in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MOST_ANNOTATIONS)):
        note = pdfium.FPDFPage_GetAnnot(page, at)
        if not note:
            continue
        kind = pdfium.FPDFAnnot_GetSubtype(note)
        if not pdfium.FPDFAnnot_GetFlags(note) & _HIDDEN and pdfium.FPDFAnnot_GetRect(note, rectangle):
            edges = (rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
            if kind == _WIDGET and form is not None:
                _field(form, note, _box(turn, *edges), found)
            elif kind not in (_LINK, _POPUP, _WIDGET):
                _note(note, kind, _box(turn, *edges), found, shown)
        pdfium.FPDFPage_CloseAnnot(note)


def _box(turn: int, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
    x0, y0 = _turned(turn, left, bottom)
    x1, y1 = _turned(turn, right, top)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _field(form: Any, note: Any, box: tuple[float, float, float, float], found: PageWords) -> None:
    """The value of a form's field as a word in its place."""
    import pypdfium2.raw as pdfium

    kind = pdfium.FPDFAnnot_GetFormFieldType(form, note)
    if kind in (_CHECK_BOX, _RADIO):
        value = "[x]" if pdfium.FPDFAnnot_IsChecked(form, note) else "[ ]"
    elif kind in (_PUSH_BUTTON, _SIGNATURE):
        return
    else:
        value = _string(lambda buffer, size: pdfium.FPDFAnnot_GetFormFieldValue(form, note, buffer, size))
        # A choice may keep a code; its options' labels are what is shown.
    if value := " ".join(value.split()):
        found.words.append(_placed(value, box, found, is_box=kind in (_CHECK_BOX, _RADIO)))


def _placed(value: str, box: tuple[float, float, float, float], found: PageWords, *, is_box: bool) -> Word:
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
    size = min(max(y1 - y0, 6.0) * 0.6, 12.0)
    return Word(
        value, x0, max(x0 + 1.0, min(x1, x0 + 0.5 * size * len(value))), middle + 0.3 * size, size, is_field=True
    )


def _note(note: Any, kind: int, box: tuple[float, float, float, float], found: PageWords, shown: set[str]) -> None:
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


def moved(word: Word, text: str) -> Word:
    """The word with another text."""
    return replace(word, text=text)
