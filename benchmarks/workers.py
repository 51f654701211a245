"""Starts the workers of `benchmarks.peers`, and first makes the environments that two of them need."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError

ROOT = Path(__file__).parent.parent
_MARK = "installed.json"
_STOP_SECONDS = 10


class PeerError(AssistantError):
    """A system could not be installed, started or asked."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A worker module and what its environment holds; none for the environment that this runs in.

    `environment` names the folder of the environment, where it is another worker's.
    """

    module: str
    requirements: tuple[str, ...] = ()
    environment: str = ""


OURS = Peer("benchmarks.peers.ours")
PIPELINE = Peer("benchmarks.peers.pipeline_qa", ("torch==2.13.0", "transformers==4.57.6"))
OUR_BATCH = Peer("benchmarks.peers.our_batch")
SCRIPT = Peer("benchmarks.peers.obvious_script", PIPELINE.requirements, "pipeline-qa")
HAYSTACK = Peer(
    "benchmarks.peers.haystack_qa",
    ("torch==2.13.0", "transformers==5.23.0", "haystack-ai==3.4.0", "transformers-haystack==2.0.0"),
)


@dataclass(frozen=True, slots=True)
class System:
    """A row of the comparison: a worker, how it is loaded, and what to say about that."""

    name: str
    peer: Peer
    options: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


def python_of(peer: Peer, environments: Path) -> Path:
    """The interpreter of a peer's environment, which is made first where it is not there.

    Raises:
        PeerError: it cannot be made; the message has pip's last line.
    """
    if not peer.requirements:
        return Path(sys.executable)
    folder = environments / (peer.environment or peer.module.rsplit(".", 1)[1].replace("_", "-"))
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    mark = folder / _MARK
    if mark.exists() and json.loads(mark.read_text("utf-8")) == list(peer.requirements):
        return python
    print(f"Installing {', '.join(peer.requirements)} into {folder} (once) ...", file=sys.stderr, flush=True)
    environments.mkdir(parents=True, exist_ok=True, mode=0o700)
    _run([sys.executable, "-m", "venv", "--clear", str(folder)], peer)
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirements], peer)
    mark.write_text(json.dumps(list(peer.requirements)), "utf-8")
    return python


def _run(command: list[str], peer: Peer) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        printed = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise PeerError(f"{', '.join(peer.requirements)} cannot be installed: {printed[-1][:300]}") from error


class Worker:
    """One running worker; use as a context, which ends it."""

    def __init__(self, peer: Peer, python: Path, threads: int) -> None:
        """Start it with that many threads.

        Raises:
            PeerError: it cannot be started.
        """
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed with it
        settings = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), str(threads))
        settings |= {"HF_HUB_OFFLINE": "1", "HAYSTACK_TELEMETRY_ENABLED": "False", "TRANSFORMERS_VERBOSITY": "error"}
        try:
            self._process = subprocess.Popen(
                [str(python), "-m", peer.module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                cwd=ROOT,
                env={**os.environ, **settings, "PYTHONPATH": str(ROOT)},
                encoding="utf-8",
            )
        except OSError as error:
            self._log.close()
            raise PeerError(f"{peer.module} cannot be started: {error.strerror}") from error

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Ask for an operation and wait for its reply.

        Raises:
            PeerError: it failed, or the process is gone (killed for its memory, for one).
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise PeerError("the worker has no pipes")
        try:
            stdin.write(json.dumps({operation: arguments}) + "\n")
            stdin.flush()
        except OSError as error:
            raise PeerError(f"the worker is gone: {self._last_words()}") from error
        line = stdout.readline()
        if not line:
            raise PeerError(f"the worker ended: {self._last_words()}")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise PeerError(str(reply["error"]))
        return reply

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it may be gone
                self._process.stdin.close()
        self._end()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def _end(self) -> None:
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        self._end()
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return f"exit status {self._process.returncode}; {lines[-1][:300] if lines else 'it printed nothing'}"
