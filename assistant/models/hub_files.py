"""Fetches the files of a base from the Hub, so that an interrupted fetch goes on and a Hub that hangs is given up."""

import json
import os
import time
from pathlib import Path
from typing import Any

from assistant.models.catalogue import Base, HubFiles
from assistant.models.processes import Helper
from assistant.models.staging import DISK_FULL, ProgressListener
from assistant.models.transfer import POLL_SECONDS, Meter, SourceError, Unfinished, check_room
from assistant.text import one_line

CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 5.0  # looking up a name may take longer than the time-out of the connection
_START_SECONDS = 60.0  # for the process to start, on a machine that is busy
_STALLED_SECONDS = 20.0
_PROGRAM = Path(__file__).with_name("hub_program.py")
_AGAIN = "connect to the network and try again"


def hub_address() -> str:
    """The Hub, or the mirror that is set in its place."""
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"


class UnreachableError(SourceError):
    """The Hub was not reached at all, so that asking it again is of no use."""


def fetch_from_hub(base: Base, source: HubFiles, store: Unfinished, on_progress: ProgressListener) -> None:
    """Fetch a base's files from the Hub, those that are missing.

    Raises:
        SourceError: the Hub does not give them.
        OSError: the folder cannot be written, for example because the disk is full.
    """
    missing = store.missing(base)
    kept = sum(file.bytes for file in base.files) - sum(file.bytes for file in missing)
    check_room(store.folder, sum(file.bytes - _size(store.partial(file)) for file in missing))
    task = {
        "repo": source.repo,
        "revision": source.revision,
        "connect_seconds": CONNECT_SECONDS,
        "files": [{"name": file.name, "bytes": file.bytes, "path": str(store.partial(file))} for file in missing],
    }
    # Plain HTTP: what the Xet protocol has fetched of a file is lost when it is interrupted.
    environment = os.environ | {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    folder = store.work / "hub"
    folder.mkdir()
    on_progress_of = Meter(f"downloading {base.name}", base.bytes, on_progress)
    helper = Helper(str(_PROGRAM), [json.dumps(task)], folder, environment)
    try:
        events = _watch(helper, lambda: kept + sum(_size(store.partial(file)) for file in missing), on_progress_of)
    finally:
        helper.end()
    cached = {event["cached"]: Path(event["path"]) for event in events if "cached" in event}
    for file in missing:
        path = cached.get(file.name) or store.partial(file)
        if not store.take(path, file, move=file.name not in cached):
            if file.name not in cached:
                path.unlink()
            raise SourceError(f"its {file.name} is not the file that was pinned (its hash differs)", "try again")
    on_progress_of(base.bytes)


def _watch(helper: Helper, done: Any, meter: Meter) -> list[dict[str, Any]]:
    """Follow the process to its end and return what it said."""
    started = last_growth = time.monotonic()
    before = -1
    while True:
        code = helper.exit_code
        events = _events(helper.output())
        now, size = time.monotonic(), done()
        if size != before:
            before, last_growth = size, now
        if code is not None:
            break
        if not any("started" in event for event in events):
            started = now if now - started < _START_SECONDS else started
            last_growth = now
        reached = any("reached" in event for event in events)
        if reached:
            meter(size)
        else:
            meter.waiting("asking the Hub")
        if not reached and now - last_growth > _ANSWER_SECONDS:
            raise UnreachableError("it did not answer", _AGAIN)
        if reached and now - last_growth > _STALLED_SECONDS:
            raise UnreachableError(f"it stopped answering for {_STALLED_SECONDS:.0f} seconds", _AGAIN)
        time.sleep(POLL_SECONDS)
    failure = next((event for event in events if "error" in event), None)
    if failure is not None:
        raise _explained(failure)
    if code != 0:
        lines = helper.output().splitlines() or ["it said nothing"]
        raise SourceError(f"huggingface_hub failed: {one_line(lines[-1], 200).rstrip('.')}", "try again")
    return events


def _events(output: str) -> list[dict[str, Any]]:
    """What the process said, among the lines that libraries write."""
    events = []
    for line in output.splitlines():
        if line.startswith("{"):
            try:
                event = json.loads(line)
            except ValueError:  # a line that is still being written
                continue
            if isinstance(event, dict):
                events.append(event)
    return events


def _explained(failure: dict[str, Any]) -> Exception:
    """The reason that an error of huggingface_hub stands for."""
    kinds, code, text = failure["kinds"], failure.get("errno"), one_line(str(failure["error"]), 200).rstrip(".")
    if code in DISK_FULL:
        return OSError(code, os.strerror(code))
    unreachable = f"{hub_address()} could not be reached"
    for names, error in (
        ("OfflineModeIsEnabled", UnreachableError("HF_HUB_OFFLINE forbids asking it", "unset HF_HUB_OFFLINE")),
        ("GatedRepoError", SourceError("the model is gated", "ask for access on its page, then `hf auth login`")),
        (
            "RepositoryNotFoundError EntryNotFoundError RevisionNotFoundError",
            SourceError("it does not have this model at this revision", "try again later"),
        ),
        (
            "ProxyError",
            UnreachableError(
                "the proxy between here and it refused the connection", "check the proxy that is set (HTTPS_PROXY)"
            ),
        ),
        ("TransportError ConnectionError TimeoutError TimeoutException", UnreachableError(unreachable, _AGAIN)),
    ):
        if set(names.split()) & set(kinds):
            return error
    return SourceError(f"it answered with an error ({text})", "try again later")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
