"""Parts of RTF files that stand apart from the running text, brought into it; hidden text left out."""

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"\\([a-zA-Z]+)(-?\d+)? ?|\\'[0-9a-fA-F]{2}|\\.|[{}]|[^\\{}]+", re.DOTALL)
_APART = re.compile(
    r"\{\s*(?:\\\*\s*)?\\(header|footer)([lrf]?)\b ?|\{\s*(?:\\\*\s*)?\\(footnote|annotation|shptxt)\b ?"
)
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_MAX_PARTS = 5_000
_DESTINATIONS = frozenset("fonttbl colortbl stylesheet info pict listtable listoverridetable".split())


def rearranged(text: str) -> str:
    """The file with headers before its text, and with text boxes, footers, notes and comments behind it, each once."""
    heads: list[str] = []
    feet: list[str] = []
    notes: list[str] = []
    boxes: list[str] = []
    kept: list[str] = []
    at = 0
    parts = 0
    while parts < _MAX_PARTS and (match := _APART.search(text, at)) is not None:
        end = _group_end(text, match.start())
        if end is None:
            break
        parts += 1
        kept.append(text[at : match.start()])
        inside = text[match.end() : end]
        at = end + 1
        kind = match[1] or match[3]
        if kind == "footnote":
            mark = "".join(f"\\u{ord(_RAISED[int(figure)])}?" for figure in str(len(notes) + 1))
            kept.append(mark)
            notes.append(f"\\par\\pard {mark} {{{inside}}}\\par ")
            continue
        group = f"\\par\\pard {{{inside}}}\\par "
        target = {"header": heads, "footer": feet, "shptxt": boxes}.get(kind)
        if target is None:
            notes.append(f"\\par\\pard Comment: {{{inside}}}\\par ")
        elif group not in target:
            target.append(group)
    kept.append(text[at:])
    body = "".join(_shown("".join(kept))).rstrip("\0 \r\n\t").removesuffix("}")  # a file cut short has none
    start = _text_start(body)
    tail = "".join(_shown("".join((*boxes, *feet, *notes))))
    return f"{body[:start]}{''.join(_shown(''.join(heads)))}{body[start:]}{tail}}}"


def _group_end(text: str, start: int) -> int | None:
    """Where the group that begins at `start` ends."""
    depth = 0
    for match in _TOKEN.finditer(text, start):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if not depth:
                return match.start()
    return None


def _text_start(text: str) -> int:
    """Where the text begins, behind the tables of fonts, colours and styles."""
    depth = start = 0
    opened = 0
    for match in _TOKEN.finditer(text):
        if match[0] == "{":
            depth += 1
            opened = match.start() if depth == 2 else opened
        elif match[0] == "}":
            depth -= 1
            if depth == 1:
                head = text[opened : opened + 40].lstrip("{\\* ")
                if not any(head.startswith(name) for name in _DESTINATIONS) and not text[opened:].startswith("{\\*"):
                    return start
                start = match.end()
        elif depth == 1 and (match[1] in ("pard", "par", "sectd") or (match[1] is None and match[0].strip())):
            return match.start()
    return start


def _shown(text: str) -> Iterator[str]:
    """The pieces of a text without what is marked as hidden."""
    hidden = [False]
    for match in _TOKEN.finditer(text):
        piece = match[0]
        if piece == "{":
            hidden.append(hidden[-1])
        elif piece == "}":
            if len(hidden) > 1:
                hidden.pop()
        elif match[1] == "v":
            hidden[-1] = match[2] != "0"
            continue
        elif match[1] == "plain":
            hidden[-1] = False
        elif match[1] is None and hidden[-1]:
            continue
        yield piece
