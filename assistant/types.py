"""Plain data that travels between the parts: documents, turns, answers and verdicts.

Offsets are indices into `Document.text`, counted in Unicode code points, and every `Evidence`
satisfies `evidence.text == document.text[evidence.start:evidence.end]`.
"""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from assistant.display import line_html, place_html
from assistant.errors import DocumentError, UsageError, did_you_mean
from assistant.layout import Place, Table
from assistant.places import Heading, headings_in, place_at


class Route(StrEnum):
    """Which way a turn goes."""

    OPEN = "open"
    EXTRACT = "extract"
    GROUNDED = "grounded"


class Label(StrEnum):
    """What a premise says of a hypothesis."""

    ENTAILMENT = "entailment"
    NEUTRAL = "neutral"
    CONTRADICTION = "contradiction"

    @property
    def word(self) -> str:
        """What is said of a claim."""
        return _SAID[self][1]

    @property
    def badge(self) -> str:
        """The word with a mark that shows without colour too."""
        return " ".join(_SAID[self])


_SAID = {
    Label.ENTAILMENT: ("✔", "entailed"),
    Label.NEUTRAL: ("?", "unsupported"),
    Label.CONTRADICTION: ("✘", "contradicted"),
}


@dataclass(frozen=True)
class Document:
    """A text the user pasted, opened or piped in; immutable, identified by the hash of its text.

    Args:
        name: What it is called.
        text: All of it.
        pages: The offsets at which its pages begin, in order; empty where it has none.
        encoding: What the bytes it was read from were decoded as.
        tables: The tables that its file gave; they are no part of what makes two documents equal.
        places: From where on the text stands in which slide, message or chapter.
        notices: What of its file was not read, and how to get it, a sentence each.
        path: The file that it was read from, absolute; None where it was pasted, piped in or resumed.

    Raises:
        DocumentError: the text is no str, is empty, or holds code points that are not characters
            (lone surrogates), which no tokenizer accepts.
    """

    name: str
    text: str = field(repr=False)
    pages: tuple[int, ...] = ()
    encoding: str = field(default="utf-8", compare=False)
    tables: tuple[Table, ...] = field(default=(), compare=False, repr=False)
    places: tuple[Place, ...] = field(default=(), compare=False, repr=False)
    notices: tuple[str, ...] = field(default=(), compare=False, repr=False)
    path: str | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise DocumentError(
                f"{self.name}: the text is {type(self.text).__name__}, not str; `read_document` reads files."
            )
        if not any(char.isprintable() and not char.isspace() for char in self.text):
            raise DocumentError(f"{self.name}: the document is empty; there is nothing to read in it.")
        try:
            self.text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise DocumentError(
                f"{self.name}: the text holds a lone surrogate at character {error.start}; it is not valid Unicode."
            ) from error

    @cached_property
    def id(self) -> str:
        """The SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()

    @property
    def words(self) -> int:
        """How many words, separated by white space, the text has."""
        return len(self.text.split())

    def page(self, offset: int) -> int | None:
        """The page, counted from 1, that a character stands on; None where the document has no pages."""
        return max(1, bisect_right(self.pages, offset)) if self.pages else None

    def place(self, offset: int) -> str | None:
        """Where a character stands, in words a person finds it by: `page 3`, `Sheet1!B7`, `slide 4`, `under “Fees”`.

        None where the document has nothing to tell it by.
        """
        return place_at(offset, self.page(offset), self.tables, self.places, self._headings)

    @cached_property
    def _headings(self) -> tuple[Heading, ...]:
        return headings_in(self.name, self.text)

    def evidence(self, start: int, end: int, score: float | None = None) -> "Evidence":
        """The characters `[start, end)` as evidence."""
        return Evidence(self.name, start, end, self.text[start:end], score, self.page(start), self.place(start))


@dataclass(frozen=True, slots=True)
class Evidence:
    """A stretch of a document that supports an answer; `Document.evidence` makes it.

    `score` is a probability, or None where none is known; `page` is counted from 1, or None where there are no pages;
    `place` is what `Document.place` says of its first character.
    """

    document: str
    start: int
    end: int
    text: str
    score: float | None = None
    page: int | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Probabilities:
    """What the verifier gives each of the three labels; they sum to one."""

    entailment: float
    neutral: float
    contradiction: float

    @property
    def shares(self) -> dict[Label, float]:
        """They by their labels, in the order in which they are shown."""
        return {label: getattr(self, label.value) for label in Label}


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement taken from an answer, and what the deciding passage says of it.

    `reason` is what its figures were turned down for, in words: "5.6 million, not 6.5 million".
    """

    text: str
    label: Label
    probabilities: Probabilities
    evidence: Evidence | None = None
    reason: str | None = None


class Support(StrEnum):
    """What the document gives an answer as a whole: all of its claims, at least half of them, or less."""

    SUPPORTED = "supported"
    PARTLY = "partly"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the document says of an answer: that of the answer's worst claim."""

    claims: tuple[Claim, ...]

    def __post_init__(self) -> None:
        if not self.claims:
            raise ValueError("a verdict needs at least one claim")

    @property
    def worst(self) -> Claim:
        """The claim that is least entailed; a contradicted claim is worse than an unsupported one."""
        order = {Label.CONTRADICTION: 0, Label.NEUTRAL: 1, Label.ENTAILMENT: 2}
        return min(self.claims, key=lambda claim: (order[claim.label], claim.probabilities.entailment))

    @property
    def unsupported(self) -> list[Claim]:
        """The claims that the document does not entail."""
        return [claim for claim in self.claims if claim.label is not Label.ENTAILMENT]

    @property
    def label(self) -> Label:
        """The label of the worst claim."""
        return self.worst.label

    @property
    def probabilities(self) -> Probabilities:
        """The probabilities of the worst claim."""
        return self.worst.probabilities

    @property
    def support(self) -> Support:
        """What the document gives the claims together; with a contradicted one among them it is never partly."""
        unsupported = self.unsupported
        if not unsupported:
            return Support.SUPPORTED
        contradicted = any(claim.label is Label.CONTRADICTION for claim in unsupported)
        most = 2 * len(unsupported) > len(self.claims)
        return Support.UNSUPPORTED if contradicted or most else Support.PARTLY

    def _repr_html_(self) -> str:
        """What a notebook shows: each claim with what is said of it, and why, or the sentence that decides."""
        lines = []
        for claim in self.claims:
            share = f"{getattr(claim.probabilities, claim.label.value):.0%}"
            why = claim.reason or (f"“{claim.evidence.text}”" if claim.evidence is not None else "")
            lines.append(line_html(f"{claim.label.badge} {share}: {claim.text}" + (f" ({why})" if why else "")))
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class ModelNames:
    """The models that took part in an answer; None for those that did not."""

    generator: str | None = None
    reader: str | None = None
    verifier: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost; `thinking_tokens` are those of `completion_tokens` that are not in the answer."""

    seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    windows: int = 0
    windows_in_all: int = 0
    thinking_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """What the generator wrote where the reader had found nothing, and what the document did not support."""

    text: str
    evidence: tuple[Evidence, ...] = ()
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a turn gave. `text` is None when the document holds no answer; `closest` then says what came near.

    `asked` is the question as it was put to the documents where it leaned on the turns before and was completed.
    `notices` are what should be known beside it: a language that the models are not made for, a total that no cell
    holds.
    `incomplete` says why a written answer ends before its end: "length" (the limit of tokens), "filtered" (by the
    server) or "broken" (the connection). `tried` are the routes that were taken, in order; the last need not be the one
    that gave the answer. `draft` is what was written and not supported where the answer is that there is none.
    `documents` are those that were asked about, where `Assistant.answer` gave the answer; a notebook shows its places
    in them.
    """

    route: Route
    text: str | None
    score: float | None = None
    evidence: tuple[Evidence, ...] = ()
    closest: Evidence | None = None
    verdict: Verdict | None = None
    verdict_reason: str | None = None
    models: ModelNames = field(default_factory=ModelNames)
    usage: Usage = field(default_factory=Usage)
    stopped: bool = False
    asked: str | None = None
    incomplete: str | None = None
    tried: tuple[Route, ...] = ()
    draft: Draft | None = None
    notices: tuple[str, ...] = ()
    documents: tuple[Document, ...] = field(default=(), compare=False, repr=False)

    @property
    def found_nothing(self) -> bool:
        """Whether the answer is that the documents do not hold one."""
        return self.text is None and self.route is not Route.OPEN and not self.stopped

    @property
    def support(self) -> Support | None:
        """What the documents give the answer; None where it was not checked."""
        return self.verdict.support if self.verdict is not None else None

    @property
    def turned_down(self) -> bool:
        """Whether there is a text that is not shown as the answer, because the documents do not support it."""
        return self.text is not None and self.support is Support.UNSUPPORTED

    @property
    def unsupported_text(self) -> str | None:
        """What was read or written and is not supported by the documents; None where there is none."""
        if self.turned_down:
            return self.text
        return self.draft.text if self.draft is not None else None

    @property
    def places(self) -> tuple[Evidence, ...]:
        """Where the answer stands; of one that was not found, the passage that came nearest."""
        return self.evidence or ((self.closest,) if self.closest is not None else ())

    def _repr_html_(self) -> str:
        """What a notebook shows: the answer, its places marked in the documents, and the verdict."""
        unsupported = bool(self.documents) and self.turned_down
        headline = NOT_FOUND if self.found_nothing else self.text or ""
        lines = [line_html("The document does not support this:")] if unsupported else []
        lines.append(line_html(headline, strong=not unsupported))
        if self.closest is not None and not self.evidence:
            lines.append(line_html("The closest passage:"))
        for place in self.places:
            at = next(
                (
                    (document.text, place.start, place.end)
                    for document in self.documents
                    if document.name == place.document and document.text[place.start : place.end] == place.text
                ),
                (place.text, 0, len(place.text)),
            )
            where = f", {place.place}" if place.place else ""
            lines.append(place_html(f"{place.document}, characters {place.start} to {place.end}{where}", *at))
        if self.draft is not None:
            lines.append(line_html(f"Draft, not supported: {self.draft.text}"))
        lines += [line_html(notice) for notice in self.notices]
        if self.verdict is not None:
            lines.append(self.verdict._repr_html_())
        return "\n".join(lines)


class Role(StrEnum):
    """Who says a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation as the generator sees it."""

    role: Role
    text: str


NOT_FOUND = "The document does not hold an answer to this."
"""What the history of a turn says of one before it that found nothing."""


@dataclass(frozen=True, slots=True)
class TurnSampling:
    """How the answer to one turn is to be sampled; what is None is left to the settings.

    `max_tokens` is the longest answer; an answer ends before the first of the texts in `stop`; the same `seed` draws
    the same answer.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One user message with all that is needed to answer it.

    `route` None lets the router choose; `top_k` is how many distinct answers of the documents to show, at most;
    `windows` how many windows of a document the reader reads, at most: 0 for all, None as the settings say; `system`
    what the generator is told before the conversation, None as the settings say; `sampling` what of the settings about
    sampling does not hold for this turn. One document, a list, or the name of a route are taken for what they mean.

    Raises:
        UsageError: a part is of another kind, or there is no such route.
    """

    question: str
    documents: tuple[Document, ...] = ()
    history: tuple[Message, ...] = ()
    route: Route | None = None
    verify: bool = True
    top_k: int = 1
    windows: int | None = None
    system: str | None = None
    sampling: TurnSampling | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.question, str):
            raise UsageError(f"A question is a text, not {type(self.question).__name__}.")
        given: object = self.documents  # programs without types pass what they like
        documents: tuple[object, ...] = (given,) if isinstance(given, Document | str) else tuple(self.documents)
        if not all(isinstance(each, Document) for each in documents):
            raise UsageError("Documents are of Document(name, text), or read_document(path), and of nothing else.")
        history: tuple[object, ...] = tuple(self.history)
        if not all(isinstance(each, Message) for each in history):
            raise UsageError("The history is of Message(role, text), and of nothing else.")
        object.__setattr__(self, "documents", documents)
        object.__setattr__(self, "history", history)
        object.__setattr__(self, "route", None if self.route in (None, "auto") else _route(self.route))


def _route(name: str) -> Route:
    if name not in list(Route):
        raise UsageError(f"There is no route {name!r}; {did_you_mean(str(name), ['auto', *Route])}")
    return Route(name)
