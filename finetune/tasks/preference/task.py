"""Preferences as a task: a generator learns which of two answers is the better one (DPO, Rafailov et al., 2023)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.data.sample import write_preferences
from finetune.recipe import PreferenceRecipe
from finetune.tasks.base import OnProgress, RowCounts, Task, average_tokens
from finetune.tasks.examples import Examples

if TYPE_CHECKING:
    from assistant.models.store import ResolvedModel
    from finetune.data.preferences import Preference
    from finetune.tasks.preference.training import PreferenceTraining


class PreferenceTask(Task[PreferenceRecipe]):
    """Generators that were shown a better and a worse answer."""

    peft_type = "CAUSAL_LM"
    pipeline = "text-generation"
    purpose = "a generator that prefers the better of two answers"
    role = "GENERATOR"
    figures = ("loss", "accuracy")
    causal = True

    def load(self, recipe: PreferenceRecipe, folder: Path | None = None) -> "Examples[Preference]":
        """Questions with two answers."""
        from finetune.tasks.preference.training import load_preferences

        return load_preferences(recipe)

    def training(self, recipe: PreferenceRecipe, base: Path, output: Path) -> "PreferenceTraining":
        """The training by preferences."""
        from finetune.tasks.preference.training import PreferenceTraining

        return PreferenceTraining(recipe, base, output)

    def measure(
        self, recipe: PreferenceRecipe, model: "ResolvedModel", folder: Path, on_progress: OnProgress
    ) -> dict[str, Any]:
        """Nothing beside what the training measures on the held-out questions."""
        return {}

    def has_test(self, recipe: PreferenceRecipe) -> bool:
        """What is measured is measured by the trainer, which has base and adapter at once."""
        return False

    def count(self, recipe: PreferenceRecipe) -> RowCounts:
        """Questions with two answers; each is read twice."""
        kept, held_out, _ = self.load(recipe)
        tokens = average_tokens([2 * each.characters for each in kept], recipe)
        return RowCounts(len(kept), len(kept), 0, len(held_out), "counted in the data", tokens)

    def sample(self, recipe: PreferenceRecipe, folder: Path) -> dict[str, Any]:
        """Two dozen questions, the answers of others being the worse ones."""
        changes = {"train": [str(write_preferences(folder / "train.jsonl"))], "held_out": 0.2, "columns": {}}
        return {"data": recipe.data.model_copy(update=changes | {"limit": None, "max_length": 512})}
