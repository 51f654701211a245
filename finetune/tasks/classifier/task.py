"""Classification of texts as a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.data.sample import write_labelled_texts
from finetune.recipe import ClassifierRecipe
from finetune.tasks.base import OnProgress, RowCounts, Task, average_tokens, test_rows
from finetune.tasks.examples import Examples

if TYPE_CHECKING:
    from assistant.models.store import ResolvedModel
    from finetune.data.labelled_texts import LabelledText
    from finetune.tasks.classifier.training import ClassifierTraining


class ClassifierTask(Task[ClassifierRecipe]):
    """Classifiers with labels of one's own, for `finetune classify`; the chat has no part for them."""

    peft_type = "SEQ_CLS"
    pipeline = "text-classification"
    purpose = "text classification"
    role = ""
    figures = ("accuracy", "f1_macro", "f1_weighted")

    def load(self, recipe: ClassifierRecipe, folder: Path | None = None) -> "Examples[LabelledText]":
        """Texts with labels."""
        from finetune.tasks.classifier.training import load_texts

        return load_texts(recipe)

    def training(self, recipe: ClassifierRecipe, base: Path, output: Path) -> "ClassifierTraining":
        """The training of a classifier."""
        from finetune.tasks.classifier.training import ClassifierTraining

        return ClassifierTraining(recipe, base, output)

    def measure(
        self, recipe: ClassifierRecipe, model: "ResolvedModel", folder: Path, on_progress: OnProgress
    ) -> dict[str, Any]:
        """Accuracy and F1 on the test texts."""
        from finetune.data.files import evenly
        from finetune.data.labelled_texts import read_labelled_texts
        from finetune.tasks.classifier.classifier import evaluate, load_classifier

        texts, _ = read_labelled_texts(recipe.data.test or "", recipe.data.columns)
        return evaluate(load_classifier(model, recipe), evenly(texts, recipe.data.limit), on_progress)

    def count(self, recipe: ClassifierRecipe) -> RowCounts:
        """Texts."""
        from finetune.data.labelled_texts import read_labelled_texts

        kept, out, _ = self.load(recipe)
        test = test_rows(recipe, lambda name: len(read_labelled_texts(name, recipe.data.columns)[0]))
        tokens = average_tokens([len(each.text) for each in kept], recipe)
        return RowCounts(len(kept), len(kept), len(out), test, "counted in the data", tokens)

    def sample(self, recipe: ClassifierRecipe, folder: Path) -> dict[str, Any]:
        """Sentences on eight cities, of three kinds."""
        train = write_labelled_texts(folder / "train.csv")
        test = write_labelled_texts(folder / "test.csv", later=True)
        changes = {"train": [str(train)], "test": str(test), "columns": {}, "held_out": 0.25, "limit": None}
        return {"data": recipe.data.model_copy(update=changes)}
