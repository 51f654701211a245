"""Answers about whole articles, as `assistant ask` gives them: right ones, and an honest word where there is none.

Eighty questions of our own wording on ten articles of SQuAD's development set: forty that the article answers, twenty
that another article does, and twenty near misses (another year, another person or place of the same article). An answer
counts as given where it is a headline: its text is there, and the verifier does not turn it down. It is right where it
holds one of the accepted wordings.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.answering.assistant import Assistant
from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.types import Answer, Document, Label, Support, Turn
from benchmarks.report import default_threads, machine, number, table, write_json
from finetune.data.files import find_data

QUESTIONS = Path(__file__).with_name("data") / "document_questions.jsonl"
KINDS = ("answered", "elsewhere", "near_miss")


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print the table and write every answer."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.answers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="squad/dev-v1.1.json", help="the articles (below ASSISTANT_TEST_DATA)")
    parser.add_argument("--profile", default="embedded", help="(%(default)s)")
    parser.add_argument("--limit", type=int, help="only so many questions, drawn evenly")
    parser.add_argument("--output", type=Path, help="JSON file to write, with every answer")
    options = parser.parse_args(arguments)
    try:
        articles = read_articles(find_data(options.data))
        rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
        rows = rows[:: max(1, len(rows) // options.limit)] if options.limit else rows
        found = ask_all(Assistant(Settings(profile=options.profile)), articles, rows)
    except AssistantError as error:
        print(f"answers: {error}", file=sys.stderr)
        return error.exit_code
    report = {"machine": machine(default_threads()), "profile": options.profile, "kinds": summary(found), "rows": found}
    print(render(report))
    if options.output:
        write_json(options.output, report)
    return 0


def read_articles(path: Path) -> dict[str, Document]:
    """The articles of a file in SQuAD format, whole, by title."""
    data = json.loads(path.read_text("utf-8"))["data"]
    return {
        article["title"]: Document(
            f"{article['title']}.txt", "\n\n".join(paragraph["context"] for paragraph in article["paragraphs"])
        )
        for article in data
    }


def ask_all(
    assistant: Assistant, articles: dict[str, Document], rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Each question with what was answered, whether that was a headline and right, and the seconds it took."""
    found = []
    for at, row in enumerate(rows, 1):
        print(f"\r{at} of {len(rows)}", end="", file=sys.stderr)
        answer = assistant.answer(Turn(row["question"], (articles[row["article"]],)))
        given = headline(answer)
        right = given is not None and any(each.lower() in f" {given.lower()} " for each in row["accepted"])
        found.append(
            row
            | {
                "answer": given,
                "right": right if row["kind"] == "answered" else given is None,
                "route": str(answer.route),
                "tried": [str(route) for route in answer.tried],
                "score": answer.score,
                "verdict": str(answer.verdict.label) if answer.verdict else None,
                "draft": answer.draft.text if answer.draft else answer.text if given is None else None,
                "seconds": answer.usage.seconds,
            }
        )
    print(file=sys.stderr)
    return found


def headline(answer: Answer) -> str | None:
    """What is shown as the answer; None where the product says that there is none, or shows a draft below."""
    if answer.text is None or answer.support is Support.UNSUPPORTED:
        return None
    if answer.verdict is not None and answer.verdict.label is Label.CONTRADICTION:
        return None
    return answer.text


def summary(found: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Right ones of each kind, and the median seconds."""
    kinds = {}
    for kind in KINDS:
        rows = [row for row in found if row["kind"] == kind]
        if rows:
            kinds[kind] = {
                "right": sum(row["right"] for row in rows),
                "of": len(rows),
                "median_seconds": statistics.median(row["seconds"] for row in rows),
            }
    return kinds


def render(report: dict[str, Any]) -> str:
    """The table, and the questions that went wrong."""
    names = {
        "answered": "right answer", "elsewhere": "of another article: said not to be there",
        "near_miss": "near miss: said not to be there",
    }  # fmt: skip
    lines = table(
        ["questions", "right", "of", "seconds"],
        [
            [names[kind], number(each["right"], 0), number(each["of"], 0), number(each["median_seconds"], 1)]
            for kind, each in report["kinds"].items()
        ],
    )
    wrong = [f"- {row['article']}: {row['question']} {row['answer']}" for row in report["rows"] if not row["right"]]
    return "\n".join([lines, "", *wrong])


if __name__ == "__main__":
    sys.exit(main())
