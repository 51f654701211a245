"""What a run trained as one whole model in a folder of its own."""

import shutil
from pathlib import Path
from typing import cast

from assistant.errors import UsageError
from assistant.models.validation import is_adapter
from finetune.recipe_files import read_run
from finetune.run.gguf_file import GgufFormat, write_gguf
from finetune.run.publish import check_finished
from finetune.tasks.registry import TASKS
from finetune.trainer.saving import write_merged

FORMATS = ("Q8_0", "F16")


def write_whole(run: Path, folder: Path, gguf: str | None = None) -> list[Path]:
    """Write the whole model of a finished run into a new folder; returns what can be named to run it.

    Args:
        run: the run's folder.
        folder: gets configuration, tokenizer, safetensors in float16, and what reads a reader's or verifier's scores.
        gguf: one of `FORMATS`: also a GGUF file beside them.

    Raises:
        UsageError: the run is not finished, the folder is in use, or the model cannot be told in a GGUF file.
        StoreError, ModelError: the base cannot be had, or is not the adapter's.
    """
    trained, recipe = check_finished(run), read_run(run)
    if gguf is not None and not TASKS[recipe.task].causal:
        raise UsageError(f"{run} is a {TASKS[recipe.task].role.lower() or recipe.task}; GGUF files are for generators.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already; name a new folder with --output.")
    try:
        if is_adapter(trained):
            write_merged(trained, recipe, folder)
        else:
            shutil.copytree(trained, folder, dirs_exist_ok=True)
        made = [folder]
        if gguf is not None:
            name = folder.resolve().name
            made.append(write_gguf(folder, folder / f"{name}-{gguf}.gguf", name, cast("GgufFormat", gguf)))
    except OSError as error:
        raise UsageError(f"{folder}: the model cannot be written there ({error.strerror or error}).") from error
    return made
