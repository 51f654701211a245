"""Twenty questions on ten documents of the kinds that people bring, as `assistant ask` answers them.

    python -m benchmarks.public_documents [--profile NAME] [--keep FOLDER] [--output FILE]

The files are built by `benchmarks.public_files`; the questions stand in `benchmarks/data/public_questions.jsonl`, three
of them on what the document does not say. An answer is given where it is a headline: its text is there, and the
verifier does not turn it down. It is right where it holds an accepted wording and none that is rejected, and where its
evidence stands in the document; declined where nothing is given; ticked where the verifier found it entailed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.answering.assistant import Assistant
from assistant.documents.open import read_document
from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.types import Answer, Support, Turn
from benchmarks.answers import headline
from benchmarks.public_files import FILES
from benchmarks.report import default_threads, machine, table, write_json

QUESTIONS = Path(__file__).with_name("data") / "public_questions.jsonl"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the files, ask, and print what was answered to each question."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.public_documents",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", help="(that of the settings)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write the files here, to look at them")
    parser.add_argument("--output", type=Path, help="JSON file to write, with every answer")
    options = parser.parse_args(arguments)
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = ask_all(
                Assistant(Settings(profile=options.profile) if options.profile else Settings()),
                build(options.keep or Path(folder)),
                rows,
            )
    except AssistantError as error:
        print(f"public_documents: {error}", file=sys.stderr)
        return error.exit_code
    print(render(found))
    if options.output:
        write_json(options.output, {"machine": machine(default_threads()), "rows": found})
    return 0


def build(folder: Path) -> Path:
    """Write all files into a folder, which is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in FILES.items():
        (folder / name).write_bytes(make())
    return folder


def ask_all(assistant: Assistant, folder: Path, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask every question about its document, as it was read from its file."""
    documents = {name: read_document(folder / name) for name in FILES}
    found = []
    for done, row in enumerate(rows, 1):
        print(f"\r{done}/{len(rows)}", end="", file=sys.stderr, flush=True)
        document = documents[row["document"]]
        answer = assistant.answer(Turn(row["question"], (document,)))
        places = (*answer.evidence, *((answer.closest,) if answer.closest else ()))
        assert all(document.text[place.start : place.end] == place.text for place in places)
        found.append(
            {
                **row,
                "answer": answer.text,
                "outcome": outcome(row, answer),
                "ticked": answer.support is Support.SUPPORTED,
                "place": answer.evidence[0].place if answer.evidence else None,
                "route": str(answer.route),
                "seconds": round(answer.usage.seconds, 2),
            }
        )
    print(file=sys.stderr)
    return found


def outcome(row: dict[str, Any], answer: Answer) -> str:
    """What became of a question: `right`, `declined` (rightly where the document says nothing) or `wrong`."""
    given = headline(answer)
    if given is None:
        return "declined" if row["accepted"] else "right"
    fits = any(wording in given for wording in row["accepted"])
    return "right" if fits and not any(wording in given for wording in row.get("rejected", ())) else "wrong"


def render(found: Sequence[dict[str, Any]]) -> str:
    """The answers in a table, and the counts below it."""
    lines = table(
        ["document", "question", "answer", "place", "outcome"],
        [
            [
                row["document"],
                row["question"],
                " ".join((row["answer"] or "(none)").split())[:60],
                row["place"] or "",
                row["outcome"] + (", ticked" if row["ticked"] else ""),
            ]
            for row in found
        ],
    )
    counts = {kind: sum(row["outcome"] == kind for row in found) for kind in ("right", "declined", "wrong")}
    ticked = sum(row["outcome"] == "wrong" and row["ticked"] for row in found)
    total = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return f"{lines}\n\n{len(found)} questions: {total}; wrong with a tick: {ticked}"


if __name__ == "__main__":
    sys.exit(main())
