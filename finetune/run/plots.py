"""Plots of a run (loss, learning rate, lengths, labels, confusion matrix), and of several side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError

if TYPE_CHECKING:
    from finetune.run.comparison import RunResult

_SIZE = (6.0, 3.6)


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
    losses = [(entry["step"], entry["loss"]) for entry in log if "loss" in entry]
    if losses:
        drawn["loss.png"] = "Training loss"
        _line(folder / "loss.png", "Training loss", {"loss": losses}, "loss")
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
    axes.set_xlabel("training time, seconds")
    axes.set_ylabel(metric)
    _save(figure, path)


def _measured(log: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    series: dict[str, list[tuple[int, float]]] = {}
    for entry in log:
        for name, value in entry.items():
            if name.startswith("eval_") and isinstance(value, float) and not name.endswith(("_per_second", "runtime")):
                series.setdefault(name.removeprefix("eval_"), []).append((entry["step"], value))
    return series


def _axes(title: str) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise AssistantError("Plots need matplotlib: pip install 'terminal-assistant[finetune]'.") from error
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
    axes.bar(range(len(names)), values)
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
