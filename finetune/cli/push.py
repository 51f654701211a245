"""`finetune push`: publish what a run trained."""

import re
from pathlib import Path
from typing import Annotated

import typer

from assistant.errors import UsageError

_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


def push(
    runs: Annotated[
        list[Path], typer.Argument(help="The folder of a finished run; several for a Space.", metavar="DIR...")
    ],
    repo: Annotated[
        list[str],
        typer.Option(help="Where it goes on the Hub: one for each DIR, in their order.", metavar="OWNER/NAME"),
    ],
    public: Annotated[bool, typer.Option("--public", help="For everybody to see; otherwise it is private.")] = False,
    merged: Annotated[
        bool, typer.Option("--merged", help="Adapters go up merged into their bases, as whole models.")
    ] = False,
    space: Annotated[
        str | None,
        typer.Option(help="Also a Docker Space that serves the chat with the pushed models.", metavar="OWNER/NAME"),
    ] = None,
    space_only: Annotated[
        Path | None, typer.Option(help="Upload nothing; write the Space's files into this folder.", metavar="DIR")
    ] = None,
    side_by_side: Annotated[
        bool,
        typer.Option("--side-by-side", help="The Space shows the readers' answers beside each other, with examples."),
    ] = False,
    install_from: Annotated[
        str | None,
        typer.Option(
            help="What the Space installs, as pip takes it; by default the commit that this program is of.",
            metavar="ADDRESS",
        ),
    ] = None,
) -> int:
    r"""Publish a finished run on the Hub: the model, its card, report and plots; never the optimizer's state.

    \b
    Examples:
      finetune push runs/qa-roberta --repo me/qa-roberta
      finetune push runs/qa-roberta runs/nli-camembert --repo me/reader --repo me/verifier --space me/chat
      finetune push runs/qa-bert runs/qa-roberta --repo me/bert --repo me/roberta --space me/readers --side-by-side
    """
    if len(repo) != len(runs):
        raise UsageError(f"{len(runs)} runs and {len(repo)} --repo: give one for each run, in the same order.")
    if wrong := [name for name in (*repo, *([space] if space else [])) if not _NAME.fullmatch(name)]:
        raise UsageError(f"{wrong[0]!r} names no repository of the Hub; write OWNER/NAME.")
    from finetune.recipe_files import read_run
    from finetune.run.publish import check_finished, push_model, push_space, usage_of, write_space
    from finetune.run.readers_space import write_readers_space

    if merged:
        from finetune.run.run import quiet_libraries

        quiet_libraries()
    write = write_readers_space if side_by_side else write_space
    models = list(zip(runs, repo, strict=True))
    if space_only is not None:
        title = space.rpartition("/")[2] if space else space_only.name
        print(write(space_only, models, title, install_from))  # noqa: T201
        return 0
    for run in runs:  # whatever is wrong is told before anything is uploaded
        check_finished(run)
    folder = write(runs[0] / "space", models, space.rpartition("/")[2], install_from) if space is not None else None
    for run, name in models:
        print(push_model(run, name, private=not public, merged=merged))  # noqa: T201
        print(f"Use it: {usage_of(read_run(run), name)}")  # noqa: T201
    sdk = "gradio" if side_by_side else "docker"
    if space is not None and folder is not None:
        print(push_space(folder, space, private=not public, sdk=sdk))  # noqa: T201
    return 0
