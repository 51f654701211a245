"""A file of questions, read and checked: our batch, a loop over our single call, and the script one would write.

The script is two pipelines of transformers 4.57, question answering and text classification, called line by line with
the same weights. Each system runs in a process of its own, all with the same number of threads, and the systems take
turns over parts of the questions, so that a change of the machine's speed meets all. Seconds are those of answering
alone, models loaded. The peer cannot say "no answer": where ours does, its closest place is compared.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError
from assistant.models.store import default_cache
from benchmarks.report import agreement, answer_scores, default_threads, machine, number, table, write_json
from benchmarks.workers import OUR_BATCH, SCRIPT, Worker, python_of
from finetune.data.files import find_data
from finetune.data.squad import QAExample, read_squad

HEADER = "system|lines/s|batch x|same %|verdicts %|EM|F1|MB".split("|")
LEGEND = """
batch x: how many times as fast the batch is. same, verdicts: answers (normalised) and verdicts that are the batch's.
MB: the most that the process held.
"""
SYSTEMS = {"batch": ("our batch", "answer"), "loop": ("our single call", "loop"), "script": ("the script", "answer")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write the JSON file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.batch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="squad/dev-v1.1.json", help="SQuAD file (below ASSISTANT_TEST_DATA)")
    parser.add_argument("--reader", default="embedded", help="of all systems: embedded, a folder or a Hub name")
    parser.add_argument("--verifier", default="embedded", help="of all systems: embedded, a folder or a Hub name")
    parser.add_argument("--questions", type=int, default=2000, help="how many, evenly drawn from the file")
    parser.add_argument("--parts", type=int, default=4, help="the systems take turns over so many parts")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="batch, and what to compare it with")
    parser.add_argument("--threads", type=int, default=default_threads(), help="of every system (%(default)s)")
    parser.add_argument("--environments", type=Path, help="where the peer's environment is kept")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    names = options.systems.split(",")
    if names[0] != "batch" or not set(names) <= SYSTEMS.keys() or min(options.questions, options.parts) < 1:
        parser.error(f"--systems takes {', '.join(SYSTEMS)}, batch first; numbers must be at least 1")
    try:
        examples = read_squad(find_data(options.data))
        examples = examples[:: max(1, len(examples) // options.questions)][: options.questions]
        environments = options.environments or default_cache() / "benchmarks"
        models = {"reader": options.reader, "verifier": options.verifier}
        report = measure(examples, names, models, options.parts, options.threads, environments)
    except AssistantError as error:
        print(f"batch: {error}", file=sys.stderr)
        return error.exit_code
    print(render(report))
    if options.output:
        write_json(options.output, report)
    return 0


def measure(
    examples: Sequence[QAExample], names: Sequence[str], models: dict[str, str], parts: int, threads: int,
    environments: Path,
) -> dict[str, Any]:  # fmt: skip
    """All systems on all questions, as the JSON file has them; `models` names reader and verifier.

    Raises:
        AssistantError: the data, our models or the peer's environment is not to be had.
    """
    rows = [{"question": example.question, "document": example.context} for example in examples]
    size = -(-len(rows) // parts)
    pieces = [rows[at : at + size] for at in range(0, len(rows), size)]
    workers: dict[str, Worker] = {}
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: str(Path(scratch) / name) for name in ("reader", "verifier")}
        try:
            if "script" in names:
                with Worker(OUR_BATCH, python_of(OUR_BATCH, environments), threads) as worker:
                    order = worker.call("save", models=models, folders=folders)
            for name in names:
                peer = SCRIPT if name == "script" else OUR_BATCH
                print(f"Loading {SYSTEMS[name][0]}", file=sys.stderr, flush=True)
                workers[name] = Worker(peer, python_of(peer, environments), threads)
                loaded = workers[name].call(
                    "load", **({**folders, **order} if name == "script" else {"models": models})
                )
                found[name] = {"versions": loaded, "answers": [], "labels": [], "seconds": [], "memory": 0}
            for count, piece in enumerate(pieces, 1):
                for name in names:
                    print(f"Part {count} of {len(pieces)}: {SYSTEMS[name][0]}", file=sys.stderr, flush=True)
                    reply = workers[name].call(SYSTEMS[name][1], rows=piece)
                    found[name]["answers"] += reply["answers"]
                    found[name]["labels"] += reply["labels"]
                    found[name]["seconds"].append(reply["seconds"])
                    found[name]["memory"] = max(found[name]["memory"], reply["memory"])
        finally:
            for worker in workers.values():
                worker.close()
    return {
        "machine": machine(threads),
        "models": models,
        "rows": {name: _row(name, found, examples) for name in names},
    }


def _row(name: str, found: dict[str, dict[str, Any]], examples: Sequence[QAExample]) -> dict[str, Any]:
    """A system's figures with what follows from them."""
    mine, ours = found[name], found["batch"]
    seconds = sum(mine["seconds"])
    labels = [left == right for left, right in zip(mine["labels"], ours["labels"], strict=True) if left and right]
    return {
        **mine,
        "lines_per_second": len(examples) / seconds,
        "batch_times_as_fast": seconds / sum(ours["seconds"]),
        "agreement": agreement(mine["answers"], ours["answers"]),
        "verdicts_agree": 100 * sum(labels) / max(1, len(labels)),
        **answer_scores(mine["answers"], examples),
    }


def render(report: dict[str, Any]) -> str:
    """The report as a table with what one needs to read it."""
    rows = [
        [
            SYSTEMS[name][0],
            number(row["lines_per_second"], 1),
            number(row["batch_times_as_fast"], 2),
            number(row["agreement"], 1),
            number(row["verdicts_agree"], 1),
            number(row["exact_match"], 1),
            number(row["f1"], 1),
            number(row["memory"] / 1e6),
        ]
        for name, row in report["rows"].items()
    ]
    found = report["machine"]
    lines = [f"{found['processor']}, {found['threads']} threads", "", table(HEADER, rows), LEGEND]
    for name, row in report["rows"].items():
        packages = ", ".join(f"{package} {version}" for package, version in row["versions"].items())
        lines.append(f"{SYSTEMS[name][0]}: {packages}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
