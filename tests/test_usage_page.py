"""`docs/usage.md` holds what `--help` prints of every command.

`SNAPSHOTS=write pytest tests/test_usage_page.py` writes it anew.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from assistant.cli.main import app as assistant
from assistant.cli.main import run
from finetune.cli.main import app as finetune

PAGE = Path(__file__).resolve().parents[1] / "docs" / "usage.md"
HEAD = """# Usage

What `--help` prints of every command. Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 a batch finished but some
lines failed, 4 done but `--fail-on` applies, 130 interrupted.
"""


def paths(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """A command and all below it, in the order of the help."""
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from paths(below, (*path, name))


def usage_page(monkeypatch: pytest.MonkeyPatch) -> str:
    """The page as it has to be now: the programs run as they do from a terminal 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")
    parts = [HEAD]
    for program, app in (("assistant", assistant), ("finetune", finetune)):
        for path in paths(typer.main.get_command(app)):
            monkeypatch.setattr(sys, "argv", [program, *path, "--help"])
            with contextlib.redirect_stdout(io.StringIO()) as shown:
                assert run(app, program) == 0
            text = "\n".join(line.rstrip() for line in shown.getvalue().strip().splitlines())
            parts.append(f"## {' '.join((program, *path))}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def test_the_page_holds_the_help_texts_of_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    page = usage_page(monkeypatch)
    if os.environ.get("SNAPSHOTS") == "write":
        PAGE.write_text(page, "utf-8")
    assert PAGE.read_text("utf-8") == page, "SNAPSHOTS=write pytest tests/test_usage_page.py writes it anew"
