"""Python processes that fetch files for this one, and end when it ends, however that comes."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# The process reads from a pipe that nobody writes to. When this process dies, even killed, the pipe is closed, and the
# other ends too: otherwise it would go on downloading, into a folder that the next attempt sweeps.
_GUARDED = """
import os, runpy, sys, threading
def end_with_parent():
    os.read(0, 1)
    os._exit(1)
threading.Thread(target=end_with_parent, daemon=True).start()
del sys.argv[0]
if sys.argv[0].endswith(".py"):
    runpy.run_path(sys.argv[0], run_name="__main__")
else:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


class Helper:
    """A Python process at work in a folder of its own, its output kept in a file there."""

    def __init__(self, program: str, arguments: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        """Start it.

        Args:
            program: a module, or the path of a file that ends in .py.
            arguments: of the program.
            folder: an empty folder, where the process works.
            environment: all its variables.
        """
        self._log = folder / "output.txt"
        # -P keeps a file or folder of the current directory from being imported in the place of a module.
        command = [sys.executable, "-P", "-c", _GUARDED, program, *arguments]
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter with fixed arguments)
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(environment) | {"PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"},
            )

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None while the process runs."""
        return self._process.poll()

    def output(self) -> str:
        """What the process has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def end(self) -> None:
        """End the process, if it still runs, and wait until it is gone."""
        if self._process.poll() is None:
            self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def bytes_in(folder: Path) -> list[int]:
    """The sizes of the files below a folder in which a process is at work, so that any of them may vanish meanwhile."""
    sizes = []
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append((Path(parent) / name).stat().st_size)
            except OSError:  # it was moved or removed
                continue
    return sizes
