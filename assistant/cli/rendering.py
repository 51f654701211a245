"""Answers and verdicts as text for a terminal or a file: what `ask` and `verify` print when no JSON is asked for."""

import re
from collections.abc import Sequence

from rich.text import Text

from assistant.documents.excerpts import on_one_line
from assistant.presentation import Headline, Presentation, ShownPlace, present
from assistant.text import one_line
from assistant.types import Answer, Claim, Document, Label, Route, Verdict

_COLORS = {Label.ENTAILMENT: "green", Label.NEUTRAL: "yellow", Label.CONTRADICTION: "red"}
_BAR_CELLS = 20
_CITED = re.compile(r"\[(\d{1,3})\]")


def render_written(answer: Answer) -> Text:
    """What the generator wrote, under what the document says of it where that is not that it holds all of it."""
    text, shown = Text(), present(answer, ())
    if shown.headline is Headline.NOT_SUPPORTED:
        text.append(f"{shown.text}.\n", style="bold").append_text(_draft(shown))
    elif shown.headline is Headline.WRITTEN:
        text.append(f"{shown.text}\n")
    if shown.missing and answer.route is not Route.EXTRACT:
        text.append("\nNot in the document:\n", style="bold")
        for claim in shown.missing:
            text.append(f"  ? {claim}\n", style="yellow")
    return text


def render_answer(answer: Answer, documents: Sequence[Document]) -> Text:
    """The place that an answer comes from, and the verdict; of one that was read its words too."""
    text, shown = Text(), present(answer, documents)
    if shown.asked is not None:
        text.append(f"Asked as: {shown.asked}\n", style="dim")
    if shown.headline is Headline.SPAN:
        for place in shown.places:
            text.append(on_one_line(place.evidence.text), style="bold").append("\n\n")
            text.append_text(render_place(place, indent="  ", score=True)).append("\n")
    elif shown.headline is Headline.NOT_FOUND:
        text.append_text(_not_found(shown))
    elif answer.turned_down and answer.route is Route.EXTRACT:
        for place in shown.places[:1]:
            text.append("\n").append_text(render_place(place, indent="  ", score=True)).append("\n")
    elif answer.route is Route.GROUNDED:
        text.append_text(_cited(answer, shown))
    if shown.verdict is not None:
        text.append("\n").append_text(render_verdict(shown.verdict))
    elif shown.unchecked is not None:
        text.append(f"\nNot checked: {shown.unchecked}\n", style="dim")
    return text


def render_place(place: ShownPlace, *, indent: str = "", score: bool = False) -> Text:
    """The span in its surroundings, marked so that it shows without colour too; below it where it stands."""
    likely = f", {place.evidence.score:.0%} likely" if score and place.evidence.score is not None else ""
    text = Text(f"{indent}{place.cut.before}").append(f"[{place.cut.span}]", style="bold reverse")
    return text.append(place.cut.after).append(f"\n{indent}{place.source}{likely}", style="dim")


def render_verdict(verdict: Verdict) -> Text:
    """The verdict with three bars, then, where there are several, each claim."""
    color = _COLORS[verdict.label]
    text = Text().append(f"{verdict.label.badge}\n", style=f"bold {color}")
    for label, share in verdict.probabilities.shares.items():
        cells = round(share * _BAR_CELLS)
        text.append(f"  {label.value:<13} ").append("█" * cells, style=_COLORS[label])
        text.append("·" * (_BAR_CELLS - cells), style="dim").append(f" {share:4.0%}\n")
    if len(verdict.claims) > 1:
        for claim in verdict.claims:
            text.append_text(_claim(claim))
    elif (reason := verdict.worst.reason) is not None:
        text.append(f"  {one_line(reason, 100)}\n", style=color)
    return text


def _claim(claim: Claim) -> Text:
    color = _COLORS[claim.label]
    text = Text("  ").append(claim.label.badge, style=color).append(f"  {one_line(claim.text, 100)}\n")
    if claim.evidence is not None:
        text.append(f"      “{one_line(claim.evidence.text, 100)}”\n", style="dim")
    if claim.reason is not None:
        text.append(f"      {one_line(claim.reason, 100)}\n", style=color)
    return text


def _not_found(shown: Presentation) -> Text:
    text = Text(shown.text, style="bold")
    text.append(f" ({shown.sure})" if shown.sure else "", style="not bold").append(".\n")
    for place in shown.places:
        text.append("\nThe closest passage:\n").append_text(render_place(place, indent="  ", score=True))
        text.append("\n")
    return text.append_text(_draft(shown)) if shown.draft is not None else text


def _draft(shown: Presentation) -> Text:
    text = Text("\nDraft, not supported by the document:\n", style="dim")
    for line in (shown.draft or "").splitlines():
        text.append(f"  {line}\n", style="dim")
    return text


def _cited(answer: Answer, shown: Presentation) -> Text:
    """The passages that an answer cites, by their numbers."""
    text = Text()
    for number in sorted({int(digits) for digits in _CITED.findall(answer.text or "")}):
        if 0 < number <= len(answer.evidence):
            place = shown.places[number - 1]
            text.append(f"\n[{number}] {place.source}\n", style="dim")
            text.append(f"    {one_line(place.evidence.text, 160)}\n", style="dim")
    return text
