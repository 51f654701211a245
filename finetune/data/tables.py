"""Tables of rows: CSV, TSV, JSON, JSON Lines and Parquet files, and data sets on the Hub."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError, UsageError
from assistant.text import one_line
from finetune.data.files import find_data, lines_of, read_json_lines

if TYPE_CHECKING:
    import polars

HUB = "hub:"
_REFERENCE = re.compile(r"hub:([\w.-]+/[\w.-]+)(?::([\w.-]+))?(?:@([\w./-]+))?(?:#(\w+))?", re.ASCII)
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_TOLD_SEPARATOR = re.compile(r"sep=([,;\t|])\r?\n", re.I)
"""Excel's own first line."""


def is_hub(source: str) -> bool:
    """Whether a data set is named as one of the Hub."""
    return source.startswith(HUB)


def read_table(source: str) -> list[dict[str, Any]]:
    """The rows of a data set.

    Args:
        source: a file, or `hub:OWNER/NAME[:CONFIGURATION][@REVISION][#SPLIT]`; the split is `train` if none is named.

    Raises:
        UsageError: no such file, not a table, or not a reference.
        AssistantError: the Hub did not give it.
    """
    if is_hub(source):
        return _from_hub(source)
    path = find_data(source)
    if path.suffix == ".jsonl":
        return list(read_json_lines(path))
    if path.suffix == ".json":
        return _json_rows(path)
    return _frame(path).to_dicts()


def column(source: str, row: Mapping[str, object], names: Sequence[str]) -> str:
    """The first of the names that a row has as a column.

    Raises:
        UsageError: it has none of them.
    """
    found = next((name for name in names if name in row), None)
    if found is None:
        raise UsageError(f"{source}: no column named {' or '.join(names)}; it has {', '.join(row)}")
    return found


def _separator(text: str, suffix: str) -> str:
    """A comma in a CSV file, or what Excel writes in its place where the names of columns hold no comma."""
    names = text.partition("\n")[0]
    usual = _SEPARATORS[suffix]
    return next((other for other in ";\t" if usual == "," and "," not in names and other in names), usual)


def _frame(path: Path) -> "polars.DataFrame":
    import polars

    if path.stat().st_size == 0:
        return polars.DataFrame()
    try:
        if path.suffix == ".parquet":
            return polars.read_parquet(path)
        if path.suffix in _SEPARATORS:
            # Everything stays text: a label "0" is a label, and a question may be a number. TSV files of corpora have
            # quotation marks that stand for themselves.
            quote = '"' if path.suffix == ".csv" else None
            text = "".join(lines_of(path))
            told = _TOLD_SEPARATOR.match(text)
            return polars.read_csv(
                text[told.end() if told else 0 :].encode(),
                separator=told[1] if told else _separator(text, path.suffix),
                quote_char=quote,
                infer_schema=False,
                truncate_ragged_lines=quote is None,
            )
    except (polars.exceptions.PolarsError, OSError) as error:
        raise UsageError(f"{path}: not a table of UTF-8 text that can be read: {one_line(str(error), 200)}") from error
    raise UsageError(f"{path}: a table ends in .csv, .tsv, .json, .jsonl or .parquet")


def _json_rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows = json.loads("".join(lines_of(path)))
    except ValueError as error:
        raise UsageError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{path}: a list of JSON objects is needed")
    return rows


def _from_hub(source: str) -> list[dict[str, Any]]:
    match = _REFERENCE.fullmatch(source)
    if match is None:
        raise UsageError(
            f"{source!r} does not name a data set; write hub:OWNER/NAME[:CONFIGURATION][@REVISION][#SPLIT]"
        )
    from datasets import load_dataset

    name, configuration, revision, split = match.groups()
    try:
        loaded = load_dataset(name, configuration, split=split or "train", revision=revision)
    except Exception as error:
        raise AssistantError(
            f"The Hub did not give the data set {name}: {one_line(str(error), 200)}. See https://huggingface.co/datasets/"
            f"{name} for its licence, access and splits; a private or gated one wants `hf auth login`."
        ) from error
    return list(loaded)
