"""The installed program on the real embedded models, run as a user runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

AMAZON = (
    "The Amazon rainforest covers most of the Amazon basin of South America. This basin encompasses "
    "7,000,000 square kilometers, of which 5,500,000 square kilometers are covered by the rainforest. "
    "The majority of the forest is contained within Brazil, with 60% of the rainforest, followed by Peru with 13%. "
    "More than a third of all species in the world live there."
)

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of its own with the embedded models in its cache."""
    folder = tmp_path_factory.mktemp("home")
    pulled = subprocess.run(
        [sys.executable, "-m", "assistant", "models", "pull"], env=environment(folder), capture_output=True, check=False
    )
    assert pulled.returncode == 0, pulled.stderr.decode()
    return folder


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSISTANT_")}
    return {
        **kept,
        "ASSISTANT_CACHE": str(home / "cache"),
        "ASSISTANT_DATA": str(home / "data"),
        "ASSISTANT_CONFIG": str(home / "settings.toml"),
        "HF_HUB_OFFLINE": "1",
        "TERM": "xterm-256color",
    }


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Run:
    """Run `assistant` with arguments; returns the finished process."""

    def call(*arguments: str, stdin: bytes = b"", **options: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "assistant", *arguments],
            input=stdin,
            capture_output=True,
            env=environment(home),
            cwd=tmp_path,
            check=False,
            timeout=240,
            **options,
        )

    return call


@pytest.fixture
def amazon(tmp_path: Path) -> Path:
    path = tmp_path / "amazon.txt"
    path.write_text(AMAZON, "utf-8")
    return path


def one_object(output: bytes) -> dict[str, Any]:
    """The one JSON object that a command printed."""
    (line,) = output.decode("utf-8").splitlines()
    record = json.loads(line)
    assert isinstance(record, dict)
    return record
