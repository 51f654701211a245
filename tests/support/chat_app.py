"""The chat as the benchmark runs it: a stand-in streams without end, so that the screen is what is measured.

Run as `python -m tests.support.chat_app MESSAGES`: a conversation of so many messages is there from the start.
"""

import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from assistant.events import Event, RouteChosen, TextDelta, TurnFinished
from assistant.history.store import History
from assistant.records import answer_to_json
from assistant.types import Answer, Claim, Document, Evidence, Label, Probabilities, Route, Turn, Usage, Verdict
from tui.app import run_chat

TOKENS_A_SECOND = 40
CODE = """Keep two pointers and turn each link round as you go:

```python
def reverse(head):
    previous = None
    while head:
        head.next, previous, head = previous, head, head.next
    return previous
```

It takes *O(n)* time and no extra memory.
"""
TEXT = (
    CODE
    + """
First the list is walked once, then

1. the head becomes the **tail**,
2. the tail becomes the head.

"""
)
DOCUMENT = Document(
    "report.txt", "The tower stands 38 metres tall. It was lit in 1871 and it is still lit today. " * 50
)


def stream(pieces: Iterable[str], cancel: threading.Event | None, pause: float) -> Iterator[Event]:
    """Say one piece after another, so many seconds apart, until all is said or it is stopped."""
    said = ""
    for piece in pieces:
        if cancel is not None and cancel.is_set():
            yield TurnFinished(Answer(Route.OPEN, said, stopped=True, usage=Usage(1.0, 9, 20)))
            return
        said += piece
        yield TextDelta(piece)
        time.sleep(pause)
    yield TurnFinished(Answer(Route.OPEN, said, usage=Usage(2.5, 12, 95)))


def pieces_of(text: str) -> list[str]:
    """A text in pieces such as a model's tokens."""
    return [f"{word} " for word in text.split(" ")]


class Endless:
    """Streams the same text again and again until it is stopped."""

    def load(self, on_event: Callable[[Event], None]) -> None:
        """There is nothing to load."""

    def look_ahead(self, turn: Turn, answer: Answer, cancel: threading.Event) -> None:
        """There is nothing to compute ahead."""

    def close(self) -> None:
        """There is nothing to let go."""

    def respond(self, turn: Turn, cancel: threading.Event | None = None) -> Iterator[Event]:
        """Stream at the pace of a small model."""
        yield RouteChosen(Route.OPEN, "no document is open")
        yield from stream(itertools.cycle(pieces_of(TEXT)), cancel, 1 / TOKENS_A_SECOND)


def seed(history: History, messages: int) -> None:
    """Make a conversation of so many messages: code, and answers from a document with evidence and verdict."""
    conversation = history.create("A long conversation")
    history.set_documents(conversation, [DOCUMENT])
    place = Evidence(DOCUMENT.name, 17, 26, DOCUMENT.text[17:26], 0.9)
    claim = Claim("The tower is 38 metres tall.", Label.ENTAILMENT, Probabilities(0.9, 0.08, 0.02), place)
    found = Answer(Route.EXTRACT, place.text, 0.9, (place,), verdict=Verdict((claim,)), usage=Usage(0.2, windows=3))
    for number in range(messages // 2):
        if number % 2:
            history.add_user_message(conversation, f"How tall is the tower? ({number})", [DOCUMENT])
            record = json.dumps(answer_to_json("q", found, str(number)))
            history.save_answer(conversation, place.text, record=record, reason="a document is open")
        else:
            history.add_user_message(conversation, f"How do I reverse a linked list? ({number})")
            written = Answer(Route.OPEN, TEXT, usage=Usage(2.5, 12, 95))
            record = json.dumps(answer_to_json("q", written, str(number)))
            history.save_answer(conversation, TEXT, record=record, reason="no document is open")


def main(file: Path, messages: int) -> int:
    """Run the chat on a history of its own."""
    history = History(file)
    if messages:
        seed(history, messages)
    return run_chat(lambda _: Endless(), resume="last" if messages else None, history=history)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
