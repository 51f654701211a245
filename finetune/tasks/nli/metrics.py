"""Classification figures, by scikit-learn."""

from collections.abc import Sequence
from typing import Any

from finetune.tasks.needs import of_the_extra


def classification_figures(gold: Sequence[int], predicted: Sequence[int], classes: int) -> dict[str, Any]:
    """Accuracy, macro and weighted precision, recall and F1, as percentages, and the confusion matrix.

    Args:
        gold: class numbers from 0, one a row.
        predicted: as many.
        classes: how many there are; those that neither has count for no average.
    """
    with of_the_extra("scikit-learn"):
        from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

    figures: dict[str, Any] = {"accuracy": 100 * float(accuracy_score(gold, predicted)) if gold else 0.0}
    for average in ("macro", "weighted"):
        values = precision_recall_fscore_support(gold, predicted, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), values, strict=False):
            figures[f"{name}_{average}"] = 100 * float(value)
    matrix = confusion_matrix(gold, predicted, labels=list(range(classes)))
    return figures | {"confusion_matrix": matrix.tolist()}
