"""The Hub's own client against a small stand-in for the Hub on this machine."""

import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.models.hub import HubReference
from tests.support.hub_stand_in import COMMIT, Hub, Repository, serve_hub


@pytest.fixture
def hub(tiny_weights: bytes) -> Iterator[Hub]:
    """The Hub with the model owner/tiny."""
    files = {
        "config.json": b'{"model_type": "bert"}',
        "model.safetensors": tiny_weights,
        "pytorch_model.bin": b"never fetched",
        "modeling_tiny.py": b"never fetched",
        "training_args.bin": b"never fetched",
    }
    with serve_hub() as server:
        server.repositories["owner/tiny"] = Repository(files)
        yield server


@pytest.fixture
def files(hub: Hub) -> dict[str, bytes]:
    return hub.repositories["owner/tiny"].files


class Outcome:
    def __init__(self, process: "subprocess.CompletedProcess[str]") -> None:
        self.lines = process.stdout.splitlines()
        self.errors = process.stderr

    @property
    def said(self) -> str:
        assert self.lines, self.errors
        return self.lines[-1]


class Machine:
    """A user's machine: its store and Hub cache, and a process for each question, since the Hub's client reads its
    settings when it is imported."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def run(self, code: str, **environment: str) -> Outcome:
        program = f"""
            from pathlib import Path
            from assistant.errors import AssistantError
            from assistant.models.store import ModelStore
            store = ModelStore(Path({str(self.folder / "cache")!r}))
            stages = []
            try:
                {code}
            except AssistantError as error:
                print(type(error).__name__, error)
        """
        settings = {"HF_HOME": str(self.folder / "hf"), "HF_ENDPOINT": self.url, "NO_PROXY": "127.0.0.1"}
        process = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            env=os.environ | settings | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Outcome(process)

    def ensure(self, reference: str = "owner/tiny", **environment: str) -> Outcome:
        return self.run(f"print(store.ensure({reference!r}, lambda p: stages.append(p)))", **environment)


@pytest.fixture
def machine(tmp_path: Path, hub: Hub) -> Machine:
    return Machine(tmp_path, hub.url)


def test_a_model_is_fetched_without_code_and_pickles_and_then_never_asked_for(machine: Machine, hub: Hub):
    folder = Path(machine.ensure().said)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert folder.name == COMMIT
    asked = hub.requests
    assert Path(machine.ensure().said) == folder
    assert hub.requests == asked


def test_progress_counts_bytes_and_nothing_is_printed(machine: Machine, files: dict[str, bytes]):
    outcome = machine.run(
        "store.ensure('owner/tiny', stages.append); print([(p.stage, p.done, p.total) for p in stages])"
    )
    total = len(files["config.json"]) + len(files["model.safetensors"])
    assert f"('downloading owner/tiny', {total}, {total})" in outcome.said
    assert outcome.errors == ""


def test_list_and_remove_free_what_was_fetched(machine: Machine, files: dict[str, bytes]):
    machine.ensure()
    listed = machine.run("print(store.installed())").said
    assert f"commit {COMMIT}" in listed
    assert "owner/tiny@main" in listed
    freed = int(machine.run("print(store.remove('owner/tiny'))").said)
    assert freed >= len(files["model.safetensors"])
    assert not list((machine.folder / "hf").rglob("*.safetensors"))
    assert machine.run("print(store.is_ready('owner/tiny'))").said == "False"


def test_what_other_tools_had_fetched_is_used_and_not_removed(machine: Machine):
    machine.run("from huggingface_hub import snapshot_download; snapshot_download('owner/tiny'); print('done')")
    machine.ensure()
    machine.run("store.remove('owner/tiny')")
    assert list((machine.folder / "hf").rglob("*.safetensors"))


def test_a_model_in_the_hubs_cache_is_used_offline(machine: Machine):
    machine.run("from huggingface_hub import snapshot_download; snapshot_download('owner/tiny'); print('done')")
    assert Path(machine.ensure(HF_HUB_OFFLINE="1").said).name == COMMIT


def test_a_damaged_file_is_fetched_again(machine: Machine, tiny_weights: bytes):
    weights = Path(machine.ensure().said) / "model.safetensors"
    os.truncate(weights.resolve(), 10)
    machine.ensure()
    assert weights.read_bytes() == tiny_weights


def test_a_file_that_is_not_what_the_hub_says_is_refused(machine: Machine, hub: Hub):
    hub.wrong_hashes = True
    said = machine.ensure().said
    assert said.startswith("StoreError model.safetensors of owner/tiny@main is damaged")
    hub.wrong_hashes = False
    assert Path(machine.ensure().said).is_dir()


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("owner/gated", "is gated: ask for access on its page (https://huggingface.co/owner/gated), then log in"),
        ("owner/missing", "the Hub has no model owner/missing, or it is private"),
        ("owner/tiny@nowhere", "owner/tiny has no revision 'nowhere'"),
        ("owner/broken", "the Hub did not give owner/broken@main"),
    ],
)
def test_each_refusal_of_the_hub_is_one_clear_line(machine: Machine, reference: str, message: str):
    outcome = machine.ensure(reference)
    assert outcome.said.startswith("StoreError ")
    assert message in outcome.said
    assert len(outcome.lines) == 1
    assert "Traceback" not in outcome.errors


def test_a_model_without_safetensors_is_refused_before_anything_is_fetched(machine: Machine, files: dict[str, bytes]):
    del files["model.safetensors"]
    assert "has no weights in safetensors" in machine.ensure().said
    assert not list((machine.folder / "hf").rglob("*.bin"))


def test_a_model_with_code_of_its_own_is_refused(machine: Machine, files: dict[str, bytes]):
    files["config.json"] = b'{"auto_map": {"AutoModel": "modeling_tiny.Tiny"}}'
    assert "needs Python code of its own" in machine.ensure().said
    assert machine.run("print(store.installed())").said == "[]"


def test_offline_mode_and_a_dead_network_are_told_apart(machine: Machine):
    assert "HF_HUB_OFFLINE forbids fetching it" in machine.ensure(HF_HUB_OFFLINE="1").said
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert "the Hub could not be reached; connect to the network" in machine.ensure(HF_ENDPOINT=url).said


def test_a_listener_that_raises_ends_the_download(machine: Machine):
    outcome = machine.run(
        "\n                ".join(
            [
                "from assistant.errors import GenerationError",
                "def stop(progress):",
                "    if progress.done: raise GenerationError('stopped')",
                "store.ensure('owner/tiny', stop)",
            ]
        )
    )
    assert outcome.said == "GenerationError stopped"
    assert machine.run("print(store.installed())").said == "[]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("owner/name", HubReference("owner/name", "main")),
        ("owner/name@v1.0", HubReference("owner/name", "v1.0")),
        ("owner/name@refs/pr/3", HubReference("owner/name", "refs/pr/3")),
        ("name", None),
        ("owner/../name", None),
        ("owner/name@../../x", None),
        ("owner/name@", None),
        ("a/b/c", None),
    ],
)
def test_references_are_read_strictly(text: str, expected: HubReference | None):
    assert HubReference.parse(text) == expected
