"""Generators behind a real server of the OpenAI API: `transformers serve`, with a tiny model, on loopback."""

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.answering.assistant import Assistant
from assistant.errors import GenerationError
from assistant.generation.server import ServerGenerator
from assistant.generation.stream import Sampling
from assistant.models.store import ModelStore
from assistant.settings import Settings
from assistant.types import Message, Role, Route, Turn
from tests.trust.servers import LISTS_ONE, piece, serving, streams

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

QUESTION = [Message(Role.USER, "Write a loop")]
SECONDS_TO_START = 120


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def url(generator_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has one tiny model."""
    port = _free_port()
    log = tmp_path_factory.mktemp("server") / "log"
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(generator_folder)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    with log.open("w") as out:
        server = subprocess.Popen([*command, *options], stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.3)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture
def generator(url: str, generator_folder: Path) -> ServerGenerator:
    return ServerGenerator(url, str(generator_folder))


@pytest.mark.slow
def test_a_conversation_is_continued_piece_by_piece(generator: ServerGenerator) -> None:
    stream = generator.stream(QUESTION, sampling=Sampling(max_new_tokens=12))
    pieces = list(stream)
    assert len(pieces) > 1
    assert "".join(pieces).strip()
    assert stream.finish in ("end", "length")
    assert 0 < stream.completion_tokens <= 12


@pytest.mark.slow
def test_without_sampling_the_same_question_gives_the_same_answer(generator: ServerGenerator) -> None:
    first, again = ("".join(generator.stream(QUESTION, sampling=Sampling(max_new_tokens=12))) for _ in range(2))
    assert first == again


@pytest.mark.slow
def test_a_cancelled_answer_ends_at_the_next_piece_and_the_server_answers_on(generator: ServerGenerator) -> None:
    cancel = threading.Event()
    stream = generator.stream(QUESTION, sampling=Sampling(max_new_tokens=400), cancel=cancel)
    pieces = []
    for each in stream:
        pieces.append(each)
        cancel.set()
    assert stream.finish == "cancelled"
    assert len(pieces) == 1
    assert "".join(generator.stream(QUESTION, sampling=Sampling(max_new_tokens=4)))


@pytest.mark.slow
def test_a_turn_is_answered_by_the_server(url: str, generator_folder: Path, tmp_path: Path) -> None:
    settings = Settings(server=url, server_model=str(generator_folder), max_new_tokens=8)
    answer = Assistant(settings, ModelStore(tmp_path)).answer(Turn("Write a loop in Python"))
    assert answer.route is Route.OPEN
    assert answer.text
    assert answer.models.generator == str(generator_folder)


@pytest.mark.slow
def test_a_model_that_the_server_lacks_is_one_plain_error(url: str) -> None:
    with pytest.raises(GenerationError, match=r"says: .*nobody/nothing|refused the request"):
        list(ServerGenerator(url, "nobody/nothing").stream(QUESTION))


def test_half_a_character_of_a_server_is_none() -> None:
    with serving(LISTS_ONE, streams([piece("a\ud83d"), piece("b", "stop"), b"data: [DONE]\n\n"])) as bad:
        assert "".join(ServerGenerator(bad).stream(QUESTION)) == "a\ufffdb"


def test_a_server_that_went_away_is_one_plain_error() -> None:
    with pytest.raises(GenerationError, match="cannot be reached"):
        ServerGenerator(f"http://127.0.0.1:{_free_port()}/v1")


@pytest.mark.slow
def test_ask_answers_by_a_server_and_says_so_in_json(url: str, generator_folder: Path, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "assistant", "ask", "Write a loop in Python", "--server", url, "--json"]
    environment = {
        "ASSISTANT_SERVER_MODEL": str(generator_folder),
        "ASSISTANT_CACHE": str(tmp_path),
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=120, check=False, env={"PATH": "/usr/bin:/bin", **environment}
    )
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert row["route"] == "open"
    assert row["answer"]
