"""`assistant ask`: one question, answered on standard output."""

import os
import stat
import sys
import threading
from dataclasses import replace
from typing import Annotated

import typer

from assistant.cli.console import StatusLine
from assistant.cli.options import Generation, Windows, switches
from assistant.documents.formats import FORMATS
from assistant.errors import UsageError
from assistant.events import Event, Notice, Progress, RouteChosen, TextDelta, TextTakenBack, TurnFailed, TurnFinished
from assistant.routing.message import with_own_document
from assistant.text import PrintableStream, counted, one_line
from assistant.types import Answer, Document, Route, Turn

_LONG_DOCUMENT = 100  # pages, rows or messages: reading fewer is over before anybody asks
_LONGEST_CODE = 12_000  # characters; a longer text is read as a document
_PATIENCE = 3.0  # seconds of reading standard input after which it is told
FAIL_ON = ("contradiction", "neutral", "no-answer")


def ask(
    question: Annotated[str, typer.Argument(help="The question; - reads it from standard input.")],
    document: Annotated[
        list[str] | None,
        typer.Option(help=f"Answer from this file ({FORMATS}), folder or pattern; - is standard input. Repeatable."),
    ] = None,
    route: Annotated[str, typer.Option(help="auto, open, extract or grounded.")] = "auto",
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not check the answer.")] = False,
    top_k: Annotated[int, typer.Option(help="Show up to this many distinct answers of the document.", min=1)] = 1,
    windows: Windows = None,
    fail_on: Annotated[
        list[str] | None, typer.Option(help="Exit with 4 on this verdict: contradiction, neutral or no-answer.")
    ] = None,
    *,
    generation: Generation,
) -> int:
    r"""Ask one question, of a document or of the code assistant.

    \b
    Examples:
      assistant ask "How do I reverse a list in Python?"
      assistant ask "How large is the forest?" --document amazon.txt
      curl -s https://example.org/page.txt | assistant ask "Who wrote it?" --json
      git diff | assistant ask "Explain this"
    """
    chosen = generation.settings(windows=windows)
    turn = with_own_document(
        Turn(
            read_question(question, document or []),
            read_documents(document or [], chosen.max_document_megabytes),
            route=parse_route(route),
            verify=chosen.verify and not no_verify,
            top_k=top_k,
        )
    )
    if not document and question != "-" and is_piped():
        turn = with_piped_text(turn, chosen.max_document_megabytes)
    watched = parse_fail_on(fail_on or [])
    from assistant.answering.assistant import Assistant

    assistant = Assistant(chosen)
    with StatusLine() as status:
        gated = bool(turn.documents) and turn.verify
        printer = _Printer(status, as_json=json_, may_take_back=chosen.server is not None, gated=gated)
        for read in turn.documents:
            if read.encoding != "utf-8":
                status.say(f"{one_line(read.name)} was read as {read.encoding}.")
        for event in assistant.respond(turn):
            if isinstance(event, TurnFailed):
                printer.end()
                raise event.error
            if isinstance(event, TurnFinished):
                status.clear()
                printer.finish(turn, event.answer)
                if event.answer.incomplete in ("filtered", "broken"):
                    return 1
                return 4 if fails(event.answer, watched) else 0
            printer(event)
    return 1


def is_piped() -> bool:
    """Whether standard input is a pipe or a file, rather than a terminal, nothing, or what a program shares."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def with_piped_text(turn: Turn, max_megabytes: int) -> Turn:
    """A turn with what is piped in: code, a diff or a log goes into the question, any other text is its document.

    Nothing piped in changes nothing.
    """
    from assistant.documents.open import decode_document
    from assistant.routing.code_text import is_code

    wait = threading.Timer(_PATIENCE, _tell_what_is_waited_for)
    wait.daemon = True
    wait.start()
    try:
        data = sys.stdin.buffer.read(max_megabytes * 1_000_000 + 1)
    finally:
        wait.cancel()
    if not data.strip():
        return turn
    piped = decode_document("standard input", data, max_megabytes)
    if len(piped.text) <= _LONGEST_CODE and is_code(piped.text) and turn.route in (None, Route.OPEN):
        return replace(turn, question=f"{turn.question}\n\n```\n{piped.text.strip()}\n```", route=Route.OPEN)
    return replace(turn, documents=(piped,))


def _tell_what_is_waited_for() -> None:
    """Say why nothing happens: a program that starts this one with a pipe and never closes it waits for ever."""
    if not switches.quiet:
        print("Waiting for the end of standard input; close it, or give </dev/null.", file=sys.stderr, flush=True)  # noqa: T201


class _Printer:
    """Prints a generated answer as it comes, and the rest of an answer at its end.

    Notices that come while an answer is printed wait for its end, so that they begin on a line of their own. Where a
    server may take back what it wrote, only a terminal is shown an answer before it is over. An answer about a document
    that will be checked is printed when it has been: one that the document does not support is no headline.
    """

    def __init__(self, status: StatusLine, *, as_json: bool, may_take_back: bool, gated: bool) -> None:
        self.status = status
        self.as_json = as_json
        self.route: Route | None = None
        self._gated = gated
        self._streams = not as_json and (sys.stdout.isatty() or not may_take_back)
        self._streamed = False
        self._notices: list[Notice] = []
        self._shown = PrintableStream()

    def __call__(self, event: Event) -> None:
        if isinstance(event, RouteChosen):
            self.route = event.route
        shown = self._streams and (self.route is Route.OPEN or (self.route is Route.GROUNDED and not self._gated))
        if isinstance(event, TextDelta) and shown:
            self.status.clear()
            self._streamed = True
            sys.stdout.write(self._shown.add(event.text))
            sys.stdout.flush()
        elif isinstance(event, TextTakenBack) and self._streamed:
            self.end()
            self.status.say("What stands above is not the answer; it begins here:")
            self._shown = PrintableStream()
        elif isinstance(event, Notice) and self._streamed:
            self._notices.append(event)
        elif not self._streamed:
            self.status(event)

    def end(self) -> None:
        """End the line of what was printed so far, and say what waited for that."""
        if self._streamed:
            sys.stdout.write(self._shown.finish().rstrip() + "\n")
            sys.stdout.flush()
        self._streamed = False
        for notice in self._notices:
            self.status(notice)
        self._notices.clear()

    def finish(self, turn: Turn, answer: Answer) -> None:
        """Print what is not printed yet."""
        streamed = self._streamed
        self.end()
        if thought := answer.usage.thinking_tokens:
            self.status.say(f"Thought for {counted(thought, 'token')} before the answer.")
        if self.as_json:
            from assistant.records import answer_to_json, json_line

            print(json_line(answer_to_json(turn.question, answer, "1")))  # noqa: T201
            return
        from assistant.cli.rendering import render_answer, render_written

        if not streamed:
            print_text(render_written(answer))
        print_text(render_answer(answer, turn.documents))


def print_text(text: object) -> None:
    """Print a rich Text on standard output: in colour in a terminal that wants it, plain and unwrapped elsewhere."""
    from rich.console import Console

    console = Console(
        file=sys.stdout, no_color=not switches.color, highlight=False, markup=False, emoji=False, soft_wrap=True
    )
    with console.capture() as captured:
        console.print(text, end="")
    sys.stdout.write(captured.get())  # by ourselves: rich would end the program where the reader of a pipe has gone
    sys.stdout.flush()


def read_question(question: str, documents: list[str]) -> str:
    """The question, from standard input where it is "-"."""
    if question != "-":
        return question
    if "-" in documents:
        raise UsageError(
            "Question and document cannot both be standard input; put one of them in an argument or a file."
        )
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError('The question "-" is read from standard input, and nothing is piped in.')
    from assistant.batch.text_lines import LineDecoder, as_utf8

    def tell(text: str) -> None:
        if not switches.quiet:
            print(text.replace("The file", "The question"), file=sys.stderr)  # noqa: T201

    file, is_utf8 = as_utf8(sys.stdin.buffer, tell)
    try:
        return LineDecoder(tell, is_utf8=is_utf8).text(file.read(), 1).strip()
    except UnicodeDecodeError as error:
        raise UsageError(f"The question on standard input is not UTF-8 text (byte {error.start}).") from error


def read_documents(sources: list[str], max_megabytes: int) -> tuple[Document, ...]:
    """The documents that --document names: files, folders, patterns; what was not read is said on standard error."""
    from assistant.documents.open import read_documents as read

    if sources.count("-") > 1:
        raise UsageError("--document - can be given once: standard input has one text.")
    with StatusLine() as status:

        def tell(done: int, total: int) -> None:
            if total >= _LONG_DOCUMENT:
                status(Progress("reading the document", done, total))

        return read(sources, max_megabytes, say=status.say, on_progress=tell)


def parse_route(route: str) -> Route | None:
    """The route that --route names; None for auto."""
    if route == "auto":
        return None
    if route not in list(Route):
        raise UsageError(f"--route {route}: choose auto, {', '.join(Route)}.")
    return Route(route)


def parse_fail_on(names: list[str]) -> frozenset[str]:
    """The verdicts that --fail-on names, comma-separated or repeated."""
    chosen = {name for value in names for name in value.replace("|", ",").split(",") if name}
    if unknown := sorted(chosen - set(FAIL_ON)):
        raise UsageError(f"--fail-on {unknown[0]}: choose {', '.join(FAIL_ON)}.")
    return frozenset(chosen)


def fails(answer: Answer, watched: frozenset[str]) -> bool:
    """Whether --fail-on applies to an answer; `neutral` includes contradiction, which is worse."""
    if answer.text is None:
        return "no-answer" in watched
    if answer.verdict is None:
        return False
    label = answer.verdict.label.value
    return label in watched or (label == "contradiction" and "neutral" in watched)
