"""One run of a recipe: base, training, measuring, and everything that is written into the run's folder."""

import json
import logging
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.cli.console import StatusLine
from assistant.errors import AssistantError, UsageError
from assistant.events import Progress
from assistant.models.store import ModelStore
from finetune.json_files import write_json
from finetune.plan.bases import fetch_base
from finetune.plan.plan import with_checkpointing_decided
from finetune.recipe import Recipe
from finetune.run.card import results_of, write_card
from finetune.run.figures import FIGURES_FILE, TEST_FILE, read_figures
from finetune.run.provenance import check_same, finished_run, read_record, record
from finetune.tasks.registry import TASKS
from finetune.trainer.processes import check_sharding, is_main_process, wait_for_all
from finetune.trainer.saving import ADAPTER_FOLDER, MODEL_FOLDER, trained_folder

if TYPE_CHECKING:
    from finetune.run.checkpoints import Strategy

log = logging.getLogger(__name__)


def run_recipe(
    recipe: Recipe,
    folder: Path,
    status: StatusLine,
    *,
    fresh: bool = False,
    push_to: str | None = None,
    push_strategy: "Strategy" = "checkpoint",
) -> dict[str, Any]:
    """Train a recipe into a folder, measure what came of it, and write figures, plots, report and card.

    Args:
        recipe: what to run.
        folder: the run's; a checkpoint in it is gone on from.
        status: is told of downloads and of measuring.
        fresh: start over whatever the folder holds.
        push_to: a repository of the Hub that gets checkpoints, in the background.
        push_strategy: which of them, and when.

    Raises:
        UsageError: the folder, the base or the data cannot be used.
        AssistantError: the work failed; where a GPU has too little memory, the message says what to change.
    """
    import torch

    quiet_libraries()
    check_sharding(recipe)
    prepare(folder, fresh=fresh)
    check_same(recipe, folder)
    try:
        return _run(recipe, folder, status, push_to, push_strategy)
    except torch.OutOfMemoryError as error:
        from finetune.trainer.trainer import out_of_memory

        raise AssistantError(out_of_memory(recipe.training)) from error


def _run(
    recipe: Recipe, folder: Path, status: StatusLine, push_to: str | None, push_strategy: "Strategy"
) -> dict[str, Any]:
    from finetune.trainer.arguments import check_options

    task = TASKS[recipe.task]
    if (former := finished_run(recipe, folder)) is not None and not push_to:
        return _measured_again(recipe, folder, status, former)
    check_options(recipe.training)
    data = task.load(recipe, folder)  # what is wrong with the data is told before a base is fetched
    reference, base = fetch_base(recipe.base, status)
    recipe = recipe.model_copy(update={"base": reference})
    if is_main_process():
        (folder / "recipe.json").write_text(recipe.model_dump_json(indent=2) + "\n", "utf-8")
        write_json(folder / "run.json", record(recipe))
    if task.prepare(recipe, folder, status):
        data = task.load(recipe, folder)
    status.clear()
    callbacks = []
    if push_to is not None:
        from finetune.run.checkpoints import CheckpointUpload

        callbacks.append(CheckpointUpload(push_to, folder, push_strategy))
    figures: dict[str, Any] = task.train(with_checkpointing_decided(recipe), base, folder, callbacks, data)
    if not is_main_process():
        return figures
    return _measured(recipe, folder, status, figures)


def _measured(recipe: Recipe, folder: Path, status: StatusLine, figures: dict[str, Any]) -> dict[str, Any]:
    """Measure what a run trained and write it all down; returns the figures with those of the test."""
    test = measure(recipe, folder, status)
    if test is not None:
        write_json(folder / TEST_FILE, test)
        figures |= {f"test_{name}": value for name, value in test.items() if isinstance(value, float)}
    write_json(folder / FIGURES_FILE, figures)
    _tell(recipe, folder, figures)
    return figures


def _measured_again(recipe: Recipe, folder: Path, status: StatusLine, former: Recipe) -> dict[str, Any]:
    """Measure a finished run; what is known of its training stays as it is, and the record says that it was measured.

    In a run of several processes the first alone does.
    """
    figures = {name: value for name, value in read_figures(folder).items() if not name.startswith("test_")}
    if not is_main_process():
        return figures
    log.info("%s is a finished run: it is measured again", folder)
    recipe = recipe.model_copy(update={"base": former.base})
    (folder / "recipe.json").write_text(recipe.model_dump_json(indent=2) + "\n", "utf-8")
    about = read_record(folder)
    again = {name: value for name, value in record(recipe).items() if name not in ("recipe", "seed")}
    write_json(folder / "run.json", about | {"measured": [*about.get("measured", []), again]})
    return _measured(recipe, folder, status, figures)


def quiet_libraries() -> None:
    """Keep transformers' own bars and reports off: a fresh head is missing from every base, and that is no news."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    # peft and TRL still use names that transformers will drop; that is for them to change.
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers|peft|trl")
    # bitsandbytes, which peft imports, asks the Hub for a kernel on some machines and reports when it has none.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def _tell(recipe: Recipe, folder: Path, figures: dict[str, Any]) -> None:
    """Write what a person reads of the run: its report with plots, and the card that goes with the model."""
    from finetune.run.report import data_and_test, write_report

    write_report(folder)
    trained = trained_folder(folder)
    if trained is not None:
        of_training = {name: value for name, value in figures.items() if not name.startswith("test_")}
        results, command = results_of(recipe, figures), json.loads((folder / "run.json").read_text("utf-8"))["command"]
        write_card(recipe, of_training, trained, data_and_test(folder), results, command)


def prepare(folder: Path, *, fresh: bool) -> None:
    """Make the run's folder, without what an earlier run left where a fresh start is wanted.

    Raises:
        UsageError: the folder cannot be used.
    """
    try:
        if fresh and is_main_process():
            for old in (*folder.glob("checkpoint-*"), folder / ADAPTER_FOLDER, folder / MODEL_FOLDER):
                shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be used for the run ({error.strerror}).") from error
    wait_for_all()  # or a process might go on from a checkpoint that the first removes


def measure(recipe: Recipe, folder: Path, status: StatusLine) -> dict[str, Any] | None:
    """Measure what a run trained, loaded as the assistant loads it; None where the recipe names no test data.

    Raises:
        AssistantError: the model or the data cannot be used.
    """
    trained, task = trained_folder(folder), TASKS[recipe.task]
    if trained is None or not task.has_test(recipe):
        return None
    return task.measure(recipe, ModelStore().resolve(str(trained), status), folder, measuring(status))


def measuring(status: StatusLine) -> Callable[[int, int], None]:
    """A listener for measuring that shows how far it is."""
    return lambda done, total: status(Progress("Measuring", done, total))
