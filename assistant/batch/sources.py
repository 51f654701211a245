"""Files of questions as rows: JSONL, CSV, Parquet and SQuAD JSON, read as they come, what is wrong in its place."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from assistant.batch.csv_rows import csv_rows
from assistant.batch.rows import BatchLineError, Row, digest_of, digest_of_bytes, numbered_lines
from assistant.batch.table_lines import MARK, begins_with_columns, begins_with_text
from assistant.batch.text_lines import LineDecoder, Tell, as_utf8
from assistant.errors import UsageError

FORMATS = ("jsonl", "csv", "parquet", "squad")
_BY_SUFFIX = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet", ".json": "squad"}
_ROWS_AT_ONCE = 64
_PLAIN_TEXT = (
    'The first line is neither JSON such as {"question": "..."} nor does it name the columns of a table; a text file '
    'of questions, one a line, is read with a first line that says "question".'
)


def format_of(name: str) -> str:
    """The format that a file's name stands for; JSONL where it says nothing else."""
    return _BY_SUFFIX.get(Path(name).suffix.lower(), "jsonl")


def read_rows(file: IO[bytes], kind: str, longest: int = 1 << 27, tell: Tell | None = None) -> Iterator[Row]:
    """The rows of a file, in order; blank lines are left out.

    Text may be in UTF-8, UTF-16 or UTF-32, and lines in Windows-1252.

    Args:
        file: opened for bytes; a Parquet file has to be seekable.
        kind: one of FORMATS.
        longest: a line of more bytes is not held in memory but reported.
        tell: hears where text is not UTF-8, or neither JSON nor a table.

    Raises:
        UsageError: the file as a whole is not of this format.
    """
    if kind == "parquet":
        yield from _parquet(file)
        return
    readers: dict[str, Callable[[IO[bytes], int, LineDecoder], Iterator[Row]]] = {
        "jsonl": _jsonl, "csv": csv_rows, "squad": _squad,
    }  # fmt: skip
    decoded, is_utf8 = as_utf8(file, tell)
    if kind == "jsonl":
        is_table, decoded = begins_with_columns(decoded)
        kind = "csv" if is_table else kind
    if tell is not None and kind in ("jsonl", "csv"):
        is_text, decoded = begins_with_text(decoded, in_table=kind == "csv")
        if is_text:
            tell(_PLAIN_TEXT)
    yield from readers[kind](decoded, longest, LineDecoder(tell, is_utf8=is_utf8))


def parse_line(text: str) -> dict[str, Any]:
    """The object of one line of JSONL.

    Raises:
        BatchLineError: the line is not JSON or no object.
    """
    try:
        row = json.loads(text.removeprefix(MARK), parse_constant=_refuse_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BatchLineError(f"not valid JSON: {error}") from error
    if not isinstance(row, dict):
        raise BatchLineError(f'a JSON object such as {{"question": ...}} is needed, not {type(row).__name__}')
    return row


def _refuse_number(text: str) -> float:
    raise ValueError(f"{text} is not a number in JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse_number(text)


def _jsonl(file: IO[bytes], longest: int, decoder: LineDecoder) -> Iterator[Row]:
    for number, raw, too_long in numbered_lines(file, longest):
        if not raw.strip():
            continue
        digest = digest_of_bytes(raw.strip())
        if too_long is not None:
            yield Row(number, digest, error=too_long)
            continue
        try:
            yield Row(number, digest, parse_line(decoder.text(raw, number)))
        except UnicodeDecodeError as error:
            problem = f"not UTF-8 text (byte 0x{raw[error.start]:02x} at {error.start})"
            yield Row(number, digest, error=BatchLineError(problem))
        except BatchLineError as error:
            yield Row(number, digest, error=error)


def _parquet(file: IO[bytes]) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
        rows = (row for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE) for row in batch.to_pylist())
        for number, row in enumerate(rows, 1):
            fields = {str(name): _plain(value) for name, value in row.items()}
            yield Row(number, digest_of(fields), fields)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"The Parquet file cannot be read: {str(error).splitlines()[0][:200]}") from error


def _plain(value: Any) -> Any:
    """A value as JSON has it: what JSON has not (dates, decimals) becomes text."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def _squad(file: IO[bytes], _: int, decoder: LineDecoder) -> Iterator[Row]:
    """The questions of a SQuAD file, each with its paragraph as the document and its gold answers as `answers`.

    A list of objects is taken as JSONL would be, one a row. An article, a paragraph or a question that is none counts
    as one row, with an error.
    """
    try:
        data = json.loads(decoder.text(file.read(), 1))
        if isinstance(data, list) and data:
            yield from _listed(data)
            return
        articles = data["data"]
        if not isinstance(articles, list):
            raise TypeError("data is no list")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            f"Not a SQuAD file (data > paragraphs > qas), nor a list of questions: {type(error).__name__}: {error}; "
            "one object a line is read with --input-format jsonl."
        ) from error
    for number, record in enumerate((question for article in articles for question in _squad_questions(article)), 1):
        fields, digest = {key: value for key, value in record.items() if value is not None}, digest_of(record)
        wrong = fields.pop("error", None)
        yield Row(number, digest, error=BatchLineError(wrong)) if wrong else Row(number, digest, fields)


def _listed(entries: list[Any]) -> Iterator[Row]:
    """The rows of a JSON list."""
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, dict):
            fields = _plain(entry)
            yield Row(number, digest_of(fields), fields)
        else:
            problem = f'a JSON object such as {{"question": ...}} is needed, not {type(entry).__name__}'
            yield Row(number, digest_of_bytes(repr(entry).encode("utf-8", "replace")), error=BatchLineError(problem))


def _squad_questions(article: Any) -> Iterator[dict[str, Any]]:
    """The rows of an article; one that has something wrong in it has an `error`."""
    if not isinstance(article, dict) or not isinstance(article.get("paragraphs"), list):
        yield {"error": 'an article of the SQuAD file is no object with a list of "paragraphs"'}
        return
    for paragraph in article["paragraphs"]:
        if not isinstance(paragraph, dict) or not isinstance(paragraph.get("qas"), list):
            yield {"error": 'a paragraph of the SQuAD file is no object with a list of "qas"'}
            continue
        for question in paragraph["qas"]:
            if not isinstance(question, dict):
                yield {"error": 'an entry of "qas" in the SQuAD file is no object'}
                continue
            answers = question.get("answers") or []
            if not isinstance(answers, list) or not all(isinstance(gold, dict) and "text" in gold for gold in answers):
                yield {
                    "error": f'the "answers" of question {str(question.get("id"))[:80]!r} are not objects with a "text"'
                }
                continue
            yield {
                "id": question.get("id"),
                "question": question.get("question"),
                "document": paragraph.get("context"),
                "title": article.get("title"),
                "answers": [gold["text"] for gold in answers],
            }


def count_rows(file: IO[bytes], kind: str) -> int:
    """How many rows a file has, for telling how far a run is; 0 where that costs as much as reading it all."""
    if kind == "jsonl":
        is_table, lines = begins_with_columns(as_utf8(file)[0])
        return sum(bool(line.strip()) for line in lines) - is_table
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return int(pq.ParquetFile(file).metadata.num_rows)
        except (pa.ArrowException, OSError):
            return 0
    return sum(1 for _ in read_rows(file, kind)) if kind == "csv" else 0
