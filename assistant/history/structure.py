"""The tables and places of a document as the history keeps them: small enough for a sheet of a million cells."""

import json
import zlib
from itertools import accumulate, pairwise

from assistant.layout import Cell, Place, Table
from assistant.types import Document

_LARGEST = 200_000_000  # bytes of JSON: what the largest documents that are read come to, many times over


def pack_structure(document: Document) -> bytes | None:
    """The tables and places of a document as bytes; None where it has neither.

    Of a table's cells only the steps from offset to offset are kept: rows and columns follow from its width.
    """
    if not document.tables and not document.places:
        return None
    record = {
        "tables": [_packed(table) for table in document.tables],
        "places": [(place.start, place.label) for place in document.places],
    }
    return zlib.compress(json.dumps(record, separators=(",", ":")).encode("ascii"))


def unpack_structure(packed: bytes | None) -> tuple[tuple[Table, ...], tuple[Place, ...]]:
    """The tables and places of what `pack_structure` gave.

    Raises:
        ValueError, TypeError: these are none.
    """
    if packed is None:
        return (), ()
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, _LARGEST)
        if not unpacker.eof:
            raise ValueError("the structure of a document is cut off or too large")
        record = json.loads(text)
        places = tuple(Place(int(start), str(label)) for start, label in record["places"])
        return tuple(_unpacked(*table) for table in record["tables"]), places
    except (zlib.error, LookupError, ZeroDivisionError, RecursionError) as error:
        raise ValueError("the structure of a document cannot be read") from error


def _packed(table: Table) -> list[object]:
    offsets = [table.start, *(offset for cell in table.cells for offset in (cell.start, cell.end))]
    steps = [after - before for before, after in pairwise(offsets)]
    names = (table.header_rows, table.name, table.sheet, table.first_row, table.first_column)
    return [table.start, table.end, table.width, steps, *names]


def _unpacked(
    start: int,
    end: int,
    width: int,
    steps: list[int],
    header_rows: int,
    name: str | None,
    sheet: str | None,
    first_row: int,
    first_column: int,
) -> Table:
    offsets = list(accumulate(steps, initial=start))[1:]
    pairs = zip(offsets[::2], offsets[1::2], strict=True)
    cells = tuple(Cell(*divmod(at, width), begin, stop) for at, (begin, stop) in enumerate(pairs))
    return Table(start, end, cells, header_rows, name, sheet, first_row, first_column)
