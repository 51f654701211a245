"""The text of Excel workbooks, by openpyxl: sheet by sheet, values as their cells show them."""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from assistant.documents.archives import open_archive
from assistant.documents.blocks import Extracted, join_blocks
from assistant.documents.number_formats import shown
from assistant.documents.progress import report
from assistant.documents.sheets import Merge, Sheet, sheets_blocks
from assistant.documents.tables import MOST_CELLS
from assistant.documents.xlsx_notes import notes_of
from assistant.errors import DocumentError

_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_MAX_MERGES = 100_000
_CHUNK = 1_000_000  # bytes
_MAX_SHEETS = 1_000


def extract(data: bytes, max_characters: int) -> Extracted:
    """The text of a workbook: each sheet's name, then its tables row by row; formulas where no value is kept.

    Raises:
        DocumentError: it unpacks to too much, is protected, or holds no text.
    """
    archive = open_archive(data, "Excel workbook")
    import openpyxl

    values = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    formulas = None
    sheets = []
    notices: list[str] = []
    cells = length = 0
    try:
        for at, source in enumerate(values.worksheets[:_MAX_SHEETS]):
            sheet = Sheet(source.title, hidden=source.sheet_state != "visible")
            source.reset_dimensions()  # what a file says of its size is not always so
            missing = []
            for row in source.iter_rows():
                filled = {cell.column - 1: text for cell in row if (text := shown(cell.value, _format(cell)))}
                if filled:
                    number = next(cell.row for cell in row if getattr(cell, "row", None) is not None) - 1
                    sheet.rows[number] = filled
                    cells += len(filled)
                    length += sum(map(len, filled.values()))
                    report(number + 1, max(number + 1, source.max_row or 0))
                missing += [number for number in (_row_without_value(row),) if number is not None]
                if cells > MOST_CELLS or length > max_characters:
                    raise DocumentError("this Excel workbook holds too many cells; save the sheet you need by itself.")
            if missing:
                if formulas is None:
                    formulas = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
                _add_formulas(formulas.worksheets[at], sheet)
            sheet.merges = list(_merges(archive, source))
            sheet.notes = list(notes_of(archive, source._worksheet_path))
            sheets.append(sheet)
        blocks = list(sheets_blocks(sheets, notices.append))
    finally:
        archive.close()
        values.close()
        if formulas is not None:
            formulas.close()
    if not blocks:
        raise DocumentError("this Excel workbook holds no text.")
    return join_blocks(blocks, notices)


def _format(cell: Any) -> str | None:
    return cell.number_format if cell.value is not None and not isinstance(cell.value, str) else None


def _row_without_value(row: Any) -> int | None:
    """The number of a row with a cell that may hold a formula whose value was not kept: it has a place and no value."""
    for cell in row:
        if cell.value is None and getattr(cell, "row", None) is not None:
            return int(cell.row)
    return None


def _add_formulas(source: Any, sheet: Sheet) -> None:
    """Write the formulas of cells whose value was not kept: the program that wrote the file did not work them out."""
    source.reset_dimensions()
    for row in source.iter_rows():
        for cell in row:
            text = cell.value
            if isinstance(text, str) and text.startswith("="):
                sheet.rows.setdefault(cell.row - 1, {}).setdefault(cell.column - 1, text)
    sheet.rows = dict(sorted(sheet.rows.items()))


def _merges(archive: zipfile.ZipFile, source: Any) -> Iterator[Merge]:
    """The merged cells of a sheet, which openpyxl does not give where it reads row by row."""
    from openpyxl.utils import column_index_from_string

    path = source._worksheet_path
    with archive.open(path.lstrip("/")) as part:
        rest = b""
        found = 0
        while chunk := part.read(_CHUNK):
            text = rest + chunk
            end = 0
            for match in _MERGE.finditer(text):
                end = match.end()
                found += 1
                if found > _MAX_MERGES:
                    return
                left, top, right, bottom = match.groups()
                yield (
                    int(top) - 1, column_index_from_string(left.decode()) - 1,
                    int(bottom) - 1, column_index_from_string(right.decode()) - 1,
                )  # fmt: skip
            rest = text[max(end, len(text) - 200) :]
