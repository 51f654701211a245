"""What stands in for a generator's stream where the way between the models is tested."""

from collections.abc import Iterator

from assistant.events import Event, TextDelta


class Stream:
    """What the generator writes, in one piece."""

    turns_left_out = 0
    prompt_tokens, completion_tokens, thinking_tokens = 30, 7, 0
    finish, model = "stop", "writer"

    def __init__(self, text: str) -> None:
        self._text = text

    def events(self) -> Iterator[Event]:
        yield TextDelta(self._text)

    def close(self) -> None:
        """Nothing is held."""
