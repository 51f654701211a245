"""A code assistant as a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.data.sample import write_code, write_questions
from finetune.recipe import CodeRecipe
from finetune.tasks.base import OnProgress, RowCounts, Task, average_tokens
from finetune.tasks.examples import Examples

if TYPE_CHECKING:
    from assistant.cli.console import StatusLine
    from assistant.models.store import ResolvedModel
    from finetune.data.code import CodeExample
    from finetune.tasks.code.training import AssistantTraining

ANSWERS_FILE = "answers.jsonl"
"""In a run's folder: held-out questions with the expected answer and those before and after."""
_MEASURED = 500
"""Held-out questions that a code assistant is measured on, where the recipe does not say how many."""
_GROUNDED = 4


class CodeTask(Task[CodeRecipe]):
    """Generators that answer programming questions."""

    peft_type = "CAUSAL_LM"
    pipeline = "text-generation"
    purpose = "a code assistant"
    role = "GENERATOR"
    figures = ("loss", "perplexity", "bits_per_character")
    causal = True

    def load(self, recipe: CodeRecipe, folder: Path | None = None) -> "Examples[CodeExample]":
        """Questions with answers, the base's own answers among them as far as they are there."""
        from finetune.tasks.code.training import prepare_examples

        return prepare_examples(recipe, folder)

    def prepare(self, recipe: CodeRecipe, folder: Path, status: "StatusLine") -> bool:
        """Have the base answer questions itself, where the recipe wants that."""
        from finetune.tasks.code.training import collect_own_answers
        from finetune.trainer.processes import is_main_process, wait_for_all

        if is_main_process():
            collect_own_answers(recipe, folder, status)
        wait_for_all()
        return bool(recipe.data.self_answers)

    def training(self, recipe: CodeRecipe, base: Path, output: Path) -> "AssistantTraining":
        """The training of a code assistant."""
        from finetune.tasks.code.training import AssistantTraining

        return AssistantTraining(recipe, base, output)

    def measure(
        self, recipe: CodeRecipe, model: "ResolvedModel", folder: Path, on_progress: OnProgress
    ) -> dict[str, Any]:
        """Loss and perplexity on held-out questions."""
        from assistant.loading.generator import load_language_model
        from finetune.data.files import evenly
        from finetune.tasks.code.training import evaluate

        network, tokenizer = load_language_model(model)
        rows = evenly(self.load(recipe, folder).held_out, recipe.data.limit or _MEASURED)
        report = evaluate(network, tokenizer, rows, on_progress, recipe.data.loss_on)
        del network  # two of them at a time may be more than fits
        return report | self._shown(recipe, model, folder, on_progress)

    def _shown(
        self, recipe: CodeRecipe, model: "ResolvedModel", folder: Path, on_progress: OnProgress
    ) -> dict[str, Any]:
        """Held-out questions answered before and after, which the report shows, and the figures of both."""
        from assistant.loading.generator import load_generator
        from assistant.models.store import ModelStore
        from finetune.data.files import evenly
        from finetune.tasks.code.answers import answer_all, figures, write_answers

        if not recipe.data.shown_answers:
            return {}
        asked = evenly(self.load(recipe, folder).held_out, recipe.data.shown_answers)
        models = {"before": ModelStore().resolve(recipe.base), "after": model}
        answered = {}
        for name, each in models.items():
            generator = load_generator(each)
            answered[name] = answer_all(generator, asked, on_progress=on_progress)
            del generator
        write_answers(folder / ANSWERS_FILE, answered)
        return {f"answers_{name}": figures(each) for name, each in answered.items()}

    def has_test(self, recipe: CodeRecipe) -> bool:
        """Held-out questions are what is measured."""
        return bool(self.load(recipe).held_out)

    def count(self, recipe: CodeRecipe) -> RowCounts:
        """Questions; the base's own answers are made by the run itself, beside what is counted here."""
        data = recipe.data
        train, held_out, _ = self.load(recipe)
        own = sum(data.self_answers.values()) if data.self_answers_file is None else 0
        rows = min(len(train) + own, data.limit or len(train) + own)
        source = "counted in the data" + (f", with {own:,} answers of the base's own" if own else "")
        tokens = average_tokens([example.characters for example in train], recipe)
        return RowCounts(rows, rows, 0, len(held_out), source, tokens)

    def sources(self, recipe: CodeRecipe) -> list[str]:
        """The files of questions, and those that questions on passages are made of."""
        return [*recipe.data.train, *recipe.data.grounded]

    def sample(self, recipe: CodeRecipe, folder: Path) -> dict[str, Any]:
        """Two dozen questions, and some on passages where the recipe has such."""
        train = write_code(folder, chat=recipe.data.form == "chat")
        passages = {str(write_questions(folder / "passages.json")): _GROUNDED} if recipe.data.grounded else {}
        changes = {"train": [str(train)], "held_out": 0.2, "at_most": {}, "times": {}, "limit": None, "columns": {}}
        changes |= {"self_answers": {}, "self_answers_file": None, "grounded": passages}
        changes["max_length"] = 512 if passages else 256
        return {"data": recipe.data.model_copy(update=changes)}
