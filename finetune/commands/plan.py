"""`finetune plan`: what a run will take, before it is begun."""

import json
import logging
from typing import Annotated

import typer

from assistant.commands.options import NoColor, Quiet, Verbose
from finetune.commands.options import Json, RecipeName, Set
from finetune.recipe_files import load_recipe


def plan(
    recipe: RecipeName,
    set_: Set = None,
    gpus: Annotated[
        list[int] | None, typer.Option(help="On how many GPUs; may be repeated to compare.", min=1, metavar="N")
    ] = None,
    json_: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    r"""Say what a run takes: rows, steps, parameters, memory, time, licences. Needs no GPU and downloads nothing.

    \b
    Examples:
      finetune plan code-llama-3.2-1b
      finetune plan nli-camembert --set data.choose_on=test --gpus 1 --gpus 2
    """
    chosen = load_recipe(recipe, set_ or [])
    from finetune.plan import as_json, make_plan, plan_lines

    # bitsandbytes, which peft imports, asks the Hub for a kernel on some machines and reports when it has none.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    plans = [make_plan(chosen, number) for number in gpus or [1]]
    if json_:
        print(json.dumps([as_json(each) for each in plans] if len(plans) > 1 else as_json(plans[0])))  # noqa: T201
        return 0
    for name, value in plan_lines(chosen, plans):
        print(f"{name:<20} {value}")  # noqa: T201
    return 0
