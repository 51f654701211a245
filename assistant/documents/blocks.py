"""Blocks of text, as web pages and word processor files are made of them, put together to one text."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What a block is; neighbouring list items and neighbouring rows stand on lines without a blank one between."""

    PARAGRAPH = auto()
    ITEM = auto()
    ROW = auto()


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of text that stands by itself."""

    text: str
    kind: Kind = Kind.PARAGRAPH


def heading(level: int, text: str) -> Block:
    """A heading, written as Markdown writes it, so that splitting into passages sees it."""
    return Block(f"{'#' * min(max(level, 1), 6)} {' '.join(text.split())}")


def join_blocks(blocks: Iterable[Block]) -> str:
    """The text of blocks in their order, blank lines between them."""
    parts: list[str] = []
    before: Kind | None = None
    for block in blocks:
        if before is not None:
            parts.append("\n" if block.kind is before is not Kind.PARAGRAPH else "\n\n")
        parts.append(block.text)
        before = block.kind
    return "".join(parts)
