"""How the store's entry of a base is made of the base's files, and which entries are those of the catalogue's base."""

import json
from collections.abc import Callable
from pathlib import Path

from assistant.events import Progress
from assistant.models.catalogue import Base
from assistant.models.described import DESCRIPTION, describe
from assistant.models.manifest import Manifest, record_files, write_manifest
from assistant.models.staging import ProgressListener
from assistant.models.transfer import Unfinished, link_or_copy
from assistant.models.validation import check_base, read_json

_TOKENIZER = "tokenizer.json"
_GENERATION_CONFIG = "generation_config.json"

Fetch = Callable[[Base, Unfinished, ProgressListener], str]
"""Puts the files of a base that are missing where an unfinished fetch has them, and says where they came from."""


def unfinished_of(entry: Path) -> Unfinished:
    """Where the unfinished fetch of an entry lies."""
    return Unfinished(entry.with_name(f".{entry.name}.unfinished"))


def make_base(base: Base, entry: Path, staging: Path, fetch: Fetch, on_progress: ProgressListener) -> None:
    """Make a base's entry in an empty folder: its files, what is made from them, and the manifest.

    Args:
        base: which one.
        entry: its place, where a former one may stand; what of that is right is not fetched again.
        staging: the empty folder.
        fetch: where the files come from.
        on_progress: is called with the bytes done; what it raises ends the work, and what is right by then stays.

    Raises:
        StoreError, ModelError: the files could not be had, or are not what they should be.
        OSError: the folder cannot be written.
    """
    unfinished = unfinished_of(entry)
    try:
        unfinished.begin(base)
        for file in unfinished.missing(base):
            former = entry / file.name
            if former.is_file() and former.stat().st_size == file.bytes:
                unfinished.take(former, file, move=False)
        source = fetch(base, unfinished, on_progress)
        on_progress(Progress(f"finishing {base.name}"))
        for file in base.files:
            link_or_copy(unfinished.file(file), staging / file.name)
        if base.gguf is not None:
            describe(staging / base.gguf.name, staging)
            _add_sampling(staging / _GENERATION_CONFIG, base)
        else:
            from assistant.models.wheels import take_all_tokens

            take_all_tokens(staging / _TOKENIZER)
            check_base(staging)
        files = record_files(staging, [path.name for path in staging.iterdir()], sync=True)
        description = DESCRIPTION if base.gguf is not None else 0
        write_manifest(staging, Manifest(base.name, source, files, description=description))
    finally:
        unfinished.end()


def _add_sampling(path: Path, base: Base) -> None:
    config = read_json(path)
    if base.sampling:
        config |= {"do_sample": True, **base.sampling}
    path.write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def holds(manifest: Manifest, base: Base) -> bool:
    """Whether an entry's files are those of the base as the catalogue pins it now."""
    if base.gguf is not None and manifest.description != DESCRIPTION:
        return False
    stored = manifest.files
    # The tokenizer's file is not kept as it came.
    return all(
        file.name in stored and (file.name == _TOKENIZER or stored[file.name].sha256 == file.sha256)
        for file in base.files
    )
