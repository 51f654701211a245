"""Which package may import which, as the contracts in pyproject.toml say it."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("assistant", "tui", "finetune")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the import linter over the packages in a folder, with the contracts that lie there."""
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()",
         "--no-cache"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(folder), "PYTHONUTF8": "1"},
        capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages' Python files and the contracts, to be changed."""
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            place = tmp_path / file.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def test_imports_go_down_only(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("assistant/reading/reader.py", "import assistant.answering.assistant"),
        ("assistant/errors.py", "def late():\n    import assistant.types"),
        ("assistant/batch/runner.py", "import tui.app"),
        ("assistant/answering/assistant.py", "def late():\n    from finetune.recipe import Recipe"),
        ("assistant/verification/head.py", "from assistant.reading import spans"),
        ("tui/chat/queue.py", "from tui.widgets.exchange_view import ExchangeView"),
        ("finetune/data/files.py", "from finetune.run.run import run_recipe"),
    ],
)
def test_an_import_that_goes_up_or_across_breaks_the_contract(copy: Path, module: str, line: str) -> None:
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(f"\n\n{line}\n")
    result = lint(copy)
    assert result.returncode == 1, result.stdout + result.stderr
    wrong = module.removesuffix(".py").replace("/", ".")
    assert f"{wrong} -> " in result.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        (
            "assistant/verification/figures.py",
            "def late():\n    from assistant.verification.exchanges import find_exchange",
        ),
        ("finetune/tasks/examples.py", "from finetune.tasks.base import Task"),
        ("tui/chat/commands.py", "from tui.chat.controller import ChatController"),
    ],
)
def test_a_circle_within_a_package_breaks_the_contract(copy: Path, module: str, line: str) -> None:
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(f"\n\n{line}\n")
    result = lint(copy)
    assert result.returncode == 1, result.stdout + result.stderr
    package = module.rpartition("/")[0].replace("/", ".")
    assert f"No cycles are allowed in {package}." in result.stdout


def test_the_contracts_name_every_part() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    named = {
        part.strip() for contract in contracts for layer in contract.get("layers", []) for part in layer.split("|")
    }
    for package in PACKAGES:
        parts = {
            f"{package}.{path.stem}"
            for path in (ROOT / package).iterdir()
            if not path.name.startswith("__") and (path.suffix == ".py" or any(path.glob("*.py")))
        }
        assert parts <= named, f"give these a place in pyproject.toml: {sorted(parts - named)}"
