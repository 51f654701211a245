"""The pages of a PDF put together: paragraphs and tables that go on over the end of a page are one."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from assistant.documents.blocks import Block, BlockKind, BlockWriter, Extracted, TableBlock
from assistant.documents.hyphens import Rejoiner
from assistant.documents.pdf_paragraphs import Paragraph
from assistant.documents.tables import guess_header_rows

_OPEN_END = re.compile(r"[\w,\ufffe’'–-]$")
_LONGEST_CAPTION = 100  # characters
_LONGEST_FOOT = 80  # characters
_MAX_HEADS = 3  # rows at the top of a table that each page repeats

Pages = list[list[Paragraph | TableBlock]]


def join_pages(pages: Pages, notices: Iterable[str]) -> Extracted:
    """The text of pages, with the offsets at which they begin; a page may begin within a table."""
    pages, rows_of_pages = _with_whole_tables(pages)
    rejoiner = Rejoiner(text for page in pages for block in page for text in _texts(block))
    writer = BlockWriter()
    starts: dict[int, int] = {}
    last: Paragraph | None = None
    for number, page in enumerate(pages):
        for at, block in enumerate(page):
            if isinstance(block, TableBlock):
                rows = [[rejoiner.rejoin(cell) for cell in row] for row in block.rows]
                start = writer.add(replace(block, rows=rows, name=_caption(last)))
                for later, row in rows_of_pages.get((number, at), ()):
                    starts[later] = writer.row_start(row)
                last = None
            else:
                text = rejoiner.rejoin(block.text)
                goes_on = last is not None and _goes_on(last, block)
                start = writer.add(Block(text, BlockKind.LINE if goes_on else BlockKind.PARAGRAPH))
                last = block if not block.is_note else None
            starts.setdefault(number, start)
        starts.setdefault(number, writer.length)
    return writer.extracted(tuple(starts[number] for number in range(len(pages))), notices)


def _with_whole_tables(pages: Pages) -> tuple[Pages, dict[tuple[int, int], list[tuple[int, int]]]]:
    """The pages, with tables that go on over their ends whole on the first of them.

    For each such table, by its page and its place there, the later pages and the rows with which they begin.
    """
    whole = [list(page) for page in pages]
    begins: dict[tuple[int, int], list[tuple[int, int]]] = {}
    home: tuple[int, int] | None = None
    for number, page in enumerate(whole):
        first = page[0] if page else None
        if home is not None and isinstance(first, TableBlock):
            above = whole[home[0]][home[1]]
            if isinstance(above, TableBlock) and (rest := _continuation(above, first)) is not None:
                begins.setdefault(home, []).append((number, len(above.rows)))
                wide = {len(above.rows) + at for at in rest.wide}
                whole[home[0]][home[1]] = replace(above, rows=[*above.rows, *rest.rows], wide=above.wide | wide)
                del page[0]
        if page:
            home = _table_at_end(number, page)
    return whole, begins


def _table_at_end(number: int, page: Sequence[Paragraph | TableBlock]) -> tuple[int, int] | None:
    """Where the table stands that a page ends with, but for its foot."""
    at = len(page) - 1
    last = page[at]
    if isinstance(last, Paragraph) and len(last.lines) == 1 and len(last.text) <= _LONGEST_FOOT:
        at -= 1
    return (number, at) if at >= 0 and isinstance(page[at], TableBlock) else None


def _continuation(above: TableBlock, below: TableBlock) -> TableBlock | None:
    """What a table adds to one at the end of the page before; None where it is another table."""
    if len(above.rows[0]) != len(below.rows[0]):
        return None
    heads = 0
    while heads < min(_MAX_HEADS, len(below.rows) - 1, len(above.rows)) and below.rows[heads] == above.rows[heads]:
        heads += 1
    if not heads and guess_header_rows(below.rows):
        return None
    wide = frozenset(at - heads for at in below.wide if at >= heads)
    return replace(below, rows=below.rows[heads:], wide=wide)


def _texts(block: Paragraph | TableBlock) -> Iterable[str]:
    return (block.text,) if isinstance(block, Paragraph) else (cell for row in block.rows for cell in row)


def _caption(above: Paragraph | None) -> str | None:
    """The line above a table, where it is short and no sentence: what the table is called."""
    if above is None or len(above.lines) > 1 or len(above.text) > _LONGEST_CAPTION or above.text[-1] in ".!?":
        return None
    return above.text.rstrip(":")


def _goes_on(above: Paragraph, below: Paragraph) -> bool:
    """Whether a paragraph goes on in the next column or on the next page."""
    return (
        abs(above.size - below.size) < 0.1 * above.size
        and len(above.lines) > 1
        and not below.is_note
        and _OPEN_END.search(above.text) is not None
        and below.text[:1].islower()
    )
