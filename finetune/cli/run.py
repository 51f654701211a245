"""`finetune run`: train a recipe, or one run for each value of a sweep."""

import json
import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli.console import StatusLine
from assistant.cli.options import switches
from assistant.errors import UsageError, did_you_mean
from finetune.cli.options import RecipeName, Set
from finetune.recipe_files import combinations, load_recipe, own_settings, read_run

if TYPE_CHECKING:
    from finetune.recipe import Recipe

STRATEGIES = ("checkpoint", "all_checkpoints", "end")


def run(
    recipe: RecipeName,
    set_: Set = None,
    output: Annotated[Path | None, typer.Option(help="Where the run goes; runs/RECIPE if not given.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, even where OUTPUT holds a checkpoint.")] = False,
    smoke: Annotated[
        bool,
        typer.Option(
            "--smoke", help="Half a minute on any machine: a tiny random model of the same kind, sample data."
        ),
    ] = False,
    limit: Annotated[int | None, typer.Option(help="Train and measure on this many rows only.", min=1)] = None,
    push_checkpoints: Annotated[
        str | None,
        typer.Option(help="Keep the checkpoints on the Hub too, to go on on another machine.", metavar="OWNER/NAME"),
    ] = None,
    push_strategy: Annotated[
        str,
        typer.Option(
            help="checkpoint: the newest and the best, a minute apart; all_checkpoints: each; end: when it is over.",
            metavar="STRATEGY",
        ),
    ] = "checkpoint",
) -> int:
    r"""Train a recipe. A run whose output folder holds a checkpoint goes on from it.

    \b
    Examples:
      finetune run qa-minilm
      finetune run code-gpt2-large --smoke
      finetune run qa-bert --set loop=accelerate --limit 2000
      finetune run nli-camembert --set training.learning_rate=1e-4,2e-4,4e-4
      accelerate launch --multi_gpu --mixed_precision fp16 -m finetune run nli-camembert
    """
    if push_strategy not in STRATEGIES:
        raise UsageError(f"--push-strategy {push_strategy}: {did_you_mean(push_strategy, STRATEGIES)}")
    _log_to_stderr()
    extra = [f"data.limit={limit}"] if limit is not None else []
    runs = [_chosen(recipe, [*settings, *extra]) for settings in combinations(recipe, set_ or [])]
    sweep = len(runs) > 1
    results: dict[Path, dict[str, Any]] = {}
    for settings, chosen in runs:
        folder = output or Path("runs") / (f"{chosen.name}-smoke" if smoke else chosen.name)
        if sweep:
            folder /= _folder_name(settings, [each for each, _ in runs])
        results[folder] = _one(
            chosen, folder, fresh=fresh, smoke=smoke, push_to=push_checkpoints, push_strategy=push_strategy,
            chosen_folder=output,
        )  # fmt: skip
    from finetune.trainer.processes import is_main_process, leave_group

    leave_group()
    if not is_main_process():
        return 0
    if sweep:
        from finetune.run.comparison import compare_runs, table

        print(table(compare_runs(list(results))))  # noqa: T201
        return 0
    [(folder, figures)] = results.items()
    from finetune.trainer.saving import trained_folder

    print(json.dumps({"model": str(trained_folder(folder) or folder), **figures}, indent=2))  # noqa: T201
    return 0


def _chosen(name: str, settings: list[str]) -> "tuple[list[str], Recipe]":
    return settings, load_recipe(name, settings)


def _one(
    recipe: "Recipe",
    folder: Path,
    *,
    fresh: bool,
    smoke: bool,
    push_to: str | None,
    push_strategy: Any,
    chosen_folder: Path | None,
) -> dict[str, Any]:
    from finetune.run.run import quiet_libraries, run_recipe
    from finetune.trainer.processes import is_main_process, use_one_gpu_without_launcher, wait_for_all

    use_one_gpu_without_launcher()
    quiet_libraries()
    if smoke:
        from finetune.plan.smoke import smoke_recipe

        sample = folder / "sample"
        if is_main_process():
            made = smoke_recipe(recipe, sample)
            (sample / "recipe.json").write_text(made.model_dump_json(), "utf-8")
        wait_for_all()
        recipe = read_run(sample)
        fresh = fresh or chosen_folder is None
    if push_to is not None:
        from finetune.run.checkpoints import fetch_newest

        if not fresh and is_main_process():
            fetch_newest(push_to, folder)
        wait_for_all()
    with StatusLine() as status:
        return run_recipe(recipe, folder, status, fresh=fresh, push_to=push_to, push_strategy=push_strategy)


def _folder_name(settings: Sequence[str], all_settings: Sequence[Sequence[str]]) -> str:
    """The folder of one run of a sweep."""
    pairs = [setting.partition("=") for setting in own_settings(settings, all_settings)]
    own = [f"{key.rpartition('.')[2]}={value}" for key, _, value in pairs]
    return re.sub(r"[^\w.=,+-]+", "-", ",".join(own)).strip("-")


def _log_to_stderr() -> None:
    logging.getLogger("finetune").setLevel(logging.INFO)
    if not switches.verbose and not switches.quiet:
        logging.basicConfig(stream=sys.stderr, format="%(message)s")
