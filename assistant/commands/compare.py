"""`assistant compare`: the same question to several readers, or several generators, side by side."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.commands.ask import print_text, read_documents
from assistant.commands.options import NoColor, Profile, Quiet, Server, Verbose, settings, switches
from assistant.console import StatusLine
from assistant.conversation import Answer, Document, Route, Turn
from assistant.documents.excerpt import excerpt
from assistant.errors import AssistantError, UsageError
from assistant.sanitize import one_line, printable

if TYPE_CHECKING:
    from rich.text import Text


def compare(
    question: Annotated[str, typer.Argument(help="The question.")],
    document: Annotated[list[str] | None, typer.Option(help="Answer from this text file; - is standard input.")] = None,
    reader: Annotated[list[str] | None, typer.Option(help="A reader: a folder or a Hub name. Repeat it.")] = None,
    generator: Annotated[list[str] | None, typer.Option(help="A generator: a folder or a Hub name. Repeat it.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    profile: Profile = None,
    server: Server = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    r"""Put one question to several models and show their answers side by side; `embedded` names the profile's own.

    \b
    Examples:
      assistant compare "How large is it?" --document amazon.txt --reader embedded --reader runs/qa-minilm/adapter
      assistant compare "Reverse a list in Python" --generator embedded --generator smollm2-135m-instruct
    """
    if bool(reader) == bool(generator):
        raise UsageError("Name the models to compare: --reader R1 --reader R2, or --generator G1 --generator G2.")
    if reader and not document:
        raise UsageError("Readers need a text to read; name one with --document.")
    part, names = ("reader", reader) if reader else ("generator", generator or [])
    chosen = settings(profile, server)
    documents = read_documents(document or [], chosen.max_document_megabytes)
    route = Route.EXTRACT if reader else (Route.GROUNDED if documents else Route.OPEN)
    turn = Turn(question, documents, route=route, verify=False)
    with StatusLine(quiet=switches.quiet, color=switches.color) as status:
        rows = list(_rows(turn, part, names, chosen.model_dump(exclude_unset=True), status))
    if json_:
        from assistant.records import json_line

        print(json_line({"question": question, "answers": rows}))  # noqa: T201
    else:
        print_text(_table(rows, documents))
    return 1 if all("error" in row for row in rows) else 0


def _rows(
    turn: Turn, part: str, names: list[str], options: dict[str, Any], status: StatusLine
) -> Iterator[dict[str, Any]]:
    from assistant.assistant import Assistant
    from assistant.records import answer_to_json, error_to_json
    from assistant.settings import Settings

    for name in names:
        assistant = Assistant(Settings(**{**options, part: None if name == "embedded" else name}))
        try:
            engine: Any = getattr(assistant, part)(status)
            answer: Answer = assistant.answer(turn, on_event=status)
        except AssistantError as error:
            yield {"model": name, "error": error_to_json(error)}
            continue
        parameters = sum(tensor.numel() for tensor in engine.model.parameters())
        yield {"model": name, "parameters": parameters, **answer_to_json(turn.question, answer, name)}
        assistant.close()


def _table(rows: list[dict[str, Any]], documents: tuple[Document, ...]) -> "Text":
    from rich.text import Text

    text = Text()
    for row in rows:
        text.append(one_line(row["model"]), style="bold")
        if "error" in row:
            text.append(f"\n  {printable(row['error']['message'])}\n\n")
            continue
        score = "" if row["score"] is None else f" · {row['score']:.0%} sure"
        text.append(f" · {row['parameters'] / 1e6:.0f} M parameters · {row['usage']['seconds']:.2f} s{score}\n")
        places = row["evidence"] or ([row["closest"]] if row["closest"] else [])
        if row["answer"] is None:
            text.append("  Not in the document; the closest passage:\n")
        elif row["route"] != Route.EXTRACT:
            text.append(printable(row["answer"]) + "\n\n")
            continue
        for place in places:
            whole = next((d.text for d in documents if d.name == place["document"]), place["text"])
            around = excerpt(whole, place["start"], place["end"])
            text.append("  ").append(around.before).append(f"[{around.span}]", style="bold").append(f"{around.after}\n")
        text.append("\n")
    return text
