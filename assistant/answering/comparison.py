"""One question put to several models, one after the other: each is loaded, asked, measured and let go."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from assistant.answering.in_thread import drain, run_in_thread
from assistant.encoders.cpu.eight_bits import parameters_of
from assistant.errors import AssistantError, UsageError
from assistant.events import Event, Listener, Progress, unheard
from assistant.models.cards import Figures, read_figures
from assistant.settings import Settings
from assistant.text import one_line
from assistant.types import Answer, Turn

if TYPE_CHECKING:
    from assistant.answering.assistant import Assistant

T = TypeVar("T")

EMBEDDED = "embedded"
SERVER = "server"
OWN = "(own)"
_ARTICLES = {"a", "an", "the"}


@dataclass(frozen=True, slots=True)
class Compared:
    """What one model gave: an answer with what the model is and cost, or the error that stopped it.

    `name` is the model's as it was asked for; `load_seconds` are those from its files in place to ready, the answer's
    own seconds those of the question alone, the documents tokenised before. `figures` are its card's.
    """

    name: str
    answer: Answer | None = None
    error: AssistantError | None = None
    architecture: str | None = None
    parameters: int | None = None
    load_seconds: float | None = None
    figures: tuple[Figures, ...] = ()

    @property
    def size(self) -> str:
        """The number of parameters in millions, to three digits; empty where it is not known."""
        if self.parameters is None:
            return ""
        return f"{self.parameters / 1e6:,.0f} M" if self.parameters >= 1e8 else f"{self.parameters / 1e6:.3g} M"

    def about(self) -> list[str]:
        """What it is and took, in words: architecture, parameters, seconds to load."""
        words = [] if self.architecture is None else [self.architecture.partition("For")[0]]
        if self.parameters is not None:
            words.append(f"{self.size} parameters")
        if self.load_seconds is not None:
            words.append(f"loaded in {self.load_seconds:.1f} s")
        return words


@dataclass(frozen=True, slots=True)
class Agreement:
    """The answer that most models gave (None: the document holds none), `count` of those that answered, `of`."""

    answer: str | None
    count: int
    of: int

    def sentence(self, part: str) -> str:
        """It in words, for a person; `part` is "reader" or "generator"."""
        who = f"Both {part}s" if self.count == self.of == 2 else f"{self.count} of {self.of} {part}s"
        if self.count == 1:
            return f"All {self.of} {part}s gave different answers."
        if self.answer is None:
            return f"{who} say that the document does not hold an answer."
        return f"{who} gave the same answer: {one_line(self.answer, 60)}"


def compare(
    turn: Turn,
    part: str,
    names: Sequence[str],
    settings: Settings,
    *,
    own: "Assistant | None" = None,
    cancel: threading.Event | None = None,
    on_event: Listener | None = None,
) -> Iterator[Compared]:
    """Put a turn to several models, never two in memory at a time.

    Args:
        turn: the question with its documents and a route that needs the part.
        part: "reader" or "generator".
        names: of models, as the settings take them; "embedded" is the profile's own, "server" the settings' server, and
            OWN stands for `own`.
        settings: what else applies.
        own: an assistant that is in use: its store serves all, it keeps its models.
        cancel: once set, no further row comes.
        on_event: is told of the progress of each, in stages that name it.

    Yields:
        A row for each model, in order, as soon as it is ready; a model that fails does not stop the others.

    Raises:
        UsageError: "server" is named and the settings have none.
    """
    from assistant.answering.assistant import Assistant

    for name in names:
        if cancel is not None and cancel.is_set():
            return
        if own is not None and name == OWN:
            assistant = own
        else:
            assistant = Assistant(_settings(settings, part, name), own.store if own is not None else None)
        try:
            row = _ask(assistant, turn, part, name, cancel or threading.Event(), on_event or unheard)
        except AssistantError as error:
            row = Compared(name, error=error)
        except MemoryError as error:
            row = Compared(name, error=_chained("There is not enough memory for this model; try a smaller one.", error))
        except Exception as error:  # noqa: BLE001  (a fault with one model must not stop the others)
            row = Compared(name, error=_chained(f"A fault in the program ({type(error).__name__}).", error))
        finally:
            if assistant is not own:
                assistant.close()
        if row is not None:
            yield row


def figures_line(figures: Sequence[Figures], max_figures: int = 2) -> str:
    """The first figures of a card in words, and how many more there are; empty without any."""
    if not figures:
        return ""
    more = f"; {len(figures) - max_figures} more" if len(figures) > max_figures else ""
    return f"{'; '.join(map(str, figures[:max_figures]))}{more} (card)"


def agreement(rows: Sequence[Compared]) -> Agreement | None:
    """The answer that most models gave, compared without case, punctuation and articles; None without two answers."""
    answers = [row.answer.text for row in rows if row.answer is not None and not row.answer.stopped]
    if len(answers) < 2:
        return None
    normal = [None if text is None else _normalized(text) for text in answers]
    best, count = Counter(normal).most_common(1)[0]
    return Agreement(answers[normal.index(best)], count, len(answers))


def _settings(settings: Settings, part: str, name: str) -> Settings:
    served = part == "generator" and name == SERVER
    if served and not settings.server:
        raise UsageError("There is no server to compare; give its address with --server URL.")
    changes: dict[str, Any] = {part: None if served or name == EMBEDDED else name}
    if part == "generator" and not served:
        changes["server"] = None  # a server would answer in the place of the model that is named
    return Settings(**{**settings.model_dump(exclude_unset=True), **changes})


def _ask(
    assistant: "Assistant", turn: Turn, part: str, name: str, cancel: threading.Event, on_event: Listener
) -> Compared | None:
    def heard(event: Event) -> None:
        on_event(Progress(f"{name}: {event.stage}", event.done, event.total) if isinstance(event, Progress) else event)

    chosen = assistant.settings.reader if part == "reader" else assistant.settings.generator
    profile = assistant.models.profile(heard)
    local = part == "reader" or not assistant.settings.server
    model = (
        _while(lambda tell: assistant.store.resolve(chosen or getattr(profile, part), tell), heard) if local else None
    )
    _while(lambda _: _import_libraries(adapter=model is not None and model.adapter is not None), heard)
    if cancel.is_set():
        return None
    began = time.perf_counter()
    engine: Any = _while(getattr(assistant.models, part), heard)
    load_seconds = time.perf_counter() - began
    if part == "reader":
        for event in assistant.prepare(turn.documents, cancel):
            heard(event)
    answer = assistant.answer(turn, cancel, heard)
    if answer.stopped:
        return None
    architecture, parameters = _described(engine) if local else (None, None)
    return Compared(
        name,
        answer,
        architecture=architecture,
        parameters=parameters,
        load_seconds=round(load_seconds, 3),
        figures=read_figures(model.adapter or model.base) if model is not None and part == "reader" else (),
    )


def _described(engine: Any) -> tuple[str, int]:
    """The architecture and the number of parameters of a reader or generator that runs here."""
    if (decoding := getattr(engine, "engine", None)) is not None:
        return decoding.architecture, decoding.parameters
    return type(engine.model).__name__, parameters_of(engine.model)


def _import_libraries(*, adapter: bool) -> None:
    """Import what every model needs, which would count as the loading of the first one."""
    from transformers import AutoModelForCausalLM, AutoModelForQuestionAnswering, AutoTokenizer  # noqa: F401

    if adapter:
        import peft  # noqa: F401


def _while(work: Callable[[Listener], T], on_event: Listener) -> T:
    """The result of work done in a thread of its own, as `run_in_thread`, with its events heard here meanwhile."""
    return drain(run_in_thread(work), on_event)


def _normalized(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.findall(r"\w+", text.casefold()) if word not in _ARTICLES) or (text,)


def _chained(message: str, cause: BaseException) -> AssistantError:
    error = AssistantError(message)
    error.__cause__ = cause
    return error
