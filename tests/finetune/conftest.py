"""The command `finetune`, run in the test's process; and tiny GGUF files, as the tests of the store make them."""

from pathlib import Path
from typing import Any

import pytest

from assistant.cli import main as assistant_cli
from finetune.cli import main as cli
from tests.assistant.models.conftest import write_gguf
from tests.conftest import Run

__all__ = ["write_gguf"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    """Runs `finetune` in this process; gives exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSISTANT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ASSISTANT_TEST_DATA", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["finetune", *arguments])
        code = assistant_cli.run(cli.app, "finetune")
        output = capsys.readouterr()
        return code, output.out, output.err

    return call
