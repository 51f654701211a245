"""`finetune classify`: texts sorted by labels, those of a trained classifier or any, by a verifier."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.cli.console import StatusLine
from assistant.errors import UsageError
from assistant.events import Progress
from assistant.text import counted

if TYPE_CHECKING:
    from finetune.tasks.classifier.classifier import Classifier


def classify(
    data: Annotated[str, typer.Argument(help="A table with a column of texts: CSV, JSON lines, or hub:OWNER/NAME.")],
    label: Annotated[
        list[str] | None, typer.Option(help="A label, in words; give each. Not for a trained classifier.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="The folder of a classifier's run, or whose verifier judges: a profile, folder or name.")
    ] = "embedded",
    form: Annotated[
        str | None, typer.Option(help="What is said of a text, with {} for the label.", metavar="TEXT")
    ] = None,
    text_column: Annotated[str, typer.Option(help="The column of the texts.", metavar="NAME")] = "text",
    label_column: Annotated[
        str | None, typer.Option(help="The column of their labels: then figures are printed instead.", metavar="NAME")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="So many texts only.", min=1)] = None,
) -> int:
    r"""Sort texts by labels: with a trained classifier, or without training by what the verifier says they entail.

    \b
    Examples:
      finetune classify mails.csv --label billing --label delivery --label praise
      finetune classify mails.csv --label billing --label praise --form "The customer writes about {}."
      finetune classify news.csv --model runs/classifier-minilm --label-column label
    """
    from finetune.data.files import evenly
    from finetune.data.labelled_texts import read_labelled_texts
    from finetune.data.tables import column, read_table
    from finetune.run.run import quiet_libraries
    from finetune.tasks.classifier.classifier import evaluate

    quiet_libraries()
    with StatusLine() as status:

        def tell(done: int, total: int) -> None:
            status(Progress("Classifying", done, total))

        if label_column is not None:
            labelled, left_out = read_labelled_texts(data, {"text": text_column, "label": label_column})
            report = evaluate(_classifier(model, label, form, status), evenly(labelled, limit), tell)
            status.clear()
            print(json.dumps(report | {"empty": sum(left_out.values())}, ensure_ascii=False, indent=2))  # noqa: T201
            return 0
        rows = read_table(data)
        if not rows:
            raise UsageError(f"{data}: the table has no rows")
        name = column(data, rows[0], [text_column])
        rows = rows[:limit]
        texts = [row[name].strip() for row in rows if isinstance(row.get(name), str) and row[name].strip()]
        if empty := len(rows) - len(texts):
            status.say(f"{data}: {counted(empty, 'row')} without a text, left out.")
        if not texts:
            raise UsageError(f"{data}: the column {name} holds no text")
        classifier = _classifier(model, label, form, status)
        found = classifier.probabilities(texts, tell)
    for text, row in zip(texts, found, strict=True):
        best = classifier.labels[row.index(max(row))]
        scores = {name: round(value, 4) for name, value in zip(classifier.labels, row, strict=True)}
        print(json.dumps({"text": text, "label": best, "scores": scores}, ensure_ascii=False))  # noqa: T201
    return 0


def _classifier(model: str, labels: list[str] | None, form: str | None, status: StatusLine) -> "Classifier":
    from assistant.loading.verifier import load_verifier
    from assistant.models.store import ModelStore
    from finetune.cli.models import resolve
    from finetune.recipe_files import read_run
    from finetune.tasks.classifier.classifier import FORM, ZeroShot, load_classifier
    from finetune.trainer.saving import trained_folder

    if (Path(model) / "recipe.json").is_file() and (recipe := read_run(Path(model))).task == "classifier":
        if labels or form:
            raise UsageError(f"{model} has labels of its own: leave --label and --form out.")
        if (folder := trained_folder(Path(model))) is None:
            raise UsageError(f"{model}: no finished run; train it with `finetune run`.")
        return load_classifier(ModelStore().resolve(str(folder), status), recipe)
    return ZeroShot(load_verifier(resolve("nli", model, status)), labels or [], form or FORM)
