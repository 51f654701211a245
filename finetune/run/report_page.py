"""The page of a report, in Markdown and in HTML: titled tables, plots, and answers beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

PLOTS_FOLDER = "plots"
_ANSWERS_TITLE = "Held-out questions, before and after"
_ANSWER_PARTS = {"question": "question", "given": "expected", "before": "before", "after": "after"}
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{border-bottom:1px solid #ddd;padding:.25rem 1rem .25rem 0;"
    "text-align:left;vertical-align:top;overflow-wrap:anywhere}td:first-child{overflow-wrap:normal}"
    ".figures{display:block;overflow-x:auto}.figures td,.figures th{overflow-wrap:normal}"
    ".figures td+td,.figures th+th{text-align:right;font-variant-numeric:tabular-nums}"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(26rem,1fr));gap:1rem}"
    ".plots figure{margin:0}img{max-width:100%}"
    ".answers{table-layout:fixed;width:100%}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;font-size:12px}"
    "@media(max-width:40rem){.answers,.answers tbody,.answers tr,.answers td{display:block}.answers tr:first-child"
    "{display:none}.answers td::before{content:attr(title);color:#666;font-size:12px}}"
)


@dataclass(frozen=True, slots=True)
class Section:
    """A titled table and a sentence or two above it; with a head the columns after the first hold figures."""

    title: str
    rows: Sequence[tuple[str, ...]]
    said: str = ""
    head: tuple[str, ...] = ()


def section_lines(sections: Sequence[Section]) -> list[str]:
    """Sections as lines of Markdown."""
    lines = []
    for section in sections:
        head = section.head or ("", "")
        lines += [f"## {section.title}", "", *([section.said, ""] if section.said else [])]
        lines += [_row(head), "|---|" + ("---:|" if section.head else "---|") * (len(head) - 1)]
        lines += [*map(_row, section.rows), ""]
    return lines


def _row(cells: Sequence[str]) -> str:
    told = [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]
    return f"| {' | '.join(told)} |" if any(told) else "|" + " |" * len(told)


def markdown(
    title: str,
    said: str,
    sections: Sequence[Section],
    plots: Mapping[str, str],
    answers: Sequence[Mapping[str, str]],
) -> str:
    """The page in Markdown; plots are titles by file name, answers have the parts of `_ANSWER_PARTS`."""
    lines = [f"# {title}", "", said, "", *section_lines(sections)]
    if plots:
        lines += ["## Plots", ""]
        lines += [f"![{named}]({PLOTS_FOLDER}/{name})" for name, named in plots.items()] + [""]
    if answers:
        lines += [f"## {_ANSWERS_TITLE}", ""]
    for number, row in enumerate(answers, 1):
        lines += [f"### {number}", ""]
        for name, part in _ANSWER_PARTS.items():
            lines += [f"**{part}**", "", *(f"    {line}" for line in row.get(name, "").split("\n")), ""]
    return "\n".join(lines)


def html(
    title: str,
    said: str,
    sections: Sequence[Section],
    plots: Mapping[str, str],
    answers: Sequence[Mapping[str, str]],
) -> str:
    """The same page in HTML; it asks nothing of other machines."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'>",
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1><p>{escape(said)}</p>",
    ]
    for section in sections:
        above = f"<p>{escape(section.said)}</p>" if section.said else ""
        head = _cells("th", section.head) if section.head else ""
        rows = "".join(_cells("td", row) for row in section.rows)
        kind = " class='figures'" if section.head else ""
        parts.append(f"<h2>{escape(section.title)}</h2>{above}<table{kind}>{head}{rows}</table>")
    if plots:
        drawn = "".join(
            f"<figure><img src='{PLOTS_FOLDER}/{name}' alt='{escape(named)}'></figure>" for name, named in plots.items()
        )
        parts.append(f"<h2>Plots</h2><div class='plots'>{drawn}</div>")
    if answers:
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td title='{part}'><pre>{escape(row.get(name, ''))}</pre></td>"
                for name, part in _ANSWER_PARTS.items()
            )
            + "</tr>"
            for row in answers
        )
        head = _cells("th", tuple(_ANSWER_PARTS.values()))
        parts.append(f"<h2>{_ANSWERS_TITLE}</h2><table class='answers'>{head}{rows}</table>")
    return "\n".join([*parts, "</html>", ""])


def _cells(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
