"""The report of a run, in Markdown and in HTML: what was trained on what, with which figures and plots."""

import json
import math
from html import escape
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError
from finetune.data.survey import SURVEY_FILE, warnings_of
from finetune.recipe import Recipe
from finetune.recipe_files import read_run
from finetune.run.card import figure
from finetune.run.figures import TEST_FILE, read_figures
from finetune.run.plots import plot_run
from finetune.tasks.code.task import ANSWERS_FILE

PLOTS_FOLDER = "plots"
_ANSWERS_TITLE = "Held-out questions, before and after"
_ANSWER_PARTS = {"question": "question", "given": "expected", "before": "before", "after": "after"}
Section = tuple[str, list[tuple[str, str]], str]
"""A title, rows of a table, and a sentence or two."""


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
        *([_test(recipe, test)] if test else []),
    ]
    answers = _answers(folder)
    (folder / "report.md").write_text(_markdown(recipe, sections, plots) + _answers_markdown(answers), "utf-8")
    (folder / "report.html").write_text(_html(recipe, sections, plots, answers), "utf-8")
    return folder / "report.md"


def data_and_test(folder: Path) -> str:
    """What the report of a run says of its data and of the test, as Markdown for the model's card."""
    recipe = read_run(folder)
    survey, test = _read(folder / SURVEY_FILE), _read(folder / TEST_FILE)
    sections = [*([_data(survey)] if survey else []), *([_test(recipe, test)] if test else [])]
    return "\n".join(_section_lines(sections)).strip()


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
        ("device", str(record.get("device", ""))),
        ("versions", ", ".join(f"{name} {version}" for name, version in (record.get("versions") or {}).items())),
        ("command", str(record.get("command", ""))),
    ]
    git = record.get("git")
    if git:
        rows.append(("commit", git["commit"][:12] + (", with changes" if git["changed"] else "")))
    if recipe.source_result:
        rows.append(("the source work had", recipe.source_result))
    return "The run", [row for row in rows if row[1]], ""


def _data(survey: dict[str, Any]) -> Section:
    rows = [("training rows", f"{survey['train']:,}"), ("held out", f"{survey['held_out']:,}")]
    if survey["test"]:
        rows.append(("test rows", f"{survey['test']:,}"))
    rows += [(f"left out: {reason}", f"{count:,}") for reason, count in survey["left_out"].items()]
    rows += [(f"label {label}", f"{count:,}") for label, count in survey["labels"].items()]
    rows += [
        (f"language {name}", f"{count:,} of the rows looked at") for name, count in survey["languages"]["train"].items()
    ]
    fine = "No row of the test data is in the training data." if survey["test"] else ""
    return "The data", rows, " ".join(warnings_of(survey)) or fine


def _figures(figures: dict[str, Any]) -> Section:
    rows = [(name, figure(value)) for name, value in figures.items()
            if isinstance(value, int | float) and not name.startswith("test_")]  # fmt: skip
    return "Figures of the training", rows, ""


def by_epoch(log: list[dict[str, Any]]) -> Section | None:
    """Training loss since the row before, and what was measured, at each measurement; without one, of each epoch."""
    rows = _at_measurements(log) if any("eval_loss" in entry for entry in log) else _of_epochs(log)
    return ("Losses by epoch", rows, "") if rows else None


def _at_measurements(log: list[dict[str, Any]]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    losses: list[float] = []
    for entry in log:
        if "loss" in entry:
            losses.append(entry["loss"])
        told = {
            name.removeprefix("eval_"): value
            for name, value in entry.items()
            if name.startswith("eval_") and not name.endswith(("_per_second", "runtime", "accuracy_"))
        }
        if not told or not losses:
            continue
        shown = [f"training loss {sum(losses) / len(losses):.4f}"]
        shown += [
            f"evaluation {name} {value:.4f}" if name == "loss" else f"{name} {value:.2f}"
            for name, value in told.items()
            if isinstance(value, int | float)
        ]
        rows.append((f"epoch {entry.get('epoch', 0):.2f}, step {entry.get('step', 0):,}", ", ".join(shown)))
        losses = []
    return rows


def _of_epochs(log: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What was logged at epoch 1.3 is of the second one, what was logged at 1.0 of the first."""
    epochs: dict[int, list[dict[str, Any]]] = {}
    for entry in log:
        if "loss" in entry:
            epochs.setdefault(max(1, math.ceil(entry.get("epoch", 0) - 1e-6)), []).append(entry)
    return [
        (
            f"epoch {number}, to step {entries[-1].get('step', 0):,}",
            f"training loss {sum(entry['loss'] for entry in entries) / len(entries):.4f}",
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


def _answers_markdown(answers: list[dict[str, str]]) -> str:
    if not answers:
        return ""
    lines = [f"## {_ANSWERS_TITLE}", ""]
    for number, row in enumerate(answers, 1):
        lines += [f"### {number}", ""]
        for name, title in _ANSWER_PARTS.items():
            lines += [f"**{title}**", "", *(f"    {line}" for line in row.get(name, "").split("\n")), ""]
    return "\n".join(lines)


def _answers_html(answers: list[dict[str, str]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in _ANSWER_PARTS.values())
    rows = "".join(
        "<tr>" + "".join(f"<td><pre>{escape(row.get(name, ''))}</pre></td>" for name in _ANSWER_PARTS) + "</tr>"
        for row in answers
    )
    return f"<h2>{_ANSWERS_TITLE}</h2><table class='answers'><tr>{head}</tr>{rows}</table>"


def _test(recipe: Recipe, test: dict[str, Any]) -> Section:
    rows = []
    for name, value in test.items():
        if isinstance(value, dict):
            rows += [(f"{name}: {inner}", _shown(number)) for inner, number in value.items()]
        elif isinstance(value, int | float):
            rows.append((name, _shown(value)))
    matrix, labels = test.get("confusion_matrix"), test.get("labels")
    if matrix and labels:
        rows += [
            (f"{label}: precision, recall, F1, rows", row) for label, row in zip(labels, per_class(matrix), strict=True)
        ]
    flattered = (
        "The best checkpoint was chosen on this very data, as the source work did: these figures flatter it."
        if recipe.data.choose_on == "test" and recipe.training.eval_rows
        else "The checkpoint was not chosen on this data."
    )
    return "Figures on the test data", rows, flattered


def per_class(matrix: list[list[int]]) -> list[str]:
    """Precision, recall and F1 in percent, and the number of rows, of each class of a confusion matrix."""
    lines = []
    for at, row in enumerate(matrix):
        hits, rows, predicted = row[at], sum(row), sum(each[at] for each in matrix)
        precision, recall = 100 * hits / max(predicted, 1), 100 * hits / max(rows, 1)
        f1 = 200 * hits / max(rows + predicted, 1)
        lines.append(f"{precision:.2f}, {recall:.2f}, {f1:.2f}, {rows:,}")
    return lines


def _shown(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _markdown(recipe: Recipe, sections: list[Section], plots: dict[str, str]) -> str:
    lines = [f"# {recipe.name}", "", recipe.description, "", *_section_lines(sections)]
    if plots:
        lines += ["## Plots", ""]
        lines += [f"![{title}]({PLOTS_FOLDER}/{name})" for name, title in plots.items()] + [""]
    return "\n".join(lines)


def _section_lines(sections: list[Section]) -> list[str]:
    lines = []
    for title, rows, said in sections:
        lines += [f"## {title}", "", *([said, ""] if said else []), "| | |", "|---|---|"]
        lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows] + [""]
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _html(recipe: Recipe, sections: list[Section], plots: dict[str, str], answers: list[dict[str, str]]) -> str:
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(recipe.name)}</title>",
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse}td{border-bottom:1px solid #ddd;padding:.25rem .75rem .25rem 0;"
        "vertical-align:top}img{max-width:100%}th{text-align:left}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;font-size:12px}.answers{table-layout:fixed;width:100%}</style>",
        f"<h1>{escape(recipe.name)}</h1><p>{escape(recipe.description)}</p>",
    ]
    for title, rows, said in sections:
        cells = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
        parts.append(f"<h2>{escape(title)}</h2><p>{escape(said)}</p><table>{cells}</table>")
    for name, title in plots.items():
        parts.append(f"<figure><img src='{PLOTS_FOLDER}/{name}' alt='{escape(title)}'></figure>")
    if answers:
        parts.append(_answers_html(answers))
    return "\n".join([*parts, "</html>", ""])
