"""Finished runs side by side: a table of their figures, and the best by a metric."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from assistant.errors import UsageError
from finetune.recipe_files import read_run
from finetune.run.figures import read_figures
from finetune.run.provenance import read_record
from finetune.tasks.registry import TASKS

_LOWER_IS_BETTER = ("loss", "perplexity", "seconds", "bits_per_character")
_ACROSS_TOKENIZERS = "bits_per_character"
_NOT_COMPARABLE = (
    "loss and perplexity are of a token, and the tokens of these bases differ; bits_per_character of the same "
    "questions compares, and a run has it once it is measured again with `finetune run`."
)


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run: its folder, recipe, task and base, and its figures by the names that the table has."""

    folder: Path
    name: str
    task: str
    base: str
    figures: dict[str, float]
    architecture: str = ""


def compare_runs(folders: Sequence[Path]) -> list[RunResult]:
    """The results of finished runs.

    Raises:
        UsageError: a folder is none, or the runs are of different tasks.
    """
    results = [_result(folder) for folder in folders]
    tasks = {result.task for result in results}
    if len(tasks) > 1:
        raise UsageError(f"These runs are of different tasks ({', '.join(sorted(tasks))}); compare those of one.")
    return results


def _result(folder: Path) -> RunResult:
    recipe, figures = read_run(folder), read_figures(folder)
    shown: dict[str, float] = {}
    for name in TASKS[recipe.task].figures:
        # Where there was no test data, what the held-out part gave stands in.
        for prefix in ("test_", "held_out_"):
            if f"{prefix}{name}" in figures:
                shown[name] = float(figures[f"{prefix}{name}"])
                break
    for name in ("eval_loss", "train_loss", "parameters", "trained_parameters", "steps"):
        if name in figures:
            shown[name] = float(figures[name])
    if "train_runtime" in figures:
        shown["seconds"] = float(figures["train_runtime"])
    return RunResult(folder, recipe.name, recipe.task, recipe.base, shown, _architecture(folder))


def _architecture(folder: Path) -> str:
    """The kind of network that a run trained, as its record says; "" of a run from before it did."""
    about = read_record(folder).get("architecture", "")
    return about if isinstance(about, str) else ""


def best(results: Sequence[RunResult], metric: str | None = None) -> RunResult:
    """The best run by a metric, by default F1, macro F1 or perplexity.

    Raises:
        UsageError: no run has the metric.
    """
    if metric is None and len(tokenizers(results)) > 1:
        metric = _ACROSS_TOKENIZERS
        if not all(metric in result.figures for result in results):
            raise UsageError(f"None is the best: {_NOT_COMPARABLE}")
    metric = metric or TASKS[results[0].task].figures[1]
    known = [result for result in results if metric in result.figures]
    if not known:
        names = sorted({name for result in results for name in result.figures})
        raise UsageError(f"No run has a figure {metric!r}; there are {', '.join(names) or 'none'}.")
    sign = -1 if metric in _LOWER_IS_BETTER or metric.endswith("loss") else 1
    return max(known, key=lambda result: sign * result.figures[metric])


def tokenizers(results: Sequence[RunResult]) -> set[str]:
    """The tokenizers behind the losses of language models, as far as the bases tell; none for encoders."""
    return {PurePath(each.base.partition("@")[0]).name for each in results if TASKS[each.task].causal}


def warning_of(results: Sequence[RunResult]) -> str | None:
    """What has to be said beside a table whose losses are not of the same tokens; None where they are."""
    return None if len(tokenizers(results)) < 2 else f"Do not compare across these bases: {_NOT_COMPARABLE}"


def table(results: Sequence[RunResult]) -> str:
    """A Markdown table of runs."""
    names = list(dict.fromkeys(name for result in results for name in result.figures))
    lines = ["| run | base | architecture | " + " | ".join(names) + " |", "|---|---|---|" + "---:|" * len(names)]
    for result in results:
        values = [_shown(name, result.figures[name]) if name in result.figures else "" for name in names]
        lines.append(f"| {result.folder.name} | {result.base} | {result.architecture} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def _shown(name: str, value: float) -> str:
    if name in ("steps", "seconds", "parameters", "trained_parameters"):
        return f"{value:,.0f}"
    return f"{value:.4f}" if "loss" in name else f"{value:.2f}"


def as_json(results: Sequence[RunResult]) -> str:
    """The results as JSON."""
    rows: list[dict[str, Any]] = [
        {
            "run": str(each.folder),
            "recipe": each.name,
            "base": each.base,
            "architecture": each.architecture,
            **each.figures,
        }
        for each in results
    ]
    return json.dumps(rows)
