"""`assistant verify`: what a premise says of a hypothesis, for one pair or a file of them."""

import itertools
import re
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli.ask import print_text
from assistant.cli.console import StatusLine
from assistant.cli.files import check_paths, count_rows_of, open_input, open_output
from assistant.cli.options import Profile, Server, settings
from assistant.errors import AssistantError, UsageError
from assistant.events import Progress
from assistant.types import Document, Verdict

if TYPE_CHECKING:
    from assistant.batch.rows import Row
    from assistant.settings import Settings
    from assistant.verification.candidates import Check
    from assistant.verification.verifier import Verifier

PAIRS_AT_ONCE = 64
_STANDARD_INPUT = {"-", "@-"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR_KEYS = ("id", "premise", "hypothesis", "question")


def verify(
    premise: Annotated[
        str | None, typer.Option(help="The text to check against; @FILE reads a file, - standard input.")
    ] = None,
    hypothesis: Annotated[
        str | None, typer.Option(help="The statement to check; @FILE reads a file, - standard input.")
    ] = None,
    question: Annotated[
        str | None, typer.Option(help="The question that the hypothesis answers, where it is a bare answer.")
    ] = None,
    pairs: Annotated[str | None, typer.Option(help="JSONL, CSV or Parquet with pairs; - is standard input.")] = None,
    output: Annotated[str, typer.Option("-o", "--output", help="Where the verdicts of --pairs go.")] = "-",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write OUTPUT anew.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    profile: Profile = None,
    server: Server = None,
) -> int:
    r"""Say whether a text entails a statement, contradicts it, or says nothing on it.

    \b
    Examples:
      assistant verify --premise "J'habite à Lyon." --hypothesis "J'habite à Marseille."
      assistant verify --premise @article.txt --hypothesis "5.5 million km2" --question "How large is the forest?"
      assistant verify --pairs pairs.jsonl -o verdicts.jsonl
    """
    chosen = settings(profile, server)
    if pairs is not None:
        if premise is not None or hypothesis is not None or question is not None:
            raise UsageError("Give --pairs, whose rows hold all of it, or --premise and --hypothesis; not both.")
        check_paths(pairs, output, resume=False, overwrite=overwrite)
        return _verify_file(pairs, output, chosen)
    if premise is None or hypothesis is None:
        raise UsageError("Give --premise and --hypothesis, or --pairs FILE -o FILE.")
    if output != "-" or overwrite:
        raise UsageError("-o and --overwrite go with --pairs; the verdict on one pair goes to standard output.")
    if {premise, hypothesis} <= _STANDARD_INPUT:
        raise UsageError(
            "Premise and hypothesis cannot both be standard input; put one of them in an argument or a file."
        )
    from assistant.answering.assistant import Assistant

    row = {
        "premise": _text(premise, "--premise"),
        "hypothesis": _text(hypothesis, "--hypothesis"),
        "question": question,
    }
    check = _check(row)
    with StatusLine() as status:
        verifier = Assistant(chosen).models.verifier(status)
        verdict = _verdicts(verifier, [check])[0]
    if json_:
        from assistant.records import json_line, verdict_to_json

        print(json_line(verdict_to_json(verdict)))  # noqa: T201
        return 0
    from assistant.cli.rendering import render_verdict

    print_text(render_verdict(verdict))
    return 0


def _text(value: str, option: str) -> str:
    if not value.startswith("@") and value not in _STANDARD_INPUT:
        return value
    from assistant.documents.open import read_document

    if value == "@":
        raise UsageError(f"{option} @: name a file after the @.")
    return read_document(value.removeprefix("@")).text


def _check(row: dict[str, Any]) -> "Check":
    """A pair as the verifier takes it: the hypothesis in claims, the premise as a document."""
    from assistant.verification.candidates import Check
    from assistant.verification.claims import answer_claims, span_claim, states_yes_or_no

    for key in ("premise", "hypothesis"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise UsageError(f"The {key} is empty or not a text.")
    question = row.get("question")
    if question is not None and not isinstance(question, str):
        raise UsageError("The question is not a text.")
    for key in ("hypothesis", "question"):
        if _SURROGATE.search(row.get(key) or ""):
            raise UsageError(f"The {key} is not valid Unicode: it holds a lone surrogate.")
    asked = bool(question and question.strip())
    if question and asked and not states_yes_or_no(question, row["hypothesis"]):
        claims = [span_claim(question, row["hypothesis"])]
    else:
        claims = answer_claims(row["hypothesis"], question if asked else None) or [row["hypothesis"].strip()]
    return Check(Document("premise", row["premise"]), claims)


def _verdicts(verifier: "Verifier", checks: list["Check"]) -> list[Verdict]:
    verdicts = [verdict for verdict in verifier.verify(checks) if verdict is not None]
    if len(verdicts) != len(checks):
        raise AssistantError("A verdict is missing: the check was stopped.")
    return verdicts


def _verify_file(pairs: str, output: str, chosen: "Settings") -> int:
    """Verdicts for all lines of a file, in order; exit code 3 if some lines failed."""
    from assistant.answering.assistant import Assistant
    from assistant.batch.sources import format_of, read_rows

    kind = format_of(pairs)
    if kind == "squad":
        raise UsageError(f"{pairs}: pairs come as JSONL, CSV or Parquet, one with premise and hypothesis a row.")
    total, failed, done = count_rows_of(pairs, kind), 0, 0
    with (
        StatusLine() as status,
        open_input(pairs) as lines,
        open_output(output, append=False) as file,
    ):
        rows = read_rows(lines, kind, tell=status.say)
        verifier = Assistant(chosen).models.verifier(status)
        while block := list(itertools.islice(rows, PAIRS_AT_ONCE)):
            failed += _verify_block(verifier, block, file)
            done += len(block)
            status(Progress("Checking", done, total))
    return 3 if failed else 0


def _verify_block(verifier: "Verifier", block: list["Row"], file: IO[str]) -> int:
    """Write the verdicts of some rows; how many failed."""
    from assistant.batch.lines import columns_alike, line_id
    from assistant.records import error_to_json, json_line, verdict_to_json

    records: list[dict[str, Any]] = []
    checks: list[tuple[int, Check]] = []
    for row in block:
        fields = row.fields or {}
        if "premise" not in fields and "premise" in (alike := columns_alike(fields, _PAIR_KEYS)):
            fields = fields | {key: fields[name] for key, name in alike.items()}  # a table made by a person
        identifier = line_id(fields.get("id"), row.number)
        try:
            if row.error is not None:
                raise row.error
            check = _check(fields)
            verifier.check_lengths(check)
            checks.append((len(records), check))
            records.append({"id": identifier})
        except AssistantError as error:
            records.append({"id": identifier, "line": row.number, "error": error_to_json(error)})
    verdicts = _verdicts(verifier, [check for _, check in checks]) if checks else []
    for (index, _), verdict in zip(checks, verdicts, strict=True):
        records[index] |= verdict_to_json(verdict)
    for record in records:
        file.write(json_line(record) + "\n")
    file.flush()
    return sum("error" in record for record in records)
