"""A responder that plays a script: it stands in for slow models where the screen is what is tested."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator

from assistant.errors import AssistantError, ModelError
from assistant.events import (
    Event,
    EvidenceFound,
    Notice,
    Progress,
    RouteChosen,
    TextDelta,
    ThinkingDelta,
    TurnFailed,
    TurnFinished,
    VerdictReached,
)
from assistant.types import (
    Answer,
    Claim,
    Document,
    Draft,
    Label,
    Probabilities,
    Route,
    Turn,
    Usage,
    Verdict,
)
from tests.support.chat_app import CODE, pieces_of, stream


class Scripted:
    """Answers by a few fixed rules: a question with `fail` fails, with `slow` or `endless` never ends, with `ponder`
    thinks until it is stopped, with `nothing` finds nothing; a word of the document that the question ends with is
    found there; the rest is an open answer."""

    def __init__(self, *, gate: threading.Event | None = None, failures: int = 0, pause: float = 0.0) -> None:
        self.gate = gate
        self.failures = failures
        self.pause = pause
        self.turns: list[Turn] = []
        self.looked_ahead: list[tuple[Turn, Answer]] = []
        self.closed = threading.Event()

    def load(self, on_event: Callable[[Event], None]) -> None:
        for done in (10_000_000, 45_000_000):
            on_event(Progress("downloading the generator", done, 100_000_000))
        while self.gate is not None and not self.gate.wait(0.02):
            on_event(Progress("loading the reader"))
        if self.failures:
            self.failures -= 1
            raise ModelError("The models could not be fetched: no network. Connect once, then try again.")

    def look_ahead(self, turn: Turn, answer: Answer, cancel: threading.Event) -> None:
        self.looked_ahead.append((turn, answer))

    def close(self) -> None:
        self.closed.set()

    def respond(self, turn: Turn, cancel: threading.Event | None = None) -> Iterator[Event]:
        self.turns.append(turn)
        if "fail" in turn.question:
            yield TurnFailed(AssistantError("The question is longer than the model can read; shorten it."))
        elif "crash" in turn.question:
            raise KeyError("a bug")
        elif turn.documents and turn.route is not Route.OPEN:
            yield from self._extract(turn, turn.documents[0])
        else:
            yield from self._open(turn, cancel or threading.Event())

    def _open(self, turn: Turn, cancel: threading.Event) -> Iterator[Event]:
        yield RouteChosen(Route.OPEN, "no document is open")
        if "notice" in turn.question:
            yield Notice("3 earlier turns were left out of the context.")
        if "ponder" in turn.question:
            yield ThinkingDelta("The person wants a loop. A for loop is the shortest, so I show that one.")
            cancel.wait(60)
        if "echo" in turn.question:
            yield from stream(pieces_of(f"You asked: {turn.question}"), cancel, self.pause)
        elif "endless" in turn.question:
            yield from stream((f"Paragraph {number}.\n\n" for number in itertools.count()), cancel, 0.005)
        elif "slow" in turn.question:
            yield from stream(itertools.cycle(pieces_of(CODE)), cancel, 0.02)
        else:
            yield from stream(pieces_of(CODE), cancel, self.pause)

    def _extract(self, turn: Turn, document: Document) -> Iterator[Event]:
        yield RouteChosen(Route.EXTRACT, "a document is open and the question asks for a fact")
        for done in (1, 2, 3):
            yield Progress("reading", done, 3)
            time.sleep(self.pause)
        if "written" in turn.question:
            yield from self._written(turn, document)
            return
        wanted = turn.question.rstrip("?").split()[-1].replace("_", "\n")  # a line's end in the document
        at = document.text.find(wanted)
        if "nothing" in turn.question or at < 0:
            closest = document.evidence(0, 60, 0.2)
            yield EvidenceFound((), closest)
            draft = Draft("Elves built it.") if "drafted" in turn.question else None
            usage = Usage(0.31, windows=3)
            yield TurnFinished(Answer(Route.EXTRACT, None, 0.87, closest=closest, usage=usage, draft=draft))
            return
        evidence = document.evidence(at, at + len(wanted), 0.97)
        yield EvidenceFound((evidence,))
        shares = {"contra": (0.02, 0.08, 0.9), "unsure": (0.3, 0.65, 0.05)}
        found = next((value for key, value in shares.items() if key in turn.question), (0.96, 0.03, 0.01))
        label = list(Label)[found.index(max(found))]
        claims = [Claim(f"It is {wanted}.", label, Probabilities(*found), evidence)]
        if "two claims" in turn.question:
            claims.append(Claim("It is old.", Label.ENTAILMENT, Probabilities(0.9, 0.1, 0.0), evidence))
        verdict = Verdict(tuple(claims))
        yield VerdictReached(verdict)
        usage = Usage(0.21, windows=3)
        yield TurnFinished(Answer(Route.EXTRACT, wanted, 0.97, (evidence,), verdict=verdict, usage=usage))

    def _written(self, turn: Turn, document: Document) -> Iterator[Event]:
        """An answer of two sentences: `unsupported` by the document, supported in `part`, or whole."""
        yield RouteChosen(Route.GROUNDED, "it asks for a text")
        place = document.evidence(0, 60)
        yield EvidenceFound((place,))
        text = "Elves built it. It is tall."
        yield from (TextDelta(f"{word} ") for word in text.split())
        labels = [Label.ENTAILMENT, Label.ENTAILMENT]
        if "unsupported" in turn.question:
            labels = [Label.NEUTRAL, Label.NEUTRAL]
        elif "part" in turn.question:
            labels[0] = Label.NEUTRAL
        shares = {Label.ENTAILMENT: Probabilities(0.9, 0.05, 0.05), Label.NEUTRAL: Probabilities(0.1, 0.8, 0.1)}
        sentences = ("Elves built it.", "It is tall.")
        verdict = Verdict(
            tuple(Claim(said, label, shares[label], place) for said, label in zip(sentences, labels, strict=True))
        )
        yield VerdictReached(verdict)
        yield TurnFinished(Answer(Route.GROUNDED, text, evidence=(place,), verdict=verdict, usage=Usage(0.5)))
