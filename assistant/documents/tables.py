"""Which rows of a table name its columns, and which cells hold values: told by what stands in them."""

import re
from collections.abc import Sequence
from itertools import pairwise

MOST_CELLS = 2_000_000
"""A table with more is cut after its last whole row."""

_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_VALUE = re.compile(r"[^\w\s]{0,3}\s*\d[\d\s.,:/'’–-]*[^\w\s]{0,3}(?:\s?[^\W\d_]{1,4}\.?)?[^\w\s]{0,2}")
_MAX_HEADER_ROWS = 3


def guess_header_rows(rows: Sequence[Sequence[str]]) -> int:
    """How many rows at the top name the columns, told by what stands in them.

    Headers are words above values, or years above values. A row in which a name stretches over several columns is
    followed by another one that says more.
    """
    if len(rows) < 2 or not rows[0]:
        return 0
    count = 0
    while count < min(_MAX_HEADER_ROWS, len(rows) - 1) and _stretches(rows[count]):
        count += 1
    if count and count < len(rows) - 1:
        # "1 person" may stand below "Summer" and below "Winter": what names a column is all that stands over it.
        over = [" ".join(dict.fromkeys(column)) for column in zip(*rows[: count + 1], strict=False)]
        filled = [text for text, own in zip(over, rows[count], strict=False) if own.strip()]
        if len(set(filled)) < len(filled):
            return count
        return count + 1 if _names_columns(over, rows[count + 1 :]) else count
    return count + 1 if count < len(rows) - 1 and _names_columns(rows[count], rows[count + 1 :]) else count


def _stretches(row: Sequence[str]) -> bool:
    """Whether words fill neighbouring columns twice, as a merged name over several columns does."""
    return len(row) > 2 and any(left == right and left and not is_value(left) for left, right in pairwise(row))


def _names_columns(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    filled = [text for text in row if text.strip()]
    if not filled or (len(filled) == 1 and len(row) > 2):
        return False
    years = [text.strip() for text in row[1:]]
    if len(years) > 1 and len(set(years)) == len(years) and all(map(_YEAR.fullmatch, years)):
        return True
    if any(is_value(text) for text in filled):
        return _differs_in_shape(row, below[:200])
    if len(row) == 2:
        return _names_two(row, below[:200])
    return len(set(filled)) == len(filled)


def _differs_in_shape(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether every column but the first holds values of one shape below a cell of another: `1` above `6:10`."""
    if len(below) < 2 or len(row) < 2 or is_value(row[0]):
        return False
    for column, text in enumerate(row[1:], 1):
        shapes = [_shape(line[column]) for line in below if column < len(line) and line[column].strip()]
        if not text.strip() or not shapes or _shape(text) in shapes:
            return False
        if shapes.count(max(set(shapes), key=shapes.count)) < 0.7 * len(shapes):
            return False
    return True


def _shape(text: str) -> str:
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", text.strip()))


def _names_two(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether the first of rows of two cells names them; else each row is a label with its value."""
    if any(line[0].rstrip().endswith(":") for line in below) or row[0].rstrip().endswith(":"):
        return False
    values = sum(is_value(line[1]) for line in below)
    if values and values >= 0.6 * len(below):
        return True
    longest = max(len(text) for text in row)
    return len(below) > 1 and longest <= 40 and not values


def is_value(text: str) -> bool:
    """Whether a cell holds a number, a sum, a date or a time in figures, perhaps with a short unit."""
    return _VALUE.fullmatch(text.strip()) is not None
