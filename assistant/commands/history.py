"""`assistant history`: the conversations that were had, in scripts."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from assistant.commands.options import NoColor, Quiet, Verbose
from assistant.documents.index_files import IndexFiles
from assistant.errors import UsageError
from assistant.history import History
from assistant.models.store import default_cache
from assistant.sanitize import one_line, printable

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List, show, search, export and delete conversations."
)

Id = Annotated[
    str, typer.Argument(help="A conversation's id or the beginning of it; `last` is the newest.", metavar="ID")
]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(help="At most this many.", min=1)] = 50,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    """List conversations, the newest first."""
    with History() as history:
        for summary in history.list_conversations(limit):
            print(f"{summary.id}  {_when(summary.updated)}  {summary.messages:>4}  {one_line(summary.title)}")  # noqa: T201
    return 0


@app.command()
def show(conversation: Id, verbose: Verbose = False, quiet: Quiet = False, no_color: NoColor = False) -> int:
    """Print a conversation as Markdown."""
    with History() as history:
        print(printable(history.export(history.resolve(conversation))), end="")  # noqa: T201
    return 0


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Words to look for in everything said.")],
    limit: Annotated[int, typer.Option(help="At most this many.", min=1)] = 50,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    """Find messages that hold some words."""
    with History() as history:
        for match in history.search(text, limit):
            excerpt = one_line(match.excerpt, 120)
            print(f"{match.conversation}  {_when(match.created)}  {match.role.value:<9}  {excerpt}")  # noqa: T201
    return 0


@app.command()
def export(
    conversation: Id,
    form: Annotated[str, typer.Option("--format", help="markdown or json.")] = "markdown",
    output: Annotated[str, typer.Option("-o", "--output", help="A file; - is standard output.")] = "-",
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    """Write a conversation with its evidence and verdicts as Markdown or JSON."""
    with History() as history:
        identifier = history.resolve(conversation)
        if form == "markdown":
            text = history.export(identifier, "markdown")
        elif form == "json":
            text = history.export(identifier, "json")
        else:
            raise UsageError(f"--format {form}: choose markdown or json.")
    if output == "-":
        sys.stdout.write(printable(text) if form == "markdown" else text + "\n")
        return 0
    try:
        Path(output).write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{output}: cannot be written ({error.strerror}).") from error
    return 0


@app.command()
def delete(conversation: Id, verbose: Verbose = False, quiet: Quiet = False, no_color: NoColor = False) -> int:
    """Delete a conversation for good, with its documents and what was made of them."""
    with History() as history:
        gone = history.delete(conversation)
    files = IndexFiles(default_cache())
    for document in gone:
        files.forget(document)
    return 0


def _when(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M")
