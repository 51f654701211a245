"""Entailment as a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.types import Label
from finetune.data.sample import write_pairs
from finetune.recipe import NLIRecipe
from finetune.tasks.base import OnProgress, RowCounts, Task, average_tokens, test_rows
from finetune.tasks.examples import Examples

if TYPE_CHECKING:
    from assistant.cli.console import StatusLine
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

        return load_pairs(recipe, folder)

    def prepare(self, recipe: NLIRecipe, folder: Path, status: "StatusLine") -> bool:
        """Have generators answer questions, where the recipe wants their answers among the pairs."""
        from finetune.tasks.nli.training import collect_generated
        from finetune.trainer.processes import is_main_process, wait_for_all

        changed = collect_generated(recipe, folder, status) if is_main_process() else bool(recipe.data.generated)
        wait_for_all()
        return changed

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

    def count(self, recipe: NLIRecipe) -> RowCounts:
        """Pairs; those of a mixture as the recipe asks for them, since making them takes a reader and minutes."""
        from finetune.data.files import find_data
        from finetune.data.pairs import read_labelled_pairs, read_pairs
        from finetune.data.source_claims import read_source_claims

        data = recipe.data
        if data.form == "mixed":
            files = 0
            for name in data.train:
                read = len(read_pairs(find_data(name)))
                files += min(read, data.limits.get(name, read))
            rows = files + sum(data.qa_pairs.values()) + data.exchanged_sentences + 2 * sum(data.generated.values())
            for name in data.claims:
                claims = read_source_claims(find_data(name))
                rows += sum(1 if claim.label is Label.ENTAILMENT else 2 for claim in claims)
            held_out = round(rows * data.held_out)
            train = min(rows - held_out, data.limit or rows)
            source = "counted in the data, with the pairs that the recipe asks for"
            return RowCounts(train, train, held_out, None, source, data.declared.tokens)
        kept, out, _ = self.load(recipe)
        test = test_rows(recipe, lambda name: len(read_labelled_pairs(name, data.columns)[0]))
        tokens = average_tokens([len(pair.premise) + len(pair.hypothesis) for pair in kept], recipe)
        return RowCounts(len(kept), len(kept), len(out), test, "counted in the data", tokens)

    def sources(self, recipe: NLIRecipe) -> list[str]:
        """The files of pairs, and of what was written on sources."""
        return [*recipe.data.train, *recipe.data.claims]

    def sample(self, recipe: NLIRecipe, folder: Path) -> dict[str, Any]:
        """Pairs about eight cities."""
        train, test = write_pairs(folder / "train.tsv"), write_pairs(folder / "test.tsv", later=True)
        changes = {"form": "table", "columns": {}, "train": [str(train)], "test": str(test), "held_out": 0.25}
        changes |= {"claims": [], "generated": {}}
        return {"data": recipe.data.model_copy(update=changes | {"limit": None})}
