"""A turn on its way through the stages, and what all turns of an assistant use on theirs."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assistant.answering.whole_text import TEXTS_KEPT
from assistant.loading.models import LoadedModels
from assistant.reading.calibration import Joint
from assistant.reading.structure import LookUp, StructureAnswer
from assistant.recent import Recent
from assistant.settings import Settings
from assistant.types import Answer, Document, Evidence, Route, Turn

if TYPE_CHECKING:
    from assistant.generation.stream import Sampling

_ROOM_FOR_THINKING = 2048


@dataclass
class TurnState:
    """The question, the answer as it grows, and what the next stages need to know of how it was found.

    `near` are the places that the answer came from or that came nearest, the likeliest first; `quiet` is an answer that
    is only given if it is found to be entailed, so that nothing is told of it before; `joint` weighs a reader's span.
    """

    turn: Turn
    cancel: threading.Event
    answer: Answer
    looked: LookUp = field(default_factory=LookUp)
    claims: Sequence[str] = ()
    document: Document | None = None
    near: Sequence[Evidence] = ()
    found: StructureAnswer | None = None
    noted: bool = False  # the generator was given notes, so that its own citations are of these
    quiet: bool = False
    joint: Joint | None = None

    @property
    def sources(self) -> list[Document]:
        """The documents that the answer is from."""
        if self.document is not None:
            return [self.document]
        named = {place.document for place in self.answer.evidence}
        return [document for document in self.turn.documents if document.name in named]


class Resources:
    """The models at hand, loaded as stages need them, and what a turn leaves unsaid.

    Args:
        models: what answers.
        settings: what holds for all turns.
        conversing: see `Assistant`.
    """

    def __init__(self, models: LoadedModels, settings: Settings, *, conversing: bool = False) -> None:
        self.models = models
        self.settings = settings
        self.notes: Recent[tuple[str, str, int], Sequence[str]] = Recent(TEXTS_KEPT)
        """On the parts of long texts, by text, generator and budget."""
        self.no_generator: Exception | None = None  # why the generator could not be asked last
        self._conversing = conversing

    def system_prompt(self, turn: Turn) -> str | None:
        """What the generator is told before the conversation."""
        return self.settings.system if turn.system is None else turn.system

    def brief(self, tokens: int) -> "Sampling":
        """How something short is written that is no answer: a model that thinks may do so first."""
        return replace(self.sampling(Route.GROUNDED), max_new_tokens=tokens, room_for_thinking=_ROOM_FOR_THINKING)

    def sampling(self, route: Route) -> "Sampling":
        """How a text is sampled: what is written about a document keeps to the likeliest, in a chat too."""
        from assistant.generation.generator import Sampling

        settings = self.settings
        drawn = self._conversing and route is Route.OPEN
        return Sampling(
            temperature=None if drawn and settings.temperature is None else settings.temperature or 0.0,
            top_p=settings.top_p,
            max_new_tokens=settings.max_new_tokens,
            seed=0 if settings.seed is None and not drawn else settings.seed,
            chosen=frozenset(settings.model_fields_set),
        )
