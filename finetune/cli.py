"""The `finetune` command: train the models of the assistant and measure them."""

import json
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli import leave
from assistant.cli import run as run_command
from assistant.commands.options import NoColor, Quiet, Verbose, switches
from assistant.console import StatusLine
from assistant.errors import UsageError
from assistant.events import Progress
from finetune.card import write_card
from finetune.recipe import CodeRecipe, NLIRecipe, QARecipe, load_recipe, recipe_names, recipe_text

if TYPE_CHECKING:
    from assistant.models.store import ResolvedModel

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Train the models of the assistant and measure them.",
)

TASKS = ("qa", "nli", "code")


@app.command("list")
def list_(verbose: Verbose = False, quiet: Quiet = False, no_color: NoColor = False) -> int:
    """List the recipes that come with the program."""
    for name in recipe_names():
        recipe = load_recipe(name)
        print(f"{name:<20} {recipe.task:<5} {recipe.base:<24} {recipe.description}")  # noqa: T201
    return 0


@app.command()
def show(
    recipe: Annotated[str, typer.Argument(help="A recipe of the list, or a TOML file.")],
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    """Print a recipe with its comments; copy it to make your own."""
    load_recipe(recipe)
    print(recipe_text(recipe), end="")  # noqa: T201
    return 0


@app.command()
def run(
    recipe: Annotated[str, typer.Argument(help="A recipe of the list, or a TOML file.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key, e.g. --set training.epochs=2.", metavar="KEY=VALUE")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Where the run goes; runs/RECIPE if not given.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, even where OUTPUT holds a checkpoint.")] = False,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="A minute's run on a few examples, to see that it works.")
    ] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    r"""Train a recipe. A run whose output folder holds a checkpoint goes on from it.

    \b
    Examples:
      finetune run qa-minilm
      finetune run nli-minilm --set training.epochs=3 --output runs/nli-3
      finetune run code-smollm2-135m --smoke
    """
    short = ["data.limit=64", "training.epochs=1", "training.save_steps=1000"] if smoke else []
    chosen = load_recipe(recipe, [*(set_ or []), *short])
    folder = output or Path("runs") / (f"{chosen.name}-smoke" if smoke else chosen.name)
    _prepare(folder, fresh=fresh or (smoke and output is None))
    logging.getLogger("finetune").setLevel(logging.INFO)
    if not switches.verbose and not switches.quiet:
        logging.basicConfig(stream=sys.stderr, format="%(message)s")
    from assistant.models.store import ModelStore

    with StatusLine(quiet=switches.quiet, color=switches.color) as status:
        base = ModelStore().ensure(chosen.base, status)
    (folder / "recipe.json").write_text(chosen.model_dump_json(indent=2) + "\n", "utf-8")
    figures = _train(chosen, base, folder)
    (folder / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    write_card(chosen, figures, folder / "adapter")
    print(json.dumps({"adapter": str(folder / "adapter"), **figures}, indent=2))  # noqa: T201
    return 0


def _prepare(folder: Path, *, fresh: bool) -> None:
    import shutil

    try:
        if fresh:
            for old in (*folder.glob("checkpoint-*"), folder / "adapter"):
                shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be used for the run ({error.strerror}).") from error


def _train(recipe: QARecipe | NLIRecipe | CodeRecipe, base: Path, folder: Path) -> dict[str, float]:
    if isinstance(recipe, QARecipe):
        from finetune import extractive_qa

        return extractive_qa.train(recipe, base, folder)
    if isinstance(recipe, NLIRecipe):
        from finetune import nli

        return nli.train(recipe, base, folder)
    from finetune import code_assistant

    return code_assistant.train(recipe, base, folder)


@app.command()
def evaluate(
    task: Annotated[str, typer.Argument(help="qa, nli or code.")],
    data: Annotated[
        str, typer.Option(help="The file to measure on: SQuAD JSON, TSV or JSONL pairs, or code questions.")
    ],
    model: Annotated[
        str, typer.Option(help="embedded, base (without the adapter), a run's folder, or a Hub name.")
    ] = "embedded",
    limit: Annotated[int | None, typer.Option(help="Only this many rows, drawn evenly.", min=1)] = None,
    last_articles: Annotated[
        float | None,
        typer.Option(help="qa: only the file's last articles, as this share of all of them.", min=0.0, max=1.0),
    ] = None,
    errors: Annotated[Path | None, typer.Option(help="qa: write the wrong answers, with what is wrong, here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="qa: draw the reliability of the score into this file.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    r"""Measure a model on labelled data.

    \b
    Examples:
      finetune evaluate qa --data dev-v1.1.json --model embedded
      finetune evaluate qa --data piaf-v1.0.json --last-articles 0.2
      finetune evaluate nli --data xnli.tsv --model runs/nli-minilm/adapter --json
      finetune evaluate code --data codegen-instruct.json --model base --limit 200
    """
    if task not in TASKS:
        raise UsageError(f"There is no task {task!r}; choose {', '.join(TASKS)}.")
    for_qa = {"--last-articles": last_articles, "--errors": errors, "--plot": plot}
    if task != "qa" and (given := [name for name, value in for_qa.items() if value is not None]):
        raise UsageError(f"{given[0]} is for qa.")
    from finetune.data.files import find_data

    path = find_data(data)
    with StatusLine(quiet=switches.quiet, color=switches.color) as status:
        found = _resolve(task, model, status)
        if task == "qa":
            report = _evaluate_qa(path, found, limit, last_articles, status, errors=errors, plot=plot)
        else:
            report = _evaluate(task, path, found, limit, status)
    if json_:
        print(json.dumps(report))  # noqa: T201
        return 0
    _print_figures(report)
    return 0


def _print_figures(report: Mapping[str, Any], indent: str = "") -> None:
    for name, value in report.items():
        if isinstance(value, Mapping):
            print(f"{indent}{name}")  # noqa: T201
            _print_figures(value, indent + "  ")
        else:
            shown = f"{value:.2f}" if isinstance(value, float) else value
            print(f"{indent + name:<{18 if len(name) < 18 else 54}} {shown}")  # noqa: T201


def _resolve(task: str, model: str, status: StatusLine) -> "ResolvedModel":
    """The model to measure: the embedded profile's part for the task, its base alone, or any reference."""
    from assistant.models.store import ModelStore

    store = ModelStore()
    profile = store.catalogue.profile("embedded")
    spec = {"qa": profile.reader, "nli": profile.verifier, "code": profile.generator}[task]
    if model == "embedded":
        return store.resolve(spec, status)
    if model == "base":
        if task != "code":
            raise UsageError(f"The base of the {task} adapter has no head for that task; `base` is for code.")
        return store.resolve(spec.base, status)
    run_folder = Path(model) / "adapter"
    return store.resolve(str(run_folder) if run_folder.is_dir() else model, status)


def _evaluate_qa(
    path: Path,
    model: "ResolvedModel",
    limit: int | None,
    last_articles: float | None,
    status: StatusLine,
    **files: Path | None,
) -> dict[str, Any]:
    from assistant.models.loading import load_reader
    from finetune import qa_evaluation
    from finetune.data.files import evenly
    from finetune.data.squad import read_squad, split_by_article

    questions = read_squad(path)
    if last_articles is not None:
        _, questions = split_by_article(questions, last_articles)
    return qa_evaluation.evaluate(load_reader(model), evenly(questions, limit), _measuring(status), **files)


def _evaluate(task: str, path: Path, model: "ResolvedModel", limit: int | None, status: StatusLine) -> dict[str, Any]:
    from assistant.models.loading import load_generator, load_verifier
    from finetune.data.files import evenly

    if task == "nli":
        from finetune import nli
        from finetune.data.pairs import read_pairs

        return nli.evaluate(load_verifier(model), evenly(read_pairs(path), limit), _measuring(status))
    from finetune import code_assistant

    generator = load_generator(model)
    examples = code_assistant.examples_to_evaluate(path, limit=limit)
    return code_assistant.evaluate(generator.model, generator.tokenizer, examples, _measuring(status))


def _measuring(status: StatusLine) -> Callable[[int, int], None]:
    return lambda done, total: status(Progress("Measuring", done, total))


def main() -> None:
    """Run the command line and exit with the contract's code."""
    leave(run_command(app, "finetune"))
