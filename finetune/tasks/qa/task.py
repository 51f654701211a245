"""Extractive question answering as a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.data.sample import write_questions
from finetune.recipe import QARecipe
from finetune.tasks.base import OnProgress, RowCounts, Task, average_tokens, test_rows
from finetune.tasks.examples import Examples

if TYPE_CHECKING:
    from assistant.models.store import ResolvedModel
    from finetune.data.squad import QAExample
    from finetune.tasks.qa.training import ReaderTraining

_WINDOWS_A_ROW = 88_729 / 87_599
"""BERT's windows of SQuAD's questions, where the recipe says nothing else."""


class QATask(Task[QARecipe]):
    """Readers."""

    peft_type = "QUESTION_ANS"
    pipeline = "question-answering"
    purpose = "extractive question answering"
    role = "READER"
    figures = ("exact_match", "f1")

    def load(self, recipe: QARecipe, folder: Path | None = None) -> "Examples[QAExample]":
        """Questions on paragraphs."""
        from finetune.tasks.qa.training import load_examples

        return load_examples(recipe)

    def training(self, recipe: QARecipe, base: Path, output: Path) -> "ReaderTraining":
        """The training of a reader."""
        from finetune.tasks.qa.training import ReaderTraining

        return ReaderTraining(recipe, base, output)

    def measure(
        self, recipe: QARecipe, model: "ResolvedModel", folder: Path, on_progress: OnProgress
    ) -> dict[str, Any]:
        """Exact match and F1 on the test questions, with the recipe's windows."""
        from assistant.loading.reader import load_reader
        from finetune.data.files import evenly
        from finetune.data.squad import read_questions
        from finetune.tasks.qa.evaluation import evaluate

        questions = evenly(read_questions(recipe.data.test or "", recipe.data.columns), recipe.data.limit)
        reader = load_reader(model)
        reader.max_length, reader.stride = recipe.max_length, recipe.stride
        return evaluate(reader, questions, on_progress)

    def count(self, recipe: QARecipe) -> RowCounts:
        """Questions, those made included, and their windows by the usual number of them."""
        from finetune.data.squad import read_questions

        train, held_out, _ = self.load(recipe)
        test = test_rows(recipe, lambda name: len(read_questions(name, recipe.data.columns)))
        tokens = average_tokens([len(example.question) + len(example.context) for example in train], recipe)
        source = "counted in the data; windows estimated"
        return RowCounts(len(train), self.units(recipe, len(train)), len(held_out), test, source, tokens)

    def units(self, recipe: QARecipe, rows: int) -> int:
        """Windows of so many questions."""
        declared = recipe.data.declared
        known = declared.windows / declared.train if declared.windows and declared.train else _WINDOWS_A_ROW
        return round(rows * known)

    def sample(self, recipe: QARecipe, folder: Path) -> dict[str, Any]:
        """Questions on eight cities; of the -v2 recipes a third has no answer."""
        unanswerable = recipe.training.best_by == "f1_all" and not recipe.data.unanswerable
        train = write_questions(folder / "train.json", unanswerable=unanswerable)
        test = write_questions(folder / "test.json", unanswerable=unanswerable, later=True)
        changes = {"train": [str(train)], "test": str(test), "held_out": 0.25, "yardstick": {}, "limit": None}
        changes["tabular"] = min(8, recipe.data.tabular)
        # Questions about tables name a row and a column, in words that a tiny vocabulary cuts into many tokens.
        length = 128 if recipe.data.tabular else 64
        changed = recipe.data.model_copy(update=changes)
        return {"data": changed, "max_length": length, "stride": 16, "first_reader": None}
