"""The options that several commands of `finetune` share."""

from pathlib import Path
from typing import Annotated

import typer

RecipeName = Annotated[str, typer.Argument(help="A recipe of the list, or a TOML file.", metavar="RECIPE")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change a key, e.g. --set training.epochs=2. Several values (1e-4,2e-4) make a run of each.",
        metavar="KEY=VALUE",
    ),
]
Runs = Annotated[list[Path], typer.Argument(help="Folders of finished runs.", metavar="DIR...")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
