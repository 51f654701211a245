"""Writing in the user's own editor."""

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from assistant.errors import UsageError
from assistant.text import one_line
from assistant.types import Document

_WAITING = {"code", "code-insiders", "codium", "cursor", "subl", "zed", "windsurf"}
"""Editors that give the terminal back at once unless they are asked to wait."""
_COLON = {"hx", "helix", *_WAITING}
"""Editors that take the line after the file's name; others take it before, as +LINE."""


def command_at(editor: str, file: Path, line: int) -> list[str]:
    """What opens a file in an editor at a line.

    Args:
        editor: as EDITOR names it, with its own options.
        file: what to open.
        line: counted from 1.

    Raises:
        ValueError: a quotation mark in the editor's name is not closed.
    """
    given = shlex.split(editor)
    name = Path(given[0]).name.removesuffix(".exe") if given else ""
    wait = ["--wait"] if name in _WAITING and not {"--wait", "-w"} & set(given) else []
    goto = ["--goto"] if name in _WAITING - {"subl", "zed"} else []
    place = [f"{file}:{line}"] if name in _COLON else [f"+{line}", str(file)]
    return [*given, *wait, *goto, *place]


def file_of(document: Document) -> Path | None:
    """The file that a document was read from, if it is still there and holds the same text."""
    if document.path is None:
        return None
    path = Path(document.path)
    try:
        with path.open("rb") as file:
            data = file.read(
                4 * len(document.text) + 5
            )  # no encoding takes more for a character, and a mark before all
        same = data.decode(document.encoding).removeprefix("\ufeff") == document.text
    except (OSError, ValueError, LookupError):
        return None
    return path if same else None


def show_at(app: App[Any], document: Document, at: int) -> str:
    """Open a document in the user's editor at the line of a character: its file, or a copy that cannot be written.

    Returns:
        What was opened, in words.

    Raises:
        UsageError: as `edit`.
    """
    editor = _editor()
    line = document.text.count("\n", 0, at) + 1
    if (file := file_of(document)) is not None:
        _run(app, editor, lambda: command_at(editor, file, line))
        return f"{file.name}, line {line}"
    with tempfile.TemporaryDirectory() as folder:
        name = re.sub(r"[^\w.-]+", "-", document.name).strip(".-")[-60:] or "document"
        copy = Path(folder) / (name if name.endswith(".txt") else f"{name}.txt")
        copy.touch(mode=0o600)
        copy.write_text(document.text, encoding="utf-8", newline="")
        copy.chmod(0o400)
        _run(app, editor, lambda: command_at(editor, copy, line))
    return f"a copy of {one_line(document.name, 40)}, line {line}"


def _editor() -> str:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise UsageError("No editor is named; set the environment variable EDITOR, for example to nano.")
    return editor


def _run(app: App[Any], editor: str, command: Callable[[], list[str]]) -> None:
    try:
        with app.suspend():
            subprocess.run(command(), check=True)  # noqa: S603 (the user's own editor)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise UsageError(f"The editor {editor} did not run ({error}).") from error
    except SuspendNotSupported as error:
        raise UsageError("An editor cannot be opened from here; this is no plain terminal.") from error


def edit(app: App[Any], text: str) -> str:
    """Let the user edit a text in `$VISUAL` or `$EDITOR` while the app steps aside.

    Raises:
        UsageError: no editor is named, it cannot be run, or the app cannot step aside here.
    """
    editor = _editor()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "question.md"
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        _run(app, editor, lambda: [*shlex.split(editor), str(file)])
        return file.read_text(encoding="utf-8", errors="replace").rstrip("\n")
