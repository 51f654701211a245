"""The runs of a DOCX file as shown text: with ticked boxes and marks of notes, no deleted text and no field codes."""

from collections.abc import Iterator
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
SKIPPED = {FALLBACK, *(W + tag for tag in ("del", "moveFrom", "instrText", "delText", "pPr", "rPr", "sdtPr"))}
"""Deleted and moved text, field codes, formatting, and the second telling of a drawing."""

_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_CHARACTERS = {W + "tab": "\t", W + "br": "\n", W + "cr": "\n", W + "noBreakHyphen": "-"}
_BOX = W + "txbxContent"
# Boxes in the symbol fonts that forms are made with.
_TICKED = frozenset({"F052", "F054", "F0FD", "F0FE", "0052", "0054", "00FD", "00FE"})
_UNTICKED = frozenset({"F06F", "F071", "F0A3", "F0A8", "006F", "0071", "00A3", "00A8"})
_SHOWN_BOXES = {"☒": "[x]", "☑": "[x]", "☐": "[ ]"}
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Marks:
    """The marks of footnotes and endnotes, counted as the text refers to them."""

    def __init__(self) -> None:
        self._order: dict[tuple[str, str], int] = {}
        self._counts = {"footnote": 0, "endnote": 0}

    def refer(self, kind: str, name: str) -> str:
        """The mark of a note that the text refers to here."""
        if (kind, name) not in self._order:
            self._counts[kind] += 1
            self._order[kind, name] = self._counts[kind]
        return self.mark(kind, name)

    def mark(self, kind: str, name: str) -> str:
        """The mark of a note; empty where the text does not refer to it."""
        number = self._order.get((kind, name))
        return "" if number is None else str(number).translate(_RAISED)

    def place(self, kind: str, name: str) -> int:
        """The place of a note among those of its kind."""
        return self._order.get((kind, name), len(self._order) + 1)


def run_text(element: Any, marks: Marks) -> str:
    """The text of a paragraph or a cell as it is shown; text boxes are left to their own paragraphs."""
    parts: list[str] = []
    stack = list(reversed(element))
    while stack:
        child = stack.pop()
        if child.tag in (W + "t", _MATH_TEXT):
            parts.append(child.text or "")
        elif child.tag in _CHARACTERS:
            parts.append(_CHARACTERS[child.tag])
        elif child.tag in (W + "footnoteReference", W + "endnoteReference"):
            kind = "footnote" if child.tag == W + "footnoteReference" else "endnote"
            parts.append(marks.refer(kind, child.get(W + "id", "")))
        elif child.tag == W + "sym":
            parts.append(_symbol(child.get(W + "char", "").upper()))
        elif child.tag == W + "ffData":
            parts.append(_form_field(child))
        elif not _left_out(child):
            if child.tag == W + "p" and parts:
                parts.append("\n")
            stack.extend(reversed(child))
    text = "".join(parts)
    for shown, written in _SHOWN_BOXES.items():
        text = text.replace(shown, written)
    return text


def text_boxes(paragraph: Any) -> Iterator[Any]:
    """The text boxes of a paragraph, each once."""
    for box in paragraph.iter(_BOX):
        if not any(ancestor.tag == FALLBACK for ancestor in box.iterancestors()):
            yield box


def _symbol(code: str) -> str:
    if code in _TICKED:
        return "[x]"
    return "[ ]" if code in _UNTICKED else ""


def _form_field(data: Any) -> str:
    """What a form's field of the old kind shows where no text beside it does: a ticked box, the choice of a list."""
    box = data.find(W + "checkBox")
    if box is not None:
        state = box.find(W + "checked")
        state = box.find(W + "default") if state is None else state
        return "[x]" if state is not None and state.get(W + "val", "1") not in ("0", "false", "off") else "[ ]"
    choices = data.find(W + "ddList")
    if choices is None:
        return ""
    result, entries = choices.find(W + "result"), choices.findall(W + "listEntry")
    at = result.get(W + "val", "0") if result is not None else "0"
    chosen = int(at) if at.isascii() and at.isdigit() and len(at) < 4 else 0
    return entries[chosen].get(W + "val", "") if chosen < len(entries) else ""


def _left_out(element: Any) -> bool:
    if not isinstance(element.tag, str) or element.tag in SKIPPED or element.tag == _BOX:
        return True
    return element.tag == W + "r" and element.find(f"{W}rPr/{W}vanish") is not None
