"""The text of RTF files, by striprtf."""

import re

from assistant.documents.blocks import Block, BlockKind, Extracted, TableBlock, join_blocks, table_block
from assistant.documents.rtf_parts import rearranged
from assistant.errors import DocumentError

_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\ud800-\udfff]")
_BULLET = re.compile(r"[•·▪◦o\u00b7\uf0b7]\t\s*")
_NUMBERED = re.compile(r"(\d{1,4}[.)]|[a-z][.)])\t\s*")


def extract(data: bytes, max_characters: int) -> Extracted:
    """The text of an RTF file: paragraphs, list items and tables row by row.

    Raises:
        DocumentError: it holds no text.
    """
    from striprtf.striprtf import rtf_to_text

    text: str = rtf_to_text(rearranged(data.decode("latin-1")), encoding="cp1252", errors="replace")
    lines = _NO_TEXT.sub("", text).split("\n")
    blocks: list[Block | TableBlock] = []
    rows: list[list[tuple[str, int, int]]] = []
    for line in [*lines, ""]:
        if line.rstrip().endswith("|"):  # striprtf ends every cell so
            rows.append([(cell, 1, 1) for cell in line.rstrip().removesuffix("|").split("|")])
            continue
        if rows and (table := table_block(rows)) is not None:
            blocks.append(table)
        rows = []
        if line.strip():
            blocks.append(_line(line))
    if not blocks:
        raise DocumentError("this RTF file holds no text.")
    return join_blocks(blocks)


def _line(line: str) -> Block:
    if match := _BULLET.match(line.lstrip()):
        return Block(f"- {line.lstrip()[match.end() :].strip()}", BlockKind.ITEM)
    if match := _NUMBERED.match(line.lstrip()):
        return Block(f"{match[1]} {line.lstrip()[match.end() :].strip()}", BlockKind.ITEM)
    return Block(line.strip())
