"""What stands on a PDF page: characters put together to words, drawn lines, fields and notes."""

import ctypes
import math
import re
import unicodedata
from collections import Counter
from typing import Any

from assistant.documents.pdf_drawings import read_drawings
from assistant.documents.pdf_fields import read_annotations
from assistant.documents.pdf_words import BREAK, PageWords, Word, runs_leftwards, turned

_HYPHENS = frozenset("-\u00ad\u2010\x02\ufffe")
_SPACES = frozenset((0, 9, 10, 13, 32, 0xA0, 0x2028, 0x2029, 0x3000, *range(0x2000, 0x200C)))
_NO_TEXT = re.compile("[\x00\x01\x03-\x1f\x7f-\x9f\uffff\ufeff]")
_LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st"}
)
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_MAX_CHARACTERS = 1_000_000  # on a page
_EM = 0.85  # of the height of a character's loose box


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
    for turn, words in sorted(groups.items()):
        found.turned.append(words)
        found.turns.append((main - turn) % 4)
    width, height = page.get_width(), page.get_height()
    if page.get_rotation() in (90, 270):
        width, height = height, width
    edges = [turned(main, 0, 0)[1], turned(main, width, height)[1]]
    found.top, found.bottom = min(edges), max(edges)
    read_drawings(page, main, found)
    read_annotations(page, form, main, found)
    return found


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
    for at in range(min(pdfium.FPDFText_CountChars(page), _MAX_CHARACTERS)):
        code = unicode(page, at)
        if code in _SPACES:
            word = None
            continue
        if not box_of(page, at, box) or not origin_of(page, at, x, y):
            continue
        turn = round(angle_of(page, at) / (math.pi / 2)) % 4
        left, first = turned(turn, box.left, box.bottom)
        right, second = turned(turn, box.right, box.top)
        left, right = min(left, right), max(left, right)
        size = max(0.5, abs(first - second) * _EM)
        base = turned(turn, x.value, y.value)[1]
        char = chr(code) if code < 0x110000 else "\ufffd"
        if (
            word is not None
            and turn == last
            and abs(base - word.y) < 0.45 * word.size
            and (-1.5 * word.size < left - word.x1 < 0.35 * word.size or _goes_on_leftwards(word, char, left, right))
        ):
            if size < 0.75 * word.size and word.y - base > 0.15 * word.size:
                char = char.translate(_RAISED)  # "1902" with the note 1 is not the year 19021
            word.text += char
            word.x0, word.x1 = min(word.x0, left), max(word.x1, right)
        else:
            word = Word(char, left, right, base, size)
            groups.setdefault(turn, []).append(word)
            last = turn
    for turn, words in groups.items():
        for each in words:
            each.text = _clean(each.text)
        groups[turn] = [each for each in words if each.text]
    return {turn: words for turn, words in groups.items() if words}


def _goes_on_leftwards(word: Word, char: str, left: float, right: float) -> bool:
    """Whether a letter of a script that runs from right to left stands before a word, and so goes on with it."""
    return runs_leftwards(char + word.text) and -word.size < word.x0 - right < 0.35 * word.size and left < word.x1


def _clean(text: str) -> str:
    if any("\ufb50" <= char <= "\ufdff" or "\ufe70" <= char <= "\ufefc" for char in text):
        text = unicodedata.normalize("NFKC", text)  # shapes of Arabic letters
    if len(text) > 1 and text[-1] in _HYPHENS and text[-2].isalpha():
        text = text[:-1] + BREAK
    text = _NO_TEXT.sub("", text.replace("\x02", "-")).replace("\u00ad", "").translate(_LIGATURES)
    if any("\ud800" <= char <= "\udfff" for char in text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
