import csv
import html.parser
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant import Assistant as FromPackage
from assistant import Document, Turn, answer_rows
from assistant.answering.assistant import Assistant
from assistant.batch import BatchOptions
from assistant.batch.blocks import Prefetcher, blocks_as_they_come, blocks_of, to_json_line
from assistant.batch.executors import LocalExecutor
from assistant.batch.lines import read_lines
from assistant.batch.report import report_html
from assistant.batch.rows import Row
from assistant.batch.runner import run_batch
from assistant.batch.summary import Summary, summary_lines
from assistant.batch.tables import flat, journal_of, unflat, write_table
from assistant.settings import Settings

Batch = Callable[..., int]
Rows = Callable[[int], list[dict[str, Any]]]
Records = Callable[[Path], list[dict[str, Any]]]


def _write(rows: list[dict[str, Any]], name: str = "in.jsonl") -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def test_tables_hold_what_the_lines_of_json_hold(batch: Batch, many_rows: Rows, timeless: Records) -> None:
    import pyarrow.parquet as pq

    rows = [*many_rows(5), {"question": "  ", "id": "bad", "topic": 'a "quoted",\nline'}]
    _write(rows)
    for name in ("out.jsonl", "out.csv", "out.parquet"):
        assert batch("in.jsonl", "-o", name) == 3
        assert not Path(f"{name}.partial").exists()
    records = timeless(Path("out.jsonl"))
    text = Path("out.csv").read_bytes().decode()
    cells = [{key: cell or None for key, cell in row.items()} for row in csv.DictReader(io.StringIO(text, newline=""))]
    table = pq.read_table("out.parquet")
    for record, left, right in zip(records, cells, table.to_pylist(), strict=True):
        assert left["id"] == right["id"] == record["id"]
        assert left["topic"] == right["topic"] == record["topic"]
        if "error" in record:
            assert left["error_message"] == right["error_message"] == record["error"]["message"]
            continue
        assert left["answer"] == right["answer"] == record["answer"]
        assert float(left["score"] or "") == right["score"] == record["score"]
        assert left["verdict"] == right["verdict"] == record["verdict"]["label"]
        assert right["entailment"] == record["verdict"]["entailment"]
        assert json.loads(left["evidence"]) == json.loads(right["evidence"]) == record["evidence"]
        back = unflat(left)
        back["usage"].pop("seconds")
        assert {key: back[key] for key in record if key != "answers"} == {
            key: value for key, value in record.items() if key != "answers"
        }
    assert table.schema.field("score").type == "double"


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_finished_table_is_gone_on_with_when_more_lines_are_wanted(
    batch: Batch, many_rows: Rows, name: str, capsys: Any
) -> None:
    _write(many_rows(6))
    assert batch("in.jsonl", "-o", name, "--no-verify", "--limit", "4") == 0
    assert batch("in.jsonl", "-o", name, "--no-verify", "--resume") == 0
    assert "6 answered, 4 done before" in capsys.readouterr().err
    _write([{**row, "question": "Who?"} for row in many_rows(6)])
    before = Path(name).read_bytes()
    assert batch("in.jsonl", "-o", name, "--no-verify", "--resume") == 2
    assert "question is another" in capsys.readouterr().err
    assert Path(name).read_bytes() == before
    assert not Path(f"{name}.partial").exists()


def test_an_unfinished_table_is_neither_lost_nor_taken_for_finished(batch: Batch, many_rows: Rows, capsys: Any) -> None:
    _write(many_rows(2))
    Path("out.csv.partial").write_text("")
    assert batch("in.jsonl", "-o", "out.csv") == 2
    assert "unfinished" in capsys.readouterr().err
    assert batch("in.jsonl", "-o", "out.csv", "--resume") == 0


def test_going_on_under_other_options_is_refused(batch: Batch, many_rows: Rows, capsys: Any) -> None:
    _write(many_rows(2))
    assert batch("in.jsonl", "-o", "out.jsonl", "--no-verify") == 0
    for options in (["--top-k", "2"], ["--windows", "1"], ["--route", "extract"], ["--select", "topic!=x"]):
        assert batch("in.jsonl", "-o", "out.jsonl", "--no-verify", "--resume", *options) == 2
        assert "other options" in capsys.readouterr().err
    assert batch("in.jsonl", "-o", "out.jsonl", "--resume") == 2


def test_standard_input_and_output_take_any_format(
    batch: Batch, many_rows: Rows, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any
) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "question", "document"], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(many_rows(3))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.getvalue().encode())))
    with monkeypatch.context() as patched:
        patched.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), write_through=True))
        assert batch("-", "-o", "-", "--input-format", "csv", "--output-format", "csv", "--no-verify") == 0
        written = sys.stdout.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert [row["id"] for row in csv.DictReader(io.StringIO(written))] == ["q0", "q1", "q2"]


def test_a_pipe_is_answered_before_it_ends(many_rows: Rows) -> None:
    import threading

    more = threading.Event()

    def slowly() -> Any:
        for number, fields in enumerate(many_rows(5)):
            if number == 3:
                assert more.wait(60)
            yield Row(number, str(number), fields)

    blocks = blocks_as_they_come(Prefetcher(read_lines(slowly(), BatchOptions()), 8), patience=0.3)
    count = 0
    for block in blocks:
        count += len(block)
        if count == 3:
            more.set()
    assert count == 5


def test_what_is_read_ahead_is_bounded() -> None:
    import time

    taken: list[int] = []

    def endless() -> Any:
        for number in range(1_000_000):
            taken.append(number)
            yield number

    ahead: Prefetcher[int] = Prefetcher(endless(), 3)
    assert next(ahead) == 0
    time.sleep(0.3)
    assert len(taken) <= 6
    ahead.close()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory held is read from /proc")
def test_memory_does_not_grow_with_the_lines(tiny_assistant: Assistant, tmp_path: Path) -> None:
    def rows() -> Any:
        for number in range(40_000):
            cheap = {"id": f"line {number}", "question": "", "note": "x" * 500}
            yield Row(
                number,
                str(number),
                {**cheap, "question": "Where?", "document": "forest"} if number % 400 == 0 else cheap,
            )

    held: list[int] = []
    blocks = Prefetcher(blocks_of(read_lines(rows(), BatchOptions(verify=False))), 1)
    summary = Summary()

    def count(record: dict[str, Any]) -> None:
        summary.add(record)
        if summary.done in (1_000, 40_000):
            held.append(int(Path("/proc/self/statm").read_text().split()[1]))

    with (tmp_path / "out.jsonl").open("w", encoding="utf-8") as output:
        run_batch(LocalExecutor(tiny_assistant), ((block, 0) for block in blocks), output, count)
    assert (summary.answered, summary.failed) == (100, 39_900)
    assert held[1] < 1.1 * held[0]


def test_an_error_in_reading_ahead_is_raised_where_it_is_read() -> None:
    def failing() -> Any:
        yield 1
        raise OSError("gone")

    ahead: Prefetcher[int] = Prefetcher(failing(), 3)
    assert next(ahead) == 1
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            next(ahead)


def test_blocks_are_small_where_lines_are_large_or_generated(many_rows: Rows) -> None:
    def sizes(rows: list[dict[str, Any]]) -> list[int]:
        numbered = [Row(number, str(number), row) for number, row in enumerate(rows)]
        return [len(block) for block in blocks_of(read_lines(numbered, BatchOptions()))]

    assert max(sizes(many_rows(300))) > 50
    assert sum(sizes(many_rows(300))) == 300
    assert max(sizes([{"question": "Write a loop"} for _ in range(70)])) == 32
    assert sizes([{"question": "Where?", "document": "word " * 250_000}] * 3) == [1, 1, 1]


def test_a_program_answers_an_iterable_in_a_few_lines(tiny_assistant: Assistant, many_rows: Rows) -> None:
    assert FromPackage is Assistant
    rows = [*many_rows(3), {"question": ""}]
    records = list(answer_rows(iter(rows), tiny_assistant, BatchOptions(verify=False)))
    assert [record["id"] for record in records] == ["q0", "q1", "q2", "4"]
    alone = tiny_assistant.answer(Turn(rows[0]["question"], (Document("d", rows[0]["document"]),), verify=False))
    assert records[0]["answer"] == alone.text
    assert {"exact_match", "f1"} < records[0].keys()
    assert records[3]["error"]["type"] == "UsageError"


def _record(**keys: Any) -> dict[str, Any]:
    verdict = {"label": "entailment", "entailment": 0.9, "neutral": 0.1, "contradiction": 0.0, "claims": []}
    return {
        "id": "1", "question": "q", "route": "extract", "answer": "a", "score": 0.95, "evidence": [],
        "verdict": verdict, "closest": None, "models": {}, "usage": {"seconds": 0.5}, **keys,
    }  # fmt: skip


def _summary(*records: dict[str, Any]) -> Summary:
    summary = Summary()
    for record in records:
        summary.add(record)
    return summary


def _verdict(label: str) -> dict[str, Any]:
    return {**_record()["verdict"], "label": label}


def test_the_summary_says_what_was_answered_how_right_it_was_and_what_failed() -> None:
    summary = _summary(
        _record(exact_match=1.0, f1=1.0),
        _record(id="2", exact_match=0.0, f1=0.2, score=0.15, verdict=_verdict("neutral"), usage={"seconds": 9.0}),
        _record(id="3", exact_match=0.0, f1=0.0),
        _record(id="4", answer=None, verdict=None, exact_match=1.0, f1=1.0, score=0.31),
        _record(id="5", route="open", score=None, verdict=None),
        {"id": "6", "line": 6, "error": {"type": "DocumentError", "message": "x is\x1b[31m empty"}},
    )
    assert summary.figures == pytest.approx({"exact_match": 50, "f1": 55, "agreement": 200 / 3})
    assert summary.by_score == [0, 1, 0, 1, 0, 0, 0, 0, 0, 2]
    text = "\n".join(summary_lines(summary, 2.0, 0))
    assert "5 answered, 1 failed in 2.0 s (3.0 a second)" in text
    assert "extract 4, open 1" in text
    assert "entailment 2, neutral 1, not checked 1, no answer 1" in text
    assert "exact match 50.0, F1 55.0, verdicts agree with the truth on 66.7%" in text
    assert "slowest: 2 9.00 s" in text
    assert "line 6: DocumentError: x is empty" in text


def test_the_report_is_an_inert_page_whatever_the_texts_hold() -> None:
    evil = "<script>alert(1)</script><img src=x onerror=y>\x1b[31m\u202e"
    summary = _summary(
        _record(id=evil, question=evil, exact_match=1.0, f1=1.0),
        {"id": evil, "line": 2, "error": {"type": "DocumentError", "message": evil}},
    )
    page = report_html(summary, 1.0, [("questions", evil), ("answers", "out.jsonl")])
    tags: set[str] = set()
    attributes: set[str] = set()

    class Parser(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            tags.add(tag)
            attributes.update(name for name, _ in attrs)

    Parser().feed(page)
    assert not tags & {"script", "img", "link", "iframe", "a", "object"}
    assert not [name for name in attributes if name.startswith("on") or name in ("src", "href")]
    assert "default-src 'none'" in page
    assert "\x1b" not in page and "\u202e" not in page
    assert "<svg" in page and "exact match" in page


def test_a_report_is_written_beside_the_answers(batch: Batch, many_rows: Rows, capsys: Any) -> None:
    _write(many_rows(4))
    assert batch("in.jsonl", "-o", "out.jsonl", "--report", "none/report.html") == 2
    assert batch("in.jsonl", "-o", "out.jsonl", "--report", "report.html") == 0
    assert "<svg" in Path("report.html").read_text("utf-8")
    error = capsys.readouterr().err
    assert "exact match" in error and "verdicts:" in error and "scores" in error


def test_cells_of_a_table_go_back_to_the_record_they_were(tiny_assistant: Assistant, many_rows: Rows) -> None:
    for record in answer_rows([*many_rows(3), {"question": 5}], tiny_assistant):
        again = unflat(flat(record))
        assert again == {**record, **({"answers": json.dumps(record["answers"])} if "answers" in record else {})}


def test_settings_of_the_chats_looks_do_not_stand_in_the_way_of_going_on() -> None:
    options = BatchOptions()
    looks = Settings(theme="nord", mouse=False, plain=True, unicode=False, keys={"chat.stop": "f9"})
    assert options.digest(looks) == options.digest(Settings())
    assert options.digest(Settings(windows=1)) != options.digest(Settings())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_can_be_written_and_gone_on_with_whatever_the_input_carries(
    tiny_assistant: Assistant, many_rows: Rows, tmp_path: Path, kind: str
) -> None:
    carried: list[dict[str, Any]] = [
        {"entailment": "yes", "claims": "none", "error_type": "x", "size": 2**70, "share": 2**60 + 1, "count": 2**63},
        {"entailment": 1, "size": 1, "share": 0.5, "count": 2},
    ]
    rows = [{**row, **extra} for row, extra in zip(many_rows(2), carried, strict=True)]
    records = list(answer_rows(rows, tiny_assistant, BatchOptions(verify=False)))
    journal, table, again = tmp_path / "journal", tmp_path / "table", tmp_path / "again"
    journal.write_text("".join(to_json_line(record) + "\n" for record in records), "utf-8")
    write_table(journal, table, kind)
    journal_of(table, kind, again)
    read = [json.loads(line) for line in again.read_text("utf-8").splitlines()]
    assert [each["answer"] for each in read] == [each["answer"] for each in records]
    assert [str(each["size"]) for each in read] == [str(2**70), "1"]
