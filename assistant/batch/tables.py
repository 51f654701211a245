"""Records as tables: CSV and Parquet, made of the journal when a run is over, and read back to go on with it.

What is one value stands in a column of its own; what has parts (evidence, claims, usage) stands there as JSON.
"""

import csv
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from assistant.batch.blocks import Record, to_json_line
from assistant.batch.sources import read_rows
from assistant.errors import UsageError

TABLES = ("csv", "parquet")
_FIRST = ("id", "line", "question", "route", "answer", "score")
_VERDICT = ("verdict", "entailment", "neutral", "contradiction")
_LAST = (
    "evidence", "closest", "claims", "verdict_reason", "stopped", "asked", "incomplete", "tried", "support",
    "draft", "notices", "models", "usage",
    "exact_match", "f1", "contains",
)  # fmt: skip
_ERROR = ("error_type", "error_message", "error_passing")
_MACHINE = ("computed_with",)
_DIGESTS = ("input_digest", "options_digest")
OWN = (*_FIRST, *_VERDICT, *_LAST, *_ERROR, *_MACHINE, *_DIGESTS)
"""The columns of our own; the input's other columns stand between these and the digests."""
_AS_JSON = frozenset(("evidence", "closest", "claims", "tried", "draft", "notices", "models", "usage"))
_NUMBERS = frozenset(("score", "entailment", "neutral", "contradiction", "exact_match", "f1", "contains"))
# What the record's own parts become: columns of the input with these names have no place beside them.
_OF_PARTS = frozenset((*_VERDICT, "claims", "error", *_ERROR))
_LARGEST = 2**63
_ROWS_AT_ONCE = 1000


def flat(record: Record) -> dict[str, Any]:
    """A record as the cells of a table's row."""
    row = {key: value for key, value in record.items() if key not in _OF_PARTS}
    if verdict := record.get("verdict"):
        row |= {key: verdict[key] for key in _VERDICT[1:]} | {"verdict": verdict["label"], "claims": verdict["claims"]}
    if error := record.get("error"):
        row |= {"error_type": error["type"], "error_message": error["message"]}
        row |= {"error_passing": True} if error.get("passing") else {}
    return {key: _text(value) if isinstance(value, dict | list) else value for key, value in row.items()}


def unflat(row: dict[str, Any]) -> Record:
    """The record of a table's row.

    Raises:
        KeyError, ValueError, TypeError: the row is not one of ours.
    """
    cells = {key: value for key, value in row.items() if value is not None}
    record: Record = {key: value for key, value in cells.items() if key not in OWN}
    record["id"] = str(cells["id"])
    if "error_type" in cells:
        error = {"type": cells["error_type"], "message": cells["error_message"]}
        error |= {"passing": True} if str(cells.get("error_passing")).lower() == "true" else {}
        record |= {"line": int(cells["line"]), "error": error}
    else:
        parts = {key: json.loads(cells[key]) for key in _AS_JSON & cells.keys()}
        verdict = None
        if "verdict" in cells:
            shares = {key: float(cells[key]) for key in _VERDICT[1:]}
            verdict = {"label": cells["verdict"], **shares, "claims": parts["claims"]}
        record |= {
            "question": cells["question"],
            "route": cells["route"],
            "answer": cells.get("answer"),
            "score": float(cells["score"]) if "score" in cells else None,
            "evidence": parts["evidence"],
            "verdict": verdict,
            "closest": parts.get("closest"),
            "models": parts["models"],
            "usage": parts["usage"],
        }
        record |= {key: float(cells[key]) for key in ("exact_match", "f1", "contains") if key in cells}
        record |= {key: cells[key] for key in ("verdict_reason", "asked", "incomplete", "support") if key in cells}
        record |= {key: parts[key] for key in ("tried", "draft", "notices") if key in parts}
        record |= {"stopped": True} if str(cells.get("stopped")).lower() == "true" else {}
    record |= {key: cells[key] for key in _MACHINE if key in cells}
    return record | {key: cells[key] for key in _DIGESTS}


def write_table(journal: Path, output: Path, kind: str) -> None:
    """Write the records of a journal as a table, in two passes: the columns, then the rows."""
    columns: dict[str, set[type]] = {name: set() for name in (*_FIRST, *_VERDICT, *_LAST, *_ERROR)}
    for row in _rows(journal):
        for name, value in row.items():
            if name not in _DIGESTS and value is not None:
                columns.setdefault(name, set()).add(_type(value))
    names = [*columns, *_DIGESTS]
    if kind == "csv":
        _write_csv(output, names, _rows(journal))
    else:
        _write_parquet(output, names, columns, _rows(journal))


def _rows(journal: Path) -> Iterator[dict[str, Any]]:
    with journal.open(encoding="utf-8") as lines:
        for line in lines:
            yield flat(json.loads(line))


def _write_csv(output: Path, names: list[str], rows: Iterable[dict[str, Any]]) -> None:
    with output.open("w", encoding="utf-8", newline="", errors="replace") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_parquet(output: Path, names: list[str], types: dict[str, set[type]], rows: Iterable[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _arrow_type(name, types.get(name, {str}))) for name in names])
    kept = iter(rows)
    with pq.ParquetWriter(output, schema) as writer:
        while group := list(itertools.islice(kept, _ROWS_AT_ONCE)):
            cells = [{name: _cell(row.get(name), str(schema.field(name).type)) for name in names} for row in group]
            writer.write_table(pa.Table.from_pylist(cells, schema))


def _type(value: Any) -> type:
    """The type of a cell; a whole number that no table holds stands there as text."""
    return str if isinstance(value, int) and not -_LARGEST <= value < _LARGEST else type(value)


def _arrow_type(name: str, kinds: set[type]) -> Any:
    import pyarrow as pa

    if name in _NUMBERS:
        return pa.float64()
    if name == "line":
        return pa.int64()
    if name in ("stopped", "error_passing") or kinds == {bool}:
        return pa.bool_()
    if name not in OWN and kinds and kinds <= {int, float}:
        return pa.float64() if float in kinds else pa.int64()
    return pa.string()


def _cell(value: Any, kind: str) -> Any:
    if value is None or kind not in ("string", "double"):
        return value
    if kind == "double":
        return float(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate has no place in a table


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def journal_of(table: Path, kind: str, journal: Path) -> None:
    """Write the journal that a finished table was made of, to go on with it.

    Raises:
        UsageError: the table is not the output of a batch.
    """
    with table.open("rb") as file, journal.open("w", encoding="utf-8", newline="\n") as lines:
        for row in read_rows(file, kind):
            try:
                lines.write(to_json_line(unflat(row.fields or {})) + "\n")
            except (KeyError, ValueError, TypeError) as error:
                raise UsageError(
                    f"{table}, row {row.number}: not an answer of a batch; use --overwrite or another file."
                ) from error
