"""An answer as it is shown: what stands first, what the document lacks, the draft, the places, the verdict.

`present` decides all of it once. What prints, draws or exports an answer only chooses the colours and the order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from assistant.documents.excerpts import EACH_SIDE, Excerpt, excerpt, on_one_line, position
from assistant.text import one_line, printable
from assistant.types import Answer, Document, Evidence, Route, Support, Verdict, document_of

_LONGEST = 300  # characters of a claim or question on one line


class Headline(StrEnum):
    """What stands first of an answer."""

    SPAN = "span"  # words of a document
    WRITTEN = "written"  # what the generator wrote
    NOT_FOUND = "not found"
    NOT_SUPPORTED = "not supported"
    EMPTY = "empty"


_WORDS = {
    Headline.NOT_FOUND: "Not in the document",
    Headline.NOT_SUPPORTED: "The document does not support an answer",
    Headline.EMPTY: "",
}


@dataclass(frozen=True, slots=True)
class ShownPlace:
    """A piece of evidence in its surroundings.

    `where` says at which place of the document it stands; `closest` that it is only the passage that came nearest to an
    answer.
    """

    evidence: Evidence
    cut: Excerpt
    where: str
    closest: bool = False

    @property
    def source(self) -> str:
        """The document and the place in it: `amazon.txt, page 7, characters 54–83, 12% in`."""
        return f"{one_line(self.evidence.document)}, {self.where}"


@dataclass(frozen=True, slots=True)
class Presentation:
    """An answer as it is shown; every text in it is printable.

    `text` is what stands first, without a full stop where it says that there is no answer; `score` how sure that is.
    `missing` are the claims of a partly supported answer that the document lacks, `draft` what was written and is not
    supported, `unchecked` why there is no verdict.
    """

    headline: Headline
    text: str
    score: float | None = None
    asked: str | None = None
    missing: tuple[str, ...] = ()
    draft: str | None = None
    places: tuple[ShownPlace, ...] = ()
    verdict: Verdict | None = None
    unchecked: str | None = None
    notices: tuple[str, ...] = ()

    @property
    def sure(self) -> str:
        """How sure it is, in words; empty where that is not known."""
        return "" if self.score is None else f"{self.score:.0%} sure"


def present(answer: Answer, documents: Sequence[Document], around: int = EACH_SIDE) -> Presentation:
    """What is shown of an answer.

    Args:
        answer: what a turn gave.
        documents: those it was asked about.
        around: characters of a document shown on each side of a place.
    """
    headline, verdict = _headline(answer), answer.verdict
    draft = _text(answer) if answer.turned_down else printable(answer.unsupported_text or "")
    missing = verdict.unsupported if verdict is not None and answer.support is Support.PARTLY else []
    return Presentation(
        headline,
        _WORDS.get(headline) or _text(answer),
        answer.score,
        one_line(answer.asked, _LONGEST) if answer.asked is not None else None,
        tuple(one_line(claim.text, _LONGEST) for claim in missing),
        draft.strip() if answer.unsupported_text is not None else None,
        tuple(show_place(place, documents, around, closest=not answer.evidence) for place in answer.places),
        verdict,
        printable(answer.verdict_reason) if verdict is None and answer.verdict_reason else None,
        tuple(printable(notice) for notice in answer.notices),
    )


def show_place(
    place: Evidence, documents: Sequence[Document], around: int = EACH_SIDE, *, closest: bool = False
) -> ShownPlace:
    """A piece of evidence in its surroundings; alone where none of the documents holds it there."""
    document = document_of(place, documents)
    where = position(document.text if document else None, place.start, place.end, place.page, place.place)
    if document is None:
        return ShownPlace(place, excerpt(place.text, 0, len(place.text)), where, closest)
    return ShownPlace(place, excerpt(document.text, place.start, place.end, around), where, closest)


def _headline(answer: Answer) -> Headline:
    if answer.found_nothing:
        return Headline.NOT_FOUND
    if answer.turned_down:
        return Headline.NOT_SUPPORTED
    if not (answer.text or "").strip():
        return Headline.EMPTY
    return Headline.SPAN if answer.route is Route.EXTRACT else Headline.WRITTEN


def _text(answer: Answer) -> str:
    text = answer.text or ""
    return on_one_line(text) if answer.route is Route.EXTRACT else printable(text)
