"""What a task is to the rest of the program, so that nobody else has to ask which task a recipe is of."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from assistant.errors import UsageError
from finetune.data.files import find_data
from finetune.data.tables import is_hub
from finetune.recipe import Recipe
from finetune.tasks.examples import Examples

if TYPE_CHECKING:
    from assistant.cli.console import StatusLine
    from assistant.models.store import ResolvedModel
    from finetune.tasks.training import TaskTraining

_CHARACTERS_A_TOKEN = 3.5
"""Of English prose and code a little less or more; without the base's tokenizer, which would be a download, a guess."""

R = TypeVar("R", bound=Recipe)
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows there are and how that is known; `units` are what a batch holds (windows, for a reader)."""

    train: int
    units: int
    held_out: int
    test: int | None
    source: str
    tokens: int | None = None
    """Of an average unit."""


class Task(ABC, Generic[R]):
    """A kind of recipe: its data, its training, how its models are measured, and its names elsewhere."""

    peft_type: ClassVar[str]
    """What peft calls it."""
    pipeline: ClassVar[str]
    """What the Hub calls it."""
    purpose: ClassVar[str]
    """What its models are for, in words."""
    role: ClassVar[str]
    """Which part of a profile its models play."""
    figures: ClassVar[tuple[str, ...]]
    """What is measured, for a comparison; the second one picks the best."""
    causal: ClassVar[bool] = False
    """Whether its models are language models that write, rather than encoders that read."""

    @abstractmethod
    def load(self, recipe: R, folder: Path | None = None) -> Examples[Any]:
        """Read, shape and split a recipe's data; `folder` is the run's, where there is one.

        Raises:
            UsageError: the data cannot be read, or holds nothing to train on.
            AssistantError: the Hub did not give it.
        """

    def prepare(self, recipe: R, folder: Path, status: "StatusLine") -> bool:
        """Make what the data still lacks once the base is there; returns whether `load` now gives something else."""
        return False

    @abstractmethod
    def training(self, recipe: R, base: Path, output: Path) -> "TaskTraining[R, Any]":
        """The training of a recipe on a base, not begun."""

    def train(
        self,
        recipe: R,
        base: Path,
        output: Path,
        callbacks: Sequence[Any] = (),
        data: Examples[Any] | None = None,
    ) -> dict[str, float]:
        """Train what a recipe says of a base and save it below the output folder.

        Args:
            recipe: what to train.
            base: the base's folder.
            output: the run's folder; a checkpoint in it is gone on from.
            callbacks: of the trainer, more of them.
            data: the recipe's, where it was read already.

        Returns:
            Figures of the training and of the held-out rows.
        """
        return self.training(recipe, base, output).run(data or self.load(recipe, output), callbacks)

    @abstractmethod
    def measure(self, recipe: R, model: "ResolvedModel", folder: Path, on_progress: OnProgress) -> dict[str, Any]:
        """The report of a trained model on the recipe's test data, loaded as the assistant loads it.

        Raises:
            AssistantError: the model or the data cannot be used.
        """

    def has_test(self, recipe: R) -> bool:
        """Whether there is something to measure a finished run on."""
        return recipe.data.test is not None

    @abstractmethod
    def count(self, recipe: R) -> RowCounts:
        """The rows of a recipe whose data is at hand."""

    def sources(self, recipe: R) -> list[str]:
        """The data sets that a recipe is trained on."""
        return list(recipe.data.train)

    def units(self, recipe: R, rows: int) -> int:
        """How many units of a batch so many rows make."""
        return rows

    @abstractmethod
    def sample(self, recipe: R, folder: Path) -> dict[str, Any]:
        """What a recipe changes to for a few steps on sample data, which is written into a folder."""


def are_here(names: Sequence[str]) -> bool:
    """Whether all data sets are files that are at hand."""
    try:
        return not any(is_hub(name) for name in names) and all(find_data(name) for name in names)
    except UsageError:
        return False


def test_rows(recipe: Recipe, count: Callable[[str], int]) -> int | None:
    """The rows of a recipe's test data: counted where it is at hand, else as declared."""
    test = recipe.data.test
    return count(test) if test is not None and are_here([test]) else recipe.data.declared.test


def average_tokens(characters: Sequence[int], recipe: Recipe) -> int | None:
    """Tokens of an average row: what the recipe declares, else by the characters."""
    if recipe.data.declared.tokens or not characters:
        return recipe.data.declared.tokens
    return round(min(sum(characters) / len(characters) / _CHARACTERS_A_TOKEN, recipe.longest))
