"""Our verifier against the text classification pipeline of transformers, and how right it is on every yardstick.

Speed, with the same weights on the same pairs in one run: the pairs are questions of SQuAD's dev set with an answer,
half of them wrong, each beside its whole paragraph (of up to 1,200 characters). Each system runs in a process of its
own and they take turns, so that a change of the machine's speed meets all. Seconds are those of one call with all
pairs. Labels are compared after the same head (temperature and biases) on both sides.

With `--claims` the seconds for so many claims on one document that is new, its sentences with a word left out.

Quality: what `finetune evaluate nli` says of each yardstick; nothing was trained on them or chosen by them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from assistant.answering.assistant import Assistant
from assistant.documents.sentences import split_sentences
from assistant.errors import AssistantError
from assistant.events import unheard
from assistant.settings import Settings
from assistant.types import Document
from assistant.verification.candidates import Check
from assistant.verification.head import Head
from benchmarks.report import default_threads, machine, number, table, write_json
from benchmarks.workers import Peer, Worker, python_of
from finetune.data.answer_pairs import answer_checks
from finetune.data.files import evenly, find_data
from finetune.data.squad import read_squad

OURS, PIPELINE = Peer("benchmarks.peers.ours_nli"), Peer("benchmarks.peers.pipeline_nli")
SYSTEMS: dict[str, tuple[Peer, dict[str, Any]]] = {
    "ours": (OURS, {}),
    "ours-float32": (OURS, {"dtype": "float32"}),
    "pipeline": (PIPELINE, {}),
    "pipeline-batch16": (PIPELINE, {"batch": 16}),
    "pipeline-bfloat16": (PIPELINE, {"batch": 16, "dtype": "bfloat16"}),
}
REFERENCE = "pipeline"
YARDSTICKS = {
    "squad/dev-v1.1.json": "right and wrong answers",
    "xnli_en/dev.tsv": "pairs of sentences, English",
    "nli_fr/nli_fr_test.tsv": "pairs of sentences, French",
    "qags/mturk_cnndm.jsonl": "sentences on whole articles",
    "wice/claim-dev.jsonl": "claims on whole web pages",
}
QUALITY = {
    "total": "rows",
    "accuracy": "accuracy",
    "f1_macro": "macro F1",
    "auroc": "AUROC",
    "balanced_accuracy": "balanced",
}
LONGEST = 1200  # characters of a paragraph: the pipeline fails on pairs longer than its model takes
HEADER = ["system", "format", "seconds", "pairs/s", "ours x", "MB", "same labels %"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write the JSON file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.verifier",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="squad/dev-v1.1.json", help="SQuAD file (below ASSISTANT_TEST_DATA)")
    parser.add_argument("--model", default="embedded", help="our verifier: embedded, a folder or a Hub name")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help=f"of {', '.join(SYSTEMS)}; empty for no speed")
    parser.add_argument("--yardsticks", default=",".join(YARDSTICKS), help="of %(default)s; empty for no quality")
    parser.add_argument("--rows", type=int, help="only so many of each yardstick, evenly drawn")
    parser.add_argument("--pairs", type=int, default=1000, help="how many pairs to check")
    parser.add_argument("--claims", type=int, default=0, help="check so many claims on one document too")
    parser.add_argument("--words", type=int, default=10_000, help="of that document (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="the median of so many is reported")
    parser.add_argument("--threads", type=int, default=default_threads(), help="of every system (%(default)s)")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    names, yardsticks = (list(filter(None, given.split(","))) for given in (options.systems, options.yardsticks))
    if unknown := [name for name in names if name not in SYSTEMS]:
        parser.error(f"{unknown[0]}: --systems takes {', '.join(SYSTEMS)}")
    if unknown := [name for name in yardsticks if name not in YARDSTICKS]:
        parser.error(f"{unknown[0]}: --yardsticks takes {', '.join(YARDSTICKS)}")
    if min(options.pairs, options.repeats, options.threads, options.rows or 1) < 1:
        parser.error("numbers must be at least 1")
    report: dict[str, Any] = {"machine": machine(options.threads)}
    try:
        if names:
            report |= measure(names, options.data, options.model, options.pairs, options.repeats, options.threads)
        if options.claims:
            report |= claims_on_document(options.data, options.model, options.words, options.claims, options.repeats)
        report["quality"] = {name: quality(name, options.model, options.rows) for name in yardsticks}
    except AssistantError as error:
        print(f"verifier: {error}", file=sys.stderr)
        return error.exit_code
    print(render(report))
    if options.output:
        write_json(options.output, report)
    return 0


def measure(names: Sequence[str], data: str, model: str, count: int, repeats: int, threads: int) -> dict[str, Any]:
    """Check the same pairs with every system.

    Raises:
        AssistantError: the data or the model is not there, or a system fails.
    """
    questions = [question for question in read_squad(find_data(data)) if len(question.context) <= LONGEST]
    checks = answer_checks(questions, {}, count, seed=7)
    pairs = [(check.example.context, check.claim) for check in checks]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        with Worker(OURS, python_of(OURS, Path()), threads) as saver:
            saved = saver.call("save", model=model, folder=folder)
        head = Head(tuple(saved["columns"]), saved["hypothesis_first"], saved["temperature"], tuple(saved["biases"]))
        workers, rows = {}, {}
        for name in names:
            peer, options = SYSTEMS[name]
            workers[name] = stack.enter_context(Worker(peer, python_of(peer, Path()), threads))
            where = {"model": model} if peer is OURS else {"folder": folder, "hypothesis_first": head.hypothesis_first}
            about = workers[name].call("load", **where, **options)
            workers[name].call("classify", pairs=pairs[:8])
            rows[name] = {"system": name, "dtype": about["dtype"], "seconds": []}
        for _ in range(repeats):
            for name, worker in workers.items():
                reply = worker.call("classify", pairs=pairs)
                rows[name]["seconds"].append(reply["seconds"])
                rows[name] |= {"memory": reply["memory"], "labels": _labels(reply["rows"], head, SYSTEMS[name][0])}
    first = median(rows[names[0]]["seconds"])
    reference = rows.get(REFERENCE, rows[names[0]])["labels"]
    for row in rows.values():
        seconds = median(row["seconds"])
        row["pairs_per_second"] = len(pairs) / seconds
        row["ours_times_as_fast"] = seconds / first
        row["same_labels"] = 100 * float(np.mean(row["labels"] == reference))
    return {
        "pairs": len(pairs),
        "rows": [{key: value for key, value in row.items() if key != "labels"} for row in rows.values()],
    }


def claims_on_document(data: str, model: str, words: int, count: int, repeats: int) -> dict[str, Any]:
    """The seconds for claims on a document that the verifier has not seen: sentences of it with a word left out.

    Raises:
        AssistantError: the data or the model is not there.
    """
    paragraphs = list(dict.fromkeys(question.context for question in read_squad(find_data(data))))
    sizes = np.cumsum([len(each.split()) for each in paragraphs])
    text = "\n\n".join(paragraphs[: int(np.searchsorted(sizes, words)) + 1])
    said = [text[each.start : each.end].split() for each in split_sentences(text, "en")]
    chosen = evenly([each for each in said if 8 < len(each) < 30], count)
    claims = [" ".join([*each[: len(each) // 2], *each[len(each) // 2 + 1 :]]) for each in chosen]
    verifier = Assistant(Settings(verifier=None if model == "embedded" else model)).models.verifier(unheard)
    verifier.verify([Check(Document("warm.txt", text[:400]), claims[:1])])
    seconds = []
    for number_of in range(repeats):
        document = Document("text.txt", f"{text}\n\nCopy {number_of}.")
        began = time.perf_counter()
        verifier.verify([Check(document, claims)])
        seconds.append(time.perf_counter() - began)
    return {"claims": len(claims), "words": len(text.split()), "claims_seconds": median(seconds)}


def quality(data: str, model: str, rows: int | None) -> dict[str, Any]:
    """What `finetune evaluate nli` says of a verifier on a yardstick.

    Raises:
        AssistantError: the data or the model is not there.
    """
    print(f"Measuring on {data}", file=sys.stderr, flush=True)
    command = [
        sys.executable,
        "-m",
        "finetune",
        "evaluate",
        "nli",
        "--data",
        data,
        "--model",
        model,
        "--json",
        "--quiet",
    ]
    limit = ["--limit", str(rows)] if rows else []
    done = subprocess.run([*command, *limit], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssistantError(f"{data}: {done.stderr.strip() or 'it cannot be measured'}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _labels(rows: list[list[float]], head: Head, peer: Peer) -> Any:
    """The label of each pair; a peer's scores go through the head that ours have been through."""
    scores = np.array(rows)
    if peer is not OURS:
        scores = head.probabilities(np.log(scores.clip(1e-12)))
    return scores.argmax(axis=1)


def render(report: dict[str, Any]) -> str:
    """The report as tables."""
    found, parts = report["machine"], []
    if "rows" in report:
        rows = [
            [
                row["system"],
                row["dtype"],
                number(median(row["seconds"]), 2),
                number(row["pairs_per_second"], 1),
                number(row["ours_times_as_fast"], 2),
                number(row["memory"] / 1e6),
                number(row["same_labels"], 1),
            ]
            for row in report["rows"]
        ]
        legend = f"ours x: how many times as fast our first row is. same labels: as {REFERENCE}."
        parts += [f"{report['pairs']:,} pairs", "", table(HEADER, rows), "", legend, ""]
    if "claims" in report:
        parts += [f"{report['claims']} claims on {report['words']:,} words: {report['claims_seconds']:.2f} s", ""]
    if report["quality"]:
        told = [
            [
                data,
                YARDSTICKS[data],
                *(number(row[key], 0 if key == "total" else 1) if key in row else "" for key in QUALITY),
            ]
            for data, row in report["quality"].items()
        ]
        parts.append(table(["yardstick", "what", *QUALITY.values()], told))
    return "\n".join([f"{found['processor']}, {found['threads']} threads", "", *parts])


if __name__ == "__main__":
    sys.exit(main())
