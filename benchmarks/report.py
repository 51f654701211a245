"""What the benchmarks have in common when they report: aligned tables, JSON files, the machine, shares and medians."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.metrics import exact_match, normalize_answer, token_f1
from finetune.data.squad import QAExample


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows below their header, columns aligned: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [
        "  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in [header, *rows])
    ]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(line.rstrip() for line in lines)


def number(value: float | None, decimals: int = 0) -> str:
    """A number with thousands separated; a dash for none."""
    return "-" if value is None else f"{value:,.{decimals}f}"


def answer_scores(answers: Sequence[str], questions: Sequence[QAExample]) -> dict[str, float]:
    """Exact match and F1 of answers, as percentages."""
    pairs = [(answer, question.answers) for answer, question in zip(answers, questions, strict=True)]
    return {
        "exact_match": 100 * sum(exact_match(answer, golds) for answer, golds in pairs) / len(pairs),
        "f1": 100 * sum(token_f1(answer, golds) for answer, golds in pairs) / len(pairs),
    }


def agreement(answers: Sequence[str], reference: Sequence[str]) -> float:
    """The percentage of answers that are the same once normalised."""
    same = [
        normalize_answer(answer) == normalize_answer(other) for answer, other in zip(answers, reference, strict=True)
    ]
    return 100 * sum(same) / len(same)


def default_threads() -> int:
    """OMP_NUM_THREADS, or all cores that this process may use."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine(threads: int) -> dict[str, Any]:
    """What figures depend on: processor, cores, threads and system."""
    return {"processor": _processor(), "cores": os.cpu_count(), "threads": threads, "system": platform.platform()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def write_json(path: Path, report: object) -> None:
    """Write a report, making the folder it goes to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
