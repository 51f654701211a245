"""What makes a shell's day: settings changed from it, doctor, the manual page, completion."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from assistant.history.store import History
from assistant.models.manifest import Manifest, record_files, write_manifest
from assistant.models.store import ModelStore
from assistant.types import Document
from tests.conftest import Run


@pytest.fixture
def settings_file(environment: dict[str, str]) -> Path:
    return Path(environment["ASSISTANT_CONFIG"])


def test_a_setting_is_written_and_comments_stay(run: Run, settings_file: Path) -> None:
    settings_file.write_text("# mine\ntheme = 'nord' # cold\n")
    assert run("config", "set", "seed", "5")[0] == 0
    assert run("config", "set", "keys.chat.stop", "f9")[0] == 0
    assert run("config", "set", "servers.work.url", "http://127.0.0.1:1")[0] == 0
    text = settings_file.read_text()
    assert text.startswith("# mine\ntheme = 'nord' # cold\n")
    shown = run("config", "show")[1]
    assert "seed = 5" in shown
    assert '"chat.stop" = "f9"' in shown
    assert run("config", "set", "seed", "--default")[0] == 0
    assert "seed" not in settings_file.read_text()


@pytest.mark.parametrize("change", [("seed", "many"), ("sede", "5"), ("theme.x.y", "5")])
def test_what_does_not_fit_is_refused_and_nothing_changes(
    run: Run, settings_file: Path, change: tuple[str, str]
) -> None:
    settings_file.write_text("theme = 'nord'\n")
    code, _, err = run("config", "set", *change)
    assert code == 2
    assert err.count("\n") == 1
    assert settings_file.read_text() == "theme = 'nord'\n"


def test_an_edited_file_is_kept_only_if_it_is_right(
    run: Run, settings_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor.py"
    monkeypatch.setenv("VISUAL", f"{sys.executable} {editor}")
    editor.write_text("import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('seed = 3')")
    assert run("config", "edit")[0] == 0
    assert settings_file.read_text() == "seed = 3"
    editor.write_text("import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('seed = x')")
    code, _, err = run("config", "edit")
    assert code == 2
    assert "the draft is kept" in err
    assert settings_file.read_text() == "seed = 3"


def test_doctor_tells_what_is_missing_and_what_is_broken(run: Run, environment: dict[str, str], tmp_path: Path) -> None:
    code, out, _ = run("doctor", "--json")
    assert code == 0, out
    record = json.loads(out)
    assert {"assistant", "machine", "settings", "cache", "data", "generator"} <= {
        each["part"] for each in record["findings"]
    }
    assert str(tmp_path) not in record["report"]
    Path(environment["ASSISTANT_CACHE"]).write_text("a file in place of the folder")
    code, out, _ = run("doctor")
    assert code == 1
    assert "!!  cache" in out


def findings(run: Run, *options: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """How doctor ends, and what it says of each part."""
    code, out, err = run("doctor", "--json", *options)
    assert not err
    return code, {each["part"]: (each["state"], each["what"]) for each in json.loads(out)["findings"]}


def test_doctor_on_a_machine_without_models(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("GENERATOR", "READER", "VERIFIER", "EMBEDDER"):
        monkeypatch.delenv(f"ASSISTANT_{part}", raising=False)
    code, found = findings(run)
    assert code == 0
    for part in ("generator", "reader", "ranking"):
        state, what = found[part]
        assert state == "missing"
        assert "MB: fetched at first use, or by `assistant models pull`" in what
    assert found["verifier"] == ("missing", "all-mpnet-base-v2: the files of the reader")  # told and fetched once
    assert "the profile embedded wants 4" in found["machine"][1]


def test_doctor_says_when_what_is_to_be_fetched_does_not_fit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("GENERATOR", "READER", "VERIFIER", "EMBEDDER"):
        monkeypatch.delenv(f"ASSISTANT_{part}", raising=False)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**9))
    code, found = findings(run)
    assert (code, found["cache"][0]) == (1, "wrong")
    assert "1.6 GB are still to be fetched and do not fit" in found["cache"][1]
    monkeypatch.setenv("ASSISTANT_PROFILE", "light")  # 0.6 GB
    assert findings(run)[1]["cache"][0] == "ok"


def test_doctor_names_a_profile_that_there_is_not(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_PROFILE", "lite")
    code, found = findings(run)
    assert (code, found["profile"][0]) == (1, "wrong")
    assert "light" in found["profile"][1]


def test_doctor_finds_what_is_broken_in_the_cache(
    run: Run, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASSISTANT_READER", raising=False)
    monkeypatch.delenv("ASSISTANT_EMBEDDER", raising=False)
    store = ModelStore(Path(environment["ASSISTANT_CACHE"]))
    entry = store.folder / "all-mpnet-base-v2"
    entry.mkdir(parents=True)
    weights = entry / "model.safetensors"
    weights.write_bytes(b"x" * 1_000)
    files = record_files(entry, ["model.safetensors"])
    write_manifest(entry, Manifest("all-mpnet-base-v2", "index", files))
    assert "damaged" not in findings(run)[1]["reader"][1]
    weights.write_bytes(b"y" * 1_000)
    assert "damaged" not in findings(run)[1]["reader"][1]  # sizes alone are looked at
    code, found = findings(run, "--hashes")
    assert code == 1
    assert found["reader"][0] == "wrong" and "damaged (model.safetensors)" in found["reader"][1]
    weights.write_bytes(b"x" * 900)
    code, found = findings(run)
    assert (code, found["reader"][0]) == (1, "wrong")
    assert "`assistant models pull`" in found["reader"][1]
    (entry / "manifest.json").write_text("{")
    assert "damaged (manifest.json)" in findings(run)[1]["reader"][1]


def test_doctor_asks_nothing_of_the_network(environment: dict[str, str]) -> None:
    refuse = (
        "import sys\n"
        "def hook(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto'): raise OSError('no network here')\n"
        "sys.addaudithook(hook); sys.argv = ['assistant', 'doctor', '--json']\n"
        "from assistant.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", refuse], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no network here" not in done.stdout + done.stderr


def test_the_manual_page_has_every_command(run: Run) -> None:
    code, out, _ = run("man")
    assert code == 0
    for command in ("ask", "batch", "history search", "config set", "serve", "mcp"):
        assert f"assistant {command}" in out.replace("\\-", "-")


@pytest.mark.parametrize(
    ("typed", "offered"), [("assistant ask --profile li", "light"), ("assistant models pull embe", "embedded")]
)
def test_profiles_are_completed(environment: dict[str, str], typed: str, offered: str) -> None:
    words = typed.split()
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1), "_ASSISTANT_COMPLETE": "complete_bash"}
    code = "import sys; sys.argv[0] = 'assistant'; from assistant.cli.main import main; main()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**environment, **asked}, capture_output=True, text=True, check=False)
    assert offered in done.stdout.split(), done.stderr


DOCS = Path(__file__).resolve().parents[3] / "docs"


def keeps_to(name: str, out: str) -> dict[str, Any]:
    """What a command printed, held against its schema of the pages."""
    schemas = {
        file: Resource.from_contents(json.loads((DOCS / file).read_text()))
        for file in ("output.schema.json", "answer.schema.json")
    }
    registry = Registry().with_resources(list(schemas.items()))
    validator = jsonschema.Draft202012Validator({"$ref": f"output.schema.json#/$defs/{name}"}, registry=registry)
    record = json.loads(out)
    validator.validate(record)
    assert out.count("\n") == 1
    return dict(record)


def test_what_commands_print_as_json_keeps_to_the_schemas(
    run: Run, environment: dict[str, str], settings_file: Path, tmp_path: Path
) -> None:
    settings_file.write_text("[servers.work]\nurl = 'http://127.0.0.1:9'\nkey = 'very secret'\n")
    with History() as history:
        conversation = history.create()
        documents = [Document("a.txt", "38 metres")]
        history.set_documents(conversation, documents)
        history.add_user_message(conversation, "How tall is the tower?", documents)
        history.save_answer(conversation, "38 metres")
    assert keeps_to("history_list", run("history", "list", "--json")[1])["conversations"][0]["messages"] == 2
    assert keeps_to("history_search", run("history", "search", "tower", "--json")[1])["matches"]
    assert keeps_to("history_search", run("history", "search", "nothing", "--json")[1]) == {"matches": []}
    assert keeps_to("history_show", run("history", "show", "last", "--json")[1])["documents"][0]["text"] == "38 metres"
    assert {each["name"] for each in keeps_to("models_list", run("models", "list", "--json")[1])["profiles"]} > {
        "light"
    }
    shown = run("config", "show", "--json")[1]
    assert "very secret" not in shown
    assert keeps_to("config_show", shown)["path"] == str(settings_file)
    keeps_to("doctor", run("doctor", "--json")[1])
    premise = ("--premise", "The tower is 38 metres tall.", "--hypothesis", "It is tall. It is old.")
    assert len(keeps_to("verify", run("verify", *premise, "--json")[1])["claims"]) == 2
    (tmp_path / "a.txt").write_text("The tower is 38 metres tall.")
    reader = environment["ASSISTANT_READER"]
    asked = ("compare", "How tall?", "--document", "a.txt", "--reader", reader, "--reader", "./none", "--json")
    compared = run(*asked)
    assert [("error" in row) for row in keeps_to("compare", compared[1])["answers"]] == [False, True]


@pytest.mark.parametrize("route", ["open", "extract", "grounded"])
def test_answers_keep_to_the_schema_of_the_pages(run: Run, tmp_path: Path, route: str) -> None:
    (tmp_path / "forest.txt").write_text("The forest covers 5.5 million square kilometers.")
    document = [] if route == "open" else ["--document", "forest.txt"]
    code, out, err = run("ask", "How large is the forest?", "--route", route, "--json", *document)
    assert code == 0, err
    schema = json.loads((Path(__file__).resolve().parents[3] / "docs" / "answer.schema.json").read_text())
    jsonschema.validate(json.loads(out), schema)
