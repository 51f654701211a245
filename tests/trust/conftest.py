"""The command line on tiny models, in this process: what it writes is inspected byte by byte."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant import cli
from assistant.commands.options import switches
from assistant.settings import Settings

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def environment(tiny_settings: dict[str, str], tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ASSISTANT_", "NO_COLOR"))}
    own = {f"ASSISTANT_{name.upper()}": folder for name, folder in tiny_settings.items()}
    places = {f"ASSISTANT_{name}": str(tmp_path / name.lower()) for name in ("CACHE", "DATA", "CONFIG")}
    return {**kept, **own, **places, "ASSISTANT_MAX_NEW_TOKENS": "6", "OMP_NUM_THREADS": "1"}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: Any) -> Run:
    """Runs the command line in this process; gives exit code, standard output and standard error.

    The models are loaded once for all its runs with the same settings.
    """
    from assistant import assistant as module

    for name in list(os.environ):
        if name.startswith("ASSISTANT_"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    loaded: dict[Settings, Any] = {}
    real = module.Assistant
    monkeypatch.setattr(module, "Assistant", lambda settings=None: loaded.setdefault(str(settings), real(settings)))

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["assistant", *arguments])
        for name, value in {"verbose": False, "quiet": False, "color": True}.items():
            monkeypatch.setattr(switches, name, value)
        code = cli.run(cli.app, "assistant")
        output = capsysbinary.readouterr()
        return code, output.out.decode("utf-8"), output.err.decode("utf-8")

    return call


@pytest.fixture(scope="session")
def wheel_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model in a wheel, which pip takes for its index."""
    from tests.trust.wheels import write_index

    return write_index(tmp_path_factory.mktemp("index") / "wheels")
