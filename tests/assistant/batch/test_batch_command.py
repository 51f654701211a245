import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FOREST = "The Amazon rainforest covers 5.5 million square kilometers.\r\nIt holds 390 billion trees 😀."

Batch = Callable[..., int]
Records = Callable[[Path], list[dict[str, Any]]]


def _row(**keys: Any) -> bytes:
    return json.dumps({"question": "How large is it?", "document": FOREST, **keys}).encode()


def test_a_run_goes_on_after_being_cut_off_at_any_byte(
    batch: Batch, tmp_path: Path, timeless: Records, capsys: Any
) -> None:
    lines = [_row(id="é😀"), b"bad", b"", _row(route="open"), b'{"id": "x"}', _row(id=3)]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(lines))
    out = tmp_path / "out.jsonl"
    assert batch("in.jsonl", "-o", "out.jsonl", "--no-verify") == 3
    whole, expected = out.read_bytes(), timeless(out)
    ends = {at + shift for at, byte in enumerate(whole) if byte == ord("\n") for shift in (0, 1, 2)}
    for cut in sorted({*range(0, len(whole), 97), *ends, *range(8), len(whole)}):
        out.write_bytes(whole[:cut])
        assert batch("in.jsonl", "-o", "out.jsonl", "--no-verify", "--resume") == 3, cut
        assert timeless(out) == expected, cut
    assert "3 answered" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changed, said",
    [
        ([_row(id="a"), _row(id="c")], "has 'c' there"),
        ([_row(id="a")], "no more questions"),
        ([_row(id="a"), _row(id="b", question="How old is it?")], "question is another"),
        ([_row(id="a"), _row(id="b", document="Lyon is hot. " * 40)], "document or another field has changed"),
        ([_row(id="a"), _row(id="b", route="open")], "another field has changed"),
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


def test_failing_on_a_verdict_exits_with_4_also_when_resumed(batch: Batch, tmp_path: Path, timeless: Records) -> None:
    (tmp_path / "in.jsonl").write_bytes(_row() + b"\n")
    code = batch("in.jsonl", "-o", "out.jsonl")
    assert code == 0
    label = timeless(tmp_path / "out.jsonl")[0]["verdict"]["label"]
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
