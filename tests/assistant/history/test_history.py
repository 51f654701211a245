import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import tracemalloc
import unicodedata
import zlib
from pathlib import Path

import pytest

from assistant.documents.open import decode_document
from assistant.history.store import History, HistoryError, Status
from assistant.history.structure import pack_structure, unpack_structure
from assistant.layout import Cell, Table
from assistant.reading.structure import look_up
from assistant.types import Document, Role
from tests.assistant.documents.corpus import CASES

AMAZON = Document("amazon.txt", "The Amazon rainforest covers 5.5 million square kilometers.\r\nÉtonnant 🌳.")
SHARES = {"entailment": 0.96, "neutral": 0.03, "contradiction": 0.01}
RECORD = {
    "id": "1",
    "question": "How large?",
    "route": "extract",
    "answer": "5.5 million",
    "evidence": [{"document": "amazon.txt", "start": 29, "end": 40, "text": "5.5 million", "score": 0.97}],
    "score": 0.97,
    "closest": None,
    "verdict": {"label": "entailment", **SHARES, "claims": [{"text": "It is large.", "label": "entailment", **SHARES}]},
    "models": {"reader": "small"},
    "usage": {"seconds": 0.21},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.db"


@pytest.fixture
def history(path: Path):
    with History(path) as opened:
        yield opened


def talk(history: History) -> str:
    new = history.create()
    history.set_documents(new, [AMAZON])
    history.add_user_message(new, "How large is the forest?", [AMAZON])
    history.save_answer(new, "5.5 million", record=json.dumps(RECORD), reason="a document is open")
    return new


def test_a_conversation_is_read_back_as_it_was_saved(history: History, path: Path):
    new = talk(history)
    history.close()
    with History(path) as again:
        conversation = again.conversation(new)
    assert conversation.title == "How large is the forest?"
    assert conversation.documents == (AMAZON,)
    assert conversation.active == {"amazon.txt"}
    question, answer = conversation.messages
    assert (question.role, question.text, question.documents) == (Role.USER, "How large is the forest?", (AMAZON,))
    assert (answer.role, answer.text, answer.status, answer.reason) == (
        Role.ASSISTANT,
        "5.5 million",
        Status.DONE,
        "a document is open",
    )
    assert json.loads(answer.record or "") == RECORD


def test_an_answer_that_grows_stays_one_message(history: History):
    new = history.create()
    history.add_user_message(new, "q")
    answer = history.save_answer(new, "one", status=Status.STREAMING)
    assert history.save_answer(new, "one two", answer=answer, status=Status.STREAMING) == answer
    history.save_answer(new, "one two three", answer=answer, status=Status.STOPPED)
    assert [(said.text, said.status) for said in history.conversation(new).messages][1:] == [
        ("one two three", Status.STOPPED)
    ]
    assert len(history.search("three")) == 1
    assert len(history.search("one")) == 1


def test_what_was_saved_before_a_kill_is_there_afterwards(path: Path):
    script = (
        "import sys; from pathlib import Path; from assistant.history.store import History, Status\n"
        "history = History(Path(sys.argv[1])); new = history.create(); history.add_user_message(new, 'q')\n"
        "answer = None; text = ''\n"
        "while True:\n"
        "    text += 'word '\n"
        "    answer = history.save_answer(new, text, answer=answer, status=Status.STREAMING)\n"
        "    print(len(text), flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        shown = [int(process.stdout.readline()) for _ in range(50)][-1]
        os.kill(process.pid, signal.SIGKILL)
    with History(path) as history:
        answer = history.conversation("last").messages[1]
    assert len(answer.text) >= shown
    assert answer.status is Status.STREAMING


def test_the_file_is_private(history: History, path: Path):
    talk(history)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_the_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASSISTANT_DATA", str(tmp_path / "mine"))
    with History() as history:
        assert history.path == tmp_path / "mine" / "history.db"


def test_search_finds_questions_and_answers_whatever_the_accents_and_case(history: History):
    new = talk(history)
    history.add_user_message(new, 'Où est la forêt ? (c\'est "grand" AND* OR)')
    assert [match.role for match in history.search("foret")] == [Role.USER]
    assert [match.role for match in history.search("MILLION")] == [Role.ASSISTANT]
    assert [match.role for match in history.search(unicodedata.normalize("NFD", "forêt"))] == [Role.USER]
    assert history.search("milli")[0].excerpt == "5.5 million"
    assert history.search('"grand AND (')[0].conversation == new
    assert history.search("  ?! ") == []
    assert history.search("zebra") == []


def test_the_list_has_the_last_used_first(history: History):
    first, second = talk(history), talk(history)
    history.add_user_message(first, "again")
    assert [summary.id for summary in history.list_conversations()] == [first, second]
    assert history.list_conversations()[0].messages == 3
    assert len(history.list_conversations(1)) == 1
    assert history.conversation("last").id == first


def test_the_beginning_of_an_id_is_enough_and_errors_say_what_to_do(history: History):
    with pytest.raises(HistoryError, match="no conversation yet"):
        history.resolve("last")
    ids = [talk(history) for _ in range(40)]
    assert history.resolve(ids[0][:7]) == ids[0]
    shared = next(one[0] for one in ids if sum(other[0] == one[0] for other in ids) > 1)
    with pytest.raises(HistoryError, match="several conversations"):
        history.resolve(shared)
    with pytest.raises(HistoryError, match=f"did you mean {ids[3]}"):
        history.resolve(ids[3][:-1] + "0")
    with pytest.raises(HistoryError, match="history list"):
        history.conversation("")


def test_renaming(history: History):
    new = talk(history)
    history.rename(new[:7], "The\nforest\x1b[31m")
    assert history.conversation(new).title == "The forest"


def test_deleting_leaves_no_trace_in_the_files(history: History, path: Path):
    kept = talk(history)
    gone = history.create()
    secret = Document("secret.txt", "zyxsecretdocument is here")
    history.set_documents(gone, [secret, AMAZON])
    history.add_user_message(gone, "wvusecretquestion?", [secret])
    answer = history.save_answer(gone, "tsrsecret", status=Status.STREAMING)
    history.save_answer(gone, "tsrsecretanswer", answer=answer, record='{"answer": "tsrsecretanswer"}')
    history.delete(gone)
    raw = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for trace in (b"zyxsecret", b"wvusecret", b"tsrsecret", gone.encode()):
        assert trace not in raw
    assert history.search("tsrsecretanswer") == []
    assert history.conversation(kept).documents == (AMAZON,)
    with pytest.raises(HistoryError):
        history.conversation(gone)


def test_saving_into_a_deleted_conversation_says_so(history: History):
    new = talk(history)
    history.delete(new)
    with pytest.raises(HistoryError, match="deleted meanwhile"):
        history.add_user_message(new, "still there?")


def test_documents_are_stored_once(history: History, path: Path):
    talk(history)
    talk(history)
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT count(*) FROM documents").fetchone() == (1,)


def test_a_document_is_read_once_however_many_questions_were_asked_about_it(history: History):
    document = Document("long.txt", "The tower stands 38 metres tall. " * 30_000)
    conversation = history.create()
    history.set_documents(conversation, [document])
    for number in range(50):
        history.add_user_message(conversation, f"question {number}", [document])
        history.save_answer(conversation, "38 metres")
    tracemalloc.start()
    found = history.conversation(conversation)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert all(said.documents == (document,) for said in found.messages if said.role is Role.USER)
    assert peak < 10 * len(document.text)


def test_pages_of_a_document_survive(history: History):
    pasted = Document("pasted", "one two three")
    paged = Document("a.pdf", "one two three", (0, 4, 8))
    for document in (pasted, paged, pasted):
        new = history.create()
        history.set_documents(new, [document])
        history.add_user_message(new, "How many?", [document])
    conversation = history.conversation("last")
    assert conversation.documents[0].pages == (0, 4, 8)
    assert conversation.messages[0].documents[0].page(5) == 2


@pytest.mark.parametrize(("version", "lacking"), [(1, ["structure", "pages"]), (2, ["structure"])])
def test_a_history_from_before_there_were_pages_or_tables_is_read(path: Path, version: int, lacking: list[str]):
    with History(path) as history:
        new = talk(history)
    old = sqlite3.connect(path)
    for column in lacking:
        old.execute(f"ALTER TABLE documents DROP COLUMN {column}")
    old.execute(f"PRAGMA user_version = {version}")
    old.commit()
    old.close()
    with History(path) as history:
        assert history.conversation(new).documents == (AMAZON,)


@pytest.mark.parametrize("name", ["several-sheets.xlsx", "slides.pptx", "box.mbox"])
def test_a_document_comes_back_with_its_tables_and_places(history: History, name: str):
    document = decode_document(name, CASES[name]())
    pasted = Document("pasted", document.text)
    for each in (pasted, document, pasted):
        new = history.create()
        history.set_documents(new, [each])
        history.add_user_message(new, "How many?", [each])
    (found,) = history.conversation("last").documents
    assert document.tables or document.places
    assert (found.tables, found.places) == (document.tables, document.places)
    assert history.conversation("last").messages[0].documents[0].tables == document.tables


def test_a_place_in_a_reopened_workbook_has_its_cell(history: History):
    document = decode_document("several-sheets.xlsx", CASES["several-sheets.xlsx"]())
    at = document.text.index("11")
    new = history.create()
    history.set_documents(new, [document])
    (reopened,) = history.conversation(new).documents
    assert reopened.evidence(at, at + 2).place == "Boats!B3"


def test_a_table_that_its_text_alone_does_not_give_answers_in_a_reopened_conversation(history: History):
    rows = "<tr><td>Oak | Ash<td>48<td>9</tr><tr><td>Larch<td>31<td>12</tr>"
    page = f"<html><p>Our list.<table><tr><th>Plank<th>Price<th>Stock</tr>{rows}</table></html>"
    document = decode_document("planks.html", page.encode())
    new = history.create()
    history.set_documents(new, [document])
    (reopened,) = history.conversation(new).documents
    question = "What is the price of Larch?"
    assert look_up(question, [Document("pasted", document.text)]).found is None
    found = look_up(question, [reopened]).found
    assert found is not None
    assert found.text == "31"


def test_a_sheet_of_a_hundred_thousand_cells_takes_little_room():
    text, cells = "", []
    for row in range(20_000):
        for column in range(5):
            value = str(row * 7 + column)
            cells.append(Cell(row, column, len(text), len(text) + len(value)))
            text += value + (" | " if column < 4 else "\n")
    document = Document("a.xlsx", text, tables=(Table(0, len(text), tuple(cells), sheet="A"),))
    packed = pack_structure(document)
    assert packed is not None
    assert len(packed) < len(text) / 10
    assert unpack_structure(packed)[0] == document.tables


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"none of ours",
        zlib.compress(b"[]"),
        zlib.compress(b'{"places": [], "tables": [[0, 1, 0, [1, 2], 1, null, null, 0, 0]]}'),
    ],
)
def test_a_damaged_structure_is_told(history: History, path: Path, damage: bytes):
    new = talk(history)
    raw = sqlite3.connect(path)
    raw.execute("UPDATE documents SET structure = ?", (damage,))
    raw.commit()
    raw.close()
    with pytest.raises(HistoryError, match="damaged"):
        history.conversation(new)


def test_an_export_says_where_the_evidence_stands_and_writes_it_on_one_line(history: History):
    new = history.create()
    history.add_user_message(new, "Who made it?", [AMAZON])
    place = {"document": "a.xlsx", "start": 4, "end": 20, "text": "the smith\nTorgeir", "score": 0.9, "page": None}
    record = RECORD | {"answer": place["text"], "evidence": [place | {"place": "Sheet1!B7"}]}
    history.save_answer(new, "the smith\nTorgeir", record=json.dumps(record))
    written = history.export(new)
    assert "\n\nthe smith Torgeir\n\n" in written
    assert "a.xlsx, Sheet1!B7, characters 4–20" in written


def test_export_holds_the_evidence_and_the_verdict(history: History):
    new = talk(history)
    history.add_user_message(new, "And?")
    history.save_answer(new, "It is", status=Status.STOPPED)
    markdown = history.export(new, "markdown")
    assert "## How large is the forest?" in markdown
    assert "> 5.5 million\n>\n> amazon.txt, characters 29–40, 40% in" in markdown
    assert "Verdict: **entailment** (entailment 96%, neutral 3%, contradiction 1%)" in markdown
    assert "*(stopped)*" in markdown
    exported = json.loads(history.export(new, "json"))
    assert exported["documents"] == [{"name": "amazon.txt", "text": AMAZON.text, "pages": []}]
    assert exported["messages"][1]["answer"] == RECORD
    assert exported["messages"][3]["status"] == "stopped"


@pytest.mark.parametrize("record", [None, json.dumps({"route": "extract", "answer": None})], ids=["waiting", "reading"])
def test_an_answer_that_was_stopped_before_it_began_is_not_exported_as_nothing_found(
    history: History, record: str | None
) -> None:
    new = history.create()
    history.add_user_message(new, "Who?")
    history.save_answer(new, "", status=Status.STREAMING, record=record)
    assert "Not in the document" not in history.export(new, "markdown")
    assert "Not in the document" not in history.export(new, "html")
    assert "stopped" in history.export(new, "markdown")


def test_a_file_that_is_no_history_is_refused_and_left_alone(path: Path):
    path.parent.mkdir()
    path.write_bytes(b"something else entirely, not a database" * 100)
    before = path.read_bytes()
    with pytest.raises(HistoryError, match="damaged"):
        History(path)
    assert path.read_bytes() == before


def test_a_newer_file_is_refused(history: History, path: Path):
    history.close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version = 99")
    with pytest.raises(HistoryError, match="newer version"):
        History(path)


def test_a_locked_file_is_reported_after_a_short_wait(history: History, path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("assistant.history.database._BUSY_SECONDS", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(HistoryError, match="another program"):
        History(path)
    holder.close()


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(HistoryError, match="ASSISTANT_DATA"):
        History(tmp_path / "file" / "history.db")


def test_programs_that_start_at_once_share_the_file(path: Path):
    failures: list[HistoryError] = []

    def open_and_talk() -> None:
        try:
            with History(path) as history:
                for _ in range(5):
                    talk(history)
        except HistoryError as error:
            failures.append(error)

    threads = [threading.Thread(target=open_and_talk) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with History(path) as history:
        assert len(history.list_conversations()) == 30


def test_a_fork_that_breaks_off_leaves_nothing_behind(path: Path):
    with History(path) as history:
        first = talk(history)
        before = history.list_conversations()
        # The file itself refuses the copied messages, as a full disk would.
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TRIGGER full BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'full'); END")
        with pytest.raises(HistoryError):
            history.fork(first)
        assert history.list_conversations() == before


def test_a_fork_is_a_copy_as_far_as_a_message_and_leaves_the_original(history: History):
    first = talk(history)
    history.add_user_message(first, "And how old?", [AMAZON])
    history.save_answer(first, "very", reason="because")
    original = history.conversation(first)
    whole = history.conversation(history.fork(first[:7]))
    assert whole.title == "How large is the forest? (fork)"
    assert [(said.text, said.record, said.documents) for said in whole.messages] == [
        (said.text, said.record, said.documents) for said in original.messages
    ]
    assert (whole.documents, whole.active) == (original.documents, original.active)
    half = history.conversation(history.fork(first, original.end_of_turn(1)))
    assert [said.text for said in half.messages] == ["How large is the forest?", "5.5 million"]
    assert history.conversation(history.fork(first, original.end_of_turn(0))).messages == ()
    assert original.end_of_turn(2) is None
    history.delete(half.id)
    assert history.conversation(first) == original
    assert {match.conversation for match in history.search("old")} == {first, whole.id}


def test_a_conversation_without_a_question_goes_by_its_document(history: History):
    new = history.create()
    history.set_documents(new, [AMAZON])
    assert [summary.title for summary in history.list_conversations()] == ["amazon.txt"]


def test_the_page_marks_the_evidence_and_shows_every_claim(history: History):
    new = history.create()
    history.add_user_message(new, "How large?", [AMAZON])
    decided = {"document": "amazon.txt", "start": 0, "end": 10, "text": "The Amazon"}
    claim = {"text": "It is large.", "label": "entailment", **SHARES, "evidence": decided}
    verdict = {**RECORD["verdict"], "claims": [claim]}
    history.save_answer(new, "5.5 million", record=json.dumps({**RECORD, "verdict": verdict}), reason="a document")
    history.add_user_message(new, "And?")
    history.save_answer(new, "It **is** | so", status=Status.STOPPED)
    page = history.export(new, "html")
    assert "covers <mark>5.5 million</mark> square" in page
    assert "It is large." in page
    assert "decided by “The Amazon”" in page
    assert "<strong>is</strong>" in page
    assert "■ stopped" in page


def test_nothing_that_was_said_becomes_markup_on_the_page(history: History):
    evil = Document("<b>.txt", "<script>alert(1)</script> & more")
    new = history.create()
    history.add_user_message(new, "<img src=x onerror=alert(1)>", [evil])
    history.save_answer(new, "<script>x</script> ![a](http://a.example/b.png) [c](javascript:alert(1))\x1b[31m")
    history.add_user_message(new, "again", [evil])
    place = {"document": "<b>.txt", "start": 0, "end": 25, "text": "<script>alert(1)</script>", "score": 0.5}
    history.save_answer(new, place["text"], record=json.dumps({**RECORD, "answer": place["text"], "evidence": [place]}))
    page = history.export(new, "html")
    assert "<script" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page
    assert "\x1b" not in page
    assert "default-src 'none'" in page


def test_what_no_file_can_hold_is_saved_as_it_is_shown(history: History):
    new = history.create()
    history.set_documents(new, [Document("caf\udce9.txt", "A text.")])
    history.add_user_message(new, "Half \ud83d?", [Document("caf\udce9.txt", "A text.")])
    history.save_answer(new, "Yes \ud83d")
    saved = history.conversation(new)
    assert [said.text for said in saved.messages] == ["Half \ufffd?", "Yes \ufffd"]
    assert saved.active == {"caf\ufffd.txt"}
