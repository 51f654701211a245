"""Answers in words from passages: how many the verifier finds entailed, and whether that means anything.

    python -m benchmarks.grounded [--questions 100] [--output grounded.json] [--transcripts FILE.md]

The questions are those of SQuAD's dev set, put as "Explain ...", each with its paragraph as the document. The same
answers are then held against the paragraph of another question: a verifier that reads what it judges finds them
unsupported or contradicted there.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.answering.assistant import Assistant
from assistant.errors import AssistantError
from assistant.events import unheard
from assistant.types import Answer, Document, Label, Route, Turn
from assistant.verification.candidates import Check
from assistant.verification.claims import text_claims
from benchmarks.report import number, table, write_json
from finetune.data.files import evenly, find_data
from finetune.data.squad import QAExample, read_squad


@dataclass(frozen=True, slots=True)
class Explained:
    """A question with the answer from its paragraph, and the label of that answer beside another paragraph."""

    question: str
    document: Document
    answer: Answer
    elsewhere: Label | None


def explain(assistant: Assistant, examples: Sequence[QAExample]) -> list[Explained]:
    """Have each question explained from its paragraph, and the answer judged beside the next question's too."""
    documents = [Document(f"paragraph {number}", example.context) for number, example in enumerate(examples, 1)]
    explained = []
    for at, (example, document) in enumerate(zip(examples, documents, strict=True)):
        question = f"Explain: {example.question}"
        answer = assistant.answer(Turn(question, (document,), route=Route.GROUNDED))
        other = documents[(at + 1) % len(documents)]
        claims = text_claims(answer.text or "")
        elsewhere = None
        if claims and answer.verdict is not None:
            [verdict] = assistant.models.verifier(unheard).verify([Check(other, claims)])
            elsewhere = verdict.label if verdict is not None else None
        explained.append(Explained(question, document, answer, elsewhere))
        print(f"\r{at + 1} of {len(examples)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return explained


def report(explained: Sequence[Explained]) -> dict[str, Any]:
    """The share of each label with the right paragraphs and with other ones, as percentages of all answers."""
    own = Counter(each.answer.verdict.label if each.answer.verdict else None for each in explained)
    other = Counter(each.elsewhere for each in explained)
    share = 100 / len(explained)
    return {
        "questions": len(explained),
        "own": {str(label or "none"): share * own[label] for label in (*Label, None)},
        "shuffled": {str(label or "none"): share * other[label] for label in (*Label, None)},
        "words": sum(len((each.answer.text or "").split()) for each in explained) / len(explained),
    }


def render(figures: dict[str, Any]) -> str:
    """The report as a table."""
    rows = [[name, *(number(value, 1) for value in figures[name].values())] for name in ("own", "shuffled")]
    return table(["passages", *(f"{label} %" for label in figures["own"])], rows)


def write_transcripts(path: Path, explained: Sequence[Explained]) -> None:
    """Write questions, paragraphs, answers and verdicts, to be read by people."""
    parts = []
    for each in explained:
        verdict = each.answer.verdict
        claims = "".join(f"- {claim.label}: {claim.text}\n" for claim in verdict.claims) if verdict else ""
        parts.append(
            f"## {each.question}\n\n> {each.document.text}\n\n{each.answer.text}\n\n"
            f"Verdict: {verdict.label if verdict else each.answer.verdict_reason}\n\n{claims}"
        )
    path.write_text("\n".join(parts), "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write the files that are asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.grounded", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="squad/dev-v1.1.json", help="SQuAD file (below ASSISTANT_TEST_DATA)")
    parser.add_argument("--questions", type=int, default=100, help="how many, drawn evenly")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--transcripts", type=Path, help="Markdown file for the first ten answers")
    options = parser.parse_args(arguments)
    if options.questions < 2:
        parser.error("--questions must be at least 2")
    try:
        explained = explain(Assistant(), evenly(read_squad(find_data(options.data)), options.questions))
    except AssistantError as error:
        print(f"grounded: {error}", file=sys.stderr)
        return error.exit_code
    figures = report(explained)
    print(render(figures))
    if options.output:
        write_json(options.output, figures)
    if options.transcripts:
        write_transcripts(options.transcripts, explained[:10])
    return 0


if __name__ == "__main__":
    sys.exit(main())
