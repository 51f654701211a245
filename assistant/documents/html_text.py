"""The text of web pages, as a reader sees it."""

import re
from typing import Any

from assistant.documents.blocks import Block, Kind, heading, join_blocks
from assistant.documents.isolation import Extracted
from assistant.errors import DocumentError

_SKIPPED = frozenset(
    "annotation applet audio button canvas datalist embed head iframe input map nav noembed noframes noscript object "
    "optgroup option script select style svg template textarea title video".split()
)
_BLOCKS = frozenset(
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu ol p pre search section summary table tbody tfoot "
    "thead tr ul caption td th".split()
)
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_HIDDEN = re.compile(r"(^|;)\s*(display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\n\r\f]+")
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u00ad]")


def extract(data: bytes, most_characters: int) -> Extracted:
    """The text of a page: headings as Markdown's, paragraphs apart by a blank line, items and rows on lines.

    Scripts, styles, comments, forms' fields, navigation and what is marked as hidden are left out.

    Raises:
        DocumentError: the page shows no text by itself, or is nested too deep.
    """
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True)
    root = etree.fromstring(_NO_TEXT.sub("", data.decode("utf-8")).encode("utf-8"), parser)
    if any("Excessive depth" in entry.message for entry in parser.error_log):
        raise DocumentError("the elements of this page are nested too deep; save it as text in a browser.")
    page = _Page()
    if root is not None:
        page.read(root)
    if not page.blocks:
        raise DocumentError("this page shows no text by itself (a script fills it in); save it as text in a browser.")
    title = root.findtext(".//title")
    if title and title.strip() and root.find(".//h1") is None:
        page.blocks.insert(0, heading(1, title))
    return Extracted(join_blocks(page.blocks))


class _Page:
    """Reads the tree of a page into blocks."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._inline: list[str] = []
        self._prefix = ""
        self._level = 0  # of the heading that is being read
        self._kind = Kind.PARAGRAPH
        self._lists: list[int | None] = []  # for each open list the number of its last item, None if not numbered
        self._row: Any = None  # the table row that is being read as one line
        self._pre: Any = None

    def read(self, root: Any) -> None:
        """Go through the tree without recursion: a page may be nested deep."""
        stack = [(root, False)]
        while stack:
            element, seen = stack.pop()
            if seen:
                self._end(element)
            elif not isinstance(element.tag, str) or _skipped(element):
                pass
            else:
                self._start(element)
                self._text(element.text)
                stack.append((element, True))
                stack.extend((child, False) for child in reversed(element))
                continue
            self._text(element.tail)
        self._flush()

    def _text(self, text: str | None) -> None:
        if text:
            self._inline.append(text if self._pre is not None else _SPACES.sub(" ", text))

    def _start(self, element: Any) -> None:
        tag = element.tag
        if tag == "br":
            self._inline.append("\n")
        if tag not in _BLOCKS:
            return
        if self._pre is not None or self._row is not None:
            self._within(element)
            return
        self._flush()
        if tag in _LISTS:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._kind, self._prefix = Kind.ITEM, self._item_prefix()
        elif tag in ("dt", "dd"):
            self._kind = Kind.ITEM
        elif tag in _HEADINGS:
            self._level = _HEADINGS[tag]
        elif tag == "tr" and _holds_data(element):
            self._row = element
        elif tag == "pre":
            self._pre = element

    def _within(self, element: Any) -> None:
        """A block inside preformatted text begins a line; inside a row's cell it does not break the row."""
        if self._pre is not None:
            if self._inline and not self._inline[-1].endswith("\n"):
                self._inline.append("\n")
        elif element.tag in ("td", "th") and element.getparent() is self._row and "".join(self._inline).strip():
            self._inline.append(" | ")
        else:
            self._inline.append(" ")

    def _end(self, element: Any) -> None:
        tag = element.tag
        if element is self._pre:
            self._flush()
            self._pre = None
        elif element is self._row:
            self._kind = Kind.ROW
            self._flush()
            self._row = None
        elif tag not in _BLOCKS:
            return
        elif self._pre is not None or self._row is not None:
            self._inline.append("" if self._pre is not None else " ")
            return
        else:
            self._flush()
        if tag in _LISTS and self._lists:
            self._lists.pop()
        if tag in ("li", "dt", "dd", "tr") or tag in _HEADINGS:
            self._kind, self._prefix, self._level = Kind.PARAGRAPH, "", 0

    def _item_prefix(self) -> str:
        indent = "  " * (len(self._lists) - 1)
        if not self._lists or self._lists[-1] is None:
            return indent + "- "
        self._lists[-1] += 1
        return f"{indent}{self._lists[-1]}. "

    def _flush(self) -> None:
        """Make a block of what was read; where that is nothing, the next text is still the item's or heading's."""
        text = "".join(self._inline)
        self._inline.clear()
        if self._pre is not None:
            text = text.strip("\n").rstrip()
            if "\n" in text:
                text = f"```\n{text}\n```"
        else:
            text = re.sub(r" *\n *", "\n", text)
            text = re.sub(r" {2,}", " ", re.sub(r"\n{3,}", "\n\n", text)).strip(" \n")
        if not text.strip():
            return
        if self._kind is Kind.ROW:
            text = " ".join(text.split("\n"))
        self.blocks.append(heading(self._level, text) if self._level else Block(self._prefix + text, self._kind))
        self._prefix = " " * len(self._prefix)  # further paragraphs of a list item stand below the first


def _skipped(element: Any) -> bool:
    if element.tag in _SKIPPED:
        return True
    if element.tag in ("html", "body"):  # hidden until a script shows them
        return False
    return (
        "hidden" in element.attrib
        or element.get("role") in ("navigation", "search")
        or (element.tag == "dialog" and "open" not in element.attrib)
        or _HIDDEN.search(element.get("style", "")) is not None
    )


def _holds_data(row: Any) -> bool:
    """Whether a row is one of data, to be read as one line, and not a frame for the layout of the page."""
    return sum(cell.tag in ("td", "th") for cell in row) > 1 and row.find(".//table") is None
