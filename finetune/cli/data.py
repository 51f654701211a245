"""`finetune data`: what a recipe is trained on."""

import json
from typing import Annotated

import typer

from assistant.cli.console import StatusLine
from finetune.cli.options import Json, RecipeName, Set
from finetune.recipe_files import load_recipe


def data(
    recipe: RecipeName,
    set_: Set = None,
    tokens: Annotated[
        bool,
        typer.Option("--tokens", help="Fetch the base too: lengths in tokens, and the example as the model gets it."),
    ] = False,
    json_: Json = False,
) -> int:
    r"""Show a recipe's data: rows, what is left out and why, labels, languages, leaks into the test data, an example.

    \b
    Examples:
      finetune data nli-camembert
      finetune data qa-minilm --set data.limit=2000 --tokens
    """
    chosen = load_recipe(recipe, set_ or [])
    from finetune.run.inspection import inspect, inspection_lines
    from finetune.run.run import quiet_libraries

    quiet_libraries()
    with StatusLine() as status:
        found = inspect(chosen, status, tokens=tokens)
    if json_:
        print(json.dumps(found, ensure_ascii=False))  # noqa: T201
        return 0
    for name, value in inspection_lines(found):
        print(f"{name:<32} {value}")  # noqa: T201
    return 0
