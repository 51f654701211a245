"""Writing in the user's own editor."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from assistant.errors import UsageError


def edit(app: App[Any], text: str) -> str:
    """Let the user edit a text in `$VISUAL` or `$EDITOR` while the app steps aside.

    Raises:
        UsageError: no editor is named, it cannot be run, or the app cannot step aside here.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise UsageError("No editor is named; set the environment variable EDITOR, for example to nano.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "question.md"
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        try:
            with app.suspend():
                subprocess.run([*shlex.split(editor), str(file)], check=True)  # noqa: S603 (the user's own editor)
            return file.read_text(encoding="utf-8", errors="replace").rstrip("\n")
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise UsageError(f"The editor {editor} did not run ({error}); the question is as it was.") from error
        except SuspendNotSupported as error:
            raise UsageError("An editor cannot be opened from here; this is no plain terminal.") from error
