"""What a run was made with, kept beside every checkpoint, and whether a run may go on from one."""

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path, PurePath
from typing import Any

from assistant.errors import UsageError
from finetune.recipe import Recipe
from finetune.recipe_files import read_run
from finetune.run.figures import FIGURES_FILE
from finetune.trainer.saving import trained_folder
from finetune.trainer.trainer import newest_checkpoint

_PACKAGES = ("terminal-assistant", "torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate", "datasets")
_MAY_DIFFER = {
    "name", "description", "licence", "source_result", "data.test", "training.epochs", "training.batch_size",
    "training.accumulation", "training.precision", "training.save_steps", "training.keep", "training.logging_steps",
    "training.eval_rows", "training.early_stopping", "training.tensorboard", "training.report_to",
    "training.eval_steps", "training.gradient_checkpointing", "data.shown_answers",
}  # fmt: skip
"""Settings that a run may go on with changed: how long and in which batches it trains, what it tells on the way."""
_MEASURED = frozenset({"name", "description", "licence", "source_result", "data.test", "data.shown_answers"})
"""Settings that change nothing of the training."""
_SECTIONS_MAY_DIFFER = ("data.declared.", "data.columns.")


def record(recipe: Recipe) -> dict[str, Any]:
    """What a run is made with: the resolved recipe, versions, seed, git state and machine, and when (ISO 8601)."""
    import torch

    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "recipe": recipe.model_dump(),
        "seed": recipe.training.seed,
        "versions": {"python": platform.python_version(), **versions},
        "git": _git_state(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else f"cpu ({platform.machine()})",
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "command": shlex.join(["finetune", *sys.argv[1:]]),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _git_state() -> dict[str, Any] | None:
    """The commit of the checkout that this program runs from, and whether it was changed; None outside of one."""
    git = shutil.which("git")
    here = Path(__file__).parent.parent
    if git is None:
        return None
    try:
        commit, changed = (
            subprocess.run(  # noqa: S603  (git of the user's own PATH, with fixed arguments)
                [git, "-C", str(here), *arguments], capture_output=True, text=True, timeout=10, check=True
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", str(here)])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "changed": bool(changed)}


def check_same(recipe: Recipe, folder: Path) -> None:
    """Refuse to go on from a checkpoint that was made otherwise: the report would tell of one run and be of two.

    Raises:
        UsageError: the message has the first setting that differs.
    """
    checkpoint = newest_checkpoint(folder)
    if checkpoint is None:
        return
    try:
        former = json.loads((checkpoint / "run.json").read_text("utf-8"))["recipe"]
    except (OSError, ValueError, KeyError):
        return  # of another program, or killed before it was written
    before, now = _settings(former), _settings(recipe.model_dump(mode="json"))
    for key in sorted(before.keys() & now.keys()):
        if before[key] != now[key]:
            was, is_ = ("nothing" if value is None else value for value in (before[key], now[key]))
            raise UsageError(
                f"{folder} holds a run with {key} = {was}, this one has {is_}, and what is trained there cannot become "
                "this: --output DIR takes another folder, --fresh starts over in this one."
            )


def read_record(folder: Path) -> dict[str, Any]:
    """What `record` said of a run; nothing where it was not written or cannot be read."""
    try:
        content: dict[str, Any] = json.loads((folder / "run.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content


def finished_run(recipe: Recipe, folder: Path) -> Recipe | None:
    """The recipe of the run that a folder holds, where it is finished and this recipe would train nothing else."""
    if trained_folder(folder) is None or not (folder / FIGURES_FILE).is_file():
        return None
    try:
        former = read_run(folder)
    except UsageError:
        return None
    before, now = (_settings(each.model_dump(mode="json"), may_differ=_MEASURED) for each in (former, recipe))
    return former if before == now else None


def _settings(values: dict[str, Any], prefix: str = "", may_differ: Collection[str] = _MAY_DIFFER) -> dict[str, Any]:
    """The settings that make a run what it is, by their dotted keys; of base and data the names, wherever they lie."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            found |= _settings(value, f"{key}.", may_differ)
        elif key not in may_differ and not key.startswith(_SECTIONS_MAY_DIFFER):
            found[key] = value
    for key in found.keys() & {"base", "data.train", "data.qa"}:
        places = found[key] if isinstance(found[key], list) else [found[key] or ""]
        found[key] = ", ".join(PurePath(place.partition("@")[0]).name for place in places)
    return found
