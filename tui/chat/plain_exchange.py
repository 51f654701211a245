"""An exchange in plain lines: what is said of it as it comes, and what came of it in words."""

import sys
from collections.abc import Callable, Iterator

from assistant.events import Event, Notice, Progress, RouteChosen, TextDelta, TextTakenBack, ThinkingDelta
from assistant.history.store import Status
from assistant.presentation import Headline
from assistant.text import PrintableStream, counted, one_line, printable
from assistant.types import Probabilities, Route
from tui.chat.exchange import Exchange


class Lines:
    """Writes lines, and an answer piece by piece."""

    def __init__(self) -> None:
        self._mid_line = False

    def line(self, text: str) -> None:
        """A line of its own, also in the middle of an answer."""
        print(("\n" if self._mid_line else "") + printable(text), flush=True)  # noqa: T201
        self._mid_line = False

    def piece(self, shown: str) -> None:
        """More of an answer, made printable."""
        self._mid_line = not shown.endswith("\n") if shown else self._mid_line
        sys.stdout.write(shown)
        sys.stdout.flush()

    def end(self) -> None:
        """Nothing more of an answer: an empty line stands below it."""
        if self._mid_line:
            self._mid_line = False
            self.line("")


class PlainExchange:
    """Says what comes of a question, as it comes.

    Args:
        exchange: Takes in each event before `take` tells of it.
        lines: Where it is said.
        save: Called first, so that nothing is said that is not saved.
    """

    def __init__(self, exchange: Exchange, lines: Lines, save: Callable[[Exchange], None]) -> None:
        self.exchange = exchange
        self._lines = lines
        self._save = save
        self._stage = ""
        self._shown = PrintableStream()

    def wait(self, reason: str) -> None:
        """Nothing: questions are answered one by one."""

    def begin(self) -> None:
        """Nothing: the first event says enough."""

    def take(self, event: Event) -> None:
        """Say what happened."""
        self._save(self.exchange)
        say = self._lines.line
        match event:
            case RouteChosen(route, reason, standalone_question):
                say(f"Route {route}: {reason}" + (f" Asked as: {standalone_question}" if standalone_question else ""))
            case ThinkingDelta() if self._stage != "Thinking":
                self._stage = "Thinking"
                say("Thinking.")
            case TextTakenBack():
                self._shown = PrintableStream()
                say("What was said so far is not the answer; it begins here.")
            case Progress(stage) if stage != self._stage:
                self._stage = stage
                say(f"{stage}.")
            case Notice(text):
                say(f"Note: {text}")
            case TextDelta(text) if self.exchange.route is not Route.EXTRACT:
                self._lines.piece(self._shown.add(text))

    async def finish(self) -> None:
        """Say what has not been said of the answer yet."""
        streamed = self.exchange.route is not Route.EXTRACT and bool(self.exchange.text)
        if streamed and (left := self._shown.finish().rstrip()):
            self._lines.piece(left)
        self._lines.end()
        self._lines.line("\n".join(list(answer_lines(self.exchange))[1 if streamed else 0 :]))


def answer_lines(exchange: Exchange) -> Iterator[str]:
    """What came of a question, in words: the answer in the first line, then places, verdict and claims."""
    if exchange.error is not None:
        yield f"Error: {exchange.error}"
        return
    shown = exchange.shown
    if shown.headline is Headline.NOT_FOUND:
        yield shown.text + ("." if shown.score is None else f", {_percent(shown.score)} sure.")
    elif shown.headline is Headline.NOT_SUPPORTED:
        yield f"{shown.text}."
    else:
        yield f"Answer: {shown.text.strip()}" if shown.text else "No answer."
    if shown.draft is not None:
        yield f"Draft, not supported by the document: {shown.draft}"
    if exchange.status is Status.STOPPED:
        yield "Stopped."
    if exchange.answer is not None and (thought := exchange.answer.usage.thinking_tokens):
        yield f"Thought for {counted(thought, 'token')}."
    for place in shown.places:
        cut, kind = place.cut, "Closest passage" if place.closest else "Found in"
        yield f"{kind} {place.source}: {cut.before}[{cut.span}]{cut.after}"
    if shown.verdict is not None:
        yield f"Verdict: {shown.verdict.label.word}."
        for claim in shown.verdict.claims:
            decided = f" Decided by: {one_line(claim.evidence.text, 300)}" if claim.evidence else ""
            yield f"Claim {claim.label.word}: {one_line(claim.text, 300)} ({_shares(claim.probabilities)}).{decided}"
    elif shown.unchecked is not None:
        yield f"Not checked: {shown.unchecked}"


def _shares(probabilities: Probabilities) -> str:
    return ", ".join(f"{label} {_percent(share)}" for label, share in probabilities.shares.items())


def _percent(share: float) -> str:
    return f"{100 * share:.0f} percent"
