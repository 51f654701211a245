"""`finetune compare`: finished runs side by side."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from assistant.errors import UsageError
from finetune.cli.options import Json, Runs


def compare(
    runs: Runs,
    by: Annotated[str | None, typer.Option(help="The figure that picks the best.", metavar="METRIC")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw quality against training time into this file.")] = None,
    bars: Annotated[
        Path | None, typer.Option(help="Draw every figure as bars with their values into this file.")
    ] = None,
    json_: Json = False,
) -> int:
    r"""Print the figures of runs as one table and pick the best.

    \b
    Examples:
      finetune compare runs/qa-distilbert runs/qa-roberta runs/qa-deberta
      finetune compare runs/nli-*/ --by f1_macro --plot comparison.png --bars bars.png
    """
    from finetune.run.comparison import as_json, best, compare_runs, table, warning_of

    results = compare_runs(runs)
    if warning := warning_of(results):
        print(warning, file=sys.stderr)  # noqa: T201
    if plot is not None:
        from finetune.run.plots import plot_comparison

        plot_comparison(results, plot)
    if bars is not None:
        from finetune.run.plots import plot_bars

        plot_bars(results, bars)
    if json_:
        print(as_json(results))  # noqa: T201
        return 0
    print(table(results))  # noqa: T201
    try:
        print(f"\nBest: {best(results, by).folder}")  # noqa: T201
    except UsageError:
        if by is not None or not warning:
            raise
    return 0
