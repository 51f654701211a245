"""What a batch came to: counts, scores, what was slow and what failed, and how right it was where that is known."""

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from assistant.batch.blocks import Record
from assistant.text import counted, one_line

SCORE_BINS = 10
SLOWEST = 5
FAILURES = 10
_SHOWN = 60
RIGHT_F1 = 0.5
"""An answer is counted as right from this token F1 on, as the reader's score is calibrated to; one that a model has
written also where it contains an expected answer word for word."""
UNCHECKED = "not checked"


@dataclass(frozen=True, slots=True, order=True)
class SlowLine:
    """A line and the seconds that it took."""

    seconds: float
    count: int
    id: str
    question: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A line that failed, and why."""

    line: int
    id: str
    type: str
    message: str


@dataclass
class Summary:
    """Counts over the records it is given, whether of this run or of the one it goes on with.

    `by_score` counts the reader's answers by tenths of their score, and `right_by_score` those that were right;
    `right_by_verdict` counts, by verdict, the answers that were right and those that were not.
    """

    answered: int = 0
    failed: int = 0
    before: int = 0
    no_answer: int = 0
    by_route: Counter[str] = field(default_factory=Counter)
    by_verdict: Counter[str] = field(default_factory=Counter)
    by_failure: Counter[str] = field(default_factory=Counter)
    by_score: list[int] = field(default_factory=lambda: [0] * SCORE_BINS)
    scored_by_score: list[int] = field(default_factory=lambda: [0] * SCORE_BINS)
    right_by_score: list[int] = field(default_factory=lambda: [0] * SCORE_BINS)
    slowest: list[SlowLine] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    expected: int = 0
    exact: float = 0.0
    f1: float = 0.0
    written: int = 0
    contained: float = 0.0
    incomplete: int = 0
    retried: int = 0
    passing: int = 0
    refused: int = 0
    right_by_verdict: dict[str, list[int]] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """All lines that the output has."""
        return self.answered + self.failed

    def add(self, record: Record) -> None:
        """Count a record."""
        if "error" in record:
            self._add_failure(record)
            return
        self.answered += 1
        self.by_route[record["route"]] += 1
        self.no_answer += record["answer"] is None
        self.incomplete += record.get("incomplete") is not None
        verdict = record["verdict"]
        label = verdict["label"] if verdict else UNCHECKED
        if record["answer"] is not None:
            self.by_verdict[label] += 1
        self._add_score(record)
        self._add_expected(record, label)
        slow = SlowLine(record["usage"]["seconds"], self.done, record["id"], one_line(record["question"], _SHOWN))
        if len(self.slowest) < SLOWEST:
            heapq.heappush(self.slowest, slow)
        else:
            heapq.heappushpop(self.slowest, slow)

    def _add_failure(self, record: Record) -> None:
        error = record["error"]
        self.failed += 1
        self.by_failure[error["type"]] += 1
        passing = error.get("passing") is True
        self.passing += passing
        self.refused += error["type"] in ("GenerationError", "ContextFullError") and not passing
        if len(self.failures) < FAILURES:
            self.failures.append(Failure(record["line"], record["id"], error["type"], error["message"]))

    def _add_score(self, record: Record) -> None:
        if record["score"] is None:
            return
        at = min(int(record["score"] * SCORE_BINS), SCORE_BINS - 1)
        self.by_score[at] += 1
        if "f1" in record:
            self.scored_by_score[at] += 1
            self.right_by_score[at] += _is_right(record)

    def _add_expected(self, record: Record, label: str) -> None:
        if "f1" not in record:
            return
        self.expected += 1
        self.exact += record["exact_match"]
        self.f1 += record["f1"]
        if "contains" in record:
            self.written += 1
            self.contained += record["contains"]
        if record["answer"] is not None:
            counts = self.right_by_verdict.setdefault(label, [0, 0])
            counts[not _is_right(record)] += 1

    @property
    def figures(self) -> dict[str, float]:
        """Exact match and F1 as percentages of the lines whose answer is known; nothing where there are none.

        `contains` is the percentage of written answers that contain an expected one, `agreement` that of checked
        answers whose verdict (entailment or not) is that of the truth (right or not).
        """
        if not self.expected:
            return {}
        checked = {label: counts for label, counts in self.right_by_verdict.items() if label != UNCHECKED}
        total = sum(map(sum, checked.values()))
        agreeing = sum(right if label == "entailment" else wrong for label, (right, wrong) in checked.items())
        figures = {"exact_match": 100 * self.exact / self.expected, "f1": 100 * self.f1 / self.expected}
        figures |= {"contains": 100 * self.contained / self.written} if self.written else {}
        return figures | ({"agreement": 100 * agreeing / total} if total else {})


def summary_lines(summary: Summary, seconds: float, watched: int) -> list[str]:
    """What is said at the end of a run."""
    new = summary.done - summary.before
    counts = {
        "failed": summary.failed,
        "done before": summary.before,
        "tried again": summary.retried,
        "matched --fail-on": watched,
    }
    parts = [f"{summary.answered:,} answered", *(f"{count:,} {name}" for name, count in counts.items() if count)]
    lines = [f"{', '.join(parts)} in {seconds:.1f} s ({new / max(seconds, 1e-6):.1f} a second)."]
    if not summary.answered + summary.failed:
        return lines
    lines += [f"  routes: {_counted(summary.by_route)}" if summary.by_route else "  no line was answered"]
    if summary.by_verdict or summary.no_answer:
        lines.append(f"  verdicts: {_counted(summary.by_verdict | Counter({'no answer': summary.no_answer}))}")
    if any(summary.by_score):
        lines.append(f"  scores, 0 to 1: {histogram(summary.by_score)}")
    if figures := summary.figures:
        agreement = f", verdicts agree with the truth on {figures['agreement']:.1f}%" if "agreement" in figures else ""
        contains = (
            f", {figures['contains']:.1f}% of written answers contain an expected one" if "contains" in figures else ""
        )
        lines.append(
            f"  of {summary.expected:,} with expected answers: exact match {figures['exact_match']:.1f}, "
            f"F1 {figures['f1']:.1f}{contains}{agreement}"
        )
    if summary.incomplete:
        lines.append(f"  {counted(summary.incomplete, 'answer')} not complete (`incomplete` in the record says why)")
    slowest = sorted(summary.slowest, reverse=True)
    if slowest:
        lines.append(f"  slowest: {', '.join(f'{one_line(line.id, 20)} {line.seconds:.2f} s' for line in slowest)}")
    lines += [
        f"  line {failure.line}: {failure.type}: {one_line(failure.message, 160)}" for failure in summary.failures
    ]
    if summary.failed > len(summary.failures):
        lines.append(f"  and {summary.failed - len(summary.failures):,} more: {_counted(summary.by_failure)}")
    for count, reasons, option in (
        (summary.passing, "for passing reasons", "--resume"),
        (summary.refused, "at the model", "once that is fixed, --retry-failed"),
    ):
        if count:
            again = "it" if count == 1 else "them"
            lines.append(f"  {counted(count, 'line')} failed {reasons}; {option} tries {again} again.")
    return lines


def _is_right(record: Record) -> bool:
    return bool(record["f1"] >= RIGHT_F1 or record.get("contains") == 1)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda pair: -pair[1]) if count)


def histogram(counts: list[int]) -> str:
    """Counts as a row of blocks, one character each."""
    highest = max(counts) or 1
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * count / highest))] if count else "·" for count in counts)
