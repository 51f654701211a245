"""Plots of a run (loss, learning rate, lengths, labels, confusion matrix), and of several side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError

if TYPE_CHECKING:
    from finetune.run.comparison import RunResult

_NEEDED = "Plots need matplotlib: pip install 'terminal-assistant[finetune]'."
_SIZE = (6.0, 3.6)
_IN_MILLIONS = 1e5
_PANELS = 4
"""Side by side, before a row of them is full."""
_NO_PERCENTAGES = (
    "eval_loss", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "eval_entropy",
    "eval_num_tokens", "eval_mean_token_accuracy",
)  # fmt: skip


def plot_run(
    log: Sequence[Mapping[str, Any]], survey: Mapping[str, Any], test: Mapping[str, Any], folder: Path
) -> dict[str, str]:
    """Draw what there is of a run into a folder.

    Args:
        log: the trainer's history.
        survey: of the data (see `finetune.data.survey`); may be empty.
        test: the report of the test data; may be empty.
        folder: gets one PNG for each plot.

    Returns:
        Titles by file name.

    Raises:
        AssistantError: matplotlib is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, str] = {}
    evaluated = [(entry["step"], entry["eval_loss"]) for entry in log if "eval_loss" in entry]
    losses = [(entry["step"], entry["loss"]) for entry in log if "loss" in entry]
    if losses:
        drawn["loss.png"] = "Training and evaluation loss" if evaluated else "Training loss"
        series = {"training": losses} | ({"evaluation": evaluated} if evaluated else {})
        _line(folder / "loss.png", drawn["loss.png"], series, "loss")
    rates = [(entry["step"], entry["learning_rate"]) for entry in log if "learning_rate" in entry]
    if rates:
        drawn["learning-rate.png"] = "Learning rate"
        _line(folder / "learning-rate.png", "Learning rate", {"learning rate": rates}, "learning rate")
    measured = _measured(log)
    if measured:
        drawn["held-out.png"] = "Measured at each checkpoint"
        _line(folder / "held-out.png", "Measured at each checkpoint", measured, "percent")
    if survey.get("lengths"):
        drawn["lengths.png"] = "Lengths of the training rows, in tokens"
        edges, counts = survey["lengths"]["edges"], survey["lengths"]["counts"]
        _bars(folder / "lengths.png", drawn["lengths.png"], [str(edge) for edge in edges[:-1]], counts, "tokens, from")
    if survey.get("all_lengths") and survey["all_lengths"] != survey.get("lengths"):
        drawn["lengths-all.png"] = "Lengths before long rows are left out, in tokens"
        edges, counts = survey["all_lengths"]["edges"], survey["all_lengths"]["counts"]
        names = [str(edge) for edge in edges[:-1]]
        _bars(folder / "lengths-all.png", drawn["lengths-all.png"], names, counts, "tokens, from")
    if survey.get("labels"):
        drawn["labels.png"] = "Labels of the training rows"
        _bars(folder / "labels.png", drawn["labels.png"], list(survey["labels"]), list(survey["labels"].values()))
    if "confusion_matrix" in test:
        drawn["confusion.png"] = "Confusion matrix on the test data"
        _matrix(folder / "confusion.png", test["confusion_matrix"], test["labels"])
    return drawn


def plot_comparison(results: "Sequence[RunResult]", path: Path) -> None:
    """Draw quality (F1, or the loss) against training time, one point a run.

    Raises:
        AssistantError: matplotlib is not there, no run has both, or the file cannot be written.
    """
    metric = next((name for name in ("f1", "f1_macro", "loss") if any(name in each.figures for each in results)), None)
    points = [each for each in results if metric in each.figures and "seconds" in each.figures]
    if metric is None or not points:
        raise AssistantError("No run has both a quality and a training time to draw.")
    figure, axes = _axes(f"{metric} against training time")
    for each in points:
        axes.scatter(each.figures["seconds"], each.figures[metric])
        axes.annotate(each.folder.name, (each.figures["seconds"], each.figures[metric]), fontsize=8)
    axes.margins(x=0.2, y=0.12)  # room for the last name
    axes.set_xlabel("training time, seconds")
    axes.set_ylabel(metric)
    _save(figure, path)


def plot_bars(results: "Sequence[RunResult]", path: Path) -> None:
    """Draw the figures of runs as bars, one panel a figure, with the values on the bars.

    Raises:
        AssistantError: matplotlib is not there, no run has a figure, or the file cannot be written.
    """
    names = list(dict.fromkeys(name for each in results for name in each.figures if name != "steps"))
    if not names:
        raise AssistantError("No run has a figure to draw.")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise AssistantError(_NEEDED) from error
    columns = min(len(names), _PANELS)
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(max(3.2, 0.9 * len(results)) * columns, 3.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for axes, name in zip(panels, names, strict=False):
        having = [each for each in results if name in each.figures]
        values = [each.figures[name] for each in having]
        bars = axes.bar(range(len(having)), values)
        labels = [f"{value:,.4g}" if value < 1000 else f"{value:,.0f}" for value in values]
        axes.bar_label(bars, labels=labels, fontsize=8)
        axes.set_xticks(range(len(having)), [each.folder.name for each in having], rotation=30, ha="right", fontsize=8)
        axes.set_title(name, fontsize=10)
        axes.margins(y=0.12)
        if max(values) >= _IN_MILLIONS:
            axes.yaxis.set_major_formatter(lambda value, _: f"{value / 1e6:g} M")
    for axes in list(figure.axes)[len(names) :]:
        axes.set_visible(False)
    _save(figure, path)


def _measured(log: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    series: dict[str, list[tuple[int, float]]] = {}
    for entry in log:
        for name, value in entry.items():
            if name.startswith("eval_") and isinstance(value, float) and name not in _NO_PERCENTAGES:
                series.setdefault(name.removeprefix("eval_"), []).append((entry["step"], value))
    return series


def _axes(title: str) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise AssistantError(_NEEDED) from error
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=10)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    try:
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        raise AssistantError(f"{path}: the plot cannot be written ({error}); name a .png or .svg file.") from error


def _line(path: Path, title: str, series: Mapping[str, Sequence[tuple[int, float]]], unit: str) -> None:
    figure, axes = _axes(title)
    for name, points in series.items():
        axes.plot([step for step, _ in points], [value for _, value in points], marker=".", label=name)
    axes.set_xlabel("step")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylabel(unit)
    if len(series) > 1:
        axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    _save(figure, path)


def _bars(path: Path, title: str, names: Sequence[str], values: Sequence[float], unit: str = "") -> None:
    figure, axes = _axes(title)
    axes.bar_label(
        axes.bar(range(len(names)), values), labels=[f"{value:,}" if value else "" for value in values], fontsize=7
    )
    axes.set_xlabel(unit)
    axes.set_ylabel("rows")
    axes.set_xticks(range(len(names)), names, rotation=45 if len(names) > 5 else 0, fontsize=8)
    _save(figure, path)


def _matrix(path: Path, matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> None:
    figure, axes = _axes("Confusion matrix on the test data")
    axes.set_ylabel("true")
    axes.set_xlabel("predicted")
    axes.imshow(matrix, cmap="Blues")
    highest = max(map(max, matrix))
    for row, counts in enumerate(matrix):
        for column, count in enumerate(counts):
            color = "white" if count > highest / 2 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color)
    axes.set_xticks(range(len(labels)), labels, fontsize=8)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    _save(figure, path)
