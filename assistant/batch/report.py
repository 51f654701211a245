"""The summary of a batch as one HTML page: no script, nothing fetched, every text from outside escaped."""

from collections.abc import Sequence

from assistant.batch.summary import RIGHT_F1, Summary
from assistant.pages import render_page
from assistant.text import counted, one_line


def report_html(summary: Summary, seconds: float, names: Sequence[tuple[str, str]]) -> str:
    """The page.

    Args:
        summary: of all lines that the output has.
        seconds: that this run took.
        names: what the page says of the run: a name and its value each, such as the input and the models.
    """
    new = summary.done - summary.before
    facts = [
        *names,
        ("answered", f"{summary.answered:,}"),
        ("failed", f"{summary.failed:,}"),
        ("done by earlier runs", f"{summary.before:,}"),
        ("time of this run", f"{seconds:.1f} s, {new / max(seconds, 1e-6):.1f} lines a second"),
    ]
    facts += [
        (name, f"{summary.figures[key]:.1f}%")
        for key, name in (
            ("exact_match", f"exact match, {counted(summary.expected, 'line')} with expected answers"),
            ("f1", "token F1 of these"),
            ("contains", "written answers that contain an expected one"),
            ("agreement", "verdicts that agree with the truth"),
        )
        if key in summary.figures
    ]
    verdicts = [*summary.by_verdict.most_common(), ("no answer", summary.no_answer)]
    return render_page(
        "assistant.batch",
        "report.html.j2",
        summary=summary,
        facts=facts,
        verdicts=[(name, count) for name, count in verdicts if count],
        truth=[(label, f"{right:,}", f"{wrong:,}") for label, (right, wrong) in summary.right_by_verdict.items()],
        right_f1=RIGHT_F1,
        slowest=[(line.id, line.question, f"{line.seconds:.2f} s") for line in sorted(summary.slowest, reverse=True)],
        failures=[(f"{failure.line:,}", failure.id, failure.type, failure.message) for failure in summary.failures],
        one_line=one_line,
    )
