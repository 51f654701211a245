"""The thread that owns the models: it has them loaded, answers one turn at a time, and reports to the app.

While nothing is asked it computes what the next turn begins with.

A thread of our own, a daemon: those of an executor are waited for when the program ends, and a download or a
forward pass that cannot be interrupted would keep the terminal from the user.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

from textual.message import Message

from assistant.errors import AssistantError, UsageError
from assistant.events import Event, Notice, Progress, TurnFailed, TurnFinished
from assistant.types import NOT_FOUND, Answer, Role, Turn
from assistant.types import Message as ChatMessage
from tui.messages import (
    ComparisonAnswer,
    ComparisonOver,
    ComparisonProgress,
    ModelsFailed,
    ModelsLoading,
    ModelsNotice,
    ModelsReady,
    PartReady,
    TitleMade,
    TurnEvent,
    TurnOver,
)
from tui.parts import Part

_log = logging.getLogger(__name__)
_Load = Callable[[Callable[[Event], None]], None]


class Responder(Protocol):
    """What the chat needs of the assistant; used from one thread."""

    def load(self, on_event: Callable[[Event], None]) -> None:
        """Load all models, reporting progress."""

    def respond(self, turn: Turn, cancel: threading.Event | None = None) -> Iterator[Event]:
        """Answer a turn; stop soon after `cancel` is set."""

    def look_ahead(self, turn: Turn, answer: Answer, cancel: threading.Event) -> None:
        """Use the time until the next turn, if there is something to do; stop soon after `cancel` is set."""

    def close(self) -> None:
        """Let the models go."""


@runtime_checkable
class LoadsInParts(Protocol):
    """A responder whose parts are loaded in threads of their own, while it answers with those that are there."""

    @property
    def generator_is_at_hand(self) -> bool:
        """Whether what writes needs no download, so that it need not wait until the readers are there."""

    def load_readers(self, on_event: Callable[[Event], None]) -> None:
        """Load what answers from documents."""

    def load_generator(self, on_event: Callable[[Event], None]) -> None:
        """Load what writes."""


@runtime_checkable
class Titles(Protocol):
    """A responder that makes titles."""

    def title(self, messages: Sequence[ChatMessage], cancel: threading.Event, *, asked: bool = False) -> str | None:
        """A title for a conversation, if there is one to be had; a failure is told only where one was `asked` for."""


class _LeavingError(BaseException):
    """Raised into a running load when the app is being left; not an Exception, so that nobody handles it on the way."""


class ModelWorker:
    """Runs a responder in its own thread.

    Args:
        factory: Makes the responder; called in the thread, as it may import much.
        post: Takes the messages for the app; called from the thread.
    """

    def __init__(self, factory: Callable[[], Responder], post: Callable[[Message], object]) -> None:
        self._factory = factory
        self._post_message = post
        self._responder: Responder | None = None
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._leaving = threading.Event()
        self._cancel = threading.Event()
        self._wanted = threading.Event()  # set when there is something better to do than to look ahead
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._loaders: dict[Part, tuple[Responder, threading.Thread]] = {}

    def load(self) -> None:
        """Load the models; ends in ModelsReady or ModelsFailed, or for each part in PartReady or ModelsFailed."""
        if not self._thread.is_alive():
            self._thread.start()
        self._put(self._load)

    def replace(self, factory: Callable[[], Responder]) -> None:
        """Let the responder go and take another, once what is running is done; `load` then loads its models."""

        def swap() -> None:
            if self._responder is not None:
                self._responder.close()
            self._responder, self._factory = None, factory

        self._put(swap)

    def answer(self, exchange: int, turn: Turn) -> None:
        """Answer a turn; its events come as TurnEvent, and TurnOver at the end."""
        self._cancel = threading.Event()
        self._put(partial(self._answer, exchange, turn, self._cancel))

    def compare(self, turn: Turn, names: Sequence[str], report: Callable[[Message], object]) -> None:
        """Put a turn to several readers; `report` takes ComparisonProgress and -Answer, and ComparisonOver at the end.

        Each reader is let go before the next is loaded; the responder's own models stay.
        """
        self._cancel = threading.Event()
        self._put(partial(self._compare, turn, names, report, self._cancel))

    def title(self, messages: Sequence[ChatMessage]) -> None:
        """Have the model title a conversation; ends in TitleMade."""
        self._cancel = threading.Event()
        self._put(partial(self._title, messages, self._cancel))

    def stop(self) -> None:
        """Ask the answer or the comparison that is running to stop."""
        self._cancel.set()

    def shut_down(self) -> None:
        """Ask the thread to end; returns at once."""
        self._leaving.set()
        self._cancel.set()
        self._put(None)

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end, in seconds; whether it did."""
        end = time.monotonic() + timeout
        loaders = [thread for _, thread in self._loaders.values()]
        threads = [thread for thread in (self._thread, *loaders) if thread.ident is not None]
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _put(self, job: Callable[[], None] | None) -> None:
        self._jobs.put(job)
        self._wanted.set()

    def _run(self) -> None:
        try:
            while (job := self._jobs.get()) is not None and not self._leaving.is_set():
                job()
        except _LeavingError:
            pass
        finally:
            if self._responder is not None:
                self._responder.close()

    def _load(self) -> None:
        try:
            if self._responder is None:
                self._responder = self._factory()
            responder = self._responder
            if not isinstance(responder, LoadsInParts):
                self._load_part(None, responder, responder.load)
                return
            readers = self._start_loading(Part.READERS, responder, responder.load_readers)
            after = None if responder.generator_is_at_hand else readers
            self._start_loading(Part.GENERATOR, responder, responder.load_generator, after)
        except AssistantError as error:
            self._post(ModelsFailed(error))
        except Exception as error:  # noqa: BLE001 (the end of the thread: nobody above could tell the user)
            self._post(ModelsFailed(_fault(error)))

    def _start_loading(
        self, part: Part, responder: Responder, load: _Load, after: threading.Thread | None = None
    ) -> threading.Thread:
        """Load a part in a thread of its own, once another has ended; one that is being loaded goes on."""
        owner, thread = self._loaders.get(part, (None, None))
        if thread is None or owner is not responder or not thread.is_alive():
            thread = threading.Thread(
                target=self._load_part, args=(part, responder, load, after), name=f"loader of {part}", daemon=True
            )
            self._loaders[part] = (responder, thread)
            thread.start()
        return thread

    def _load_part(
        self, part: Part | None, responder: Responder, load: _Load, after: threading.Thread | None = None
    ) -> None:
        """Load a part, or all; nothing is told of a responder in whose place another has come."""
        outcome: Message
        if after is not None:
            after.join()
        try:
            load(partial(self._report_loading, responder, part))
        except _LeavingError:
            return
        except AssistantError as error:
            outcome = ModelsFailed(error, part)
        except Exception as error:  # noqa: BLE001 (as above)
            outcome = ModelsFailed(_fault(error), part)
        else:
            # A responder that is no assistant of ours has no model to name.
            name = getattr(responder, "generator_name", None)
            outcome = ModelsReady(name) if part is None else PartReady(part, name if part is Part.GENERATOR else None)
        if responder is self._responder:
            self._post(outcome)

    def _report_loading(self, responder: Responder, part: Part | None, event: Event) -> None:
        if self._leaving.is_set() or responder is not self._responder:
            raise _LeavingError
        if isinstance(event, Progress):
            self._post(ModelsLoading(event, part))
        elif isinstance(event, Notice):
            self._post(ModelsNotice(event.text))

    def _answer(self, exchange: int, turn: Turn, cancel: threading.Event) -> None:
        finished: Answer | None = None
        try:
            if self._responder is None:
                self._responder = self._factory()
            for event in self._responder.respond(turn, cancel):
                finished = event.answer if isinstance(event, TurnFinished) else None
                self._post(TurnEvent(exchange, event))
                if self._leaving.is_set():
                    break
        except AssistantError as error:
            self._post(TurnEvent(exchange, TurnFailed(error)))
        except Exception as error:  # noqa: BLE001 (as above)
            self._post(TurnEvent(exchange, TurnFailed(_fault(error))))
        self._post(TurnOver(exchange))
        if finished is not None:
            self._use_idle_time(turn, finished)

    def _use_idle_time(self, turn: Turn, answer: Answer) -> None:
        """Use the time until something is put in the queue, if nothing waits yet: for a title, then the next turn."""
        self._wanted = threading.Event()
        if self._responder is None or not self._jobs.empty():
            return
        try:
            if not turn.history and isinstance(self._responder, Titles):
                messages = [
                    ChatMessage(Role.USER, turn.question),
                    ChatMessage(Role.ASSISTANT, answer.text or NOT_FOUND),
                ]
                if title := self._responder.title(messages, self._wanted):
                    self._post(TitleMade(turn.question, title))
            self._responder.look_ahead(turn, answer, self._wanted)
        except Exception as error:  # noqa: BLE001  (it was for speed and comfort alone)
            _fault(error)

    def _title(self, messages: Sequence[ChatMessage], cancel: threading.Event) -> None:
        title: str | None = None
        try:
            responder: object = self._responder
            if isinstance(responder, Titles):
                title = responder.title(messages, cancel, asked=True)
        except Exception as error:  # noqa: BLE001  (the conversation keeps the title that it has)
            _fault(error)
        self._post(TitleMade(messages[0].text, title, asked=True))

    def _compare(
        self, turn: Turn, names: Sequence[str], report: Callable[[Message], object], cancel: threading.Event
    ) -> None:
        def heard(event: Event) -> None:
            if self._leaving.is_set():
                raise _LeavingError
            if isinstance(event, Progress):
                self._post(ComparisonProgress(event), report)

        failure: AssistantError | None = None
        try:
            from assistant.answering.assistant import Assistant
            from assistant.answering.comparison import compare

            if self._responder is None:
                self._responder = self._factory()
            if not isinstance(self._responder, Assistant):
                raise UsageError("This chat's answers come from elsewhere; there is no reader here to compare with.")
            settings = self._responder.settings
            for row in compare(turn, "reader", names, settings, own=self._responder, cancel=cancel, on_event=heard):
                self._post(ComparisonAnswer(row), report)
        except AssistantError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  (as above)
            failure = _fault(error)
        self._post(ComparisonOver(failure), report)

    def _post(self, message: Message, report: Callable[[Message], object] | None = None) -> None:
        if self._leaving.is_set():
            return
        try:
            (report or self._post_message)(message)
        except RuntimeError:  # the event loop closed between the two lines
            self._leaving.set()


def _fault(error: Exception) -> AssistantError:
    _log.debug("fault in the worker", exc_info=error)
    fault = AssistantError(f"A fault in the program stopped this ({type(error).__name__}); /retry tries it again.")
    fault.__cause__ = error
    return fault
