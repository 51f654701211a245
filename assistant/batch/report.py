"""The summary of a batch as one HTML page: no script, nothing fetched, every text from outside escaped."""

import html
from collections.abc import Iterable, Sequence

from assistant.batch.summary import RIGHT_F1, SCORE_BINS, Summary
from assistant.text import counted, one_line

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Batch report</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .15rem .75rem .15rem 0 }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } th { font-weight: 600 }
svg { display: block; width: 100%; height: auto } svg text { font: 11px system-ui, sans-serif; fill: #1c1c1c }
rect { fill: #4c78a8 } rect.right { fill: #54a24b } p.note { color: #555 }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd } svg text { fill: #ddd }
  p.note { color: #999 } }
</style></head><body>
"""
_BAR_HEIGHT, _NAME_WIDTH, _WIDTH = 22, 150, 640
_PLOT_HEIGHT, _COLUMN = 140, 60


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
    parts = [_HEAD, "<h1>Batch report</h1>", _table((), facts)]
    parts += ["<h2>Routes</h2>", _bars(summary.by_route.most_common())]
    verdicts = [*summary.by_verdict.most_common(), ("no answer", summary.no_answer)]
    parts += ["<h2>Verdicts</h2>", _bars([(name, count) for name, count in verdicts if count])]
    if any(summary.by_score):
        parts += ["<h2>Scores of the reader's answers</h2>", _columns(summary)]
    if summary.right_by_verdict:
        rows = [(label, f"{right:,}", f"{wrong:,}") for label, (right, wrong) in summary.right_by_verdict.items()]
        parts += [
            "<h2>Verdicts and the truth</h2>",
            _table(("verdict", "right answers", "wrong answers"), rows),
            f'<p class="note">An answer is right from a token F1 of {RIGHT_F1} on, and a written one where it '
            "contains an expected answer.</p>",
        ]
    slow = [(each.id, each.question, f"{each.seconds:.2f} s") for each in sorted(summary.slowest, reverse=True)]
    if slow:
        parts += ["<h2>Slowest lines</h2>", _table(("id", "question", "time"), slow)]
    if summary.failed:
        failures = [(f"{each.line:,}", each.id, each.type, each.message) for each in summary.failures]
        parts += ["<h2>Failures</h2>", _bars(summary.by_failure.most_common())]
        parts += [_table(("line", "id", "error", "what happened"), failures)]
    return "\n".join([*parts, "</body></html>\n"])


def _text(value: str, limit: int = 200) -> str:
    return html.escape(one_line(value, limit))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = f"<tr>{''.join(f'<th>{_text(name)}</th>' for name in header)}</tr>" if header else ""
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{head}{body}</table>"


def _bars(counts: Sequence[tuple[str, int]]) -> str:
    """A horizontal bar for each count."""
    if not counts:
        return '<p class="note">None.</p>'
    most = max(count for _, count in counts)
    room = _WIDTH - _NAME_WIDTH - 80
    drawn = []
    for at, (name, count) in enumerate(counts):
        top, width = at * _BAR_HEIGHT, room * count / most
        drawn.append(
            f'<text x="0" y="{top + 15}">{_text(name, 24)}</text>'
            f'<rect x="{_NAME_WIDTH}" y="{top + 4}" width="{width:.1f}" height="14"/>'
            f'<text x="{_NAME_WIDTH + width + 6:.1f}" y="{top + 15}">{count:,}</text>'
        )
    return f'<svg viewBox="0 0 {_WIDTH} {len(counts) * _BAR_HEIGHT}" role="img">{"".join(drawn)}</svg>'


def _columns(summary: Summary) -> str:
    """The histogram of scores; where the truth is known, the share of right answers stands in green and above."""
    most = max(summary.by_score)
    drawn = []
    for at, count in enumerate(summary.by_score):
        left, height = at * _COLUMN + 5, _PLOT_HEIGHT * count / most
        drawn.append(f'<rect x="{left}" y="{20 + _PLOT_HEIGHT - height:.1f}" width="50" height="{height:.1f}"/>')
        label = f"{count:,}" if count else ""
        if scored := summary.scored_by_score[at]:
            share = summary.right_by_score[at] / scored
            green = height * scored / count * share
            drawn.append(
                f'<rect class="right" x="{left}" y="{20 + _PLOT_HEIGHT - green:.1f}" width="50" height="{green:.1f}"/>'
            )
            label += f", {100 * share:.0f}%"
        drawn.append(f'<text x="{left}" y="{14 + _PLOT_HEIGHT - height:.1f}">{label}</text>')
        scale = f"{at / SCORE_BINS:.1f}–{(at + 1) / SCORE_BINS:.1f}"
        drawn.append(f'<text x="{left}" y="{_PLOT_HEIGHT + 36}">{scale}</text>')
    note = "Green and the percentage: how many of these were right." if any(summary.scored_by_score) else ""
    plot = f'<svg viewBox="0 0 {SCORE_BINS * _COLUMN} {_PLOT_HEIGHT + 45}" role="img">{"".join(drawn)}</svg>'
    return f'{plot}<p class="note">{note}</p>'
