"""`assistant compare`: the same question to several readers, or several generators, side by side."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli.ask import read_documents
from assistant.cli.console import StatusLine
from assistant.cli.options import Profile, Server, settings, switches
from assistant.errors import UsageError
from assistant.text import one_line, printable
from assistant.types import Answer, Document, Route, Turn

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from assistant.answering.comparison import Compared

_WIDEST = 100
_INTERRUPTED = 130


def compare(
    question: Annotated[str, typer.Argument(help="The question.")],
    document: Annotated[
        list[str] | None, typer.Option(help="Answer from this file; - is standard input. May be repeated.")
    ] = None,
    reader: Annotated[list[str] | None, typer.Option(help="A reader: a folder or a Hub name. Repeat it.")] = None,
    generator: Annotated[
        list[str] | None,
        typer.Option(help="A generator: a folder, a Hub name, or `server` for that of --server. Repeat it."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    profile: Profile = None,
    server: Server = None,
) -> int:
    r"""Put one question to several models and show their answers side by side; `embedded` names the profile's own.

    Seconds are those of the question alone, with the model loaded and the documents tokenised. EM and F1 are what the
    model's card says.

    \b
    Examples:
      assistant compare "How large is it?" --document amazon.txt --reader embedded --reader deepset/roberta-base-squad2
      assistant compare "How large is it?" --document amazon.txt --reader embedded --reader runs/qa-minilm/adapter
      assistant compare "Reverse a list in Python" --generator embedded --generator qwen2.5-coder-0.5b-instruct
    """
    if bool(reader) == bool(generator):
        raise UsageError("Name the models to compare: --reader R1 --reader R2, or --generator G1 --generator G2.")
    if reader and not document:
        raise UsageError("Readers need a text to read; name one with --document.")
    if not question.strip():
        raise UsageError("The question is empty; type what you want to know.")
    part, names = ("reader", reader) if reader else ("generator", generator or [])
    chosen = settings(profile, server)
    documents = read_documents(document or [], chosen.max_document_megabytes)
    route = Route.EXTRACT if reader else (Route.GROUNDED if documents else Route.OPEN)
    turn = Turn(question, documents, route=route, verify=False)
    from assistant.answering import comparison

    rows: list[Compared] = []
    interrupted = False
    with StatusLine() as status:
        try:
            for row in comparison.compare(turn, part, names, chosen, on_event=status):
                rows.append(row)
        except KeyboardInterrupt:
            interrupted = True
    if json_:
        from assistant.records import json_line

        print(json_line(_record(question, rows, interrupted=interrupted)))  # noqa: T201
    else:
        _print(rows, part, documents)
    if interrupted:
        return _INTERRUPTED
    return 1 if all(row.error is not None for row in rows) else 0


def _record(question: str, rows: "list[Compared]", *, interrupted: bool) -> dict[str, Any]:
    from assistant.answering.comparison import agreement

    agreed = agreement(rows)
    record = {
        "question": question,
        "answers": [_row(question, row) for row in rows],
        "agreement": asdict(agreed) if agreed is not None else None,
    }
    return {**record, "stopped": True} if interrupted else record


def _row(question: str, row: "Compared") -> dict[str, Any]:
    from assistant.records import answer_to_json, error_to_json

    if row.answer is None:
        return {"model": row.name, "error": error_to_json(row.error) if row.error is not None else None}
    return {
        "model": row.name,
        "architecture": row.architecture,
        "parameters": row.parameters,
        "load_seconds": row.load_seconds,
        "figures": [asdict(figures) for figures in row.figures],
        **answer_to_json(question, row.answer, row.name),
    }


def _print(rows: "list[Compared]", part: str, documents: tuple[Document, ...]) -> None:
    """The table, then each model's answer in its place, then how many agree; wrapped to the terminal."""
    from rich.console import Console
    from rich.text import Text

    from assistant.answering.comparison import agreement

    if not rows:
        return
    console = Console(file=sys.stdout, no_color=not switches.color, highlight=False, markup=False, emoji=False)
    console.width = min(console.width, _WIDEST)
    agreed = agreement(rows)
    with console.capture() as captured:
        console.print(_table(rows, part), Text())
        for row in rows:
            console.print(_details(row, documents))
        if agreed is not None:
            console.print(Text(agreed.sentence(part)))
    # Rich pads every line of a table to its width.
    sys.stdout.write("".join(f"{line.rstrip(' ')}\n" for line in captured.get().split("\n")[:-1]))
    sys.stdout.flush()


def _table(rows: "list[Compared]", part: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
    table.add_column(part.capitalize(), ratio=2, overflow="fold")
    table.add_column("Answer", ratio=3, overflow="fold")
    for title in ("Sure", "Seconds", "Parameters"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: "Compared") -> "list[Text]":
    from rich.text import Text

    name = Text(one_line(row.name, 60), style="bold")
    if row.answer is None:
        return [name, Text("failed", style="red")]
    said = Text("not in the document", style="dim") if row.answer.text is None else Text(one_line(row.answer.text, 80))
    sure = "" if row.answer.score is None else f"{row.answer.score:.0%}"
    return [name, said, Text(sure), Text(f"{row.answer.usage.seconds:.2f}"), Text(row.size)]


def _details(row: "Compared", documents: tuple[Document, ...]) -> "RenderableType":
    from rich.padding import Padding
    from rich.text import Text

    from assistant.answering.comparison import figures_line

    text = Text(one_line(row.name, 200), style="bold")
    about = Text("", style="not bold")
    if row.answer is None:
        about.append(f"\n{printable(str(row.error))}", style="red")
        return Padding(text.append_text(about), (0, 0, 1, 0))
    about.append("".join(f" · {words}" for words in row.about()), style="dim").append("\n")
    about.append_text(_said(row.answer, documents))
    if row.figures:
        about.append(f"\n{figures_line(row.figures)}", style="dim")
    return Padding(text.append_text(about), (0, 0, 1, 0))


def _said(answer: Answer, documents: tuple[Document, ...]) -> "Text":
    from rich.text import Text

    from assistant.cli.rendering import render_place
    from assistant.presentation import Headline, present

    shown = present(answer, documents)
    if answer.route is not Route.EXTRACT:
        return Text(shown.text or "no answer")
    places = [render_place(place) for place in shown.places]
    if shown.headline is Headline.NOT_FOUND:
        places.insert(0, Text(f"{shown.text}; the closest passage:"))
    return Text("\n").join(places)
