"""Entailment as a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.data.sample import write_pairs
from finetune.recipe import NLIRecipe
from finetune.tasks.base import Examples, OnProgress, Rows, Task, average_tokens, test_rows

if TYPE_CHECKING:
    from assistant.models.store import ResolvedModel
    from finetune.data.pairs import Pair
    from finetune.tasks.nli.training import VerifierTraining


class NLITask(Task[NLIRecipe]):
    """Verifiers."""

    peft_type = "SEQ_CLS"
    pipeline = "text-classification"
    purpose = "natural language inference"
    role = "VERIFIER"
    figures = ("accuracy", "f1_macro", "f1_weighted")

    def load(self, recipe: NLIRecipe, folder: Path | None = None) -> "Examples[Pair]":
        """Pairs of premise and hypothesis."""
        from finetune.tasks.nli.training import load_pairs

        return load_pairs(recipe)

    def training(self, recipe: NLIRecipe, base: Path, output: Path) -> "VerifierTraining":
        """The training of a verifier."""
        from finetune.tasks.nli.training import VerifierTraining

        return VerifierTraining(recipe, base, output)

    def measure(
        self, recipe: NLIRecipe, model: "ResolvedModel", folder: Path, on_progress: OnProgress
    ) -> dict[str, Any]:
        """Accuracy and F1 on the test pairs."""
        from assistant.loading.verifier import load_verifier
        from finetune.data.files import evenly
        from finetune.data.pairs import read_labelled_pairs
        from finetune.tasks.nli.training import evaluate

        pairs, _ = read_labelled_pairs(recipe.data.test or "", recipe.data.columns)
        return evaluate(load_verifier(model), evenly(pairs, recipe.data.limit), on_progress)

    def count(self, recipe: NLIRecipe) -> Rows:
        """Pairs; those of a mixture as the recipe asks for them, since making them takes a reader and minutes."""
        from finetune.data.files import find_data
        from finetune.data.pairs import read_labelled_pairs, read_pairs

        data = recipe.data
        if data.form == "mixed":
            files = 0
            for name in data.train:
                read = len(read_pairs(find_data(name)))
                files += min(read, data.limits.get(name, read))
            rows = files + sum(data.qa_pairs.values())
            held_out = round(rows * data.held_out)
            train = min(rows - held_out, data.limit or rows)
            source = "counted in the data, with the pairs that the recipe asks for"
            return Rows(train, train, held_out, None, source, data.declared.tokens)
        kept, out, _ = self.load(recipe)
        test = test_rows(recipe, lambda name: len(read_labelled_pairs(name, data.columns)[0]))
        tokens = average_tokens([len(pair.premise) + len(pair.hypothesis) for pair in kept], recipe)
        return Rows(len(kept), len(kept), len(out), test, "counted in the data", tokens)

    def sample(self, recipe: NLIRecipe, folder: Path) -> dict[str, Any]:
        """Pairs about eight cities."""
        train, test = write_pairs(folder / "train.tsv"), write_pairs(folder / "test.tsv", later=True)
        changes = {"form": "table", "columns": {}, "train": [str(train)], "test": str(test), "held_out": 0.25}
        return {"data": recipe.data.model_copy(update=changes | {"limit": None})}
