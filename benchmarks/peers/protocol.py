"""What workers and their parent say to each other: JSON objects, one a line, requests on stdin and replies on stdout.

A request names an operation and its arguments, `{"ask": {"document": ..., "question": ...}}`; the reply is what the
operation returned, or `{"error": ...}`. It needs nothing but the standard library, since it runs in the peers'
environments too.
"""

import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

Operation = Callable[..., dict[str, Any]]


def serve(operations: Mapping[str, Operation]) -> None:
    """Answer requests until standard input ends."""
    # Libraries may print; only replies may go where the parent reads.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        ((name, arguments),) = json.loads(line).items()
        try:
            reply = operations[name](**arguments)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in a peer is its result
            reply = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def peak_memory() -> int:
    """The most memory this process has held at once, in bytes.

    Linux counts into `ru_maxrss` what the parent held when it started the process, so there the process's own mark
    is read.
    """
    try:
        status = Path("/proc/self/status").read_text("ascii", "replace")
        return 1024 * int(status.split("VmHWM:")[1].split()[0])
    except (OSError, IndexError):
        if sys.platform == "win32":
            return 0
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak


def versions(*packages: str) -> dict[str, str]:
    """The versions of Python and of packages that are installed here."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def count_windows(tokenizer: Any, question: str, document: str, max_length: int, stride: int) -> int:
    """How many windows a tokenizer makes of a document, as both peers have it do."""
    encoded = tokenizer(
        question,
        document,
        truncation="only_second",
        max_length=max_length,
        stride=stride,
        return_overflowing_tokens=True,
        verbose=False,
    )
    return len(encoded["input_ids"])
