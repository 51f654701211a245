"""What is the user's stays on this machine, with the user, and goes when the user deletes it."""

import json
import logging
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.history.store import History, HistoryError
from assistant.models.index_files import IndexFiles
from assistant.records import answer_to_json, json_line
from assistant.types import Answer, Document, Evidence, Route, Usage
from tests.conftest import Run

SECRET = "the heron nests at Quillfeather Lake"
TEXT = f"It was said that {SECRET}. The forest covers 5.5 million square kilometers. " * 40

WITHOUT_NETWORK = '''
"""Do all that the product does after its models are there; each use of the network ends the program with 99."""
import os, sys
def refuse(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "http.client.connect"):
        os.write(2, f"{event} {arguments}".encode()); os._exit(99)
    if event in ("socket.connect", "socket.sendto") and not isinstance(arguments[1], str):
        os.write(2, f"{event} {arguments[1:]}".encode()); os._exit(99)
sys.addaudithook(refuse)
from pathlib import Path
from assistant.answering.assistant import Assistant
from assistant.batch import answer_rows
from assistant.types import Document, Route, Turn
from assistant.documents.open import decode_document
from assistant.history.store import History
from assistant.settings import load_settings
text = sys.argv[1]
document = Document("a.txt", text)
assistant = Assistant(load_settings())
assistant.load()
for route in Route:
    answer = assistant.answer(Turn("How large is the forest?", (document,), route=route))
    print(route, answer.models)
assistant.answer(Turn("How large is the forest?", (Document("long.txt", text * 10),), windows=2))
page = "<html><head><link rel=stylesheet href=http://127.0.0.1:9/x></head><img src=http://127.0.0.1:9/y><p>The forest."
print(decode_document("a.html", page.encode()).text)
print([record["route"] for record in answer_rows([{"question": "How large?", "document": text}], assistant=assistant)])
with History() as history:
    conversation = history.create()
    history.add_user_message(conversation, "x", [document])
    history.export(conversation, "html")
print("nothing asked of the network")
'''


def test_nothing_is_asked_of_the_network_once_the_models_are_there(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK, TEXT], env={**environment, "HF_HUB_OFFLINE": "0"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "nothing asked of the network"


def test_the_audit_would_notice_a_request(environment: dict[str, str]) -> None:
    code = WITHOUT_NETWORK.partition("from pathlib")[0] + "import urllib.request as r; r.urlopen('http://127.0.0.1:9/')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 99


def test_no_dependency_reports_to_anybody(environment: dict[str, str]) -> None:
    code = (
        "import assistant, os; import huggingface_hub.constants as c\n"
        "print(c.HF_HUB_DISABLE_TELEMETRY, os.environ['DO_NOT_TRACK'])"
    )
    kept = {key: value for key, value in environment.items() if "TELEMETRY" not in key and key != "DO_NOT_TRACK"}
    done = subprocess.run([sys.executable, "-c", code], env=kept, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "1"]


@pytest.mark.parametrize("form", [[], ["--json"], ["--verbose"]])
def test_no_text_of_the_user_is_logged_or_said_beside_the_answer(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, form: list[str]
) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    monkeypatch.setenv("ASSISTANT_API_KEY", "sk-very-secret")
    monkeypatch.setenv("HF_TOKEN", "hf_very_secret")
    with caplog.at_level(logging.DEBUG):
        for route in ("extract", "grounded", "open"):
            given = [] if route == "open" else ["--document", "a.txt"]
            code, _, err = run("ask", f"Where is it that {SECRET}?", *given, "--route", route, *form)
            assert code == 0, err
            assert SECRET not in err and "secret" not in err
    assert SECRET not in caplog.text
    assert "very" not in caplog.text


def test_an_error_about_a_text_does_not_repeat_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text(
        json.dumps({"question": 5, "document": SECRET}) + "\n" + f'{{"question": "{SECRET}\n' + f"[{SECRET}]\n"
    )
    (tmp_path / "bad.txt").write_bytes(SECRET.encode() + b"\x00\xff")
    (tmp_path / "bad.html").write_text(f"<html><script>{SECRET}</script>")
    for arguments in (
        ["batch", "bad.jsonl", "-o", "out.jsonl"],
        ["ask", "x", "--document", "bad.txt"],
        ["ask", "x", "--document", "bad.html"],
        ["ask", "x " * 5000 + SECRET, "--document", "bad.txt"],
    ):
        code, out, err = run(*arguments)
        assert code in (1, 2, 3)
        assert SECRET not in out + err
    for line in (tmp_path / "out.jsonl").read_text().splitlines():
        assert SECRET not in json.loads(line)["error"]["message"]


def test_what_is_kept_is_readable_by_nobody_else_whatever_the_umask(
    run: Run, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    before = os.umask(0)
    try:
        code, _, err = run("ask", "How large?", "--document", "a.txt", "--windows", "2")
        assert code == 0, err
        with History() as history:
            conversation = _kept(history, TEXT)
            places = [Path(environment["ASSISTANT_DATA"]), Path(environment["ASSISTANT_CACHE"]) / "indexes"]
            files = [path for place in places for path in place.rglob("*") if path.is_file()]
            assert {path.suffix for path in files} >= {".db", ".db-wal", ".safetensors"}
            for path in files:
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
                assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path.parent
        for form in ("md", "json", "html"):
            assert run("history", "export", conversation, "-o", f"x.{form}")[0] == 0
            assert stat.S_IMODE((tmp_path / f"x.{form}").stat().st_mode) == 0o600
    finally:
        os.umask(before)


# --- deleting


def _kept(history: History, text: str) -> str:
    document = Document("a.txt", text)
    conversation = history.create(f"title {SECRET}")
    history.add_user_message(conversation, f"Where is it that {SECRET}?", [document])
    history.set_documents(conversation, [document])
    answer: int | None = None
    for end in range(0, len(SECRET), 5):  # as it streams
        answer = history.save_answer(conversation, SECRET[:end], answer=answer, reason=SECRET)
    record = json_line(
        answer_to_json(
            SECRET, Answer(Route.EXTRACT, SECRET, 1.0, (Evidence("a.txt", 0, 5, SECRET),), usage=Usage()), "1"
        )
    )
    history.save_answer(conversation, SECRET, answer=answer, record=record, reason=SECRET)
    history.rename(conversation, f"renamed {SECRET}")
    return conversation


def _bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("others", [0, 3])
def test_deleting_leaves_no_byte_on_disk(run: Run, tmp_path: Path, environment: dict[str, str], others: int) -> None:
    data, cache = Path(environment["ASSISTANT_DATA"]), Path(environment["ASSISTANT_CACHE"])
    (tmp_path / "a.txt").write_text(TEXT)
    assert run("ask", "How large?", "--document", "a.txt", "--windows", "2")[0] == 0  # makes an index
    index = list(cache.rglob(f"{Document('a', TEXT).id}*"))
    assert index
    with History() as history:
        for number in range(others):
            other = history.create(f"other {number}")
            history.add_user_message(other, "something else " * 500)
        conversation = _kept(history, TEXT)
        fork = history.fork(conversation)
    words = [SECRET.encode(), b"Quillfeather", b"quillfeather"]
    assert all(word in _bytes_below(data) for word in words)
    assert run("history", "delete", conversation)[0] == 0
    assert SECRET.encode() in _bytes_below(data), "the copy still holds it"
    assert run("history", "delete", fork)[0] == 0
    left = _bytes_below(data)
    assert not any(word in left for word in words)
    assert Document("a", TEXT).id.encode() not in left
    assert not any(path.exists() for path in index)
    with History() as history:
        assert len(history.list_conversations()) == others
        assert not history.search("Quillfeather")


def test_deleting_under_another_programs_eyes_says_what_stays_and_until_when(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with History(path) as history:
        history._file._connection.execute("PRAGMA busy_timeout = 100")
        conversation = _kept(history, TEXT)
        reading = sqlite3.connect(path, isolation_level=None)
        reading.execute("BEGIN")
        reading.execute("SELECT * FROM messages").fetchone()
        forgotten: list[str] = []
        with pytest.raises(HistoryError, match="It is deleted, but another program"):
            history.delete(conversation, forgotten.append)
        assert forgotten == [Document("a", TEXT).id]
        assert not history.list_conversations()
        reading.execute("COMMIT")
        reading.close()
    assert b"Quillfeather" not in _bytes_below(tmp_path)


def test_removing_a_model_removes_what_it_made_of_documents(tmp_path: Path) -> None:
    import numpy as np

    files = IndexFiles(tmp_path)
    files.write("0" * 64, "a/b", np.zeros((1, 2), dtype="int64"), np.zeros((1, 4), dtype="float32"))
    assert list(tmp_path.rglob("*.safetensors"))
    assert files.remove_model("a/b") > 0
    assert not list(tmp_path.rglob("*.safetensors"))
