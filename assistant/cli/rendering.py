"""Answers and verdicts as text for a terminal or a file: what `ask` and `verify` print when no JSON is asked for."""

import re
from collections.abc import Sequence

from rich.text import Text

from assistant.documents.excerpts import excerpt, on_one_line, position
from assistant.text import one_line, printable
from assistant.types import Answer, Claim, Document, Evidence, Label, Route, Support, Verdict

_COLORS = {Label.ENTAILMENT: "green", Label.NEUTRAL: "yellow", Label.CONTRADICTION: "red"}
_BAR_CELLS = 20


def render_written(answer: Answer) -> Text:
    """What the generator wrote, under what the document says of it where that is not that it holds all of it."""
    text = Text()
    if answer.text is None or answer.route is Route.EXTRACT:
        return text
    written = printable(answer.text)
    if answer.turned_down:
        return _not_supported(written)
    text.append(f"{written}\n")
    if answer.verdict is not None and answer.support is Support.PARTLY:
        text.append("\nNot in the document:\n", style="bold")
        for claim in answer.verdict.unsupported:
            text.append(f"  ? {one_line(claim.text, 300)}\n", style="yellow")
    return text


def render_answer(answer: Answer, documents: Sequence[Document]) -> Text:
    """The place that an answer comes from, and the verdict; of one that was read its words too."""
    text = Text()
    if answer.asked is not None:
        text.append(f"Asked as: {one_line(answer.asked, 300)}\n", style="dim")
    if answer.route is Route.EXTRACT and answer.text is not None:
        text.append_text(_found(answer, documents))
    elif answer.found_nothing:
        text.append_text(_not_found(answer, documents))
    elif answer.route is Route.GROUNDED and answer.text is not None:
        text.append_text(_cited(answer, documents))
    if answer.verdict is not None:
        text.append("\n").append_text(render_verdict(answer.verdict))
    elif answer.verdict_reason:
        text.append(f"\nNot checked: {printable(answer.verdict_reason)}\n", style="dim")
    return text


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


def _not_supported(draft: str) -> Text:
    return Text("The document does not support an answer.\n", style="bold").append_text(_draft(draft))


def _found(answer: Answer, documents: Sequence[Document]) -> Text:
    if answer.turned_down:
        text = _not_supported(on_one_line(answer.text or "")).append("\n")
        return text.append_text(_place(answer.evidence[0], documents))
    text = Text()
    for place in answer.evidence:
        text.append(on_one_line(place.text), style="bold").append("\n\n")
        text.append_text(_place(place, documents))
    return text


def _not_found(answer: Answer, documents: Sequence[Document]) -> Text:
    text = Text("Not in the document", style="bold")
    if answer.score is not None:
        text.append(f" ({answer.score:.0%} sure)", style="not bold")
    text.append(".\n")
    if answer.closest is not None:
        text.append("\nThe closest passage:\n").append_text(_place(answer.closest, documents))
    if answer.draft is not None:
        text.append_text(_draft(printable(answer.draft.text)))
    return text


def _draft(written: str) -> Text:
    text = Text("\nDraft, not supported by the document:\n", style="dim")
    for line in written.splitlines():
        text.append(f"  {line}\n", style="dim")
    return text


_CITED = re.compile(r"\[(\d{1,3})\]")


def _cited(answer: Answer, documents: Sequence[Document]) -> Text:
    """The passages that an answer cites, by their numbers."""
    text = Text()
    for number in sorted({int(each) for each in _CITED.findall(answer.text or "")}):
        if 0 < number <= len(answer.evidence):
            place = answer.evidence[number - 1]
            stands = position(document_text(place, documents), place.start, place.end, place.page, place.place)
            text.append(f"\n[{number}] {one_line(place.document)}, {stands}\n", style="dim")
            text.append(f"    {one_line(place.text, 160)}\n", style="dim")
    return text


def document_text(place: Evidence, documents: Sequence[Document]) -> str:
    """The text of the document that a piece of evidence is from: of two of one name, the one that holds it there."""
    document = _document(place, documents)
    return place.text if document is None else document.text


def _document(place: Evidence, documents: Sequence[Document]) -> Document | None:
    named = (each for each in documents if each.name == place.document)
    return next((each for each in named if each.text[place.start : place.end] == place.text), None)


def _place(place: Evidence, documents: Sequence[Document]) -> Text:
    """The span in its surroundings, marked so that it shows without colour too."""
    whole = document_text(place, documents)
    around = excerpt(whole, place.start, place.end)
    text = Text("  ").append(around.before).append(f"[{around.span}]", style="bold reverse").append(around.after)
    score = f", {place.score:.0%} likely" if place.score is not None else ""
    stands = position(whole, place.start, place.end, place.page, place.place)
    text.append(f"\n  {one_line(place.document)}, {stands}{score}\n", style="dim")
    return text
