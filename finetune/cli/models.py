"""Which model a name stands for in `finetune evaluate`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.cli.console import StatusLine
from assistant.errors import UsageError
from finetune.trainer.saving import trained_folder

if TYPE_CHECKING:
    from assistant.models.store import ResolvedModel
    from finetune.recipe import Recipe

BASE = "base"
_OF = "base:"


def resolve(task: str, name: str, status: StatusLine) -> "ResolvedModel":
    """The model that a name stands for.

    Args:
        task: qa, nli or code: which of a profile's models is meant.
        name: a profile, whose part for the task is meant; `base`, that of the default profile's generator;
            `base:NAME`, the base of another model; a run's folder; or whatever the store takes.
        status: is told of downloads.

    Raises:
        UsageError, StoreError, ModelError: there is no such model, or it cannot be had.
    """
    from assistant.models.store import ModelStore

    if name == BASE or name.startswith(_OF):
        if task != "code":
            raise UsageError(f"The base of the {task} adapter has no head for that task; `base` is for code.")
        return base_of(task, name.removeprefix(_OF) if name.startswith(_OF) else "embedded", status)
    store = ModelStore()
    if name in store.catalogue.profiles:
        profile = store.catalogue.profile(name)
        return store.resolve({"qa": profile.reader, "nli": profile.verifier, "code": profile.generator}[task], status)
    return store.resolve(str(trained_folder(Path(name)) or name), status)


def base_of(task: str, name: str, status: StatusLine) -> "ResolvedModel":
    """The base of the model that a name stands for; a model without an adapter is its own.

    Raises:
        UsageError, StoreError, ModelError: as `resolve`.
    """
    from assistant.models.store import ModelStore

    model = resolve(task, name, status)
    if model.adapter is not None:
        return replace(model, name=model.name.rpartition("+")[0], adapter=None)
    recipe = recipe_of(name)
    return model if recipe is None else ModelStore().resolve(recipe.base, status)


def recipe_of(name: str) -> "Recipe | None":
    """The recipe of a run, named by its folder or by that of what it trained; None for any other model."""
    from finetune.recipe_files import read_run

    folder = run_of(name)
    return None if folder is None else read_run(folder)


def run_of(name: str) -> Path | None:
    """The folder of a finished run that a name stands for, or that holds what it names."""
    folder = Path(name)
    for place in (folder, folder.parent):
        trained = trained_folder(place)
        if trained is not None and (place / "recipe.json").is_file() and folder in (place, trained):
            return place
    return None
