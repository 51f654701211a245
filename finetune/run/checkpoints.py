"""Whole checkpoints on the Hub: uploaded while training goes on, fetched to go on on another machine."""

import json
import logging
import math
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from transformers import TrainerCallback

from assistant.errors import AssistantError
from assistant.text import one_line
from finetune.run.hub import create_private
from finetune.trainer.trainer import STATE_FILE, newest_checkpoint, step_of

if TYPE_CHECKING:
    from concurrent.futures import Future

log = logging.getLogger(__name__)

Strategy = Literal["checkpoint", "all_checkpoints", "end"]
_WAITING = ".uploading"
_ARRIVING = ".arriving"


class CheckpointUpload(TrainerCallback):
    """Uploads checkpoints to a private repository of the Hub, in the background and one after the other.

    A checkpoint waits as hard links, so that the trainer may remove it meanwhile. An upload that fails is told and does
    not end the training. The strategies are those of the Trainer's `hub_strategy`.

    Args:
        repo: of the Hub.
        output: the run's folder.
        strategy: `checkpoint` uploads the newest and the best one when the last upload is done and `pause` seconds old,
            and passes over those between; `all_checkpoints` uploads each; `end` those two when the training is over.
        pause: seconds between two uploads, as the Hub takes a limited number of commits an hour.
    """

    def __init__(self, repo: str, output: Path, strategy: Strategy = "checkpoint", pause: float = 60.0) -> None:
        from huggingface_hub import HfApi

        self._api = HfApi()
        self._repo = repo
        self._output = output
        self._strategy = strategy
        self._pause = pause
        self._uploads: list[Future[Any]] = []
        self._waiting: list[Path] = []
        self._last = -math.inf

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Make the repository, or say at once that it cannot be made."""
        if state.is_world_process_zero:
            create_private(self._api, self._repo)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Queue the checkpoint that was just written, and forget those that it makes needless."""
        if not state.is_world_process_zero:
            return
        name = f"checkpoint-{state.global_step}"
        waiting = self._output / _WAITING / name
        shutil.rmtree(waiting, ignore_errors=True)
        shutil.copytree(self._output / name, waiting, copy_function=_link)
        if self._strategy != "all_checkpoints":
            best = Path(state.best_model_checkpoint or "").name
            for each in [each for each in self._waiting if each.name != best]:
                self._waiting.remove(each)
                shutil.rmtree(each, ignore_errors=True)
        self._waiting.append(waiting)
        if self._strategy == "all_checkpoints" or (self._strategy == "checkpoint" and self._is_idle()):
            self._start()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Upload what still waits, and wait for it."""
        self._start()
        for upload in self._uploads:
            upload.result()
        shutil.rmtree(self._output / _WAITING, ignore_errors=True)

    def _is_idle(self) -> bool:
        return all(upload.done() for upload in self._uploads) and time.monotonic() - self._last >= self._pause

    def _start(self) -> None:
        self._uploads += [self._api.run_as_future(self._upload, waiting) for waiting in self._waiting]
        self._waiting.clear()
        self._last = time.monotonic()

    def _upload(self, waiting: Path) -> None:
        try:
            self._api.upload_folder(
                repo_id=self._repo,
                folder_path=waiting,
                path_in_repo=waiting.name,
                commit_message=f"Training: {waiting.name}",
            )
        except Exception as error:  # noqa: BLE001  (whatever goes wrong up there, the training goes on down here)
            log.warning("%s was not uploaded to %s: %s", waiting.name, self._repo, one_line(str(error), 200))
        shutil.rmtree(waiting, ignore_errors=True)


def fetch_newest(repo: str, output: Path) -> None:
    """Fetch the newest whole checkpoint of a repository, where it is newer than those of the run's folder.

    The one that was best until then comes too: the run may end with its weights.

    Raises:
        AssistantError: the Hub has the repository and does not give it.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        files = HfApi().list_repo_files(repo)
    except RepositoryNotFoundError:
        return  # the first run of it
    except Exception as error:
        raise AssistantError(f"The checkpoints of {repo} cannot be listed: {one_line(str(error), 200)}.") from error
    ending = f"/{STATE_FILE}"
    names = [name.removesuffix(ending) for name in files if name.startswith("checkpoint-") and name.endswith(ending)]
    here = newest_checkpoint(output)
    newest = max(names, key=lambda name: step_of(Path(name)), default=None)
    if newest is None or (here is not None and step_of(here) >= step_of(Path(newest))):
        return
    arriving = output / _ARRIVING  # beside its place until it is whole, so that half of one is never gone on from

    def fetch(name: str) -> None:
        log.info("fetching %s of %s", name, repo)
        try:
            snapshot_download(repo, allow_patterns=[f"{name}/*"], local_dir=arriving)
        except Exception as error:
            raise AssistantError(f"{name} of {repo} cannot be fetched: {one_line(str(error), 200)}.") from error

    fetch(newest)
    best = Path(json.loads((arriving / newest / STATE_FILE).read_text("utf-8")).get("best_model_checkpoint") or "").name
    if best in names and best != newest and not (output / best).exists():
        fetch(best)
        (arriving / best).replace(output / best)
    (arriving / newest).replace(output / newest)
    shutil.rmtree(arriving)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)  # a file system without hard links
