import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.answering.assistant import Assistant
from assistant.batch import BatchOptions
from assistant.batch.blocks import blocks_of
from assistant.batch.executors import LocalExecutor
from assistant.batch.lines import read_lines
from assistant.batch.rows import Row
from assistant.batch.runner import run_batch
from assistant.batch.sources import read_rows
from assistant.batch.summary import Summary
from assistant.errors import ModelError
from assistant.events import Event, Listener, Progress
from assistant.settings import Settings
from assistant.types import Document, Route

FOREST = "The Amazon rainforest covers 5.5 million square kilometers.\r\nIt holds 390 billion trees 😀."
NESTED = "[" * 400 + "]" * 400


def _row(**keys: Any) -> bytes:
    return json.dumps({"question": "How large is it?", "document": FOREST, **keys}).encode()


LINES = [
    b"\xef\xbb\xbf" + _row(id="first", source={"page": 3}),
    _row(id=7),
    b"not json",
    b"",
    _row(id="first"),
    b"[1, 2]",
    b'"text"',
    b"null",
    b'{"document": "no question"}',
    _row(question=5),
    _row(question="  "),
    _row(question="Where \ud800?"),
    _row(id="\ud800", source="\udc80"),
    _row(document="   "),
    _row(document="\ud800"),
    _row(document=5),
    _row(document=None, document_path="none.txt", source="kept"),
    _row(document=None, document_path="-"),
    _row(document=None, document_path="\x00"),
    _row(document="x", document_path="y"),
    _row(route="sideways"),
    _row(route="auto", verify=True),
    _row(document="\x1b[31mred\x9b \x00 Lyon"),
    b"\xff\xfe",
    b"\0\0\0",
    b'{"question": "Where?", "x": NaN}',
    b'{"question": "Where?", "x": 1e999}',
    b'{"question": "Where?", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"question": "Where?", "x": ' + b"9" * 5000 + b"}",
    _row(id=1.5),
    _row(id=True),
    _row(id=""),
    _row(answer="gold", error="mine", line=3, source="x"),
    _row(source=json.loads(NESTED)),
    _row(question="forest " * 3000, route="extract"),
    _row(document=FOREST * 300, id="long"),
    _row(id="last", route="grounded"),
]


def _run(
    assistant: Assistant, lines: list[bytes], options: BatchOptions | None = None
) -> tuple[list[dict[str, Any]], Summary]:
    output, summary = io.StringIO(), Summary()
    rows = read_rows(io.BytesIO(b"\r\n".join(lines)), "jsonl")
    work = ((block, 0) for block in blocks_of(read_lines(rows, options or BatchOptions())))
    run_batch(LocalExecutor(assistant, "options"), work, output, summary.add)
    return [json.loads(line) for line in output.getvalue().splitlines()], summary


def test_every_line_gets_its_answer_or_its_error_in_place(tiny_assistant: Assistant) -> None:
    records, summary = _run(tiny_assistant, LINES)
    numbers = [number for number, line in enumerate(LINES, 1) if line]
    assert len(records) == len(numbers)
    assert summary.answered + summary.failed == len(numbers)
    good = {number for number, record in zip(numbers, records, strict=True) if "error" not in record}
    expected = [1, 2, 13, 22, 23, 32, 33, 34, 36, 37]
    assert good == set(expected)
    for number, record in zip(numbers, records, strict=True):
        if number in good:
            for place in record["evidence"] or [record["closest"]]:
                document = json.loads(LINES[number - 1].decode("utf-8-sig"))["document"]
                assert document[place["start"] : place["end"]] == place["text"]
        else:
            assert record["line"] == number
            assert set(record["error"]) == {"type", "message"}
            assert "\n" not in record["error"]["message"]


def test_ids_are_kept_and_lines_without_one_have_their_number(tiny_assistant: Assistant) -> None:
    records, _ = _run(tiny_assistant, LINES)
    ids = dict(zip([number for number, line in enumerate(LINES, 1) if line], [r["id"] for r in records], strict=True))
    assert (ids[1], ids[2], ids[3], ids[5], ids[13], ids[32], ids[37]) == (
        "first", "7", "3", "first", "\ud800", "32", "last",
    )  # fmt: skip


def test_other_keys_are_carried_through_also_where_the_line_fails(tiny_assistant: Assistant) -> None:
    records, _ = _run(tiny_assistant, LINES)
    by_number = dict(zip([number for number, line in enumerate(LINES, 1) if line], records, strict=True))
    assert by_number[1]["source"] == {"page": 3}
    assert by_number[13]["source"] == "\udc80"
    assert by_number[17]["source"] == "kept"
    assert by_number[22]["verify"] is True
    assert by_number[33]["source"] == "x"
    assert by_number[33]["answer"] != "gold"
    assert not {"error", "line"} & set(by_number[33])
    assert by_number[34]["source"] == json.loads(NESTED)


def test_options_hold_for_lines_that_do_not_say_otherwise(tiny_assistant: Assistant) -> None:
    options = BatchOptions(Document("default.txt", "Lyon is hot. " * 3), Route.EXTRACT, verify=False)
    records, _ = _run(
        tiny_assistant, [b'{"question": "Where?"}', b'{"question": "Where?", "route": "open"}', _row()], options
    )
    assert [record["route"] for record in records] == ["extract", "open", "extract"]
    assert records[0]["evidence"][0]["document"] == "default.txt"
    assert records[2]["evidence"][0]["text"] in FOREST
    assert all(record["verdict"] is None for record in records)


def test_a_document_in_a_line_may_not_be_larger_than_the_limit(tiny_assistant: Assistant) -> None:
    records, _ = _run(tiny_assistant, [_row(document="x " * 600_000)], BatchOptions(max_document_megabytes=1))
    assert records[0]["error"]["type"] == "DocumentError"


def test_only_the_models_that_a_block_needs_are_loaded_and_that_is_told_and_no_lines_own_time(
    tiny_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = Assistant(Settings(**tiny_settings, max_new_tokens=2))
    stages: list[str] = []
    loading: Callable[..., Any] = assistant.models.reader

    def slowly(on_event: Listener) -> Any:
        if not stages:
            time.sleep(1)
        return loading(on_event)

    def hear(event: Event) -> None:
        if isinstance(event, Progress):
            stages.append(event.stage)

    monkeypatch.setattr(assistant.models, "reader", slowly)
    rows = (Row(number, str(number), {"question": "How large is it?", "document": FOREST}) for number in range(2))
    blocks = list(blocks_of(read_lines(rows, BatchOptions())))
    [records] = LocalExecutor(assistant, on_event=hear).answer(blocks)
    assert stages == ["Loading the reader", "Loading the verifier"]
    assert sum(record["usage"]["seconds"] for record in records) < 1


def test_a_model_that_cannot_be_had_ends_the_run_rather_than_failing_every_line(
    tiny_settings: dict[str, str], tmp_path: Path
) -> None:
    assistant = Assistant(Settings(**{**tiny_settings, "reader": str(tmp_path / "none")}))
    with pytest.raises(ModelError):
        _run(assistant, [_row(), _row()])
