"""How long it takes until every model of a profile is loaded, and what they hold in memory.

The time runs from the start of a process of its own. Each start but the first finds its files in the system's cache;
the form in which a generator is run is made before, where it is not there. Memory is that of the whole process: once
all is loaded, after an answer of the generator and one about a document, and the most that it held on the way.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError
from benchmarks.report import default_threads, machine, number, table, write_json
from benchmarks.workers import Peer, Worker

PEER = Peer("benchmarks.peers.whole_assistant")


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, ask, print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ready", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", default="embedded", help="(%(default)s)")
    parser.add_argument("--generator-alone", action="store_true", help="load no reader and no verifier")
    parser.add_argument("--starts", type=int, default=3, help="after a first one that does not count (%(default)s)")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    if options.starts < 1:
        parser.error("--starts must be at least 1")
    try:
        starts = [_start(options.profile, options.generator_alone) for _ in range(options.starts + 1)][1:]
    except AssistantError as error:
        print(f"ready: {error}", file=sys.stderr)
        return error.exit_code
    figures = {name: statistics.median(start[name] for start in starts) for name in starts[0]}
    report = {"machine": machine(default_threads()), "profile": options.profile, "starts": starts, "median": figures}
    print(f"{report['machine']['processor']}, {options.profile}, median of {options.starts} starts")
    print(table(["ready s", "loaded MB", "answered MB", "most MB"], [_row(figures)]))
    if options.output:
        write_json(options.output, report)
    return 0


def _start(profile: str, generator_alone: bool) -> dict[str, float]:
    began = time.perf_counter()
    with Worker(PEER, Path(sys.executable), default_threads()) as worker:
        loaded = worker.call("load", profile=profile, generator_alone=generator_alone)
        seconds = time.perf_counter() - began
        answered = worker.call("answer", with_document=not generator_alone)
    memory = {"loaded": loaded["memory"], "answered": answered["memory"], "most": answered["most"]}
    return {"seconds": seconds, **memory}


def _row(figures: dict[str, Any]) -> list[str]:
    return [number(figures["seconds"], 1), *(number(figures[name] / 1e6) for name in ("loaded", "answered", "most"))]


if __name__ == "__main__":
    sys.exit(main())
