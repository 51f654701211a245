"""What every generator offers: text in pieces, with what it cost, under sampling settings that a caller may choose."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import GeneratorType
from typing import Literal, Protocol

from assistant.events import Event, TextDelta
from assistant.types import Message, TurnSampling

Finish = Literal["end", "length", "loop", "cancelled", "filtered", "broken"]
"""Why a stream is over: the model ended its answer, the limit of tokens was reached, it only repeated itself, it was
stopped, a filter of the server's ended it, or the connection broke off."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen: at a temperature of 0 the likeliest; `top_k` 0 and `top_p` 1 leave all tokens in.

    What is None is left to the model: its publisher's own way, or a server's. `repetition_penalty` (Keskar et al.,
    2019) counts the answer's own tokens, not the question's, so that names of the question can be used freely; 1
    switches it off. `chosen` names the fields that a person has chosen, None all of them: a server is told of these
    alone. An answer ends before the first of the texts in `stop`. `room_for_thinking` is for what a model on a server
    thinks first: so many tokens more, once it is seen to.
    """

    temperature: float | None = 0.0
    top_p: float | None = None
    top_k: int | None = None
    repetition_penalty: float | None = None
    max_new_tokens: int = 512
    seed: int | None = None
    chosen: frozenset[str] | None = None
    stop: tuple[str, ...] = ()
    room_for_thinking: int = 0

    def with_choice(self, choice: TurnSampling | None) -> "Sampling":
        """These settings with what was chosen for one turn laid over them."""
        if choice is None:
            return self
        given = {
            "temperature": choice.temperature,
            "top_p": choice.top_p,
            "max_new_tokens": choice.max_tokens,
            "stop": choice.stop or None,
            "seed": choice.seed,
        }
        given = {name: value for name, value in given.items() if value is not None}
        chosen = None if self.chosen is None else self.chosen | given.keys()
        return replace(self, **given, chosen=chosen)  # type: ignore[arg-type]  # each under the name of its own field


class TextStream(Iterator[str]):
    """The pieces of an answer as they are made. Its counts grow with it, and `finish` is set when it is over.

    Args:
        produce: makes the pieces, and keeps the counts and `finish` of the stream it is given.
        prompt_tokens: length of the prompt.
        turns_left_out: how many of the oldest turns were left out of the prompt.
    """

    def __init__(
        self, produce: Callable[["TextStream"], Iterator[str]], *, prompt_tokens: int = 0, turns_left_out: int = 0
    ) -> None:
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = 0
        self.thinking_tokens = 0
        self.tokens_are_known = True
        """Whether these are counts of tokens; else they are of pieces, as a server did not count."""
        self.turns_left_out = turns_left_out
        self.finish: Finish | None = None
        self.model: str | None = None
        """The model that answers, where that is known only from its answer."""
        self._pieces = produce(self)

    def __next__(self) -> str:
        return next(self._pieces)

    def events(self) -> Iterator[Event]:
        """The pieces as events, with what else there is to tell on the way."""
        for piece in self:
            yield TextDelta(piece)

    def close(self) -> None:
        """Stop here: nothing more is computed, and what the producer holds open is let go."""
        if self.finish is None:
            self.finish = "cancelled"
        if isinstance(self._pieces, GeneratorType):
            self._pieces.close()
        self._pieces = iter(())


class Generator(Protocol):
    """A model that continues a conversation."""

    name: str

    def stream(
        self, messages: Sequence[Message], *, sampling: Sampling | None = None, cancel: threading.Event | None = None
    ) -> TextStream:
        """The answer to a conversation whose last message is the user's.

        Raises:
            GenerationError: the conversation cannot be put to this model, for example because its last message
                alone exceeds the context.
        """
        ...


def turns_left_out(turns: int) -> str:
    """The notice that the oldest turns of a conversation were left out of the prompt."""
    which = "turn was" if turns == 1 else f"{turns} turns were"
    return f"The conversation has grown longer than the model is given: the oldest {which} left out."
