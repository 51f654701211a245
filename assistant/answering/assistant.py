"""The orchestrator: answers turns with the models of a profile, and tells each answer in events."""

import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from assistant.answering.flow import steps
from assistant.answering.shared_work import Steps, take_alone
from assistant.answering.stages.index import prepare
from assistant.answering.state import Resources
from assistant.answering.titles import TITLE_SAMPLING, as_title, title_messages
from assistant.answering.together import in_blocks
from assistant.encoders.memory import release_freed_memory
from assistant.errors import AssistantError, GenerationError, ModelError
from assistant.events import Event, Listener, ServerNotice, TurnFailed, TurnFinished, Waiting, unheard
from assistant.loading.models import LoadedModels
from assistant.models.store import ModelStore
from assistant.routing.router import choose_route
from assistant.settings import Settings
from assistant.types import Answer, Document, Message, Role, Route, Turn


class Assistant:
    """Answers turns with the models of a profile.

    Models are loaded when first needed, or ahead of time by `load`. One thread at a time may use an assistant.

    Args:
        settings: by default those of a fresh installation.
        store: where models come from.
        conversing: whether a person talks with it. Open answers are then drawn as the model's publisher means it, where
            the settings do not say how; otherwise the same question always gets the same answer.
    """

    def __init__(
        self, settings: Settings | None = None, store: ModelStore | None = None, *, conversing: bool = False
    ) -> None:
        self.settings = settings or Settings()
        self.store = store or ModelStore(source=None if self.settings.source == "auto" else self.settings.source)
        self.models = LoadedModels(self.settings, self.store)
        self._resources = Resources(self.models, self.settings, conversing=conversing)

    def load(self, on_event: Listener | None = None) -> None:
        """Fetch and load all three models.

        Raises:
            AssistantError: a model could not be fetched or loaded.
        """
        self.load_readers(on_event)
        self.load_generator(on_event)

    def load_readers(self, on_event: Listener | None = None) -> None:
        """Fetch and load what answers from documents, reader and verifier, while another thread loads the generator.

        Raises:
            AssistantError: a model could not be fetched or loaded.
        """
        listener = on_event or unheard
        self.models.reader(listener)
        self.models.verifier(listener)

    def load_generator(self, on_event: Listener | None = None) -> None:
        """Fetch and load what writes, or ask the server which it is, while another thread loads the readers.

        Raises:
            AssistantError: the model could not be fetched or loaded, or the server does not answer.
        """
        self.models.generator(on_event or unheard)

    @property
    def generator_is_at_hand(self) -> bool:
        """Whether what writes needs no download: it is on this machine, or a server has it."""
        return self.models.generator_is_at_hand

    @property
    def generator_name(self) -> str | None:
        """The model that writes answers, if it is loaded."""
        generator = self.models.loaded_generator
        return generator.name if generator is not None else None

    def close(self) -> None:
        """Let the models go."""
        self.models.close()

    def prepare(
        self, documents: Sequence[Document], cancel: threading.Event | None = None, *, windows: int | None = None
    ) -> Iterator[Event]:
        """Do what reading needs and only the first question pays for: load the reader, tokenise, index long documents.

        Args:
            documents: what will be asked about.
            cancel: once set, indexing ends.
            windows: documents of more windows are indexed; 0 for none of them, by default as the settings say.

        Yields:
            Progress, and a notice where long documents are ranked by words alone.

        Raises:
            AssistantError: the reader could not be fetched or loaded.
        """
        yield from prepare(documents, self._resources, cancel, windows=windows)

    def look_ahead(self, turn: Turn, answer: Answer, cancel: threading.Event) -> None:
        """Use the time until the next turn: compute what an open question that follows this one begins with.

        It is much of what the first token of a follow-up waits for. Nothing is loaded for it, and nothing is said.

        Args:
            turn: the one that was just answered.
            answer: its answer.
            cancel: once set, it ends soon.
        """
        from assistant.generation.generator import LocalGenerator
        from assistant.generation.prompts import answered_turns, with_system

        generator = self.models.loaded_generator
        if not isinstance(generator, LocalGenerator) or answer.route is not Route.OPEN or answer.text is None:
            return
        said = [Message(Role.USER, turn.question), Message(Role.ASSISTANT, answer.text)]
        # What is wrong with the conversation, the next turn says.
        with contextlib.suppress(AssistantError):
            messages = answered_turns([*turn.history, *said])
            if system := self._resources.system_prompt(turn):
                messages = with_system(messages, system)
            generator.look_ahead(messages, sampling=self._resources.sampling(Route.OPEN), cancel=cancel)

    def title(self, messages: Sequence[Message], cancel: threading.Event, *, asked: bool = False) -> str | None:
        """A title of a few words for a conversation, by the model that writes answers; nothing is loaded for it.

        Args:
            messages: what was said, the first question first.
            cancel: once set, it ends soon.
            asked: a person wants one now; else none is made where the settings say so, nor by a server.

        Returns:
            The title; None where there is none to be had.
        """
        generator = self.models.loaded_generator
        if generator is None or not (asked or (self.settings.titles and self.settings.server is None)):
            return None
        try:
            stream = generator.stream(title_messages(messages), sampling=TITLE_SAMPLING, cancel=cancel)
            with contextlib.closing(stream):
                written = "".join(stream)
        except AssistantError:
            if asked:
                raise
            return None
        return None if cancel.is_set() else as_title(written, messages)

    def respond(self, turn: Turn, cancel: threading.Event | None = None) -> Iterator[Event]:
        """Answer a turn.

        Args:
            turn: the question with its documents and history.
            cancel: once set, the answer ends as far as it came, marked `stopped`.

        Yields:
            Events as they happen; the last is TurnFinished, or TurnFailed with the error.
        """
        try:
            yield from take_alone(self._steps(turn, cancel or threading.Event()))
        finally:
            release_freed_memory()  # in a conversation that goes on for days, gaps would add up

    def answer_in_order(
        self, blocks: Iterable[Sequence[Turn]], on_event: Listener | None = None
    ) -> Iterator[list[Answer | AssistantError]]:
        """Answer any number of turns in blocks, each block together; while a server writes, the next block is read.

        What is done is given as soon as all before it is, a few turns at a time. Nobody watches each turn: a server's
        passing troubles are waited out.

        Args:
            blocks: taken as there is time for them, two at most ahead of what is given.
            on_event: is told how far the fetching and loading of models is, and what a server is waited for.

        Yields:
            How the next turns ended, in the order of blocks and turns; nothing where only empty blocks were taken.

        Raises:
            ModelError: a model cannot be fetched or loaded, so that no further turn could be answered.
        """
        listener = on_event or unheard
        self.models.unattended = True
        waiting: deque[list[Answer | AssistantError | None]] = deque()
        first, given, never = 0, 0, threading.Event()

        def begin(turns: Sequence[Turn]) -> list[Steps]:
            self._load_for(turns, listener)
            waiting.append([None] * len(turns))
            return [self._steps(turn, never) for turn in turns]

        try:
            for block, turn, event in in_blocks(blocks, begin, tell_waits=True):
                match event:
                    case TurnFinished(answer):
                        waiting[block - first][turn] = answer
                    case TurnFailed(error):
                        if isinstance(error, ModelError):
                            raise error
                        waiting[block - first][turn] = error
                    case Waiting() | ServerNotice():
                        listener(event)
                    case None:
                        if block >= 0:
                            release_freed_memory()
                        ready: list[Answer | AssistantError] = []
                        while waiting:
                            done = list(itertools.takewhile(lambda end: end is not None, waiting[0][given:]))
                            ready += [end for end in done if end is not None]
                            given += len(done)
                            if given < len(waiting[0]):
                                break
                            waiting.popleft()
                            first, given = first + 1, 0
                        if ready or block >= 0:
                            yield ready
        finally:
            self.models.unattended = False

    def _load_for(self, turns: Sequence[Turn], on_event: Listener) -> None:
        """Fetch and load what turns need."""
        routes = {choose_route(turn).route for turn in turns}
        try:
            if Route.EXTRACT in routes:
                self.models.reader(on_event)
            if self.settings.verify and routes - {Route.OPEN} and any(turn.verify for turn in turns):
                self.models.verifier(on_event)
            if routes - {Route.EXTRACT}:
                self.models.generator(on_event)
        except GenerationError:
            return  # a server that does not answer now may do so when its turn comes

    def _steps(self, turn: Turn, cancel: threading.Event) -> Steps:
        """A turn's events and the work it shares with others; the last is TurnFinished or TurnFailed."""
        try:
            yield from steps(turn, cancel, self._resources)
        except AssistantError as error:
            yield TurnFailed(error)
        except MemoryError as error:
            failure = AssistantError(
                "There is not enough memory for this; close other programs or use a smaller document."
            )
            failure.__cause__ = error
            yield TurnFailed(failure)
        except Exception as error:  # noqa: BLE001  (the turn's last word is an event, whatever goes wrong)
            failure = AssistantError(f"A fault in the program ({type(error).__name__}); --verbose shows where.")
            failure.__cause__ = error
            yield TurnFailed(failure)

    def answer(
        self, turn: Turn | str, cancel: threading.Event | None = None, on_event: Listener | None = None
    ) -> Answer:
        """Answer a turn, or a question alone, and return the answer; the events on the way go to `on_event`.

        Raises:
            AssistantError: the turn failed.
        """
        if not isinstance(turn, Turn):
            turn = Turn(turn)
        for event in self.respond(turn, cancel):
            if isinstance(event, TurnFailed):
                raise event.error
            if isinstance(event, TurnFinished):
                return replace(event.answer, documents=turn.documents)
            if on_event is not None:
                on_event(event)
        raise AssistantError("The turn ended without an answer.")
