"""Runs Python that a model wrote, in a process that can do little harm.

The process has a scratch folder of its own, no environment, limits on time, memory, processes and the size of files, a
hook that refuses sockets, other programs and files outside the folder, and on Linux, where the kernel allows it, a
network of its own with nothing in it. It is a fence for blunders, not for an attacker: a virtual machine is that.
"""

import os
import secrets
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from assistant.errors import UsageError

SECONDS = 5.0
MEMORY_BYTES = 512 * 2**20
FILE_BYTES = 2**20
_OUTPUT_SHOWN, _OUTPUT_KEPT = 300, 20_000  # bytes: of the end, to see why it ended; of the beginning, to be shown
_NAME = "answer.py"

_FENCE = """
import ctypes, os, resource, sys

limits = {
    resource.RLIMIT_CPU: %(seconds)d,
    resource.RLIMIT_AS: %(memory)d,
    resource.RLIMIT_FSIZE: %(file)d,
    resource.RLIMIT_NOFILE: 32,
    resource.RLIMIT_NPROC: 0,
    resource.RLIMIT_CORE: 0,
}
for limit, value in limits.items():
    resource.setrlimit(limit, (value, value))
if sys.platform == "linux":
    NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
    ctypes.CDLL(None).unshare(NEW_USER | NEW_NETWORK)
folder = os.getcwd() + os.sep
library = tuple(os.path.realpath(path) + os.sep for path in sys.path if path)
REFUSED = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.kill",
           "ctypes.", "shutil.", "webbrowser.", "ftplib.", "urllib.", "os.putenv", "os.remove", "os.rename", "os.rmdir",
           "os.link", "os.symlink", "os.chmod", "os.chown", "os.truncate", "os.mkdir")

def refuse(event, arguments):
    if event.startswith(REFUSED):
        raise PermissionError(event + " is not allowed here")
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        reads = not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if not path.startswith(folder) and not (reads and path.startswith(library)):
            raise PermissionError("only files of the scratch folder may be opened")

source = sys.stdin.read()
code = compile(source, "answer.py", "exec")
sys.stdin = open(os.devnull)
import collections, functools, itertools, math, re, heapq, bisect, string, random, datetime, operator, statistics
sys.addaudithook(refuse)
exec(code, {"__name__": "__main__"})
sys.stdout.flush()
os.write(1, b"%(end)s")
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a program reached its end; if not, `reason` is the last line it said, or what stopped it.

    `output` is the beginning of what it printed, and `errors` that of what it said of a failure, without our own lines.
    """

    passed: bool
    reason: str = ""
    output: str = ""
    errors: str = ""


def run_python(source: str, seconds: float = SECONDS) -> Outcome:
    """Run a program in the sandbox.

    Raises:
        UsageError: this platform has no limits for processes (Windows).
    """
    if os.name != "posix":
        raise UsageError("Code can be executed on Linux and macOS only: other systems have no limits for a process.")
    # A program that leaves early has not shown that it is right, so what counts is that its end was reached.
    end = secrets.token_hex(16)
    fence = _FENCE % {"seconds": int(seconds) + 1, "memory": MEMORY_BYTES, "file": FILE_BYTES, "end": end}
    with (
        tempfile.TemporaryDirectory(prefix="sandbox-") as folder,
        tempfile.TemporaryFile() as output,  # files, as what is written into them is limited
        tempfile.TemporaryFile() as errors,
    ):
        command = [sys.executable, "-I", "-S", "-B", "-c", fence]
        try:
            done = subprocess.run(  # noqa: S603  (running it is the purpose; the fence is around it)
                command,
                input=source.encode("utf-8", "replace"),
                stdout=output,
                stderr=errors,
                timeout=seconds,
                cwd=Path(folder).resolve(),
                env={},
                start_new_session=True,
                check=False,
            )
            code: int | None = done.returncode
        except subprocess.TimeoutExpired:
            code = None
        reason = _reason(code, errors, ended=_tail(output).endswith(end), seconds=seconds)
        return Outcome(reason is None, reason or "", _head(output).removesuffix(end), _own(_head(errors)))


def _reason(code: int | None, errors: IO[bytes], *, ended: bool, seconds: float) -> str | None:
    """Why a program did not reach its end; None where it did."""
    if code is None:
        return f"not done after {seconds:g} seconds"
    if code == 0:
        return None if ended else "it left before its end"
    if code < 0:
        return f"stopped by signal {-code}"
    said = _tail(errors).strip().splitlines()
    return said[-1] if said else f"exit code {code}"


def _own(errors: str) -> str:
    """What is said of the program itself: the frames of the fence around it are nothing to its author."""
    at = errors.find(f'  File "{_NAME}"')
    return errors if at < 0 else errors[at:]


def _head(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_OUTPUT_KEPT).decode("utf-8", "replace")


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _OUTPUT_SHOWN))
    return file.read().decode("utf-8", "replace")
