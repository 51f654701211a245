"""The router and the completion of follow-ups on labelled turns: share right, confusions, time per decision.

    python -m benchmarks.routing [--wrong] [--json FILE]

The turns are in `tests/data/routing`, whose README says how they were labelled. Half of them, drawn by a hash of their
ids, is frozen: no rule was made from its failures and the figures are its own. `--wrong` shows those of the other half.
"""

import argparse
import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from assistant.routing.router import Choice, choose_route
from assistant.types import Document, Message, Role, Route, Turn
from benchmarks.report import number, table, write_json

DATA = Path(__file__).parent.parent / "tests" / "data" / "routing"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A turn with the route that a person would want.

    `asked` has, for a follow-up on a document, what the completed question must hold: of each group one of the texts.
    """

    id: str
    kind: str
    turn: Turn
    route: Route
    asked: tuple[tuple[str, ...], ...]

    @property
    def frozen(self) -> bool:
        """Whether the turn belongs to the half that is only ever counted."""
        return hashlib.sha256(self.id.encode()).digest()[0] % 2 == 0

    def completed(self, question: str) -> bool:
        """Whether a question says all that the label asks for; a question that stands alone must be left as it is."""
        if not self.asked:
            return question == self.turn.question
        said = question.casefold()
        return all(any(text.casefold() in said for text in group) for group in self.asked)


@dataclass(frozen=True, slots=True)
class Decided:
    """What the router made of a labelled turn, and in how many milliseconds of the processor's time."""

    labelled: Labelled
    choice: Choice
    milliseconds: float

    @property
    def right(self) -> bool:
        """Whether the route is the labelled one."""
        return self.choice.route is self.labelled.route


def read_turns(folder: Path = DATA) -> list[Labelled]:
    """The labelled turns of a folder."""
    texts = json.loads((folder / "documents.json").read_text("utf-8"))
    documents = {name: Document(name, text) for name, text in texts.items()}
    turns = []
    for line in (folder / "turns.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        turn = Turn(
            row["question"],
            (documents[row["document"]],) if row["document"] else (),
            tuple(Message(Role(role), text) for role, text in row["history"]),
        )
        asked = tuple(tuple(group) for group in row["asked"])
        turns.append(Labelled(row["id"], row["kind"], turn, Route(row["route"]), asked))
    return turns


def decide(turns: Sequence[Labelled]) -> list[Decided]:
    """Put every turn to the router."""
    decided = []
    for labelled in turns:
        began = time.thread_time()
        choice = choose_route(labelled.turn)
        decided.append(Decided(labelled, choice, 1000 * (time.thread_time() - began)))
    return decided


def share_right(decided: Sequence[Decided]) -> float:
    """The percentage of turns that went the labelled way."""
    return 100 * sum(each.right for each in decided) / len(decided)


def share_completed(decided: Sequence[Decided]) -> float:
    """The percentage of follow-ups on a document whose completed question says all that it must."""
    follow_ups = [each for each in decided if each.labelled.asked]
    return 100 * sum(each.labelled.completed(each.choice.standalone_question) for each in follow_ups) / len(follow_ups)


def share_left_alone(decided: Sequence[Decided]) -> float:
    """The percentage of the other turns whose question was not touched."""
    others = [each for each in decided if not each.labelled.asked]
    return 100 * sum(each.labelled.completed(each.choice.standalone_question) for each in others) / len(others)


def confusions(decided: Sequence[Decided]) -> str:
    """A table: a row for each labelled route, a column for each chosen one."""
    counts = Counter((each.labelled.route, each.choice.route) for each in decided)
    rows = [[f"wanted {wanted}", *(str(counts[wanted, chosen]) for chosen in Route)] for wanted in Route]
    return table(["", *Route], rows)


def summary(decided: Sequence[Decided]) -> dict[str, Any]:
    """The figures of one half."""
    times = [each.milliseconds for each in decided]
    return {
        "turns": len(decided),
        "right": share_right(decided),
        "completed": share_completed(decided),
        "left_alone": share_left_alone(decided),
        "milliseconds_median": quantiles(times, n=2)[0],
        "milliseconds_most": max(times),
        "confusions": {
            wanted.value: dict(Counter(each.choice.route.value for each in decided if each.labelled.route is wanted))
            for wanted in Route
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the router on the labelled turns.")
    parser.add_argument("--wrong", action="store_true", help="list what went wrong in the half that is not frozen")
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    options = parser.parse_args(arguments)
    decided = decide(read_turns())
    halves = {
        "frozen": [each for each in decided if each.labelled.frozen],
        "open": [each for each in decided if not each.labelled.frozen],
    }
    figures = {name: summary(half) for name, half in halves.items()}
    header = ["half", "turns", "right %", "completed %", "left alone %", "ms median", "ms most"]
    keys = ["right", "completed", "left_alone", "milliseconds_median", "milliseconds_most"]
    rows = [
        [name, str(figure["turns"]), *(number(figure[key], 2 if "milli" in key else 1) for key in keys)]
        for name, figure in figures.items()
    ]
    print(table(header, rows))
    print(f"\nRoutes of the frozen half, wanted and chosen:\n{confusions(halves['frozen'])}")
    if options.wrong:
        for each in halves["open"]:
            if not each.right or not each.labelled.completed(each.choice.standalone_question):
                print(f"\n{each.labelled.id} ({each.labelled.kind}): {each.labelled.turn.question!r}")
                print(f"  wanted {each.labelled.route}, went {each.choice.route}: {each.choice.reason}")
                print(f"  asked {each.choice.standalone_question!r}, must hold {each.labelled.asked}")
    if options.json:
        write_json(options.json, figures)


if __name__ == "__main__":
    main()
