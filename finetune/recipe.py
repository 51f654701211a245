"""Recipes: one TOML file says fully how one adapter is trained. Unknown keys are refused."""

import difflib
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from assistant.errors import UsageError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lora(_Strict):
    """The adapter (Hu et al., 2021)."""

    r: int = Field(gt=0)
    """Rank of the update."""
    alpha: int = Field(gt=0)
    """The update is scaled by alpha / r."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the adapter's input."""
    targets: list[str] | str
    """Names of the modules that get an adapter, or one regular expression over their full names."""
    modules_to_save: list[str] = []
    """Modules trained in full and saved with the adapter."""
    start_from: str | None = None
    """An adapter to go on from: one of the package by its name, or the folder of one with the same base and shape."""


class Training(_Strict):
    """How the optimizer runs."""

    epochs: float = Field(default=1.0, gt=0)
    batch_size: int = Field(gt=0)
    accumulation: int = Field(default=1, gt=0)
    """Batches whose gradients are summed before a step."""
    learning_rate: float = Field(gt=0)
    scheduler: Literal["linear", "cosine", "constant"] = "linear"
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Share of the steps over which the learning rate rises."""
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    optimizer: str = "adamw_torch"
    """A name of transformers' `OptimizerNames`."""
    seed: int = 42
    save_steps: int = Field(default=200, gt=0)
    """Steps between checkpoints, from which an interrupted run goes on."""
    logging_steps: int = Field(default=20, gt=0)
    eval_rows: int = Field(default=0, ge=0)
    """Held-out rows measured at each checkpoint, of which the best is kept; 0 keeps the last."""


class QAData(_Strict):
    """Extractive question answering data in SQuAD format."""

    train: list[str]
    """Files; relative ones are looked up in ASSISTANT_TEST_DATA."""
    unanswerable: dict[Literal["moved", "removed", "altered"], Annotated[float, Field(ge=0)]] = {}
    """Unanswerable questions made per answerable one, by the way they are made (see `finetune.data.unanswerable`)."""
    held_out: float = Field(default=0.02, ge=0, lt=1)
    """Share of each file's articles kept out of training, to choose the checkpoint and to calibrate on."""
    yardstick: dict[str, Annotated[float, Field(gt=0, lt=1)]] = {}
    """Share of a file's articles that training and calibration never see; `evaluate --last-articles` reads them."""
    limit: int | None = Field(default=None, gt=0)
    """Train on this many examples only."""


class NLIData(_Strict):
    """Premise and hypothesis pairs."""

    train: list[str]
    """TSV or JSONL files; relative ones are looked up in ASSISTANT_TEST_DATA."""
    qa: str | None = None
    """A SQuAD file from which question and answer pairs are made."""
    qa_pairs: int = Field(default=0, ge=0)
    """How many pairs to make from it."""
    limits: dict[str, int] = {}
    """At most this many pairs of a file, by the name that `train` gives it."""
    max_length: int = Field(default=256, gt=0)
    """Training pairs of more tokens are left out, never cut."""
    held_out: float = Field(default=0.02, ge=0, lt=1)
    limit: int | None = Field(default=None, gt=0)


class CodeData(_Strict):
    """Programming questions with answers, given the shape of a chat."""

    train: list[str]
    """Files; relative ones are looked up in ASSISTANT_TEST_DATA."""
    max_characters: int = Field(default=1024, gt=0)
    """Longer conversations are left out."""
    max_length: int = Field(default=2048, gt=0)
    held_out: float = Field(default=0.1, ge=0, lt=1)
    """Share of the questions, by a hash of their text, kept for evaluation."""
    at_most: dict[str, int] = {}
    """How many training questions to take of a file, for those that shall not give all of theirs."""
    limit: int | None = Field(default=None, gt=0)


class _Common(_Strict):
    name: str
    description: str
    base: str
    """A model of the catalogue, a local folder or a Hub name."""
    licence: str
    """Licence of the data, and so of what may be done with the adapter."""
    lora: Lora
    training: Training


class QARecipe(_Common):
    """An extractive reader."""

    task: Literal["qa"]
    data: QAData
    max_length: int = Field(default=384, gt=32)
    stride: int = Field(default=128, ge=0)


class NLIRecipe(_Common):
    """An entailment classifier."""

    task: Literal["nli"]
    data: NLIData


class CodeRecipe(_Common):
    """A code assistant."""

    task: Literal["code"]
    data: CodeData
    quantization: Literal["nf4", "int8", "none"] = "nf4"
    """How the frozen base is kept: NF4 with double quantisation (QLoRA, Dettmers et al., 2023), 8-bit, or as it is."""


Recipe = Annotated[QARecipe | NLIRecipe | CodeRecipe, Field(discriminator="task")]
_ADAPTER: TypeAdapter[QARecipe | NLIRecipe | CodeRecipe] = TypeAdapter(Recipe)


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
    near = difflib.get_close_matches(name, recipe_names(), n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(f"There is no recipe {name!r}.{hint} See `finetune list`; a file of your own ends in .toml.")


def load_recipe(name: str, settings: list[str] | None = None) -> QARecipe | NLIRecipe | CodeRecipe:
    """Read and check a recipe, with `key=value` settings (dotted keys, TOML values) laid over it.

    Raises:
        UsageError: an unknown recipe, an unknown key, or a value that does not fit.
    """
    try:
        data = tomllib.loads(recipe_text(name))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: not valid TOML: {error}") from error
    for setting in settings or []:
        _lay_over(data, setting)
    try:
        return _ADAPTER.validate_python(data)
    except ValidationError as error:
        raise UsageError(f"{name}: {_first_problem(error)}") from error


def _lay_over(data: dict[str, Any], setting: str) -> None:
    key, equals, value = setting.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {setting}: write it as key=value, for example --set training.epochs=2")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *parents, last = key.split(".")
    for parent in parents:
        data = data.setdefault(parent, {})
        if not isinstance(data, dict):
            raise UsageError(f"--set {setting}: {parent} is a value, not a section")
    data[last] = parsed


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    # The first part is the recipe's task, which chose the form.
    location = ".".join(str(part) for part in problem["loc"][1:]) or "task"
    if problem["type"] != "extra_forbidden":
        return f"{location}: {problem['msg']}"
    known = sorted(
        {
            field
            for model in (QARecipe, NLIRecipe, CodeRecipe, QAData, NLIData, CodeData, Lora, Training)
            for field in model.model_fields
        }
    )
    near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.5)
    return f"unknown key {location}" + (f"; did you mean {near[0]}?" if near else "")
