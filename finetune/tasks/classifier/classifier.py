"""A classifier of texts: with labels that it was trained on, or with any by an entailment verifier."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from assistant.encoders.pairs import length_bucketed
from assistant.errors import ModelError, UsageError
from finetune.data.labelled_texts import LabelledText
from finetune.tasks.nli.metrics import classification_figures

if TYPE_CHECKING:
    from assistant.models.store import ResolvedModel
    from assistant.verification.verifier import Verifier
    from finetune.recipe import ClassifierRecipe

LABELS_FILE = "labels.json"
"""The names of a classifier's labels, in the order of its outputs; beside its weights."""
FORM = "This text is about {}."
TOKENS_AT_ONCE = 4096
OnProgress = Callable[[int, int], None]


class Classifier(Protocol):
    """Says of texts how probable each label is."""

    labels: list[str]

    def probabilities(self, texts: Sequence[str], on_progress: OnProgress | None = None) -> list[list[float]]:
        """Of each text, a probability for each label."""


class TextClassifier:
    """A trained classifier.

    Args:
        network: with a head for sequence classification.
        tokenizer: of its base.
        labels: by the number of their output.
        max_length: tokens that are read of a text; the rest is cut.
    """

    def __init__(self, network: Any, tokenizer: Any, labels: list[str], max_length: int) -> None:
        self.model = network
        self.tokenizer = tokenizer
        self.labels = labels
        self.max_length = max_length

    def probabilities(self, texts: Sequence[str], on_progress: OnProgress | None = None) -> list[list[float]]:
        """Of each text, a probability for each label."""
        import torch

        rows = [self.tokenizer(text, truncation=True, max_length=self.max_length) for text in texts]
        found: list[list[float]] = [[] for _ in texts]
        done = 0
        for batch in length_bucketed([len(row["input_ids"]) for row in rows], TOKENS_AT_ONCE):
            given = self.tokenizer.pad([rows[at] for at in batch], return_tensors="pt")
            where = next(self.model.parameters()).device
            with torch.inference_mode():
                logits = self.model(**{name: tensor.to(where) for name, tensor in given.items()}).logits
            for at, row in zip(batch, logits.float().softmax(-1).tolist(), strict=True):
                found[at] = row
            done += len(batch)
            if on_progress is not None:
                on_progress(done, len(texts))
        return found


class ZeroShot:
    """A verifier as a classifier: how far a text entails a sentence that names the label (Yin et al., 2019).

    Args:
        verifier: gives entailment.
        labels: as words of the sentence.
        form: the sentence, with `{}` in the label's place.

    Raises:
        UsageError: the sentence has no place for a label, or there are fewer than two labels.
    """

    def __init__(self, verifier: "Verifier", labels: Sequence[str], form: str = FORM) -> None:
        if "{}" not in form:
            raise UsageError(f"--form {form!r} has no {{}} where the label goes.")
        self.labels = list(dict.fromkeys(labels))
        if len(self.labels) < 2:
            raise UsageError("Name at least two labels with --label, or a run of a classifier with --model.")
        self.verifier = verifier
        self.hypotheses = [form.replace("{}", label) for label in self.labels]

    def probabilities(self, texts: Sequence[str], on_progress: OnProgress | None = None) -> list[list[float]]:
        """Of each text, a probability for each label: their entailments' shares of all."""
        pairs = [(text, hypothesis) for text in texts for hypothesis in self.hypotheses]
        rows = self.verifier.probabilities(pairs, on_progress)
        found = []
        for at in range(0, len(rows), len(self.labels)):
            entailed = [max(row[0], 1e-9) for row in rows[at : at + len(self.labels)]]
            found.append([each / sum(entailed) for each in entailed])
        return found


def load_classifier(model: "ResolvedModel", recipe: "ClassifierRecipe") -> TextClassifier:
    """The classifier that a run trained, ready to be used.

    Raises:
        ModelError: its folder does not say which labels it has.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from assistant.loading.pretrained import from_pretrained, ready

    folder = model.adapter or model.base
    try:
        labels = [str(label) for label in json.loads((folder / LABELS_FILE).read_text("utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{folder} holds no {LABELS_FILE}: it is not what a classifier's run leaves.") from error
    network = ready(from_pretrained(AutoModelForSequenceClassification, model, num_labels=len(labels)), model)
    return TextClassifier(network, AutoTokenizer.from_pretrained(model.base), labels, recipe.data.max_length)


def save_labels(folder: Path, labels: Sequence[str]) -> None:
    """Write which labels a classifier has beside its weights."""
    (folder / LABELS_FILE).write_text(json.dumps(list(labels), ensure_ascii=False) + "\n", "utf-8")


def evaluate(
    classifier: Classifier, texts: Sequence[LabelledText], on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """Accuracy, precision, recall, F1 and the confusion matrix; texts whose label it does not know are left out.

    Raises:
        UsageError: none has a label that it knows.
    """
    known = [each for each in texts if each.label in classifier.labels]
    if not known:
        seen = ", ".join(sorted({each.label for each in texts})[:5])
        raise UsageError(f"None of the texts has one of the labels {', '.join(classifier.labels)}; they have {seen}.")
    began = time.perf_counter()
    rows = classifier.probabilities([each.text for each in known], on_progress)
    predicted = [row.index(max(row)) for row in rows]
    return {
        **classification_figures(
            [classifier.labels.index(each.label) for each in known], predicted, len(classifier.labels)
        ),
        "labels": classifier.labels,
        "total": len(known),
        "left_out": len(texts) - len(known),
        "seconds": round(time.perf_counter() - began, 1),
    }
