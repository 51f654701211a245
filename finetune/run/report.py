"""The report of a run: what was trained on what, with which figures and plots."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError
from finetune.data.survey import SURVEY_FILE, warnings_of
from finetune.recipe import Recipe
from finetune.recipe_files import read_run
from finetune.run.card import figure
from finetune.run.figures import TEST_FILE, read_figures
from finetune.run.plots import plot_run
from finetune.run.report_page import PLOTS_FOLDER, Page, Section, html, markdown, section_lines
from finetune.tasks.code.task import ANSWERS_FILE

_BEFORE, _AFTER = "answers_before", "answers_after"
_OF_MEASURING = ("eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "eval_num_tokens")


def write_report(folder: Path) -> Path:
    """Write `report.md` and `report.html` into the folder of a finished run, with its plots; returns the Markdown file.

    Without matplotlib the report has no plots.

    Raises:
        UsageError: the folder is not that of a finished run.
    """
    recipe, figures = read_run(folder), read_figures(folder)
    log, survey, test = (_read(folder / name) for name in ("log.json", SURVEY_FILE, TEST_FILE))
    try:
        plots = plot_run(log or [], survey or {}, test or {}, folder / PLOTS_FOLDER)
    except AssistantError:
        plots = {}
    sections = [
        _what(recipe, _read(folder / "run.json") or {}),
        *([_data(survey)] if survey else []),
        _figures(figures),
        *([epochs] if (epochs := by_epoch(log or [])) else []),
        *(of_test(recipe, test) if test else []),
    ]
    page = Page(recipe.name, recipe.description, sections, plots, _answers(folder))
    (folder / "report.md").write_text(markdown(page), "utf-8")
    (folder / "report.html").write_text(html(page), "utf-8")
    return folder / "report.md"


def data_and_test(folder: Path) -> str:
    """What the report of a run says of its data and of the test, as Markdown for the model's card."""
    recipe = read_run(folder)
    survey, test = _read(folder / SURVEY_FILE), _read(folder / TEST_FILE)
    sections = [*([_data(survey)] if survey else []), *(of_test(recipe, test) if test else [])]
    return "\n".join(section_lines(sections)).strip()


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _what(recipe: Recipe, record: dict[str, Any]) -> Section:
    training = recipe.training
    rows = [
        ("recipe", recipe.name),
        ("base", recipe.base),
        ("method", recipe.method + (f" ({recipe.quantization})" if recipe.method == "qlora" else "")),
        ("data", ", ".join(recipe.data.train)),
        ("licence of the data", recipe.licence),
        ("epochs, batch, accumulation", f"{training.epochs:g}, {training.batch_size}, {training.accumulation}"),
        ("learning rate", f"{training.learning_rate:g}, {training.scheduler}, warm-up {training.warmup:.0%}"),
        ("seed", str(training.seed)),
        ("begun", str(record.get("at", ""))),
        ("device", str(record.get("device", ""))),
        ("versions", ", ".join(f"{name} {version}" for name, version in (record.get("versions") or {}).items())),
        ("command", str(record.get("command", ""))),
    ]
    git = record.get("git")
    if git:
        rows.append(("commit", git["commit"][:12] + (", with changes" if git["changed"] else "")))
    if recipe.source_result:
        rows.append(("the published work had", recipe.source_result))
    return Section("The run", [row for row in rows if row[1]])


def _data(survey: dict[str, Any]) -> Section:
    rows = [("training rows", f"{survey['train']:,}"), ("held out", f"{survey['held_out']:,}")]
    if survey["test"]:
        rows.append(("test rows", f"{survey['test']:,}"))
    rows += [(f"left out: {reason}", f"{count:,}") for reason, count in survey["left_out"].items() if count]
    rows += [(f"label {label}", f"{count:,}") for label, count in survey["labels"].items()]
    rows += [
        (f"language {name}", f"{count:,} of the rows looked at") for name, count in survey["languages"]["train"].items()
    ]
    fine = "No row of the test data is in the training data." if survey["test"] else ""
    return Section("The data", rows, " ".join(warnings_of(survey)) or fine)


def _figures(figures: dict[str, Any]) -> Section:
    rows = [(name, figure(value)) for name, value in figures.items()
            if isinstance(value, int | float) and not name.startswith("test_")]  # fmt: skip
    return Section("Figures of the training", rows)


def by_epoch(log: Sequence[Mapping[str, Any]]) -> Section | None:
    """Training loss since the row before, and what was measured, at each measurement; without one, of each epoch."""
    measured = any("eval_loss" in entry for entry in log)
    head, rows = _at_measurements(log) if measured else _of_epochs(log)
    return Section("Losses by epoch", rows, head=head) if rows else None


def _at_measurements(log: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    names = list(
        dict.fromkeys(
            name
            for entry in log
            for name, value in entry.items()
            if name.startswith("eval_") and name not in _OF_MEASURING and isinstance(value, int | float)
        )
    )
    rows: list[tuple[str, ...]] = []
    losses: list[float] = []
    for entry in log:
        if "loss" in entry:
            losses.append(entry["loss"])
        if not losses or not any(name in entry for name in names):
            continue
        told = [f"{entry[name]:.{4 if 'loss' in name else 2}f}" if name in entry else "" for name in names]
        rows.append(
            (f"{entry.get('epoch', 0):.2f}", f"{entry.get('step', 0):,}", f"{sum(losses) / len(losses):.4f}", *told)
        )
        losses = []
    titles = (
        "evaluation loss" if name == "eval_loss" else name.removeprefix("eval_").replace("_", " ") for name in names
    )
    return ("epoch", "step", "training loss", *titles), rows


def _of_epochs(log: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """What was logged at epoch 1.3 is of the second one, what was logged at 1.0 of the first."""
    epochs: dict[int, list[Mapping[str, Any]]] = {}
    for entry in log:
        if "loss" in entry:
            epochs.setdefault(max(1, math.ceil(entry.get("epoch", 0) - 1e-6)), []).append(entry)
    return ("epoch", "to step", "training loss"), [
        (
            str(number),
            f"{entries[-1].get('step', 0):,}",
            f"{sum(entry['loss'] for entry in entries) / len(entries):.4f}",
        )
        for number, entries in epochs.items()
    ]


def _answers(folder: Path) -> list[dict[str, str]]:
    """Held-out questions with their answers, as the run wrote them; none where it wrote none."""
    try:
        lines = (folder / ANSWERS_FILE).read_text("utf-8").split("\n")
        return [json.loads(line) for line in lines if line]
    except (OSError, ValueError):
        return []


def of_test(recipe: Recipe, test: Mapping[str, Any]) -> list[Section]:
    """What was measured on the test data: its figures, those of each class, and those of answers before and after."""
    rows: list[tuple[str, ...]] = []
    for name, value in test.items():
        if isinstance(value, dict) and name not in (_BEFORE, _AFTER):
            rows += [(f"{name}: {inner}", _shown(number)) for inner, number in value.items()]
        elif isinstance(value, int | float):
            rows.append((name, _shown(value)))
    flattered = (
        "The best checkpoint was chosen on this very data, as the published work did: these figures flatter it."
        if recipe.data.choose_on == "test" and recipe.training.eval_rows
        else "The checkpoint was not chosen on this data."
    )
    sections = [Section("Figures on the test data", rows, flattered)]
    matrix, labels = test.get("confusion_matrix"), test.get("labels")
    if matrix and labels:
        classes = [(label, *row) for label, row in zip(labels, per_class(matrix), strict=True)]
        head = ("label", "precision", "recall", "F1", "rows")
        sections.append(Section("By class", classes, "In percent, on the test data.", head))
    before, after = test.get(_BEFORE), test.get(_AFTER)
    if before and after:
        compared = [(name, _shown(before.get(name, "")), _shown(value)) for name, value in after.items()]
        said = "Of the base's and the trained model's answers to questions of the test data."
        sections.append(Section("Answers before and after the training", compared, said, ("", "before", "after")))
    return sections


def per_class(matrix: Sequence[Sequence[int]]) -> list[tuple[str, str, str, str]]:
    """Precision, recall and F1 in percent, and the number of rows, of each class of a confusion matrix."""
    lines = []
    for at, row in enumerate(matrix):
        hits, rows, predicted = row[at], sum(row), sum(each[at] for each in matrix)
        precision, recall = 100 * hits / max(predicted, 1), 100 * hits / max(rows, 1)
        f1 = 200 * hits / max(rows + predicted, 1)
        lines.append((f"{precision:.2f}", f"{recall:.2f}", f"{f1:.2f}", f"{rows:,}"))
    return lines


def _shown(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
