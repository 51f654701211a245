"""`assistant batch`: a file of questions in, a file of answers out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.cli.ask import parse_fail_on, parse_route
from assistant.cli.files import check_paths
from assistant.cli.options import Generation, Windows
from assistant.documents.formats import FORMATS
from assistant.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from assistant.batch.lines import Selection

ENGINES = ("local", "ray")


def batch(
    questions: Annotated[
        str, typer.Argument(help="JSONL, CSV, Parquet or SQuAD JSON, one question a line; - is standard input.")
    ],
    output: Annotated[
        str, typer.Option("-o", "--output", help="Where the answers go: JSONL, .csv or .parquet; - is standard output.")
    ],
    document: Annotated[str | None, typer.Option(help=f"The document of lines that name none ({FORMATS}).")] = None,
    route: Annotated[str, typer.Option(help="auto, open, extract or grounded, for lines that name none.")] = "auto",
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not check the answers.")] = False,
    top_k: Annotated[int, typer.Option(help="Up to this many distinct answers of a document a line.", min=1)] = 1,
    windows: Windows = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="The column of the id, question, document, document_path, route or answers (those expected).",
            metavar="KEY=NAME",
        ),
    ] = None,
    template: Annotated[
        str | None, typer.Option(help='The question, made of columns: "What does {company} say about {topic}?".')
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Answer only the lines whose column has (!=: has not) this value.", metavar="NAME=VALUE"),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Answer only so many lines.", min=1)] = None,
    input_format: Annotated[
        str | None, typer.Option(help="jsonl, csv, parquet or squad, where the name does not tell.")
    ] = None,
    output_format: Annotated[
        str | None, typer.Option(help="jsonl, csv or parquet, where the name does not tell.")
    ] = None,
    report: Annotated[str | None, typer.Option(help="Write a page with plots of the run here.", metavar="FILE")] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on after the last answer in OUTPUT; try again what failed for passing reasons."
        ),
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="As --resume, and try again all lines that failed.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write OUTPUT anew.")] = False,
    fail_on: Annotated[
        list[str] | None, typer.Option(help="Exit with 4 if any answer is: contradiction, neutral or no-answer.")
    ] = None,
    engine: Annotated[str, typer.Option(help="Where the work runs: local, or ray (RAY_ADDRESS, else here).")] = "local",
    workers: Annotated[int, typer.Option(help="How many workers, each with its own models.", min=1)] = 1,
    requests: Annotated[
        int | None,
        typer.Option(help="How many requests a server is sent at once; one for a server with one slot.", min=1),
    ] = None,
    cpus: Annotated[float, typer.Option(help="Cores of each Ray worker.", min=0.1)] = 1,
    gpus: Annotated[float, typer.Option(help="GPUs of each Ray worker; 0.25 lets four share one.", min=0)] = 0,
    *,
    generation: Generation,
) -> int:
    r"""Answer a file of questions, each line {"question": ..., "id"?, "document"?, "document_path"?, "route"?}.

    A line that fails becomes {"id": ..., "line": N, "error": {...}} in its place, the run goes on, and the exit code
    is 3. After a kill, --resume goes on where it was. A server that is loading, busy or limits its rate is waited for
    (server_patience in the settings); a line that failed for such a reason all the same, --resume tries again.

    \b
    Examples:
      assistant batch questions.jsonl -o answers.jsonl
      assistant batch questions.csv -o answers.parquet --document contract.txt --column question=prompt --resume
      assistant batch companies.csv -o answers.csv --template "When was {name} founded?" --select country=France
      assistant batch questions.jsonl -o answers.jsonl --server ollama --model qwen3 --requests 1
      cat questions.jsonl | assistant batch - -o - --fail-on contradiction | jq .answer
    """
    if engine not in ENGINES:
        raise UsageError(f"--engine {engine}: choose local or ray.")
    resume = resume or retry_failed
    if resume and overwrite:
        raise UsageError("--resume and --overwrite exclude each other.")
    chosen = generation.settings(windows=windows, server_requests=requests)
    watched = parse_fail_on(fail_on or [])
    if document == questions == "-":
        raise UsageError("Questions and document cannot both be standard input.")

    from assistant.batch.lines import INPUT_KEYS, BatchOptions
    from assistant.batch.template import Template
    from assistant.cli.batch_files import Files
    from assistant.cli.batch_run import Place, run
    from assistant.documents.open import read_document

    options = BatchOptions(
        read_document(document, chosen.max_document_megabytes) if document is not None else None,
        parse_route(route),
        chosen.verify and not no_verify,
        chosen.max_document_megabytes,
        top_k,
        _columns(column or [], INPUT_KEYS),
        Template(template) if template is not None else None,
        tuple(_selection(text) for text in select or []),
        limit,
    )
    check_paths(questions, output, document, resume=resume, overwrite=overwrite)
    files = Files(questions, output, input_format, output_format)
    files.check_journal(resume=resume, overwrite=overwrite)
    if report is not None and not Path(report).parent.is_dir():
        raise UsageError(f"{Path(report).parent}: there is no such folder; make it, or name another --report.")
    if report is not None and Path(report).resolve() in [
        Path(name).resolve() for name in (questions, output, document or "-")
    ]:
        raise UsageError(f"{report}: the report cannot be one of the other files; name another --report.")
    return run(
        files, options, chosen, watched, Place(engine, workers, cpus, gpus),
        resume=resume, report=report, retry_all=retry_failed,
    )  # fmt: skip


def _columns(given: list[str], keys: tuple[str, ...]) -> dict[str, str]:
    columns = {}
    for pair in given:
        key, equals, name = pair.partition("=")
        if key not in keys or not equals or not name:
            hint = did_you_mean(key, keys, f"KEY=NAME, with one of {', '.join(keys)}.")
            raise UsageError(f"--column {pair}: {hint}")
        columns[key] = name
    return columns


def _selection(given: str) -> "Selection":
    from assistant.batch.lines import Selection

    name, equals, value = given.partition("=")
    if not equals or not name.rstrip("!"):
        raise UsageError(f"--select {given}: write NAME=VALUE or NAME!=VALUE.")
    return Selection(name.removesuffix("!"), value, negated=name.endswith("!"))
