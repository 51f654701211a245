"""Puts the same questions on the same documents to several readers in turn, and works out how they compare."""

import contextlib
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assistant.text import one_line
from benchmarks.documents import BREAK, LongDocument, build_document, read_paragraphs
from benchmarks.report import agreement, answer_scores, machine
from benchmarks.workers import HAYSTACK, OURS, PIPELINE, PeerError, System, Worker, python_of
from finetune.data.files import find_data
from finetune.data.squad import QAExample

SYSTEMS = {
    system.name: system
    for system in (
        System("ours", OURS, note="as it comes: the number format that is fastest here"),
        System("ours-float32", OURS, {"dtype": "float32"}, "the plain path; the others' answers are compared with its"),
        System("pipeline", PIPELINE, note="transformers 4.57, as it comes"),
        System("haystack", HAYSTACK, note="as it comes: all windows at once, no token types"),
        System("haystack-types", HAYSTACK, {"token_types": True}, "given the token types that it leaves out"),
        System("pipeline-batch16", PIPELINE, {"batch": 16}),
        System("haystack-batch16", HAYSTACK, {"batch": 16}),
        System("pipeline-bfloat16", PIPELINE, {"dtype": "bfloat16"}),
        System("haystack-bfloat16", HAYSTACK, {"dtype": "bfloat16"}),
    )
}
DEFAULT_SYSTEMS = ("ours", "ours-float32", "pipeline", "haystack", "haystack-types")
OUR_ROW, REFERENCE = "ours", "ours-float32"
ONE_WINDOW = 0  # stands for the length of single paragraphs
ANSWERS_UP_TO = 10_000  # on longer documents a peer needs minutes for each question
LONG = 50_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: `lengths` in words, ascending; `long_repeats` for the peers from LONG words on."""

    systems: Sequence[System]
    lengths: Sequence[int]
    questions: int
    repeats: int
    long_repeats: int
    threads: int
    data: str
    model: str
    seed: int
    environments: Path


@dataclass
class Cell:
    """One system on documents of one length."""

    system: str
    words: int
    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    windows: int = 0
    memory: int = 0
    flop: float | None = None
    answers: list[str] = field(default_factory=list)


def compare(plan: Plan) -> dict[str, Any]:
    """All measurements, as the JSON file has them.

    Raises:
        AssistantError: the data or our reader is not to be had; what a peer lacks only leaves that peer out.
    """
    paragraphs = read_paragraphs(find_data(plan.data), plan.seed)
    left_out: dict[str, str] = {}
    versions: dict[str, dict[str, str]] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _tell("Merging the adapter and measuring the machine")
        with Worker(OURS, python_of(OURS, plan.environments), plan.threads) as worker:
            worker.call("save", reference=plan.model, folder=str(folder))
            peaks = worker.call("peaks")
        workers: dict[str, Worker] = {}
        for system in plan.systems:
            _tell(f"Loading {system.name}")
            try:
                python = python_of(system.peer, plan.environments)
                worker = stack.enter_context(Worker(system.peer, python, plan.threads))
                versions[system.name] = worker.call("load", folder=str(folder), **system.options)
                workers[system.name] = worker
            except PeerError as error:
                left_out[system.name] = one_line(str(error), 300)
        questions = build_document(paragraphs, max(1000, *plan.lengths)).questions(plan.questions)
        cells = _measure_paragraphs(workers, questions, left_out)
        scored = {ONE_WINDOW: questions}
        for words in plan.lengths:
            document = build_document(paragraphs, words)
            cells += _measure_seconds(workers, document, plan, left_out)
            if words <= ANSWERS_UP_TO:
                scored[words] = document.questions(plan.questions)
                _measure_answers(workers, document, scored[words], cells, left_out)
        # After all else, because it takes memory that reading does not.
        for cell in cells:
            if cell.second and cell.system in workers and SYSTEMS[cell.system].peer is OURS:
                document = build_document(paragraphs, cell.words)
                question = document.questions(2)[-1].question
                cell.flop = workers[cell.system].call("work", document=document.text, question=question)["flop"]
    return {
        "machine": {**machine(plan.threads), **peaks},
        "versions": versions,
        "notes": {system.name: system.note for system in plan.systems if system.note},
        "left_out": left_out,
        "model": plan.model,
        "seed": plan.seed,
        "rows": [_row(cell, cells, scored.get(cell.words), versions, peaks) for cell in cells],
    }


def _measure_paragraphs(
    workers: dict[str, Worker], questions: Sequence[QAExample], left_out: dict[str, str]
) -> list[Cell]:
    """Questions on their own paragraph, mostly one window: only the model and the decoding can differ.

    It also wakes the systems up: what they do only once in a process is not measured.
    """
    cells = {name: Cell(name, ONE_WINDOW) for name in workers}
    for question in questions:
        for name in list(workers):
            reply = _ask(workers, name, question.context, question.question, left_out)
            if reply is not None:
                _note(cells[name], reply)
                cells[name].answers.append(reply["answer"])
    return [cell for name, cell in cells.items() if name in workers]


def _measure_seconds(
    workers: dict[str, Worker], document: LongDocument, plan: Plan, left_out: dict[str, str]
) -> list[Cell]:
    """First and second question on a document, the systems taking turns."""
    words = document.words
    cells = {name: Cell(name, words) for name in workers}
    asked = [question.question for question in document.questions(2)]
    for repeat in range(plan.repeats):
        for name in list(workers):
            if words >= LONG and SYSTEMS[name].peer is not OURS and repeat >= plan.long_repeats:
                continue
            _tell(f"{words:,} words, {repeat + 1} of {plan.repeats}: {name}")
            # White space at its end makes the document one that no system has seen, with the same tokens.
            text = document.text + BREAK * (repeat + 1)
            for seconds, question in zip((cells[name].first, cells[name].second), asked, strict=False):
                reply = _ask(workers, name, text, question, left_out)
                if reply is not None:
                    _note(cells[name], reply)
                    seconds.append(reply["seconds"])
    return [cell for cell in cells.values() if cell.first]


def _measure_answers(
    workers: dict[str, Worker], document: LongDocument, questions: Sequence[QAExample], cells: Sequence[Cell],
    left_out: dict[str, str],
) -> None:  # fmt: skip
    """What each system answers to questions on the whole document."""
    for cell in cells:
        if cell.words != document.words or cell.system not in workers:
            continue
        _tell(f"{cell.words:,} words, {len(questions)} questions: {cell.system}")
        for question in questions:
            reply = _ask(workers, cell.system, document.text, question.question, left_out)
            if reply is None:
                cell.answers.clear()
                break
            cell.answers.append(reply["answer"])
            _note(cell, reply)


def _ask(
    workers: dict[str, Worker], name: str, document: str, question: str, left_out: dict[str, str]
) -> dict[str, Any] | None:
    """A system's reply; a system that fails takes no further part."""
    if name not in workers:
        return None
    try:
        return workers[name].call("ask", document=document, question=question)
    except PeerError as error:
        left_out[name] = f"from {len(document.split()):,} words on: {one_line(str(error), 300)}"
        del workers[name]
        return None


def _note(cell: Cell, reply: dict[str, Any]) -> None:
    """Keep of a reply what is not a timing."""
    cell.windows, cell.memory = reply["windows"], max(cell.memory, reply["memory"])


def _row(
    cell: Cell, cells: Sequence[Cell], questions: Sequence[QAExample] | None, versions: dict[str, dict[str, str]],
    peaks: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """A cell with what follows from it."""
    peers = {other.system: other for other in cells if other.words == cell.words}
    first, second = (statistics.median(times) if times else None for times in (cell.first, cell.second))
    row: dict[str, Any] = {**asdict(cell), "first_median": first, "second_median": second}
    if first:
        row |= {"windows_per_second": cell.windows / first, "words_per_second": cell.words / first}
        if (ours := peers.get(OUR_ROW)) is not None:
            row["ours_times_as_fast"] = first / statistics.median(ours.first)
    if second and cell.flop:
        row["gflops"] = cell.flop / second / 1e9
        row["share_of_peak"] = 100 * row["gflops"] / peaks["gflops"][versions[cell.system]["dtype"]]
    if questions and len(cell.answers) == len(questions):
        row |= answer_scores(cell.answers, questions)
        reference = peers.get(REFERENCE) or peers.get(OUR_ROW)
        if reference is not None and len(reference.answers) == len(cell.answers):
            row["agreement"] = agreement(cell.answers, reference.answers)
    return row


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
