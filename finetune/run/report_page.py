"""The page of a report, in Markdown and in HTML: titled tables, plots, and answers beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.pages import render_page

PLOTS_FOLDER = "plots"
_ANSWERS_TITLE = "Held-out questions, before and after"
_ANSWER_PARTS = {"question": "question", "given": "expected", "before": "before", "after": "after"}


@dataclass(frozen=True, slots=True)
class Section:
    """A titled table and a sentence or two above it; with a head the columns after the first hold figures."""

    title: str
    rows: Sequence[tuple[str, ...]]
    said: str = ""
    head: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A report: `plots` are titles by file name, `answers` have the parts of `_ANSWER_PARTS`."""

    title: str
    description: str
    sections: Sequence[Section]
    plots: Mapping[str, str]
    answers: Sequence[Mapping[str, str]]


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


def markdown(page: Page) -> str:
    """The page in Markdown."""
    lines = [f"# {page.title}", "", page.description, "", *section_lines(page.sections)]
    if page.plots:
        lines += ["## Plots", ""]
        lines += [f"![{named}]({PLOTS_FOLDER}/{name})" for name, named in page.plots.items()] + [""]
    if page.answers:
        lines += [f"## {_ANSWERS_TITLE}", ""]
    for number, row in enumerate(page.answers, 1):
        lines += [f"### {number}", ""]
        for name, part in _ANSWER_PARTS.items():
            lines += [f"**{part}**", "", *(f"    {line}" for line in row.get(name, "").split("\n")), ""]
    return "\n".join(lines)


def html(page: Page) -> str:
    """The same page in HTML; it asks nothing of other machines."""
    return render_page(
        "finetune.run", "report.html.j2", page=page, folder=PLOTS_FOLDER, parts=_ANSWER_PARTS,
        answers_title=_ANSWERS_TITLE,
    )  # fmt: skip
