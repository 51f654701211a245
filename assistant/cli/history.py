"""`assistant history`: the conversations that were had, in scripts."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from assistant.cli.completion import conversations
from assistant.cli.options import Commands, Json
from assistant.errors import UsageError
from assistant.history.store import FORMS, Form, History
from assistant.history.types import local_time
from assistant.models.index_files import IndexFiles
from assistant.models.store import default_cache
from assistant.text import one_line, printable

_HELP = """List, show, search, export and delete conversations.

\b
Examples:
  assistant history list
  assistant history search "toll bridge"
  assistant history show last
  assistant history export last -o chat.html
"""
app = Commands(no_args_is_help=True, rich_markup_mode=None, help=_HELP)

Id = Annotated[
    str,
    typer.Argument(
        help="A conversation's id or the beginning of it; `last` is the newest.",
        metavar="ID",
        autocompletion=conversations,
    ),
]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(help="At most this many.", min=1)] = 50,
    json_: Json = False,
) -> int:
    """List conversations, the newest first."""
    with History() as history:
        found = history.list_conversations(limit)
        if json_:
            _print_json(
                {
                    "conversations": [
                        {**asdict(conversation), "updated": _moment(conversation.updated)} for conversation in found
                    ]
                }
            )
            return 0
        for summary in found:
            print(f"{summary.id}  {_when(summary.updated)}  {summary.messages:>4}  {one_line(summary.title)}")  # noqa: T201
    return 0


@app.command()
def show(conversation: Id, json_: Json = False) -> int:
    """Print a conversation as Markdown, or as one JSON object."""
    with History() as history:
        if json_:
            _print_json(json.loads(history.export(history.resolve(conversation), "json")))
            return 0
        print(printable(history.export(history.resolve(conversation))), end="")  # noqa: T201
    return 0


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Words to look for in everything said.")],
    limit: Annotated[int, typer.Option(help="At most this many.", min=1)] = 50,
    json_: Json = False,
) -> int:
    """Find messages that hold some words."""
    with History() as history:
        found = history.search(text, limit)
        if json_:
            _print_json({"matches": [{**asdict(match_), "created": _moment(match_.created)} for match_ in found]})
            return 0
        for match in found:
            excerpt = one_line(match.excerpt, 120)
            print(f"{match.conversation}  {_when(match.created)}  {match.role.value:<9}  {excerpt}")  # noqa: T201
    return 0


@app.command()
def export(
    conversation: Id,
    form: Annotated[str | None, typer.Option("--format", help="markdown, json or html.", show_default=False)] = None,
    output: Annotated[str, typer.Option("-o", "--output", help="A file; - is standard output.")] = "-",
) -> int:
    """Write a conversation with its evidence and verdicts as Markdown, JSON or a page of HTML.

    Without --format, the end of the file's name says which; Markdown otherwise.
    """
    chosen = _form(form or FORMS.get(Path(output).suffix, "markdown"))
    with History() as history:
        text = history.export(history.resolve(conversation), chosen)
    if output == "-":
        sys.stdout.write(text + "\n" if chosen == "json" else printable(text))
        return 0
    try:
        # It holds what was said: for nobody else to read.
        with open(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
    except OSError as error:
        raise UsageError(f"{output}: cannot be written ({error.strerror}).") from error
    return 0


@app.command()
def rename(
    conversation: Id,
    title: Annotated[str, typer.Argument(help="The new title.")],
) -> int:
    """Give a conversation another title."""
    with History() as history:
        history.rename(conversation, title)
    return 0


@app.command()
def fork(
    conversation: Id,
    turns: Annotated[int | None, typer.Option(help="Take along only the first so many questions.", min=0)] = None,
) -> int:
    """Copy a conversation, whole or from its beginning, and print the copy's id: `assistant --resume` goes on there."""
    with History() as history:
        found = history.conversation(conversation)
        until = None if turns is None else found.end_of_turn(turns)
        print(history.fork(found.id, until))  # noqa: T201
    return 0


@app.command()
def delete(conversation: Id) -> int:
    """Delete a conversation for good, with its documents and what was made of them."""
    with History() as history:
        history.delete(conversation, IndexFiles(default_cache()).forget)
    return 0


def _form(name: str) -> Form:
    for known in FORMS.values():
        if name == known:
            return known
    raise UsageError(f"--format {one_line(name, 30)}: choose {', '.join(get_args(Form))}.")


def _print_json(record: dict[str, Any]) -> None:
    from assistant.records import json_line

    print(json_line(record))  # noqa: T201


def _moment(moment: float) -> str:
    return local_time(moment).isoformat(timespec="seconds")


def _when(moment: float) -> str:
    return local_time(moment).strftime("%Y-%m-%d %H:%M")
