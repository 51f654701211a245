"""Fetches models from the Hub into the Hub's own cache, where other tools share them, and says why when it cannot.

huggingface_hub does the work (login, resuming, offline mode); this module chooses the files, checks their hashes and
turns its errors into one line each.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import StoreError
from assistant.events import Progress
from assistant.models.manifest import StoredFile, record_files
from assistant.models.staging import DISK_FULL
from assistant.models.validation import check_adapter, check_base, is_adapter
from assistant.text import one_line

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

_REFERENCE = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.][\w./-]*))?", re.ASCII)
_WANTED = (
    "config.json",
    "generation_config.json",
    "adapter_config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "adapter_model.safetensors",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "spiece.model",
    "spm.model",
    "sentencepiece*.model",
    "chat_template.jinja",
    "calibration.json",
    "ranges.json",
    "verifier.json",
    "README.md",
)


@dataclass(frozen=True, slots=True)
class HubReference:
    """A model on the Hub: `owner/name`, and a branch, tag or commit."""

    repo: str
    revision: str = "main"

    @classmethod
    def parse(cls, text: str) -> "HubReference | None":
        """Read `owner/name[@revision]`; None where the text is none."""
        match = _REFERENCE.fullmatch(text)
        if match is None or ".." in text:
            return None
        return cls(match["repo"], match["revision"] or "main")

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A model's files in the Hub's cache. `fetched` is False where they were all there before."""

    folder: Path
    commit: str
    files: dict[str, StoredFile]
    fetched: bool


def fetch_snapshot(reference: HubReference, on_progress: Callable[[Progress], None]) -> Snapshot:
    """Download the model's safetensors, configuration and tokenizer files, and check them.

    Args:
        reference: what to fetch; a branch or tag is resolved to the commit it stands for now.
        on_progress: is called with the bytes done; what it raises ends the download.

    Raises:
        StoreError: no access, no such model or revision, no network, or a file that is not what the Hub says.
        ModelError: the model is not in safetensors or needs code of its own.
    """
    info = _look_up(reference)
    if info is None:
        return _from_cache(reference, on_progress)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or [] if _wanted(file.rfilename)}
    if not any(name.endswith(".safetensors") for name in sizes):
        raise StoreError(
            f"{reference} has no weights in safetensors; only that format is loaded: choose another model."
        )
    commit = str(info.sha)
    before = {name for name in sizes if _cached(reference.repo, commit, name)}
    folder = _download(reference, commit, sizes, on_progress)
    expected = {file.rfilename: file.lfs.sha256 for file in info.siblings or [] if file.lfs is not None}
    return _checked(reference, commit, folder, expected, on_progress, fetched=before != set(sizes))


def drop_damaged(folder: Path, files: dict[str, StoredFile]) -> None:
    """Remove those files of a snapshot that do not have their size, so that they are downloaded again."""
    for name, file in files.items():
        path = folder / name
        if path.exists() and path.stat().st_size != file.bytes:
            _drop(path)


def _drop(path: Path) -> None:
    """Remove a file of the Hub's cache: the link in the snapshot and the contents it leads to.

    The cache may be shared: of a link that somebody has turned to a file outside of the model's own folder, the link
    alone goes.
    """
    contents, model = path.resolve(), path.absolute().parent.parent.parent.resolve()  # MODEL/snapshots/COMMIT/FILE
    if contents.is_relative_to(model):
        contents.unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def remove_snapshot(repo: str, commit: str) -> int:
    """Remove one commit of a model from the Hub's cache and return how many bytes that freed.

    Files that another commit shares stay.
    """
    from huggingface_hub import scan_cache_dir

    cache = scan_cache_dir()
    known = {revision.commit_hash for cached in cache.repos if cached.repo_id == repo for revision in cached.revisions}
    if commit not in known:
        return 0
    strategy = cache.delete_revisions(commit)
    strategy.execute()
    return strategy.expected_freed_size


def _wanted(name: str) -> bool:
    return "/" not in name and any(fnmatch(name, pattern) for pattern in _WANTED)


def _look_up(reference: HubReference) -> "ModelInfo | None":
    """What the Hub says of the model; None where it cannot be reached and the cache has to do."""
    from huggingface_hub import HfApi

    try:
        return HfApi().model_info(reference.repo, revision=reference.revision, files_metadata=True)
    except Exception as error:
        if not _is_connection_error(error):
            raise _explained(reference, error) from error
        try:
            _cache_folder(reference)
        except FileNotFoundError:
            raise _explained(reference, error) from error
        return None


def _cache_folder(reference: HubReference) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            reference.repo, revision=reference.revision, allow_patterns=list(_WANTED), local_files_only=True
        )
    )


def _from_cache(reference: HubReference, on_progress: Callable[[Progress], None]) -> Snapshot:
    folder = _cache_folder(reference)
    # The Hub's cache names the contents of large files by their SHA-256 and links to them.
    blobs = {path.name: path.resolve().name for path in folder.iterdir() if path.is_symlink()}
    expected = {name: blob for name, blob in blobs.items() if len(blob) == 64}
    return _checked(reference, folder.name, folder, expected, on_progress, fetched=False)


def _download(
    reference: HubReference,
    commit: str,
    sizes: dict[str, int],
    on_progress: Callable[[Progress], None],
) -> Path:
    from huggingface_hub import snapshot_download

    total = sum(sizes.values())
    cancelled: list[Exception] = []

    def report(done: int) -> None:
        try:
            on_progress(Progress(f"downloading {reference.repo}", min(done, total), total))
        except Exception as error:
            cancelled.append(error)
            raise

    report(0)
    try:
        return Path(
            snapshot_download(
                reference.repo,
                revision=commit,
                allow_patterns=list(sizes),
                tqdm_class=_progress_bar(report),
            )
        )
    except Exception as error:
        if error in cancelled or (isinstance(error, OSError) and error.errno in DISK_FULL):
            raise
        raise _explained(reference, error) from error


def _progress_bar(report: Callable[[int], None]) -> type[Any]:
    """A tqdm that shows nothing and reports bytes."""
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            self._done = 0 if options.get("unit") == "B" else None
            super().__init__(*args, **options | {"disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> None:
            if self._done is not None and n:
                self._done += int(n)
                report(self._done)

    return Bar


def _cached(repo: str, commit: str, name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(repo, name, revision=commit), str)


def _checked(
    reference: HubReference,
    commit: str,
    folder: Path,
    expected: dict[str, str],
    on_progress: Callable[[Progress], None],
    *,
    fetched: bool,
) -> Snapshot:
    names = [path.name for path in folder.iterdir() if path.is_file() and _wanted(path.name)]
    total = sum((folder / name).stat().st_size for name in names)
    stage = f"checking {reference.repo}"
    files = record_files(folder, names, lambda done: on_progress(Progress(stage, done, total)))
    for name, file in files.items():
        if file.sha256 != expected.get(name, file.sha256):
            _drop(folder / name)
            raise StoreError(f"{name} of {reference} is damaged (its hash differs) and was removed; try again.")
    if is_adapter(folder):
        check_adapter(folder)
    else:
        check_base(folder)
    return Snapshot(folder, commit, files, fetched)


def _is_connection_error(error: Exception) -> bool:
    """Whether the Hub was not reached at all; huggingface_hub lets its HTTP library's own errors through."""
    library = type(error).__module__.partition(".")[0]
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, ConnectionError | TimeoutError) or (
        library.startswith("httpx") and bool(names & {"TransportError", "RequestError"})
    )


def _explained(reference: HubReference, error: Exception) -> StoreError:
    """The one line for a person that an error of huggingface_hub stands for."""
    from huggingface_hub import errors

    page = f"https://huggingface.co/{reference.repo}"
    unreachable = (
        f"{reference} is not on this machine and the Hub could not be reached; connect to the network and try again."
    )
    explanations: tuple[tuple[type[Exception], str], ...] = (
        (
            errors.GatedRepoError,
            f"{reference.repo} is gated: ask for access on its page ({page}), then log in with `hf auth login` "
            "and try again.",
        ),
        (
            errors.RepositoryNotFoundError,
            f"the Hub has no model {reference.repo}, or it is private: check the name ({page}); "
            "for a private one log in with `hf auth login`.",
        ),
        (
            errors.RevisionNotFoundError,
            f"{reference.repo} has no revision {reference.revision!r}; name a branch, tag or commit of it ({page}).",
        ),
        (
            errors.OfflineModeIsEnabled,
            f"{reference} is not on this machine and HF_HUB_OFFLINE forbids fetching it; unset that variable "
            "and try again.",
        ),
        (errors.HFValidationError, f"{reference.repo} is not a name that the Hub allows; write owner/name."),
        (errors.LocalEntryNotFoundError, unreachable),
    )
    for kind, explanation in explanations:
        if isinstance(error, kind):
            return StoreError(explanation)
    if _is_connection_error(error):
        return StoreError(unreachable)
    return StoreError(f"the Hub did not give {reference}: {one_line(str(error), 300).rstrip('.')}; try again later.")
