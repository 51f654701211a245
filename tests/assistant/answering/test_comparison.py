import gc
import json
import signal
import socket
import subprocess
import sys
import threading
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from assistant.answering.assistant import Assistant
from assistant.answering.comparison import OWN, Compared, agreement, compare
from assistant.errors import ModelError, UsageError
from assistant.models.cards import Figures, front_matter
from assistant.models.store import ModelStore
from assistant.settings import Settings
from assistant.types import Answer, Document, Route, Turn
from tests.assistant.reading.families import save_reader
from tests.conftest import Run

TEXT = "The Amazon rainforest (亚马逊雨林) covers 5.5 million square kilometers.\r\nIt holds 390 billion trees 😀.\r\n"
OTHER = "Marie Curie wrote it in 1903 (in Paris)."
TURN = Turn("How large is it?", (Document("amazon.txt", TEXT),), route=Route.EXTRACT, verify=False)


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "ASSISTANT_WINDOWS": "0", "COLUMNS": "80"}


@pytest.fixture
def run(run: Run, tmp_path: Path) -> Run:
    """Runs `assistant compare` in a folder with two documents."""
    (tmp_path / "amazon.txt").write_bytes(TEXT.encode())
    (tmp_path / "curie.txt").write_bytes(OTHER.encode())
    return partial(run, "compare")


@pytest.fixture(scope="session")
def roberta_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader whose card has figures."""
    folder = save_reader("roberta", tmp_path_factory.mktemp("carded"))
    (folder / "README.md").write_text(front_matter("carded", [Figures("SQuAD v1.1", 76.04, 84.46)]) + "# It\n")
    return folder


def test_each_reader_is_a_record_of_the_contract_with_what_it_is_and_cost(
    run: Run, roberta_folder: Path, reader_folder: Path
) -> None:
    arguments = ["How large is it?", "--document", "amazon.txt", "--document", "curie.txt"]
    code, out, _ = run(
        *arguments, "--reader", str(reader_folder), "--reader", str(roberta_folder), "--reader", "/none", "--json"
    )
    assert code == 0
    record = json.loads(out)
    own, carded, missing = record["answers"]
    assert missing == {"model": "/none", "error": {"type": "ModelError", "message": missing["error"]["message"]}}
    assert carded["figures"] == [{"dataset": "SQuAD v1.1", "exact_match": 76.04, "f1": 84.46, "split": None}]
    for row, name, kind in ((own, reader_folder.name, "Bert"), (carded, roberta_folder.name, "Roberta")):
        assert row["models"]["reader"] == name
        assert row["architecture"] == f"{kind}ForQuestionAnswering"
        assert row["parameters"] > 10_000
        assert row["load_seconds"] > 0 and row["usage"]["seconds"] > 0
        assert row["question"] == "How large is it?"
        for place in row["evidence"]:
            text = {"amazon.txt": TEXT, "curie.txt": OTHER}[place["document"]]
            assert text[place["start"] : place["end"]] == place["text"] == row["answer"]
    assert record["agreement"]["of"] == 2


def test_the_table_fits_80_columns_and_says_it_all_without_colour(
    run: Run, roberta_folder: Path, silent_reader_folder: Path, reader_folder: Path
) -> None:
    from rich.cells import cell_len

    names = [str(roberta_folder), str(silent_reader_folder), str(reader_folder), "/none[red]"]
    code, out, err = run(
        "How large is it?", "--document", "amazon.txt", *(part for name in names for part in ("--reader", name))
    )
    assert code == 0, err
    assert "\x1b" not in out
    assert max(cell_len(line) for line in out.splitlines()) <= 80
    assert not any(line != line.rstrip() for line in out.splitlines())
    flat = " ".join(out.split())
    assert "SQuAD v1.1 EM 76.0 F1 84.5 (card)" in flat
    assert "Not in the document; the closest passage:" in flat
    assert "Roberta · 0.0" in flat and "loaded in" in flat
    assert "[" in flat and "amazon.txt, characters" in flat
    assert "/none[red]" in flat and "failed" in flat
    assert "readers gave" in flat


def test_only_where_all_fail_the_exit_code_says_so(run: Run) -> None:
    assert run("How large?", "--document", "amazon.txt", "--reader", "/a", "--reader", "/b")[0] == 1
    code, out, err = run(" ", "--document", "amazon.txt", "--reader", "/a")
    assert (code, out, "question is empty" in err) == (2, "", True)
    assert run("How large?", "--reader", "/a")[0] == 2
    assert run("How large?", "--document", "amazon.txt")[0] == 2


def test_generators_are_compared_too(run: Run, generator_folder: Path) -> None:
    code, out, _ = run("Write a loop", *["--generator", str(generator_folder)] * 2, "--json")
    assert code == 0
    rows = json.loads(out)["answers"]
    assert [row["route"] for row in rows] == ["open", "open"]
    assert all(row["architecture"] == "LlamaForCausalLM" and row["figures"] == [] for row in rows)
    code, out, _ = run("Write a loop", "--generator", str(generator_folder))
    assert code == 0 and "Llama" in out


def test_a_model_that_is_named_answers_itself_though_a_server_is_set(run: Run, generator_folder: Path) -> None:
    unreachable = "http://127.0.0.1:9/v1"
    code, out, _ = run("Write a loop", "--generator", str(generator_folder), "--server", unreachable, "--json")
    assert code == 0
    assert json.loads(out)["answers"][0]["models"]["generator"] == generator_folder.name
    assert run("Write a loop", "--generator", "server", "--server", unreachable)[0] == 1


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_prints_what_is_done_so_far(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text(TEXT)
    with socket.create_server(("127.0.0.1", 0)) as hub:  # takes the question for the second reader and never answers
        environment["HF_ENDPOINT"] = f"http://127.0.0.1:{hub.getsockname()[1]}"
        running = subprocess.Popen(
            [sys.executable, "-m", "assistant", "compare", "How large?", "--document", str(tmp_path / "short.txt"),
             "--reader", environment["ASSISTANT_READER"], "--reader", "slow/reader", "--json"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            hub.settimeout(120)
            connection, _ = hub.accept()
            running.send_signal(signal.SIGINT)
            out, error = running.communicate(timeout=30)
            connection.close()
        finally:
            running.kill()
    record = json.loads(out)
    assert running.returncode == 130, error
    assert b"Traceback" not in error and error.endswith(b"Interrupted.\n")
    assert record["stopped"] is True
    assert [row["model"] for row in record["answers"]] == [environment["ASSISTANT_READER"]]
    assert record["answers"][0]["usage"]["windows"] == 1


def test_rows_come_one_by_one_and_no_two_models_are_in_memory(
    tiny_settings: dict[str, str], roberta_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.loading import reader as loading

    load, alive, most = loading.load_reader, weakref.WeakSet[Any](), []

    def counted(model: Any) -> Any:
        gc.collect()
        most.append(len(alive))
        reader = load(model)
        alive.add(reader.model)
        return reader

    monkeypatch.setattr(loading, "load_reader", counted)
    names = [tiny_settings["reader"], str(roberta_folder), tiny_settings["reader"]]
    rows = compare(TURN, "reader", names, Settings(**tiny_settings, windows=0))
    first = next(rows)
    assert (first.name, first.error, most) == (names[0], None, [0])
    assert [row.name for row in rows] == names[1:]
    assert most == [0, 0, 0]


def test_an_assistant_in_use_keeps_its_models_and_answers_with_them(tiny_settings: dict[str, str]) -> None:
    own = Assistant(Settings(**tiny_settings, windows=0))
    reader = own.models.reader(lambda event: None)
    rows = list(compare(TURN, "reader", [OWN, tiny_settings["reader"]], own.settings, own=own))
    assert [row.error for row in rows] == [None, None]
    assert own.models.reader(lambda event: None) is reader
    assert rows[0].answer is not None and rows[1].answer is not None
    assert rows[0].answer.text == rows[1].answer.text


def test_once_cancelled_no_further_row_comes(tiny_settings: dict[str, str]) -> None:
    cancel = threading.Event()
    rows = compare(TURN, "reader", [tiny_settings["reader"]] * 3, Settings(**tiny_settings, windows=0), cancel=cancel)
    next(rows)
    cancel.set()
    assert list(rows) == []


def _row(text: str | None) -> Compared:
    return Compared("x", Answer(Route.EXTRACT, text))


def test_answers_agree_whatever_their_case_punctuation_and_articles() -> None:
    agreed = agreement([_row("The Amazon."), _row("amazon"), _row("the Nile"), Compared("y", error=ModelError("no"))])
    assert agreed is not None
    assert (agreed.answer, agreed.count, agreed.of) == ("The Amazon.", 2, 3)
    assert agreed.sentence("reader") == "2 of 3 readers gave the same answer: The Amazon."
    nothing = agreement([_row(None), _row(None)])
    assert nothing is not None
    assert nothing.sentence("reader") == "Both readers say that the document does not hold an answer."
    none = agreement([_row("a b"), _row(None), _row("c")])
    assert none is not None and none.sentence("reader") == "All 3 readers gave different answers."
    assert agreement([_row("a")]) is None
    apart = agreement([_row("!"), _row("?")])
    assert apart is not None and apart.count == 1


def test_a_server_that_is_not_there_is_no_model_to_compare() -> None:
    with pytest.raises(UsageError, match="--server"):
        list(compare(TURN, "generator", ["server"], Settings()))


def test_a_reader_is_never_a_server(tmp_path: Path) -> None:
    [row] = compare(TURN, "reader", ["server"], Settings(), own=Assistant(store=ModelStore(tmp_path)))
    assert row.error is not None and "no model 'server'" in str(row.error)
