"""Our reader against its peers: the same weights on the same documents with the same threads, in one run.

The peers are the question answering pipeline of transformers 4.57 (the last line that had it) and Haystack's
TransformersExtractiveReader. All read windows of 384 tokens that share 128, every one of them, and answers of at most
30 tokens (Haystack has no such limit). Each system runs in a process of its own, and the systems take turns, so that a
change of the machine's speed meets all. Seconds are those of the call alone: the first question put to a document that
the system has not seen, and the second, other question on the same document. No system may say "no answer".
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError
from assistant.models.store import default_cache
from benchmarks.comparison import DEFAULT_SYSTEMS, LONG, ONE_WINDOW, REFERENCE, SYSTEMS, Plan, compare
from benchmarks.report import default_threads, number, table, write_json

HEADER = "system|words|1st s|2nd s|windows|windows/s|words/s|ours x|MB|same %|F1|peak %".split("|")
LEGEND = f"""
1st: the first question on a new document, tokenising included; 2nd: another question on it.
windows/s, words/s and "ours x" (how many times as fast our first row is) are of the first.
MB: the most that the process held up to then. same: answers that are those of {REFERENCE} once normalised.
peak: the share of the matrix product's speed that the second question's matrix products reach.
"""
EXAMPLES = """examples:
  python -m benchmarks.reader --output reader.json
  python -m benchmarks.reader --quick
  python -m benchmarks.reader --words 10000 --systems ours,ours-float32,pipeline,pipeline-batch16
  python -m benchmarks.reader --model runs/qa-minilm/adapter --threads 4

The peers' environments are made on first use with pip, under your own pip configuration. On Linux the package index
has torch with CUDA, several GB; a CPU build that pip can see is taken instead.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write the JSON file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reader",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="squad/dev-v1.1.json", help="SQuAD file (below ASSISTANT_TEST_DATA)")
    parser.add_argument("--model", default="embedded", help="our reader: embedded, a folder or a Hub name")
    parser.add_argument("--words", default="1000,10000,100000", help="lengths of the documents")
    parser.add_argument("--systems", default=",".join(DEFAULT_SYSTEMS), help=f"of {', '.join(SYSTEMS)}")
    parser.add_argument("--questions", type=int, default=20, help="how many compare answers, for each length")
    parser.add_argument("--repeats", type=int, default=3, help="the median of so many is reported")
    parser.add_argument("--long-repeats", type=int, default=1, help=f"for the peers from {LONG:,} words on")
    parser.add_argument("--threads", type=int, default=default_threads(), help="of every system (%(default)s)")
    parser.add_argument("--environments", type=Path, help="where the peers' environments are kept")
    parser.add_argument("--seed", type=int, default=7, help="decides the order of the paragraphs")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--quick", action="store_true", help="1,000 words, 8 questions, once: to see that it works")
    options = parser.parse_args(arguments)
    if options.quick:
        options.words, options.questions, options.repeats = "1000", min(options.questions, 8), 1
    try:
        names, lengths = options.systems.split(","), sorted(int(count) for count in options.words.split(","))
        chosen = [SYSTEMS[name] for name in names]
    except (KeyError, ValueError) as error:
        parser.error(f"{error}: --systems takes {', '.join(SYSTEMS)}; --words takes numbers")
    if min(options.repeats, options.long_repeats, options.questions, options.threads, *lengths) < 1:
        parser.error("numbers must be at least 1")
    try:
        report = compare(
            Plan(
                systems=chosen,
                lengths=lengths,
                questions=options.questions,
                repeats=options.repeats,
                long_repeats=options.long_repeats,
                threads=options.threads,
                data=options.data,
                model=options.model,
                seed=options.seed,
                environments=options.environments or default_cache() / "benchmarks",
            )
        )
    except AssistantError as error:
        print(f"reader: {error}", file=sys.stderr)
        return error.exit_code
    print(render(report))
    if options.output:
        write_json(options.output, report)
    return 0


def render(report: dict[str, Any]) -> str:
    """The report as a table with what one needs to read it."""
    found, gflops = report["machine"], report["machine"]["gflops"]
    rows = [
        [
            row["system"],
            "paragraphs" if row["words"] == ONE_WINDOW else number(row["words"]),
            number(row["first_median"], 3),
            number(row["second_median"], 3),
            "-" if row["words"] == ONE_WINDOW else number(row["windows"]),
            number(row.get("windows_per_second"), 1),
            number(row.get("words_per_second")),
            number(row.get("ours_times_as_fast"), 2),
            number(row["memory"] / 1e6),
            number(row.get("agreement")),
            number(row.get("f1"), 1),
            number(row.get("share_of_peak")),
        ]
        for row in report["rows"]
    ]
    lines = [
        f"{found['processor']}, {found['threads']} threads; matrix product of 2048 x 2048: "
        f"float32 {number(gflops['float32'])}, bfloat16 {number(gflops['bfloat16'])} GFLOP/s",
        "",
        table(HEADER, rows),
        LEGEND,
    ]
    for name, versions in report["versions"].items():
        note = report["notes"].get(name)
        packages = ", ".join(f"{package} {version}" for package, version in versions.items())
        lines.append(f"{name}: {f'{note}; ' if note else ''}{packages}")
    lines += [f"LEFT OUT {name}: {reason}" for name, reason in report["left_out"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
