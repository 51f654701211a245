"""What the parts of the app tell one another."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.message import Message

from assistant.answering.comparison import Compared
from assistant.errors import AssistantError
from assistant.events import Event, Progress
from assistant.types import Document, Evidence
from tui.parts import Part


@dataclass
class ModelsLoading(Message):
    """The models are being fetched or loaded and have come this far; with a part, only that of them."""

    progress: Progress
    part: Part | None = None


@dataclass
class ModelsNotice(Message):
    """Something the user should know of the models that are being loaded."""

    text: str


@dataclass
class PartReady(Message):
    """A part of the models is ready, whatever is still being loaded; `generator` as in ModelsReady."""

    part: Part
    generator: str | None = None


@dataclass
class ModelsReady(Message):
    """All models are ready; `generator` writes answers, on this machine or on a server."""

    generator: str | None = None


@dataclass
class ModelsFailed(Message):
    """The models could not be loaded; with a part, only that of them."""

    error: AssistantError
    part: Part | None = None


@dataclass
class TurnEvent(Message):
    """The worker answered a bit more of the exchange with this number."""

    exchange: int
    event: Event


@dataclass
class TurnOver(Message):
    """The worker is done with the exchange with this number, whatever came of it, and free for the next."""

    exchange: int


@dataclass
class TitleMade(Message):
    """The model has a title for the conversation that begins with this question; None where it has none."""

    question: str
    title: str | None
    asked: bool = False


@dataclass
class ComparisonProgress(Message):
    """The reader that is being asked for a comparison has come this far."""

    progress: Progress


@dataclass
class ComparisonAnswer(Message):
    """The next reader of a comparison has answered, or failed."""

    row: Compared


@dataclass
class ComparisonOver(Message):
    """A comparison is done, or stopped; with an error if it could not be made at all."""

    error: AssistantError | None = None


@dataclass
class Submitted(Message):
    """The user sent what stands in the prompt."""

    text: str


@dataclass
class Pasted(Message):
    """A text was pasted, as one piece."""

    text: str


@dataclass
class ShowDocument(Message):
    """The user wants to see a document, at a place of it where one is given."""

    document: Document
    evidence: tuple[Evidence, ...] = ()
    at: int = 0


@dataclass
class ShowEvidence(Message):
    """The user wants to see a piece of evidence in its document; `exchange` is the number of its exchange."""

    exchange: int
    at: int


@dataclass
class CloseDocument(Message):
    """The user wants the next questions to be asked without this document."""

    document: Document


@dataclass
class DocumentsChanged(Message):
    """A document was opened or closed, or the last paste became something else."""


@dataclass
class Say(Message):
    """Something to tell the user in the status line."""

    text: str
    error: bool = False


@dataclass
class FocusExchange(Message):
    """The user goes from exchange to exchange with the keyboard: `step` is -1 for up, 1 for down."""

    step: int


@dataclass
class ExchangeAction(Message):
    """The user wants something done with an exchange: the name of a key's action below `answer`."""

    exchange: int
    action: str


@dataclass
class SayLines(Message):
    """Show the user lines under a heading, until they are put away."""

    heading: str
    lines: Sequence[str]

    @property
    def text(self) -> str:
        """The lines."""
        return "\n".join(self.lines)


@dataclass
class ExampleChosen(Message):
    """The user picked one of the examples of an empty chat, by its name."""

    name: str
