"""What is answered while a part of the models is still being loaded, or could not be."""

import threading
from collections.abc import Callable
from pathlib import Path

from assistant.errors import ModelError
from assistant.events import Event, Progress
from assistant.types import Document
from tests.tui.harness import ARTICLE, open_chat
from tests.tui.scripted import Scripted
from tui.parts import Part


class InParts(Scripted):
    """Its readers and its generator come when they are let, or fail."""

    def __init__(self, *at_once: Part, failing: dict[Part, int] | None = None, at_hand: bool = True) -> None:
        super().__init__()
        self.gates = {part: threading.Event() for part in Part}
        for part in at_once:
            self.gates[part].set()
        self.failing = dict(failing or {})
        self.generator_is_at_hand = at_hand
        self.begun: list[Part] = []
        self.generator_name = "writer-7b"

    def load_readers(self, on_event: Callable[[Event], None]) -> None:
        self._come(Part.READERS, on_event)

    def load_generator(self, on_event: Callable[[Event], None]) -> None:
        self._come(Part.GENERATOR, on_event)

    def _come(self, part: Part, on_event: Callable[[Event], None]) -> None:
        self.begun.append(part)
        while not self.gates[part].wait(0.02):
            on_event(Progress(f"loading the {part}"))
        if self.failing.get(part, 0):
            self.failing[part] -= 1
            raise ModelError(f"The {part} could not be fetched: no network.")


async def test_a_document_question_is_answered_before_the_generator_is_there(path: Path) -> None:
    documents, parts = (Document("article.txt", ARTICLE),), InParts(Part.READERS)
    async with open_chat(path, parts, documents=documents, size=(100, 40)) as chat:
        view = await chat.ask("How many steps, 187?")
        assert view.exchange.text == "187"
        await chat.until(lambda: "documents can be asked about · loading the generator" in chat.said)
        await chat.send("/close")
        await chat.send("echo something open")
        await chat.until(lambda: "waiting for the models" in chat.shown())
        parts.gates[Part.GENERATOR].set()
        await chat.ready()
        await chat.until(lambda: chat.views[-1].complete)
        await chat.until(lambda: "ready · writer-7b" in chat.said)
        assert "documents can be asked about" not in chat.said


async def test_a_question_without_a_document_is_answered_before_the_readers_are_there(path: Path) -> None:
    parts = InParts(Part.GENERATOR)
    async with open_chat(path, parts, size=(100, 40)) as chat:
        view = await chat.ask("echo something open")
        assert view.exchange.text.strip() == "You asked: echo something open"
        await chat.until(lambda: "without a document it answers · loading the readers" in chat.said)
        chat.screen.session.add_document(Document("article.txt", ARTICLE))
        await chat.send("How many steps, 187?")
        await chat.until(lambda: "waiting for the models" in chat.shown())
        parts.gates[Part.READERS].set()
        await chat.until(lambda: chat.views[-1].complete)
        assert chat.views[-1].exchange.text == "187"
        await chat.until(lambda: "ready · writer-7b" in chat.said)


async def test_what_is_written_from_a_document_waits_for_readers_and_generator(path: Path) -> None:
    documents, parts = (Document("article.txt", ARTICLE),), InParts(Part.GENERATOR)
    async with open_chat(path, parts, documents=documents, size=(100, 40)) as chat:
        await chat.until(lambda: "without a document it answers" in chat.said)
        await chat.send("Summarise what is written")
        await chat.until(lambda: "waiting for the models" in chat.shown())
        assert not parts.turns
        parts.gates[Part.READERS].set()
        await chat.until(lambda: chat.views[-1].complete)


async def test_a_courtesy_beside_a_document_needs_the_generator_alone(path: Path) -> None:
    documents, parts = (Document("article.txt", ARTICLE),), InParts(Part.GENERATOR)
    async with open_chat(path, parts, documents=documents, size=(100, 40)) as chat:
        await chat.ask("Thank you!")
        assert not parts.gates[Part.READERS].is_set()


async def test_a_generator_that_is_still_to_be_fetched_leaves_the_line_to_the_readers(path: Path) -> None:
    parts = InParts(at_hand=False)
    async with open_chat(path, parts) as chat:
        await chat.until(lambda: "loading the readers" in chat.said)
        assert parts.begun == [Part.READERS]
        parts.gates[Part.READERS].set()
        await chat.until(lambda: "documents can be asked about · loading the generator" in chat.said)
        parts.gates[Part.GENERATOR].set()
        await chat.ready()


async def test_a_generator_that_does_not_come_leaves_documents_to_ask(path: Path) -> None:
    documents, parts = (Document("article.txt", ARTICLE),), InParts(*Part, failing={Part.GENERATOR: 1})
    async with open_chat(path, parts, documents=documents, size=(100, 40)) as chat:
        await chat.until(lambda: "no network" in chat.said)
        view = await chat.ask("How many steps, 187?")
        assert view.exchange.text == "187"
        assert "no network" in chat.said
        await chat.send("/close")
        await chat.ask("echo something open")  # for which the generator is loaded again
        await chat.ready()


async def test_readers_that_do_not_come_leave_the_generator_to_ask(path: Path) -> None:
    parts = InParts(*Part, failing={Part.READERS: 1})
    async with open_chat(path, parts, size=(100, 40)) as chat:
        await chat.until(lambda: "The readers could not be fetched" in chat.said)
        await chat.ask("echo something open")
        assert "The readers could not be fetched" in chat.said
        await chat.send("/retry")
        await chat.ready()
