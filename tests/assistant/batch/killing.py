"""Runs `assistant batch` again and again in children of one process, and kills them: see test_killing.py.

The libraries are loaded once; each run is a fork of this process. Prints, for each round, after how many of the
lines it was killed, and whether the output that was gone on with is the whole one.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pandas  # noqa: F401  (pyarrow imports it when it makes a table; here once, rather than in each child)
import pyarrow.parquet

import assistant.answering.assistant as orchestrator
from assistant.batch import blocks
from assistant.cli import main as cli
from assistant.settings import load_settings

QUESTIONS = "questions.jsonl"


def start(output: str, *options: str) -> int:
    """Start a run, in a child; its process id."""
    child = os.fork()
    if child:
        return child
    orchestrator.Assistant = lambda settings: loaded
    sys.argv = ["assistant", "batch", QUESTIONS, "-o", output, "--quiet", *options]
    os._exit(cli.run(cli.app, "assistant"))


def finish(output: str, *options: str) -> list[Any]:
    """Run to the end; what the output holds, without times."""
    _, status = os.waitpid(start(output, *options), 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{options}: the run ended with {os.waitstatus_to_exitcode(status)}")
    return read(output)


def read(output: str) -> list[Any]:
    """The rows of an output, without times."""
    if output.endswith(".jsonl"):
        rows = [json.loads(line) for line in Path(output).read_text("utf-8").splitlines()]
    else:
        rows = pyarrow.parquet.read_table(output).to_pylist()
    for row in rows:
        row["usage"] = None
    return rows


def main(rounds: int) -> None:
    """Kill so many runs, each at a moment of its own, and go on with each."""
    drawn = random.Random(3)
    for output in ("answers.jsonl", "answers.parquet"):
        began = time.perf_counter()
        whole = finish(output)
        seconds = time.perf_counter() - began
        journal = Path(output if output.endswith(".jsonl") else f"{output}.partial")
        for _ in range(rounds // 2):
            for path in (Path(output), journal):
                path.unlink(missing_ok=True)
            child = start(output)
            time.sleep(drawn.uniform(0, seconds))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            lines = journal.read_bytes().count(b"\n") if journal.exists() else -1
            same = finish(output, "--resume") == whole
            print(json.dumps({"output": output, "lines": lines, "same": same}), flush=True)  # noqa: T201


if __name__ == "__main__":
    blocks.BLOCK_LINES = 3
    loaded = orchestrator.Assistant(load_settings())
    loaded.load()
    main(int(sys.argv[1]))
