"""`assistant batch`: a file of questions in, a file of answers out."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.commands.ask import fails, parse_fail_on, parse_route
from assistant.commands.files import check_paths, count_lines, open_input, open_output
from assistant.commands.options import NoColor, Profile, Quiet, Server, Verbose, Windows, settings, switches
from assistant.console import StatusLine
from assistant.conversation import Answer
from assistant.documents.formats import FORMATS
from assistant.errors import UsageError
from assistant.events import Progress

if TYPE_CHECKING:
    from assistant.batch import Summary


def batch(
    questions: Annotated[str, typer.Argument(help="A JSONL file with one question a line; - is standard input.")],
    output: Annotated[
        str, typer.Option("-o", "--output", help="Where the answers go, one a line; - is standard output.")
    ],
    document: Annotated[str | None, typer.Option(help=f"The document of lines that name none ({FORMATS}).")] = None,
    route: Annotated[str, typer.Option(help="auto, open, extract or grounded, for lines that name none.")] = "auto",
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not check the answers.")] = False,
    top_k: Annotated[int, typer.Option(help="Up to this many distinct answers of a document a line.", min=1)] = 1,
    windows: Windows = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last answer that OUTPUT holds.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write OUTPUT anew.")] = False,
    fail_on: Annotated[
        list[str] | None, typer.Option(help="Exit with 4 if any answer is: contradiction, neutral or no-answer.")
    ] = None,
    engine: Annotated[str, typer.Option(help="Where the work runs: local.")] = "local",
    workers: Annotated[int, typer.Option(help="How many workers.", min=1)] = 1,
    profile: Profile = None,
    server: Server = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    r"""Answer a file of questions, each line {"question": ..., "id"?, "document"?, "document_path"?, "route"?}.

    A line that fails becomes {"id": ..., "line": N, "error": {...}} in its place, the run goes on, and the exit code
    is 3.

    \b
    Examples:
      assistant batch questions.jsonl -o answers.jsonl
      assistant batch questions.jsonl -o answers.jsonl --document contract.txt --resume
      cat questions.jsonl | assistant batch - -o - --fail-on contradiction | jq .answer
    """
    if engine != "local" or workers != 1:
        raise UsageError("--engine and --workers: this version runs the local engine with one worker.")
    if resume and overwrite:
        raise UsageError("--resume and --overwrite exclude each other.")
    chosen = settings(profile, server, windows=windows)
    watched = parse_fail_on(fail_on or [])
    if document == questions == "-":
        raise UsageError("Questions and document cannot both be standard input.")

    from assistant.assistant import Assistant
    from assistant.batch import BatchOptions, lines_done, read_lines, run_batch
    from assistant.documents.loading import read_document

    options = BatchOptions(
        read_document(document, chosen.max_document_megabytes) if document is not None else None,
        parse_route(route),
        chosen.verify and not no_verify,
        chosen.max_document_megabytes,
        top_k,
    )
    check_paths(questions, output, document, resume=resume, overwrite=overwrite)

    def watch(answer: Answer) -> bool:
        return fails(answer, watched)

    done = None
    if resume and Path(output).exists():
        with open_input(questions) as lines:
            done = lines_done(Path(output), read_lines(iter(lines), options), watch)
    total = count_lines(questions)
    began = time.monotonic()
    assistant = Assistant(chosen)
    with (
        StatusLine(quiet=switches.quiet, color=switches.color) as status,
        open_input(questions) as lines,
        open_output(output, append=done is not None) as answers,
    ):
        summary = run_batch(
            assistant,
            read_lines(iter(lines), options),
            answers,
            done=done,
            on_line=lambda count: status(Progress("Answering", count, total)),
            watch=watch,
        )
    seconds = time.monotonic() - began
    status.say(_report(summary, seconds))
    if summary.failed:
        return 3
    return 4 if summary.watched else 0


def _report(summary: "Summary", seconds: float) -> str:
    parts = [f"{summary.answered} answered"]
    parts += [f"{summary.failed} failed"] if summary.failed else []
    parts += [f"{summary.skipped} done before"] if summary.skipped else []
    parts += [f"{summary.watched} matched --fail-on"] if summary.watched else []
    return f"{', '.join(parts)} in {seconds:.1f} s ({summary.answered / max(seconds, 1e-6):.1f} a second)."
