"""The text of Jupyter notebooks: cells in their order, code fenced, what it printed below it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from assistant.documents.blocks import Block, Extracted, join_blocks
from assistant.errors import DocumentError

_MAX_CELLS = 100_000


def extract(data: bytes, max_characters: int) -> Extracted:
    """The cells of a notebook: Markdown as it is, code and printed output fenced.

    Raises:
        DocumentError: it is no notebook, or holds no text.
    """
    try:
        notebook: Any = json.loads(data.decode("utf-8-sig"))
        cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        language = notebook.get("metadata", {}).get("kernelspec", {}).get("language", "")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise DocumentError("this file is no notebook that Jupyter reads; give it the ending .json or .txt.") from error
    blocks: list[Block] = []
    number = 0
    for cell in cells[:_MAX_CELLS] if isinstance(cells, list) else []:
        if not isinstance(cell, dict):
            continue
        number += 1
        found = list(_cell(cell, language if isinstance(language, str) else ""))
        if found:
            blocks += [replace(found[0], place=f"cell {number:,}"), *found[1:]]
    if not blocks:
        raise DocumentError("this notebook holds no text.")
    return join_blocks(blocks)


def _cell(cell: dict[str, Any], language: str) -> Iterator[Block]:
    source = _text(cell.get("source", cell.get("input", ""))).strip("\n")
    if cell.get("cell_type") != "code":
        if source.strip():
            yield Block(source.strip())
        return
    if source.strip():
        yield Block(f"```{language[:20]}\n{source}\n```")
    outputs = cell.get("outputs", [])
    for output in outputs if isinstance(outputs, list) else []:
        if isinstance(output, dict) and (text := _output(output).strip("\n")).strip():
            yield Block(f"```\n{text}\n```")


def _output(output: dict[str, Any]) -> str:
    if output.get("output_type") == "error":
        return f"{output.get('ename', '')}: {output.get('evalue', '')}"
    shown = output.get("data")
    if isinstance(shown, dict):
        return _text(shown.get("text/plain", ""))
    return _text(output.get("text", ""))


def _text(value: Any) -> str:
    """A text that is kept as one string or as a list of lines."""
    text = "".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else ""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
