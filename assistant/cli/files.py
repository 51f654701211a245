"""Line-by-line files of the commands: what may be read and written, and how a failure to is told."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from assistant.errors import AssistantError, UsageError
from assistant.text import printable


def check_paths(source: str, output: str, document: str | None = None, *, resume: bool, overwrite: bool) -> None:
    """See that the input can be read and that the output may be written.

    Raises:
        UsageError: one of them is missing, a folder, the same file, or there already.
    """
    if source != "-" and (not _exists(source) or Path(source).is_dir()):
        what = "this is a folder" if _exists(source) else "there is no such file"
        raise UsageError(f"{source}: {what}; name a file with one line for each row, or - for standard input.")
    if output == "-":
        if resume:
            raise UsageError("--resume needs an output file: standard output cannot be read again.")
        return
    if resume and not Path(source).is_file():
        raise UsageError("--resume needs the questions in a file: standard input or a pipe cannot be read again.")
    path = Path(output)
    exists = _exists(output)
    if path.is_dir():
        raise UsageError(f"{path}: this is a folder; name the file that the answers go to.")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: there is no such folder; make it, or name another output.")
    for name, given in (("questions", source), ("document", document or "-")):
        if exists and given != "-" and path.samefile(Path(given).expanduser()):
            raise UsageError(f"{path}: {name} and answers cannot be the same file.")
    if exists and not (resume or overwrite) and (path.is_file() or not path.exists()):  # a pipe holds nothing to lose
        raise UsageError(f"{path} exists; go on with it by --resume, or write it anew by --overwrite.")


def _exists(name: str) -> bool:
    try:
        return bool(name) and Path(name).exists()
    except (OSError, ValueError) as error:  # too long, a NUL
        raise UsageError(f"{name!r} is not a file name.") from error


def path_line(path: Path) -> str:
    """A path for standard output: exact for a program that reads it, without what steers a terminal in one."""
    return printable(str(path)) if sys.stdout.isatty() else str(path)


@contextlib.contextmanager
def open_input(source: str) -> Iterator[IO[bytes]]:
    """The input as bytes; "-" is standard input."""
    if source == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(source).open("rb")  # noqa: SIM115  (closed below; an error of the caller's is none of opening)
    except OSError as error:
        raise AssistantError(f"{source}: cannot be read ({error.strerror}).") from error
    with file:
        yield file


@contextlib.contextmanager
def open_output(output: str, *, append: bool) -> Iterator[IO[str]]:
    """The output as text; "-" is standard output. An error in writing becomes one line that says how to go on.

    Raises:
        UsageError: another run is writing to it.
    """
    if output == "-":
        yield sys.stdout
        return
    try:
        with Path(output).open("a", encoding="utf-8", newline="\n") as file:
            _lock(file, output)
            if not append and Path(output).is_file():  # and no device or pipe
                file.truncate(0)
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise AssistantError(
            f"{output}: the answers cannot be written ({error.strerror}); --resume goes on."
        ) from error


def _lock(file: IO[str], name: str) -> None:
    """Keep other runs from writing to a file until it is closed, where the system can."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(f"{name}: another run is writing to it; wait for that one, or name another output.") from error
    except (ImportError, OSError):
        return  # a system or a file system without locks


def count_rows_of(source: str, kind: str) -> int:
    """How many rows an input of a format has; 0 where it cannot be read twice, or only at the cost of a reading."""
    from assistant.batch.sources import count_rows

    if source == "-" or not Path(source).is_file():
        return 0
    with open_input(source) as file:
        return count_rows(file, kind)
