"""Answers written by an encoder-decoder (T5, BART) as a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.data.sample import write_questions
from finetune.recipe import Seq2SeqRecipe
from finetune.tasks.base import OnProgress, RowCounts, Task, average_tokens, test_rows
from finetune.tasks.examples import Examples

if TYPE_CHECKING:
    from assistant.models.store import ResolvedModel
    from finetune.data.squad import QAExample
    from finetune.tasks.seq2seq.training import Seq2SeqTraining


class Seq2SeqTask(Task[Seq2SeqRecipe]):
    """Encoder-decoders that write the answer to a question on a text; the chat has no part for them."""

    peft_type = "SEQ_2_SEQ_LM"
    pipeline = "text2text-generation"
    purpose = "generative question answering"
    role = ""
    figures = ("exact_match", "f1")

    def load(self, recipe: Seq2SeqRecipe, folder: Path | None = None) -> "Examples[QAExample]":
        """Questions on paragraphs."""
        from finetune.tasks.seq2seq.training import load_questions

        return load_questions(recipe)

    def training(self, recipe: Seq2SeqRecipe, base: Path, output: Path) -> "Seq2SeqTraining":
        """The training of an encoder-decoder."""
        from finetune.tasks.seq2seq.training import Seq2SeqTraining

        return Seq2SeqTraining(recipe, base, output)

    def measure(
        self, recipe: Seq2SeqRecipe, model: "ResolvedModel", folder: Path, on_progress: OnProgress
    ) -> dict[str, Any]:
        """Exact match and F1 of the written answers to the test questions."""
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        from assistant.loading.pretrained import from_pretrained, ready
        from finetune.data.files import evenly
        from finetune.data.squad import read_questions
        from finetune.tasks.seq2seq.training import evaluate

        questions = evenly(read_questions(recipe.data.test or "", recipe.data.columns), recipe.data.limit)
        network = ready(from_pretrained(AutoModelForSeq2SeqLM, model), model)
        return evaluate(network, AutoTokenizer.from_pretrained(model.base), questions, recipe, on_progress)

    def count(self, recipe: Seq2SeqRecipe) -> RowCounts:
        """Questions."""
        from finetune.data.squad import read_questions

        kept, out, _ = self.load(recipe)
        test = test_rows(recipe, lambda name: len(read_questions(name, recipe.data.columns)))
        tokens = average_tokens([len(each.question) + len(each.context) for each in kept], recipe)
        return RowCounts(len(kept), len(kept), len(out), test, "counted in the data", tokens)

    def sample(self, recipe: Seq2SeqRecipe, folder: Path) -> dict[str, Any]:
        """Questions on eight cities."""
        train, test = write_questions(folder / "train.json"), write_questions(folder / "test.json", later=True)
        changes = {"train": [str(train)], "test": str(test), "columns": {}, "held_out": 0.25, "limit": None}
        return {"data": recipe.data.model_copy(update=changes | {"max_length": 128, "max_answer": 16})}
