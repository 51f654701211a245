"""Tables in plain text: delimited files, Markdown's tables, columns set with spaces."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from assistant.documents.tables import MOST_CELLS, guess_header_rows
from assistant.layout import Cell, Table
from assistant.types import Document

Spans = list[tuple[int, int]]

_DELIMITERS = ";\t,|"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_SEPARATOR_LINE = re.compile(r"\ufeff?sep=([;,\t|])[ \t]*(?:\r\n|\r|\n)", re.IGNORECASE)
_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-{1,}:?[ \t]*(?:\|[ \t]*:?-{1,}:?[ \t]*)*\|?[ \t]*")
_BAR = re.compile(r"(?<!\\)\|")
_GAP = re.compile(r"(?:[ \u00a0]{2,}|[ \u00a0]*\t[ \t\u00a0]*)")
_LINE_END = re.compile(r"\r\n|\r|\n")
_HEADING = re.compile(r"#{1,6}[ \t]+\S.*")
_FENCE = re.compile(r"[ \t]*(```|~~~)")
_NOT_OF_A_FILE = re.compile(r"[.!?][\"')\]]?\s+\S")  # sentences within a field speak against a delimited file
_MAX_SEARCHED = 1_000_000  # characters of a text that is no delimited file
_MAX_COLUMNS = 16_384
_SAMPLE_ROWS = 200
_LONGEST_FIELD = 200  # characters, on average, of a field in a table that no name or line announces


def tables_of(document: Document) -> tuple[Table, ...]:
    """The tables of a document: those its file gave, else those found in its text."""
    return document.tables or _found(document.text)


@lru_cache(maxsize=8)
def _found(text: str) -> tuple[Table, ...]:
    return find_tables(text)


def find_tables(text: str, *, delimited: bool = False) -> tuple[Table, ...]:
    """The tables that stand in a plain text, in order.

    Args:
        text: any text; a file of comma-, semicolon- or tab-separated values is one table.
        delimited: the text is known to be such a file (by its name), so that fewer signs are asked for.
    """
    whole = _whole_file(text, delimited=delimited)
    return (whole,) if whole is not None else tuple(_tables_in_blocks(text))


def _whole_file(text: str, *, delimited: bool) -> Table | None:
    begin = len(text) - len(text.lstrip("\ufeff \r\n"))
    delimiters = _DELIMITERS
    if match := _SEPARATOR_LINE.match(text):
        begin, delimiters, delimited = match.end(), match[1], True
    best: tuple[int, str] | None = None
    for delimiter in delimiters:
        rows = _fields(text, begin, len(text), delimiter, _SAMPLE_ROWS)
        if (width := _width(text, rows, delimiter, known=delimited)) and (best is None or width > best[0]):
            best = width, delimiter
    if best is None:
        return None
    rows = _fields(text, begin, len(text), best[1], MOST_CELLS // best[0])
    return table_of_spans(text, [row for row in rows if not _is_blank(text, row)])


def _width(text: str, rows: Sequence[Spans], delimiter: str, *, known: bool) -> int:
    """How many columns rows have that are fields of a delimited file; 0 where they do not look so."""
    filled = [row for row in rows if not _is_blank(text, row)]
    if len(filled) < 2 or (delimiter == "|" and not known):
        return 0
    counts = [len(row) for row in filled]
    width = max(set(counts), key=counts.count)
    alike = counts.count(width)
    if width < 2 or alike < 0.7 * len(counts):
        return 0
    if known:
        return width
    fields = [text[start:end] for row in filled for start, end in row]
    if alike < len(counts) or sum(map(len, fields)) > _LONGEST_FIELD * len(fields):
        return 0
    prose = sum(_NOT_OF_A_FILE.search(field) is not None for field in fields)
    if delimiter == ",":  # in sentences a space follows a comma
        spaced = sum(text[start - 1 : start] == " " for row in filled for start, _ in row[1:])
        if spaced > 0.5 * sum(len(row) - 1 for row in filled) and (width < 3 or len(filled) < 3):
            return 0
    return width if prose <= 0.1 * len(filled) else 0


def _is_blank(text: str, row: Spans) -> bool:
    return not any(text[start:end].strip() for start, end in row)


def _fields(text: str, begin: int, stop: int, delimiter: str, most_rows: int) -> list[Spans]:
    """The rows of delimited text as the spans of their fields, quotation marks around a field left out (RFC 4180)."""
    mark = re.escape(delimiter)
    field = re.compile(rf'[ ]*"([^"]*+(?:""[^"]*+)*+)"[^{mark}\r\n]*|([^{mark}\r\n]*)')
    rows: list[Spans] = []
    at = begin
    while at < stop and len(rows) < most_rows:
        line_end = _LINE_END.search(text, at, stop)
        end = line_end.start() if line_end is not None else stop
        line = text[at:end]
        if '"' in line:
            row, at = _quoted_row(text, at, stop, field, delimiter)
        else:
            row = []
            for part in line.split(delimiter, _MAX_COLUMNS):
                after = at + len(part)
                row.append((at, after) if part and part.strip() == part else _stripped(text, at, after))
                at = after + 1
            at = line_end.end() if line_end is not None else stop
        if len(row) > _MAX_COLUMNS:
            return []
        rows.append(row)
    return rows


def _quoted_row(text: str, at: int, stop: int, field: re.Pattern[str], delimiter: str) -> tuple[Spans, int]:
    """A row with quoted fields, which may hold delimiters and line ends, and where the next one begins."""
    row: Spans = []
    while len(row) <= _MAX_COLUMNS:
        match = field.match(text, at, stop)
        if match is None:  # cannot be: the second part matches nothing, too
            break
        row.append(match.span(1) if match[1] is not None else _stripped(text, *match.span(2)))
        at = match.end()
        if at >= stop or text[at] != delimiter:
            break
        at += 1
    return row, at + (2 if text.startswith("\r\n", at) else 1)


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    if not piece.strip():
        middle = start + (len(piece) + 1) // 2  # where this program writes an empty cell between its bars
        return middle, middle
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _tables_in_blocks(text: str) -> Iterator[Table]:
    """Tables between the paragraphs of a text."""
    block: Spans = []
    name: str | None = None
    fenced = False
    end_of_search = min(len(text), _MAX_SEARCHED)
    for match in _LINE.finditer(text, 0, _MAX_SEARCHED):
        start, end = match.start(), match.start() + len(match[0].rstrip("\r\n"))
        line = text[start:end]
        if _FENCE.match(line):
            fenced = not fenced
        if line.strip() and not _HEADING.fullmatch(line) and not _FENCE.match(line):
            block.append((start, end))
        if (not line.strip() or _HEADING.fullmatch(line) or match.end() == end_of_search) and block:
            yield from _tables_of_block(text, block, name, fenced=fenced)
            if len(block) == 1:
                above = text[slice(*block[0])].strip()
                name = above.rstrip(":") if len(above) <= 100 else name
            block = []
        if heading := _HEADING.fullmatch(line):
            name = heading[0].strip("# \t")
        if match.end() == end_of_search:
            break


def _tables_of_block(text: str, lines: Spans, name: str | None, *, fenced: bool) -> Iterator[Table]:
    at = 0
    while at < len(lines):
        piped = at
        while piped < len(lines) and _has_bar(text, lines[piped]):
            piped += 1
        if piped - at > 1 and (table := _piped(text, lines[at:piped], _above(text, lines, at) or name)):
            yield table
            at = piped
            continue
        stop = max(piped, at + 1)
        while stop < len(lines) and not _has_bar(text, lines[stop]):
            stop += 1
        table = None if fenced else _delimited_block(text, lines[at:stop], name)
        if (table := table or _spaced(text, lines[at:stop], name)) is not None:
            yield table
        at = stop


def _has_bar(text: str, line: tuple[int, int]) -> bool:
    return text.find("|", *line) >= 0


def _above(text: str, lines: Spans, at: int) -> str | None:
    """The line before a table in the same block, which names it where it is short."""
    above = text[slice(*lines[at - 1])].strip() if at else ""
    return above.rstrip(":") if 0 < len(above) <= 100 else None


def _piped(text: str, lines: Spans, name: str | None) -> Table | None:
    """A table whose cells are apart by vertical bars, as in Markdown and as this program writes tables."""
    rule = next((at for at, span in enumerate(lines[:4]) if at and _RULE.fullmatch(text[slice(*span)])), None)
    bodies = [span for at, span in enumerate(lines) if at != rule]
    if rule is None and not all(" | " in f"{text[slice(*span)]} " for span in bodies):
        return None
    framed = all(text[slice(*span)].lstrip().startswith("|") for span in bodies) and (
        rule is not None or all(text[slice(*span)].rstrip().endswith("|") for span in bodies)
    )
    rows = [_bars(text, *span, framed=framed) for span in bodies]
    counts = [len(row) for row in rows]
    width = max(set(counts), key=counts.count)
    if width < 2 or (rule is None and counts.count(width) < 0.7 * len(counts)):
        return None
    return table_of_spans(text, rows, name=name, header_rows=rule)


def _bars(text: str, start: int, end: int, *, framed: bool) -> Spans:
    if framed:
        start, end = _stripped(text, start, end)
        start += text[start] == "|"
        end -= end > start and text[end - 1] == "|" and text[end - 2] != "\\"
    row = []
    at = start
    for bar in _BAR.finditer(text, start, end):
        row.append(_stripped(text, at, bar.start()))
        at = bar.end()
    return [*row, _stripped(text, at, end)]


def _delimited_block(text: str, lines: Spans, name: str | None) -> Table | None:
    """Delimited rows among paragraphs; of rows apart by commas three are asked for, as sentences have commas too."""
    if len(lines) < 2:
        return None
    for delimiter in _DELIMITERS:
        rows = _fields(text, lines[0][0], lines[-1][1], delimiter, _SAMPLE_ROWS)
        if (delimiter != "," or len(rows) > 2) and _width(text, rows, delimiter, known=False):
            rows = _fields(text, lines[0][0], lines[-1][1], delimiter, MOST_CELLS)
            return table_of_spans(text, rows, name=name)
    return None


def _spaced(text: str, lines: Spans, name: str | None) -> Table | None:
    """Columns set with spaces, as programs print them; only where no cell is left empty is it known which is which."""
    if len(lines) < 3:
        return None
    rows: list[Spans] = []
    for start, end in lines:
        row = []
        at, stop = _stripped(text, start, end)
        for gap in _GAP.finditer(text, at, stop):
            row.append((at, gap.start()))
            at = gap.end()
        row.append((at, stop))
        if set(text[row[0][0] : stop]) <= set("-=_+ \t") and rows:
            continue
        if rows and len(row) != len(rows[0]):
            return None
        if len(row) < 2:
            return None
        rows.append(row)
    if len(rows) < 3:
        return None
    if any(len(text[start:end]) > _LONGEST_FIELD for row in rows for start, end in row):
        return None
    return table_of_spans(text, rows, name=name)


def table_of_spans(
    text: str, rows: Sequence[Spans], *, name: str | None = None, header_rows: int | None = None
) -> Table | None:
    """A table of the spans of its cells; short rows are filled up with empty cells.

    Args:
        text: what the spans are offsets of.
        rows: for each row the spans of its cells.
        name: what the table is called.
        header_rows: how many rows name the columns; None to tell by what stands in them.
    """
    if not rows:
        return None
    width = max(map(len, rows))
    rows = rows[: max(2, MOST_CELLS // width)]
    cells: list[Cell] = []
    for number, row in enumerate(rows):
        end = row[-1][1] if row else (cells[-1].end if cells else 0)
        filled = [*row, *[(end, end)] * (width - len(row))]
        cells += [Cell(number, column, *span) for column, span in enumerate(filled)]
    if header_rows is None:
        texts = [text[cell.start : cell.end] for cell in cells[: width * _SAMPLE_ROWS]]
        header_rows = guess_header_rows([texts[at : at + width] for at in range(0, len(texts), width)])
    return Table(cells[0].start, max(cell.end for cell in cells), tuple(cells), header_rows, name)
