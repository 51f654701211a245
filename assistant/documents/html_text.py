"""The text of web pages, as a reader sees it who opens every panel."""

import re
from collections.abc import Iterator
from typing import Any

from assistant.documents.blocks import Block, BlockKind, Extracted, TableBlock, heading, join_blocks, table_block
from assistant.documents.html_controls import Controls, field_value
from assistant.errors import DocumentError

_SKIPPED = frozenset(
    "annotation applet audio canvas datalist embed head iframe map nav noembed noframes noscript object "
    "optgroup option script style svg template title video".split()
)
_FIELDS = frozenset({"input", "select", "textarea"})
_BLOCKS = frozenset(
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu ol p pre search section summary table tbody tfoot "
    "thead tr ul caption td th".split()
)
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SPACES = re.compile(r"[ \t\n\r\f]+")
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u00ad]")
_LONGEST_TERM = 60  # characters: a longer one stands above its definition


def extract(data: bytes, max_characters: int) -> Extracted:
    """The text of a page: headings as Markdown's, paragraphs apart by a blank line, items and rows on lines.

    Panels that a button, a summary or a tab opens are read, closed or not, below its words as a heading; forms with
    their values. Scripts, styles, comments, navigation and what is hidden for good are left out.

    Args:
        data: the page as UTF-8.
        max_characters: more are refused, by the caller.

    Raises:
        DocumentError: the page shows no text by itself, or is nested too deep.
    """
    root = parse(data)
    controls = Controls(root) if root is not None else None
    blocks = [] if controls is None else page_blocks(root, controls)
    if not blocks or controls is None:
        raise DocumentError("this page shows no text by itself (a script fills it in); save it as text in a browser.")
    title = root.findtext(".//title")
    if title and title.strip() and root.find(".//h1") is None:
        blocks.insert(0, heading(1, title))
    return join_blocks(blocks, controls.notices())


def parse(data: bytes) -> Any:
    """The root element of a page given as UTF-8; None where there is none.

    Raises:
        DocumentError: it is nested too deep.
    """
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True)
    root = etree.fromstring(_NO_TEXT.sub("", data.decode("utf-8")).encode("utf-8"), parser)
    if any("Excessive depth" in entry.message for entry in parser.error_log):
        raise DocumentError("the elements of this page are nested too deep; save it as text in a browser.")
    return root


def page_blocks(root: Any, controls: Controls) -> list[Block | TableBlock]:
    """The blocks of a page, or of a part of one."""
    page = _Page(controls)
    page.read(root)
    return page.blocks


class _Page:
    """Reads the tree of a page into blocks."""

    def __init__(self, controls: Controls) -> None:
        self.blocks: list[Block | TableBlock] = []
        self._controls = controls
        self._inline: list[str] = []
        self._prefix = ""
        self._level = 0  # of the heading that is being read
        self._last_level = 1
        self._kind = BlockKind.PARAGRAPH
        self._lists: list[int | None] = []  # for each open list the number of its last item, None if not numbered
        self._pre: Any = None
        self._term = False  # the last block is a term of a definition list

    def read(self, root: Any) -> None:
        """Go through the tree without recursion: a page may be nested deep."""
        stack = [(root, False)]
        while stack:
            element, seen = stack.pop()
            if seen:
                self._end(element)
            elif isinstance(element.tag, str) and not self._skips(element):
                if element.tag in _FIELDS:
                    self._field(element)
                elif element.tag == "table" and self._pre is None and (table := _data_table(element)):
                    self._table(element, table)
                else:
                    self._start(element)
                    self._text(element.text)
                    stack.append((element, True))
                    stack.extend((child, False) for child in reversed(element))
                    continue
            if element is not root:
                self._text(element.tail)
        self._flush()

    def _skips(self, element: Any) -> bool:
        if element.tag in _SKIPPED or element.get("role") in ("navigation", "search"):
            return True
        if element.tag == "button" and not self._controls.is_tab(element) and not self._controls.is_title(element):
            return True
        return self._controls.is_tab(element) or self._controls.is_hidden(element)

    def _text(self, text: str | None) -> None:
        if text:
            text = text.replace("\u00ad", "")  # an entity; it shows only where a line breaks
            self._inline.append(text if self._pre is not None else _SPACES.sub(" ", text))

    def _field(self, element: Any) -> None:
        """The value of a form's field, behind its label or, of a box, before it."""
        value = field_value(element)
        if not value:
            return
        before = "".join(self._inline).rstrip(" ")
        if before and before[-1].isalnum() and not value.startswith("["):
            self._inline[:] = [before, ":"]
        self._inline.append(f" {_SPACES.sub(' ', value)} ")

    def _start(self, element: Any) -> None:
        tag = element.tag
        if tag == "br":
            self._inline.append("\n")
        elif tag == "label" and self._pre is None:
            self._inline.append(" ")
        opener = tag == "button" and not self._level and self._pre is None
        if tag not in _BLOCKS and not opener:
            return
        if self._pre is not None:
            if self._inline and not self._inline[-1].endswith("\n"):
                self._inline.append("\n")
            return
        self._flush()
        if (tab := self._controls.tab_of(element)) is not None:
            self.blocks.append(heading(self._last_level + 1, tab))
        if tag in _LISTS:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._kind, self._prefix = BlockKind.ITEM, self._item_prefix(element)
        elif tag in ("dt", "dd"):
            self._kind, self._prefix = BlockKind.ITEM, self._definition_prefix() if tag == "dd" else ""
        elif tag in _HEADINGS:
            self._level = self._last_level = _HEADINGS[tag]
        elif tag == "summary" or opener:
            self._level = min(self._last_level + 1, 6)
        elif tag == "pre":
            self._pre = element

    def _end(self, element: Any) -> None:
        tag = element.tag
        if element is self._pre:
            self._flush()
            self._pre = None
        elif (tag not in _BLOCKS and tag != "button") or self._pre is not None:
            return
        elif tag == "button":
            if any(each.tag in _HEADINGS or each.tag == "summary" for each in element.iterancestors()):
                return
            self._flush()
        else:
            self._flush()
        if tag in _LISTS and self._lists:
            self._lists.pop()
        self._term = tag == "dt"
        if tag in ("li", "dt", "dd", "tr", "summary", "button") or tag in _HEADINGS:
            self._kind, self._prefix, self._level = BlockKind.PARAGRAPH, "", 0

    def _item_prefix(self, item: Any) -> str:
        indent = "  " * (len(self._lists) - 1)
        if not self._lists or self._lists[-1] is None:
            return indent + "- "
        own = item.get("value", "") or (item.getparent().get("start", "") if not self._lists[-1] else "")
        if own.isascii() and own.isdigit() and len(own) < 7:
            self._lists[-1] = int(own) - 1
        self._lists[-1] += 1
        return f"{indent}{self._lists[-1]}. "

    def _definition_prefix(self) -> str:
        """The term that a definition follows, where the two fit on a line: `Check-in: from 15:00`."""
        last = self.blocks[-1] if self.blocks else None
        if not self._term or not isinstance(last, Block) or len(last.text) > _LONGEST_TERM or last.text[-1] in "?!.":
            return ""
        self.blocks.pop()
        return last.text + ("" if last.text.endswith(":") else ":") + " "

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
        self.blocks.append(heading(self._level, text) if self._level else Block(self._prefix + text, self._kind))
        self._prefix = " " * min(len(self._prefix), 12)  # further paragraphs of a list item stand below the first

    def _table(self, table: Any, rows: list[Any]) -> None:
        self._flush()
        caption = table.find("caption")
        name = " ".join(" ".join(caption.itertext()).split()) if caption is not None else None
        if name:
            self.blocks.append(Block(name))
        shown = [row for row in rows if not self._controls.is_hidden(row)]
        texts = [[self._cell(cell) for cell in _cells(row)] for row in shown]
        block = table_block(texts, header_rows=_header_rows(shown), name=name or None)
        if block is not None:
            self.blocks.append(block)
        self._term = False

    def _cell(self, cell: Any) -> tuple[str, int, int]:
        if self._controls.is_hidden(cell):
            return "", 1, 1
        inner = _Page(self._controls)
        inner.read(cell)
        text = " ".join(block.text for block in inner.blocks if isinstance(block, Block))
        return text, _span(cell, "colspan"), _span(cell, "rowspan")


def _data_table(table: Any) -> list[Any] | None:
    """The rows of a table of data; None where it is a frame for the layout of the page."""
    if table.get("role") in ("presentation", "none") or any(True for _ in _below(table, "table")):
        return None
    rows = list(_rows(table))
    if max((sum(1 for _ in _cells(row)) for row in rows), default=0) < 2:
        return None
    return None if any(True for level in _HEADINGS for _ in _below(table, level)) else rows


def _below(element: Any, tag: str) -> Iterator[Any]:
    return (each for each in element.iter(tag) if each is not element)


def _rows(table: Any) -> Iterator[Any]:
    """The rows in the order in which a browser shows them: the foot last."""
    parts = sorted(table, key=lambda part: {"thead": 0, "tfoot": 2}.get(part.tag, 1))
    for part in parts:
        if part.tag == "tr":
            yield part
        elif part.tag in ("thead", "tbody", "tfoot"):
            yield from (row for row in part if row.tag == "tr")


def _cells(row: Any) -> Iterator[Any]:
    return (cell for cell in row if cell.tag in ("td", "th"))


def _header_rows(rows: list[Any]) -> int | None:
    """How many rows at the top are marked as headers; None where none is."""
    count = 0
    for row in rows:
        cells = list(_cells(row))
        if row.getparent().tag != "thead" and not (cells and all(cell.tag == "th" for cell in cells)):
            break
        count += 1
    return count or None


def _span(cell: Any, name: str) -> int:
    value = cell.get(name, "1").strip()
    if not (value.isascii() and value.isdigit()) or len(value) > 6:
        return 1
    return int(value) or 1_000_000  # zero: to the end of the table
