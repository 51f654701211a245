"""Our reader on long documents: what ranking passages costs in answers and saves in time, and how cost and memory grow.

needle: one question on each of 60 paragraphs, put to a document of 100,000 words that holds them all among others;
with the most promising windows read, and with every window read. The two take turns, question by question.
growth: the first and the second question on documents of 10,000 and 100,000 words, most promising windows only.
memory: the most that a process holds at once, on documents of up to a million words.

Every document is one that the reader has not seen, so the first question pays for tokenising and ranking it. No system
may say "no answer".
"""

import argparse
import random
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError
from assistant.settings import Settings
from benchmarks.documents import Paragraph, build_document, needle_document, one_question_each, read_paragraphs
from benchmarks.report import agreement, answer_scores, default_threads, machine, number, table, write_json
from benchmarks.workers import Peer, Worker
from finetune.data.files import find_data

PRODUCT = Peer("benchmarks.peers.product")
PARTS = ("needle", "growth", "memory")
WINDOWS = Settings().windows  # as the product has it
RANKED, EVERYTHING = "ranked", "everything"
EXAMPLES = """examples:
  python -m benchmarks.needle --output needle.json
  python -m benchmarks.needle --only needle --windows 16
  python -m benchmarks.needle --quick
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and write the JSON file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.needle",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="squad/dev-v1.1.json", help="SQuAD file (below ASSISTANT_TEST_DATA)")
    parser.add_argument("--model", default="embedded", help="our reader: embedded, a folder or a Hub name")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be repeated")
    parser.add_argument("--windows", type=int, default=WINDOWS, help="how many windows ranking leaves (%(default)s)")
    parser.add_argument("--no-embeddings", dest="embeddings", action="store_false", help="rank by shared words alone")
    parser.add_argument("--needles", type=int, default=60, help="how many questions (%(default)s)")
    parser.add_argument("--words", type=int, default=100_000, help="length of the needle document (%(default)s)")
    parser.add_argument("--growth", default="10000,100000", help="lengths of the growth test (%(default)s)")
    parser.add_argument("--memory", default="100000,1000000", help="lengths of the memory test (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="of the growth test; the median is reported")
    parser.add_argument("--threads", type=int, default=default_threads(), help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="decides paragraphs, questions and order (%(default)s)")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--quick", action="store_true", help="short documents, 6 needles: to see that it works")
    options = parser.parse_args(arguments)
    if options.quick:
        options.needles, options.words, options.repeats = 6, 6000, 1
        options.growth, options.memory, options.windows = "1000,4000", "1000,4000", min(options.windows, 8)
    try:
        options.growth, options.memory = (
            sorted(int(words) for words in lengths.split(",")) for lengths in (options.growth, options.memory)
        )
    except ValueError as error:
        parser.error(f"--growth and --memory take numbers: {error}")
    if min(options.windows, options.needles, options.repeats, options.threads, *options.growth, *options.memory) < 1:
        parser.error("numbers must be at least 1")
    try:
        paragraphs = read_paragraphs(find_data(options.data), options.seed)
        parts = {"needle": needle, "growth": growth, "memory": memory}
        measured = {name: parts[name](options, paragraphs) for name in PARTS if name in (options.only or PARTS)}
    except AssistantError as error:
        print(f"needle: {error}", file=sys.stderr)
        return error.exit_code
    report = {
        "machine": machine(options.threads),
        "model": options.model,
        "windows": options.windows,
        "seed": options.seed,
        **measured,
    }
    print(render(report))
    if options.output:
        write_json(options.output, report)
    return 0


def needle(options: argparse.Namespace, paragraphs: Sequence[Paragraph]) -> dict[str, Any]:
    """Answers and seconds with ranking and without, question by question.

    Raises:
        AssistantError: the reader cannot be loaded or asked.
    """
    document = needle_document(paragraphs, options.needles, options.words, options.seed)
    questions = one_question_each(document.paragraphs, options.seed)
    modes: dict[str, int | None] = {RANKED: options.windows, EVERYTHING: None}
    replies: dict[str, list[dict[str, Any]]] = {mode: [] for mode in modes}
    with Worker(PRODUCT, Path(sys.executable), options.threads) as worker:
        loaded = worker.call("load", model=options.model, embeddings=options.embeddings)
        worker.call("open", text=unseen(document.text))
        # Tokenises and ranks the document; the questions after it do not pay for that.
        first = worker.call("ask", question=questions[-1].question, windows=options.windows)
        for at, question in enumerate(questions, 1):
            _tell(f"Needle {at} of {len(questions)}")
            for mode, windows in modes.items():
                replies[mode].append(worker.call("ask", question=question.question, windows=windows))
    answers = {mode: [str(reply["answer"]) for reply in found] for mode, found in replies.items()}
    rows = {
        mode: {
            **answer_scores(answers[mode], questions),
            "seconds": statistics.mean(reply["seconds"] for reply in found),
            "median_seconds": statistics.median(reply["seconds"] for reply in found),
            "windows": statistics.mean(reply["windows"] for reply in found),
            "answers": answers[mode],
        }
        for mode, found in replies.items()
    }
    return {
        "words": document.words,
        "needles": len(questions),
        "dtype": loaded["dtype"],
        "ranked_by": loaded["ranked_by"],
        "first_question_seconds": first["seconds"],
        "rows": rows,
        "same_answers": agreement(answers[RANKED], answers[EVERYTHING]),
        "f1_lost": rows[EVERYTHING]["f1"] - rows[RANKED]["f1"],
        "share_of_time": 100 * rows[RANKED]["seconds"] / rows[EVERYTHING]["seconds"],
    }


def growth(options: argparse.Namespace, paragraphs: Sequence[Paragraph]) -> dict[str, Any]:
    """The first and the second question's seconds on short and long documents; the lengths take turns.

    Raises:
        AssistantError: the reader cannot be loaded or asked.
    """
    first: dict[int, list[float]] = {words: [] for words in options.growth}
    second: dict[int, list[float]] = {words: [] for words in options.growth}
    with Worker(PRODUCT, Path(sys.executable), options.threads) as worker:
        worker.call("load", model=options.model, embeddings=options.embeddings)
        # What is done once in a process is not measured.
        warm = build_document(paragraphs, min(options.growth))
        worker.call("open", text=unseen(warm.text))
        worker.call("ask", question=warm.questions(1)[0].question, windows=options.windows)
        for repeat in range(options.repeats):
            for words in options.growth:
                _tell(f"Growth: {words:,} words, {repeat + 1} of {options.repeats}")
                document = build_document(paragraphs, words)
                asked = [question.question for question in document.questions(2)]
                worker.call("open", text=unseen(document.text))
                for seconds, question in zip((first[words], second[words]), asked, strict=True):
                    seconds.append(worker.call("ask", question=question, windows=options.windows)["seconds"])
    medians = {words: statistics.median(second[words]) for words in options.growth}
    return {
        "first": {words: statistics.median(first[words]) for words in options.growth},
        "second": medians,
        "second_all": second,
        "ratio": medians[max(medians)] / medians[min(medians)],
    }


def memory(options: argparse.Namespace, paragraphs: Sequence[Paragraph]) -> list[dict[str, Any]]:
    """The most memory held, in bytes, in a process for each mode, on documents of growing length.

    Raises:
        AssistantError: the reader cannot be loaded or asked.
    """
    rows = []
    modes: dict[str, int | None] = {RANKED: options.windows, EVERYTHING: None}
    for mode, windows in modes.items():
        with Worker(PRODUCT, Path(sys.executable), options.threads) as worker:
            rows.append(
                {"mode": mode, "words": 0, **worker.call("load", model=options.model, embeddings=options.embeddings)}
            )
            for words in options.memory:
                _tell(f"Memory: {words:,} words, {mode}")
                document = build_document(paragraphs, words)
                worker.call("open", text=unseen(document.text))
                reply = worker.call("ask", question=document.questions(1)[0].question, windows=windows)
                rows.append({"mode": mode, "words": words, **reply})
    return rows


def unseen(text: str) -> str:
    """The text with white space at its end that no run had before, so that nothing kept of it can be found.

    Its tokens stay the same.
    """
    return text + "\n" + "".join(random.SystemRandom().choices(" \n", k=32)) + "\n"


def render(report: dict[str, Any]) -> str:
    """The report as tables."""
    lines = [f"{report['machine']['processor']}, {report['machine']['threads']} threads; windows: {report['windows']}"]
    if found := report.get("needle"):
        rows = [
            [
                mode,
                number(row["f1"], 1),
                number(row["exact_match"], 1),
                number(row["seconds"], 3),
                number(row["median_seconds"], 3),
                number(row["windows"]),
            ]
            for mode, row in found["rows"].items()
        ]
        lines += [
            "",
            f"{found['needles']} needles in {found['words']:,} words, {found['dtype']}, by {found['ranked_by']}",
            table(["mode", "F1", "EM", "s a question", "median s", "windows"], rows),
            f"Ranking loses {found['f1_lost']:.1f} F1 and takes {found['share_of_time']:.1f} % of the time; "
            f"{found['same_answers']:.0f} % of the answers are the same; the first question took "
            f"{found['first_question_seconds']:.2f} s.",
        ]
    if found := report.get("growth"):
        rows = [
            [number(words), number(found["first"][words], 3), number(found["second"][words], 3)]
            for words in found["first"]
        ]
        lines += [
            "",
            table(["words", "1st s", "2nd s"], rows),
            f"The longest document's second question takes {found['ratio']:.2f} times the shortest's.",
        ]
    if found := report.get("memory"):
        rows = [
            [
                row["mode"],
                number(row["words"]),
                number(row["memory"] / 1e6),
                number(row.get("seconds"), 2),
                number(row.get("windows")),
            ]
            for row in found
        ]
        lines += ["", table(["mode", "words", "peak MB", "s", "windows"], rows), "0 words: the reader loaded."]
    return "\n".join(lines)


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
