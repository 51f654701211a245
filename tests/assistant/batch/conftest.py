import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.answering.assistant import Assistant
from assistant.cli import main as cli
from assistant.settings import Settings

FOREST = "The Amazon rainforest covers 5.5 million square kilometers.\r\nIt holds 390 billion trees 😀."
WORDS = (
    "The Amazon rainforest covers million square kilometers in South America It holds about billion trees species "
    "Marie Curie wrote the report which river crosses forest"
).split()


@pytest.fixture(scope="session")
def row() -> Callable[..., bytes]:
    """One line of JSONL."""
    return lambda **keys: json.dumps({"question": "How large is it?", "document": FOREST, **keys}).encode()


@pytest.fixture(scope="session")
def many_rows() -> Callable[[int], list[dict[str, Any]]]:
    """So many rows with documents of many lengths, always the same."""

    def make(count: int) -> list[dict[str, Any]]:
        drawn = random.Random(7)
        return [
            {
                "id": f"q{number}",
                "question": f"Which {drawn.choice(WORDS)} holds the {drawn.choice(WORDS)}?",
                "document": " ".join(drawn.choices(WORDS, k=drawn.randint(3, 120))) + ".",
                "topic": drawn.choice(["river", "forest"]),
                "answers": drawn.choices(WORDS, k=drawn.randint(0, 2)),
            }
            for number in range(count)
        ]

    return make


@pytest.fixture(scope="session")
def tiny_assistant(tiny_settings: dict[str, str]) -> Assistant:
    return Assistant(Settings(**tiny_settings, max_new_tokens=4))


@pytest.fixture
def environment(tiny_settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings that take the tiny models, and a folder to work in."""
    monkeypatch.setenv("ASSISTANT_CONFIG", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("ASSISTANT_MAX_NEW_TOKENS", "4")
    for name, folder in tiny_settings.items():
        monkeypatch.setenv(f"ASSISTANT_{name.upper()}", folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def batch(environment: Path, monkeypatch: pytest.MonkeyPatch, tiny_assistant: Assistant) -> Callable[..., int]:
    """Runs `assistant batch` in this process, its models loaded once for all tests."""
    monkeypatch.setattr("assistant.answering.assistant.Assistant", lambda settings: tiny_assistant)

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["assistant", "batch", *arguments])
        return cli.run(cli.app, "assistant")

    return run


@pytest.fixture(scope="session")
def timeless() -> Callable[[Path], list[dict[str, Any]]]:
    """The records of a file without the time they took."""

    def read(path: Path) -> list[dict[str, Any]]:
        records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for record in records:
            record.get("usage", {}).pop("seconds", None)
        return records

    return read
