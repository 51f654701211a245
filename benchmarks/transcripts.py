"""Written answers about long documents, as `assistant ask` gives them, to be read and checked by hand.

    python -m benchmarks.transcripts [--output FILE.jsonl] [--markdown FILE.md]

Ten questions of the kinds why, how, list and explain on two articles, and ten summaries of texts of 400 to 19,000
words in English and French. The articles are those of SQuAD's and PIAF's files; a text that is longer than any of them
is made of two. A line of the output is a record with the seconds to the first word and in all. `--markdown` makes a
page of a finished output, without asking anything, with what was found of each answer by hand (`checked` in a line).
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from assistant.answering.assistant import Assistant
from assistant.errors import AssistantError
from assistant.events import TextDelta, TurnFailed, TurnFinished
from assistant.records import answer_to_json
from assistant.settings import Settings
from assistant.types import Document, Turn
from benchmarks.answers import read_articles
from finetune.data.files import find_data, read_json_lines

ENGLISH, FRENCH, TRAINING = "squad/dev-v1.1.json", "piaf/piaf-v1.0.json", "squad/train-v1.1.json"
QUESTIONS = {
    "Nikola_Tesla": (
        "Why did Tesla leave Edison's company?",
        "How did Tesla's work with alternating current win over direct current? Explain in detail.",
        "List the inventions that Tesla worked on.",
        "How did Tesla spend the last years of his life?",
        "Explain why the Wardenclyffe project failed.",
    ),
    "Martin_Luther": (
        "Why did Luther become a monk?",
        "Explain in a few sentences why Luther objected to indulgences.",
        "What are the main works that Luther wrote?",
        "How did Luther's translation change the German language?",
        "Compare Luther's early and late views of the Jews.",
    ),
}
SUMMARIES = (
    (TRAINING, ("Matter",), "Summarise this document."),
    (TRAINING, ("Grape",), "Summarise the text in three sentences."),
    (ENGLISH, ("Amazon_rainforest",), "What is this about? Give me the main points."),
    (ENGLISH, ("Oxygen",), "Summarise it."),
    (ENGLISH, ("Victoria_and_Albert_Museum",), "Give me a summary of the document."),
    (ENGLISH, ("European_Union_law",), "Sum up the main ideas of this text."),
    (ENGLISH, ("American_Broadcasting_Company", "Kenya"), "Summarise this document in one paragraph."),
    (FRENCH, ("France Info", "Bruits colorés", "Histoire de la neurologie"), "Résume ce texte."),
    (FRENCH, ("Royaume de France",), "Résume ce document en trois phrases."),
    (FRENCH, ("FC Internazionale Milano",), "Fais un résumé du document."),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask what has not been asked yet, line by line; or make the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.transcripts", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--profile", default="embedded", help="(%(default)s)")
    parser.add_argument("--output", type=Path, default=Path("transcripts.jsonl"), help="(%(default)s)")
    parser.add_argument("--markdown", type=Path, help="make this page of the output, and ask nothing")
    options = parser.parse_args(arguments)
    try:
        if options.markdown:
            options.markdown.write_text(page(list(read_json_lines(options.output))), "utf-8")
            return 0
        done = len(list(read_json_lines(options.output))) if options.output.exists() else 0
        assistant = Assistant(Settings(profile=options.profile))
        for at, (document, question) in enumerate(asked()):
            if at < done:
                continue
            print(f"{at + 1}: {document.name}: {question}", file=sys.stderr)
            with options.output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(answered(assistant, document, question), ensure_ascii=False) + "\n")
    except AssistantError as error:
        print(f"transcripts: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def asked() -> Iterator[tuple[Document, str]]:
    """Each document with a question, in order."""
    articles = {name: read_articles(find_data(name)) for name in (ENGLISH, FRENCH, TRAINING)}
    for title, questions in QUESTIONS.items():
        for question in questions:
            yield articles[ENGLISH][title], question
    for file, titles, question in SUMMARIES:
        texts = [articles[file][title].text for title in titles]
        yield Document(f"{' and '.join(titles)}.txt", "\n\n".join(texts)), question


def answered(assistant: Assistant, document: Document, question: str) -> dict[str, Any]:
    """The record of an answer, with what it was asked about and how long it took."""
    began, first = time.perf_counter(), None
    for event in assistant.respond(Turn(question, (document,))):
        if isinstance(event, TextDelta) and first is None:
            first = round(time.perf_counter() - began, 1)
        elif isinstance(event, TurnFailed):
            raise event.error
        elif isinstance(event, TurnFinished):
            record = answer_to_json(question, event.answer, document.name)
    return {"words": document.words, "first_word": first, "checked": ""} | record


def page(rows: Sequence[dict[str, Any]]) -> str:
    """The transcripts as Markdown."""
    lines = [
        "# Written answers, checked by hand", "",
        "Made by `python -m benchmarks.transcripts`; below each answer what was found when every sentence of it was",
        "held against the text. The verdict is what the product said of it.", "",
    ]  # fmt: skip
    for row in rows:
        verdict = row["verdict"]["label"] if row["verdict"] else "none"
        draft = row.get("draft")
        said = row["answer"] or (f"(not given; the draft:) {draft['text']}" if draft else "(not in the document)")
        lines += [
            f"## {row['question']}", "",
            f"{row['id'].removesuffix('.txt')}, {row['words']:,} words. Verdict: {row.get('support', verdict)}.", "",
            *(f"> {line}".rstrip() for line in said.strip().splitlines()), "",
            f"**Checked:** {row['checked'] or 'not yet'}", "",
        ]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
