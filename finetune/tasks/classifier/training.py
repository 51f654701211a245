"""Training a classifier of texts."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetune.data.labelled_texts import LabelledText, read_labelled_texts, split_by_class
from finetune.data.survey import survey
from finetune.recipe import ClassifierRecipe
from finetune.tasks.classifier.classifier import TextClassifier, evaluate, save_labels
from finetune.tasks.examples import Examples
from finetune.tasks.training import TaskTraining
from finetune.trainer.peft_methods import for_measuring, load_encoder, positions
from finetune.trainer.trainer import mean_loss

Item = dict[str, Any]


def load_texts(recipe: ClassifierRecipe) -> Examples[LabelledText]:
    """The recipe's texts, those held out apart."""
    read: list[LabelledText] = []
    left_out: Counter[str] = Counter()
    for name in recipe.data.train:
        found, reasons = read_labelled_texts(name, recipe.data.columns)
        read += found
        left_out += reasons
    left_out["the same text and label before"] += len(read) - len(dict.fromkeys(read))
    kept, held_out = split_by_class(read, recipe.data.held_out, recipe.training.seed)
    return Examples(kept[: recipe.data.limit], held_out[: recipe.data.limit], +left_out)


class ClassifierTraining(TaskTraining[ClassifierRecipe, LabelledText]):
    """The training of a classifier: its labels are those of the training texts, in the order of the alphabet."""

    peft_type = "SEQ_CLS"

    @property
    def labels(self) -> list[str]:
        """By the number of their output."""
        return sorted({each.label for each in [*self.data.train, *self.data.held_out]})

    def load_base(self) -> Any:
        """The base with a head for the labels."""
        from transformers import AutoModelForSequenceClassification

        return load_encoder(
            AutoModelForSequenceClassification, self.base, self.recipe, num_labels=len(self.labels),
            id2label=dict(enumerate(self.labels)), label2id={label: at for at, label in enumerate(self.labels)},
        )  # fmt: skip

    def encode(self, model: Any) -> list[Item]:
        """Texts as token ids with the numbers of their labels; long ones are cut, and counted."""
        self.max_length = min(self.recipe.data.max_length, positions(model) or self.recipe.data.max_length)
        return self._items(self.data.train)

    def _items(self, texts: Sequence[LabelledText]) -> list[Item]:
        labels = self.labels
        options = {"truncation": True, "max_length": self.max_length}
        return [{**self.tokenizer(each.text, **options), "labels": labels.index(each.label)} for each in texts]

    def survey(self, items: Sequence[Item]) -> dict[str, Any]:
        """Texts, labels and lengths."""
        train, held_out = ([each.text for each in part] for part in self.data[:2])
        lengths = [len(item["input_ids"]) for item in items]
        labels = [each.label for each in self.data.train]
        return survey(train, held_out, [], lengths=lengths, labels=labels, left_out=self.data.left_out)

    def fit(self, tuned: Any, items: list[Item], callbacks: Sequence[Any]) -> tuple[Any, dict[str, float]]:
        """Train, keeping the best checkpoint where rows are measured on the way."""
        from transformers import DataCollatorWithPadding

        rows = self.rows_on_the_way()
        collate = DataCollatorWithPadding(self.tokenizer)
        to_lose_on = self._items(rows or [])

        def measure(network: Any, texts: list[LabelledText]) -> dict[str, float]:
            losses = mean_loss(network, to_lose_on, collate, self.recipe.training.batch_size)
            return self._score(network, texts) | losses

        return self.run_measured(tuned, items, rows, measure, collate, "f1_macro", callbacks)

    def finish(self, kept: Any, folder: Path) -> dict[str, float]:
        """Write the labels' names; returns the figures of the held-out texts."""
        save_labels(folder, self.labels)
        if not self.data.held_out:
            return {}
        scores = self._score(for_measuring(kept, self.recipe), self.data.held_out)
        return {f"held_out_{name}": value for name, value in scores.items()}

    def _score(self, network: Any, texts: Sequence[LabelledText]) -> dict[str, float]:
        classifier = TextClassifier(network, self.tokenizer, self.labels, self.max_length)
        figures = evaluate(classifier, texts)
        return {"accuracy": figures["accuracy"], "f1_macro": figures["f1_macro"]}
