"""Reading recipes: the files of the package or one's own, with settings laid over them, and lists of settings."""

import copy
import itertools
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from assistant.errors import UsageError, nearest
from finetune.recipe import FORMS, Recipe

_OF_THE_RESULT = ("base", "method", "data.train", "data.test", "data.limit")

_ADAPTER: TypeAdapter[Recipe] = TypeAdapter(Annotated[Recipe, Field(discriminator="task")])


def recipe_names() -> list[str]:
    """The recipes that ship with the package."""
    folder = resources.files("finetune") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def recipe_text(name: str) -> str:
    """The file of a shipped recipe, or of a recipe at a path.

    Raises:
        UsageError: there is no such recipe; the message names the nearest.
    """
    if name in recipe_names():
        return (resources.files("finetune") / "recipes" / f"{name}.toml").read_text("utf-8")
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path.read_text("utf-8")
    near = nearest(name, recipe_names())
    hint = f" Did you mean {near}?" if near else ""
    raise UsageError(f"There is no recipe {name!r}.{hint} See `finetune list`; a file of your own ends in .toml.")


def load_recipe(name: str, settings: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe, with `key=value` settings (dotted keys, TOML values) laid over it.

    Raises:
        UsageError: an unknown recipe, an unknown key, or a value that does not fit.
    """
    try:
        data = tomllib.loads(recipe_text(name))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: not valid TOML: {error}") from error
    own = copy.deepcopy(data)
    for setting in settings:
        _lay_over(data, setting)
    if _training_data(data) != _training_data(own):
        _forget_what_was_said_of(data, settings)
    _describe_changes(data, own, settings)
    try:
        return _ADAPTER.validate_python(data)
    except ValidationError as error:
        raise UsageError(f"{name}: {_first_problem(error)}") from error


def read_run(folder: Path) -> Recipe:
    """The recipe that a run's folder was made by.

    Raises:
        UsageError: the folder holds none.
    """
    try:
        return _ADAPTER.validate_json((folder / "recipe.json").read_text("utf-8"))
    except (OSError, ValidationError) as error:
        raise UsageError(f"{folder}: not the folder of a run (it has no recipe.json that can be read).") from error


def combinations(name: str, settings: Sequence[str]) -> list[list[str]]:
    """The settings of each run of a sweep: a list where the recipe takes one value stands for its elements in turn.

    A list is `[1e-4, 2e-4]` or, which shells leave alone, `1e-4,2e-4`.

    Raises:
        UsageError: as `load_recipe`, for the first combination that does not fit.
    """
    choices = [_choices(name, setting) for setting in settings]
    return [list(chosen) for chosen in itertools.product(*choices)]


def own_settings(settings: Sequence[str], all_settings: Sequence[Sequence[str]]) -> list[str]:
    """What tells a run of a sweep from the others: the settings that not all have.

    Raises:
        UsageError: nothing does.
    """
    shared = set(all_settings[0]).intersection(*all_settings[1:])
    if own := [setting for setting in settings if setting not in shared]:
        return own
    raise UsageError("Two runs of the sweep have the same settings; leave one out.")


def _choices(name: str, setting: str) -> list[str]:
    key, _, text = setting.partition("=")
    value = _value(text)
    values = [_written(each) for each in value] if isinstance(value, list) else text.split(",")
    if _fits(name, setting):
        return [setting]
    choices = [f"{key}={each.strip()}" for each in values]
    return choices if any(_fits(name, choice) for choice in choices) else [setting]


def _fits(name: str, setting: str) -> bool:
    try:
        load_recipe(name, [setting])
    except UsageError:
        return False
    return True


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, list | dict) else str(value)


def _value(text: str) -> Any:
    """A TOML value; what is none is a word."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _lay_over(data: dict[str, Any], setting: str) -> None:
    key, equals, value = setting.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {setting}: write it as key=value, for example --set training.epochs=2")
    *parents, last = key.split(".")
    for parent in parents:
        data = data.setdefault(parent, {})
        if not isinstance(data, dict):
            raise UsageError(f"--set {setting}: {parent} is a value, not a section")
    data[last] = _value(value)


def _training_data(data: dict[str, Any]) -> Any:
    section = data.get("data")
    return section.get("train") if isinstance(section, dict) else None


def _forget_what_was_said_of(data: dict[str, Any], settings: Sequence[str]) -> None:
    """Take out what a recipe says of its own training data, where other data is given: its licence and its size."""
    given = {setting.partition("=")[0] for setting in settings}
    if "licence" not in given:
        data["licence"] = "not stated; --set licence=NAME says it"
    if not any(key.startswith("data.declared") for key in given):
        data["data"].pop("declared", None)


def _describe_changes(data: dict[str, Any], own: Mapping[str, Any], settings: Sequence[str]) -> None:
    """Say in the description what is no longer as it was, and take out what was measured with it.

    The base, the method and the rows make a run another one; so much of its hyper-parameters stands in its report.
    """
    given = {setting.partition("=")[0] for setting in settings}
    told = []
    for key in _OF_THE_RESULT:
        value, before = (_at(each, key) for each in (data, own))
        if value != before:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            told.append(f"{key.removeprefix('data.')} {shown}")
    if not told:
        return
    if "source_result" not in given:
        data.pop("source_result", None)
    if "description" not in given:
        data["description"] = f"recipe {data.get('name')} with another {'; '.join(told)}"


def _at(data: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted key; None where there is none."""
    value: Any = data
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    # The first part is the recipe's task, which chose the form.
    location = ".".join(str(part) for part in problem["loc"][1:]) or "task"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    if problem["type"] != "extra_forbidden":
        return f"{location}: {problem['msg']}"
    known = sorted({field for form in FORMS for field in form.model_fields})
    near = nearest(str(problem["loc"][-1]), known)
    return f"unknown key {location}" + (f"; did you mean {near}?" if near else "")
