"""The program that fetches files of a base from the Hub; `hub_files` runs it as a process of its own.

It is given its task as JSON and says what happens as JSON, a line each. huggingface_hub does the work: it knows the
user's mirror, login, proxy and offline setting. Its own download begins anew after each interruption, so the beginning
of a file is kept here and the rest asked for.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

_CHUNK = 1 << 14  # bytes kept at once; by default 10 MB, which a slow line takes as long for as one that is dead


def main() -> None:
    """Fetch the files that the task names.

    The task: `repo`, `revision`, `connect_seconds` and `files`, each with `name`, `bytes` and `path`, where it goes.
    """
    task = json.loads(sys.argv[1])
    try:
        _fetch(task)
    except Exception as error:  # noqa: BLE001  (the end of the process: the other reads what happened)
        kinds = [kind.__name__ for kind in type(error).__mro__]
        code = error.errno if isinstance(error, OSError) else None
        tell(error=str(error), kinds=kinds, errno=code)
        sys.exit(1)
    tell(done=True)


def _fetch(task: dict[str, Any]) -> None:
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import OfflineModeIsEnabled
    from huggingface_hub.file_download import http_get

    # Documented, and not in the list of what the module exports.
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK
    tell(started=True)
    repo, revision = task["repo"], task["revision"]
    for file in task["files"]:
        cached = try_to_load_from_cache(repo, file["name"], revision=revision)
        if isinstance(cached, str):
            tell(cached=file["name"], path=cached)
            continue
        if constants.HF_HUB_OFFLINE:
            raise OfflineModeIsEnabled("HF_HUB_OFFLINE is set")
        url = hf_hub_url(repo, file["name"], revision=revision)
        get_hf_file_metadata(url, timeout=task["connect_seconds"])  # answers quickly, or says why not
        tell(reached=True)
        with Path(file["path"]).open("ab") as target:
            if target.tell() > file["bytes"]:
                target.truncate(0)
            http_get(url, target, resume_size=target.tell(), headers=build_hf_headers(), expected_size=file["bytes"])
            target.flush()
            os.fsync(target.fileno())
        tell(fetched=file["name"])


def tell(**event: Any) -> None:
    """Write an event."""
    print(json.dumps(event), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
