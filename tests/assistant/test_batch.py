import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant import cli
from assistant.assistant import Assistant
from assistant.batch import BatchOptions, lines_done, read_lines, run_batch
from assistant.conversation import Document, Route
from assistant.errors import ModelError, UsageError
from assistant.settings import Settings

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


@pytest.fixture(scope="module")
def assistant(tiny_settings: dict[str, str]) -> Assistant:
    return Assistant(Settings(**tiny_settings, max_new_tokens=4))


def _run(
    assistant: Assistant, lines: list[bytes], options: BatchOptions | None = None
) -> tuple[list[dict[str, Any]], Any]:
    output = io.StringIO()
    source = io.BytesIO(b"\r\n".join(lines))
    summary = run_batch(assistant, read_lines(iter(source), options or BatchOptions()), output)
    return [json.loads(line) for line in output.getvalue().splitlines()], summary


def test_every_line_gets_its_answer_or_its_error_in_place(assistant: Assistant) -> None:
    records, summary = _run(assistant, LINES)
    numbers = [number for number, line in enumerate(LINES, 1) if line]
    assert len(records) == len(numbers)
    assert summary.answered + summary.failed == len(numbers)
    good = {number for number, record in zip(numbers, records, strict=True) if "error" not in record}
    expected = [1, 2, 5, 13, 22, 23, 32, 33, 34, 36, 37]
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


def test_ids_are_kept_and_lines_without_one_have_their_number(assistant: Assistant) -> None:
    records, _ = _run(assistant, LINES)
    ids = dict(zip([number for number, line in enumerate(LINES, 1) if line], [r["id"] for r in records], strict=True))
    assert (ids[1], ids[2], ids[3], ids[5], ids[13], ids[32], ids[37]) == (
        "first", "7", "3", "first", "\ud800", "32", "last",
    )  # fmt: skip


def test_other_keys_are_carried_through_also_where_the_line_fails(assistant: Assistant) -> None:
    records, _ = _run(assistant, LINES)
    by_number = dict(zip([number for number, line in enumerate(LINES, 1) if line], records, strict=True))
    assert by_number[1]["source"] == {"page": 3}
    assert by_number[13]["source"] == "\udc80"
    assert by_number[17]["source"] == "kept"
    assert by_number[22]["verify"] is True
    assert by_number[33]["source"] == "x"
    assert by_number[33]["answer"] != "gold"
    assert not {"error", "line"} & set(by_number[33])
    assert by_number[34]["source"] == json.loads(NESTED)


def test_options_hold_for_lines_that_do_not_say_otherwise(assistant: Assistant) -> None:
    options = BatchOptions(Document("default.txt", "Lyon is hot. " * 3), Route.EXTRACT, verify=False)
    records, _ = _run(
        assistant, [b'{"question": "Where?"}', b'{"question": "Where?", "route": "open"}', _row()], options
    )
    assert [record["route"] for record in records] == ["extract", "open", "extract"]
    assert records[0]["evidence"][0]["document"] == "default.txt"
    assert records[2]["evidence"][0]["text"] in FOREST
    assert all(record["verdict"] is None for record in records)


def test_a_document_in_a_line_may_not_be_larger_than_the_limit(assistant: Assistant) -> None:
    records, _ = _run(assistant, [_row(document="x " * 600_000)], BatchOptions(max_document_megabytes=1))
    assert records[0]["error"]["type"] == "DocumentError"


def test_a_model_that_cannot_be_had_ends_the_run_rather_than_failing_every_line(
    tiny_settings: dict[str, str], tmp_path: Path
) -> None:
    assistant = Assistant(Settings(**{**tiny_settings, "reader": str(tmp_path / "none")}))
    with pytest.raises(ModelError):
        _run(assistant, [_row(), _row()])


Batch = Callable[..., int]


@pytest.fixture
def batch(
    tiny_settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, assistant: Assistant
) -> Batch:
    """Runs `assistant batch` in this process, its models loaded once for all tests."""
    monkeypatch.setenv("ASSISTANT_CONFIG", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("ASSISTANT_MAX_NEW_TOKENS", "4")
    for name, folder in tiny_settings.items():
        monkeypatch.setenv(f"ASSISTANT_{name.upper()}", folder)
    monkeypatch.setattr("assistant.assistant.Assistant", lambda settings: assistant)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["assistant", "batch", *arguments])
        return cli.run(cli.app, "assistant")

    return run


def _records(path: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for record in records:
        record.get("usage", {}).pop("seconds", None)
    return records


def test_a_run_goes_on_after_being_cut_off_at_any_byte(batch: Batch, tmp_path: Path, capsys: Any) -> None:
    lines = [_row(id="é😀"), b"bad", b"", _row(route="open"), b'{"id": "x"}', _row(id=3)]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(lines))
    out = tmp_path / "out.jsonl"
    assert batch("in.jsonl", "-o", "out.jsonl", "--no-verify") == 3
    whole, expected = out.read_bytes(), _records(out)
    ends = {at + shift for at, byte in enumerate(whole) if byte == ord("\n") for shift in (0, 1, 2)}
    for cut in sorted({*range(0, len(whole), 37), *ends, *range(40), len(whole)}):
        out.write_bytes(whole[:cut])
        assert batch("in.jsonl", "-o", "out.jsonl", "--no-verify", "--resume") == 3, cut
        assert _records(out) == expected, cut
    assert "3 answered" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changed, said",
    [
        ([_row(id="a"), _row(id="c")], "has 'c' there"),
        ([_row(id="a")], "no more questions"),
        ([_row(id="a"), _row(id="b", question="How old is it?")], "question is another"),
        ([_row(id="a"), _row(id="b", document="Lyon is hot. " * 40)], "document is another"),
        ([_row(id="a"), _row(id="b", route="open")], "route is open"),
        ([_row(id="a"), b'{"id": "b"}'], "question is another"),
    ],
)
def test_going_on_with_another_input_is_refused(
    batch: Batch, tmp_path: Path, capsys: Any, changed: list[bytes], said: str
) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"\n".join([_row(id="a"), _row(id="b")]))
    assert batch("in.jsonl", "-o", "out.jsonl", "--no-verify") == 0
    before = (tmp_path / "out.jsonl").read_bytes()
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(changed))
    assert batch("in.jsonl", "-o", "out.jsonl", "--no-verify", "--resume") == 2
    assert said in capsys.readouterr().err
    assert (tmp_path / "out.jsonl").read_bytes() == before


def test_an_output_that_is_no_batch_is_not_touched_by_resume(batch: Batch, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(_row())
    for content in (b"my notes\n", b"{}\n", b'{"id": "1"}\n', b"[]\n", b"\xff\n"):
        (tmp_path / "out.jsonl").write_bytes(content)
        assert batch("in.jsonl", "-o", "out.jsonl", "--resume") == 2
        assert (tmp_path / "out.jsonl").read_bytes() == content


def test_paths_that_would_lose_something_are_refused(batch: Batch, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "in.jsonl").write_bytes(_row())
    (tmp_path / "notes.txt").write_text(FOREST)
    (tmp_path / "out.jsonl").write_text("kept")
    os.link(tmp_path / "in.jsonl", tmp_path / "linked.jsonl")
    for arguments, said in [
        (["in.jsonl", "-o", "out.jsonl"], "--overwrite"),
        (["in.jsonl", "-o", "in.jsonl", "--overwrite"], "same file"),
        (["in.jsonl", "-o", "linked.jsonl", "--overwrite"], "same file"),
        (["in.jsonl", "-o", "notes.txt", "--overwrite", "--document", "notes.txt"], "same file"),
        (["in.jsonl", "-o", str(tmp_path)], "folder"),
        (["in.jsonl", "-o", "none/out.jsonl"], "no such folder"),
        (["none.jsonl", "-o", "new.jsonl"], "no such file"),
        ([str(tmp_path), "-o", "new.jsonl"], "folder"),
        (["in.jsonl", "-o", "out.jsonl", "--resume", "--overwrite"], "exclude"),
        (["in.jsonl", "-o", "-", "--resume"], "cannot be read again"),
        (["-", "-o", "out.jsonl", "--resume"], "cannot be read again"),
        (["-", "-o", "new.jsonl", "--document", "-"], "standard input"),
        (["in.jsonl", "-o", "new.jsonl", "--route", "no"], "--route"),
        (["in.jsonl", "-o", "new.jsonl", "--fail-on", "no"], "--fail-on"),
        (["in.jsonl"], "output"),
    ]:
        assert batch(*arguments) == 2, arguments
        error = capsys.readouterr().err
        assert said in error, (arguments, error)
        assert error.count("\n") == 1
    assert (tmp_path / "out.jsonl").read_text() == "kept"
    assert (tmp_path / "in.jsonl").read_bytes() == _row()
    assert (tmp_path / "notes.txt").read_text() == FOREST.replace("\r\n", "\n")
    assert not (tmp_path / "new.jsonl").exists()


def test_failing_on_a_verdict_exits_with_4_also_when_resumed(batch: Batch, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(_row() + b"\n")
    code = batch("in.jsonl", "-o", "out.jsonl")
    assert code == 0
    label = _records(tmp_path / "out.jsonl")[0]["verdict"]["label"]
    watched = "neutral" if label == "entailment" else label
    expected = 0 if label == "entailment" else 4
    assert batch("in.jsonl", "-o", "out.jsonl", "--overwrite", "--fail-on", watched) == expected
    assert batch("in.jsonl", "-o", "out.jsonl", "--resume", "--fail-on", watched) == expected


def test_a_full_disk_is_one_error_that_says_how_to_go_on(batch: Batch, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "in.jsonl").write_bytes(_row())
    assert batch("in.jsonl", "-o", "/dev/full", "--overwrite") == 1
    error = capsys.readouterr().err
    assert "No space left" in error
    assert error.strip().count("\n") <= 1


def test_an_input_without_questions_gives_an_output_without_answers(batch: Batch, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"\n \n")
    assert batch("in.jsonl", "-o", "out.jsonl") == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_done_lines_are_counted_with_what_failed(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text('{"id": "1", "line": 1, "error": {"type": "x", "message": "y"}}\n{"id": "2"')
    source = [b"bad\n", _row()]
    done = lines_done(output, read_lines(iter(source), BatchOptions()))
    assert (done.skipped, done.failed) == (1, 1)
    assert output.read_text().count("\n") == 1
    with pytest.raises(UsageError):
        lines_done(output, read_lines(iter([_row(id="z")]), BatchOptions()))
