"""A long chat: hundreds of turns over ten documents, saved as the chat saves them; memory and time, first and last.

    python -m benchmarks.soak [--turns 500] [--documents 10] [--words 3000] [--grounded N] [--tiny] [--json FILE]

Each turn is asked of one of the documents, in turns, answered on the extractive route (every N-th one on the grounded
one, where asked for), verified, and saved piece by piece into a history on disk; every tenth turn the conversation is
exported, every twenty-fifth a document is closed and opened again. Memory is the process's resident set after a turn
that came no sooner than a person's would, once Python has collected its garbage. `--tiny` takes no model: it asks
nothing and only saves, for a look at the history alone.
"""

import argparse
import gc
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from assistant.answering.assistant import Assistant
from assistant.events import Event, TurnFinished
from assistant.history.store import History, Status
from assistant.settings import load_settings
from assistant.types import Answer, Document, Route, Usage
from benchmarks.report import number, table, write_json
from tui.chat.session import Session

_SENTENCES = (
    "The {thing} of {place} was built in {year} and is {size} metres long.",
    "In {year} the council of {place} bought {size} trees for its gardens.",
    "{place} lies on a river that is crossed by {size} bridges.",
    "The library of {place} opened in {year} and lends {size} books a day.",
    "Nobody in {place} remembers why the {thing} was closed for {size} days.",
)
_PAUSE = 1.0  # seconds before a turn after which memory is looked at
_PLACES = ("Halden", "Orsa", "Calder", "Farrow", "Meridian", "Teva", "Alcanar", "Montrevel", "Linden", "Birchwood")
_THINGS = ("bridge", "harbour", "tower", "market", "tunnel", "school", "station", "mill", "dam", "wall")


@dataclass(frozen=True, slots=True)
class Sample:
    """Where a soak is: turns done, megabytes of memory and of the history file, and seconds of each turn since."""

    turn: int
    megabytes: float
    history_megabytes: float
    seconds: list[float]


def make_documents(count: int, words: int) -> list[Document]:
    """Documents of so many words about different places, none like another."""
    documents = []
    for at in range(count):
        sentences: list[str] = []
        length = 0
        while length < words:
            number_ = len(sentences)
            sentence = _SENTENCES[number_ % len(_SENTENCES)].format(
                thing=_THINGS[(number_ // 5 + at) % 10], place=_PLACES[at % 10], year=1500 + (number_ * 7 + at) % 500,
                size=10 + (number_ * 13 + at * 31) % 9000,
            )  # fmt: skip
            sentences.append(sentence)
            length += len(sentence.split())
        text = "\n\n".join(" ".join(sentences[begin : begin + 8]) for begin in range(0, len(sentences), 8))
        documents.append(Document(f"{_PLACES[at % 10]} {at + 1}.txt", text))
    return documents


def soak(
    assistant: Assistant | None, history: History, documents: list[Document], turns: int, grounded: int = 0
) -> Iterator[Sample]:
    """Chat, and take a sample every fiftieth turn.

    Args:
        assistant: what answers; None saves made-up answers.
        history: where the chat is saved.
        documents: what is asked about, one a turn.
        turns: how many.
        grounded: every so many turns the generator answers; 0 for never.
    """
    session = Session(history, documents)
    seconds: list[float] = []
    for turn in range(turns):
        if turn % 25 == 24:
            session.remove_document(documents[turn % len(documents)])
            session.add_document(documents[turn % len(documents)])
        if turn % 50 == 49:
            time.sleep(_PAUSE)
        asked = documents[turn % len(documents)]
        session.route = Route.GROUNDED if grounded and turn % grounded == grounded - 1 else Route.EXTRACT
        began = time.perf_counter()
        exchange = session.ask(f"When was the {_THINGS[turn % 10]} of {_PLACES[turn % len(documents) % 10]} built?")
        exchange.documents = (asked,)
        exchange.status = Status.STREAMING
        for event in _events(assistant, session, exchange.number):
            exchange.apply(event)
            session.save(exchange)
        if session.trouble is not None or exchange.status is not Status.DONE:
            raise SystemExit(session.trouble or exchange.error or f"turn {turn} did not end")
        if turn % 10 == 9:
            session.export("markdown")
        seconds.append(time.perf_counter() - began)
        if turn % 50 == 49 or turn == turns - 1:
            gc.collect()
            yield Sample(turn + 1, resident(), history.path.stat().st_size / 1e6, seconds)
            seconds = []


def _events(assistant: Assistant | None, session: Session, number_: int) -> Iterator[Event]:
    if assistant is None:
        yield TurnFinished(Answer(Route.EXTRACT, "in 1902", 0.5, usage=Usage()))
        return
    yield from assistant.respond(session.turn(session.exchanges[number_]))


def resident() -> float:
    """Megabytes that this process has in memory; at most so far, where the system does not say how many now."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=500)
    parser.add_argument("--documents", type=int, default=10)
    parser.add_argument("--words", type=int, default=3000, help="of each document")
    parser.add_argument("--grounded", type=int, default=0, help="let the generator answer every so many turns")
    parser.add_argument("--tiny", action="store_true", help="ask no model")
    parser.add_argument("--json", type=Path, help="write the samples here as well")
    options = parser.parse_args()
    documents = make_documents(options.documents, options.words)
    assistant = None if options.tiny else Assistant(load_settings({"max_new_tokens": 32}))
    samples = []
    with tempfile.TemporaryDirectory() as folder, History(Path(folder) / "history.db") as history:
        for sample in soak(assistant, history, documents, options.turns, options.grounded):
            samples.append(sample)
            print(
                f"{sample.turn:>6} turns  {sample.megabytes:8.1f} MB  {median(sample.seconds):6.3f} s a turn",
                flush=True,
            )
    rows = [
        [name, number(each.megabytes, 1), number(each.history_megabytes, 2), number(median(each.seconds), 3)]
        for name, each in ((f"turn {samples[0].turn}", samples[0]), (f"turn {samples[-1].turn}", samples[-1]))
    ]
    print("\n" + table(["", "memory MB", "history MB", "s a turn (median)"], rows))
    if options.json:
        write_json(options.json, [{"turn": each.turn, "megabytes": each.megabytes, "seconds": median(each.seconds)}
                                  for each in samples])  # fmt: skip


if __name__ == "__main__":
    main()
