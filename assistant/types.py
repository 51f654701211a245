"""Plain data that travels between the parts: turns and answers, and with them documents, evidence and verdicts."""

from dataclasses import dataclass, field
from enum import StrEnum

from assistant.display import line_html, place_html
from assistant.errors import UsageError, did_you_mean
from assistant.evidence import Document, Evidence, document_of
from assistant.verdicts import Claim, Label, Probabilities, Support, Verdict

__all__ = [
    "NOT_FOUND", "Answer", "Claim", "Document", "Draft", "Evidence", "Label", "Message", "ModelNames", "Probabilities",
    "Role", "Route", "Support", "Turn", "TurnSampling", "Usage", "Verdict", "document_of",
]  # fmt: skip

NOT_FOUND = "The document does not hold an answer to this."
"""What the history of a turn says of one before it that found nothing."""


class Route(StrEnum):
    """Which way a turn goes."""

    OPEN = "open"
    EXTRACT = "extract"
    GROUNDED = "grounded"


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
            document = document_of(place, self.documents)
            at = (document.text, place.start, place.end) if document else (place.text, 0, len(place.text))
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
