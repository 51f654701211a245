"""`finetune plan`: what a run will take, before it is begun."""

import json
import logging
from typing import Annotated

import typer

from finetune.cli.options import Json, RecipeName, Set
from finetune.recipe_files import combinations, load_recipe, own_settings


def plan(
    recipe: RecipeName,
    set_: Set = None,
    gpus: Annotated[
        list[int] | None, typer.Option(help="On how many GPUs; may be repeated to compare.", min=1, metavar="N")
    ] = None,
    json_: Json = False,
) -> int:
    r"""Say what a run takes: rows, steps, parameters, memory, time, licences. Needs no GPU and downloads nothing.

    \b
    Examples:
      finetune plan code-llama-3.2-1b
      finetune plan nli-camembert --set data.choose_on=test --gpus 1 --gpus 2
      finetune plan nli-camembert --set training.epochs=3,10
    """
    runs = [(settings, load_recipe(recipe, settings)) for settings in combinations(recipe, set_ or [])]
    from finetune.plan.plan import as_json, make_plan, plan_lines

    # bitsandbytes, which peft imports, asks the Hub for a kernel on some machines and reports when it has none.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    own = [own_settings(settings, [each for each, _ in runs]) if len(runs) > 1 else [] for settings, _ in runs]
    planned = [
        (settings, chosen, [make_plan(chosen, number) for number in gpus or [1]])
        for settings, (_, chosen) in zip(own, runs, strict=True)
    ]
    if json_:
        plans = [as_json(plan) | {"settings": settings} for settings, _, of_run in planned for plan in of_run]
        print(json.dumps(plans if len(plans) > 1 else plans[0]))  # noqa: T201
        return 0
    for settings, chosen, of_run in planned:
        lines = plan_lines(chosen, of_run)
        if settings:
            lines = [("run", " ".join(settings)), *lines, ("", "")]
        for name, value in lines:
            print(f"{name:<20} {value}".rstrip())  # noqa: T201
    return 0
