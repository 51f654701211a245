"""The `finetune` command: train the models of the assistant, measure them, and publish them."""

import json
from typing import Annotated

import typer

from assistant.cli.main import leave
from assistant.cli.main import run as run_command
from assistant.cli.options import Commands
from finetune.cli.classify import classify
from finetune.cli.compare import compare
from finetune.cli.data import data
from finetune.cli.evaluate import evaluate
from finetune.cli.merge import merge
from finetune.cli.options import Json, RecipeName
from finetune.cli.plan import plan
from finetune.cli.push import push
from finetune.cli.run import run
from finetune.recipe_files import load_recipe, recipe_names, recipe_text

app = Commands(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Train the models of the assistant, measure them, and publish them.",
)

_SHOWN_OF_A_RECIPE = {"name", "task", "method", "description", "base", "licence", "source_result"}


@app.command("list")
def list_(
    names: Annotated[bool, typer.Option("--names", help="Their names alone, one a line.")] = False,
    json_: Json = False,
) -> int:
    r"""List the recipes that come with the program.

    \b
    Examples:
      finetune list
      for name in $(finetune list --names); do finetune plan $name; done
      finetune list --json | jq -r '.recipes[] | select(.task == "qa") | .name'
    """
    recipes = {name: load_recipe(name) for name in recipe_names()}
    if json_:
        rows = [recipe.model_dump(include=_SHOWN_OF_A_RECIPE) for recipe in recipes.values()]
        print(json.dumps({"recipes": rows}, ensure_ascii=False))  # noqa: T201
        return 0
    for name, recipe in recipes.items():
        print(name if names else f"{name:<23} {recipe.task:<10} {recipe.method:<9} {recipe.description}")  # noqa: T201
    return 0


@app.command()
def show(recipe: RecipeName) -> int:
    r"""Print a recipe with its comments; copy it to make your own.

    \b
    Examples:
      finetune show qa-roberta
      finetune show qa-roberta > mine.toml && finetune run mine.toml
    """
    load_recipe(recipe)
    print(recipe_text(recipe), end="")  # noqa: T201
    return 0


app.command()(data)
app.command()(plan)
app.command()(run)
app.command()(evaluate)
app.command()(compare)
app.command()(classify)
app.command()(merge)
app.command()(push)


def main() -> None:
    """Run the command line and exit with the code of what happened."""
    leave(run_command(app, "finetune"))
