"""The stream of an answer from a server: its text, and what else happens on the way."""

from collections.abc import Generator, Iterator
from types import GeneratorType

from assistant.errors import AssistantError
from assistant.events import Event, TextDelta
from assistant.generation.stream import TextStream


class ServerStream(TextStream):
    """The stream of an answer that a server writes.

    `trouble` is the error that ended it in the middle, where `finish` is "broken".
    """

    def __init__(self, happening: "Generator[Event, None, None] | None" = None) -> None:
        super().__init__(lambda _: iter(()))
        self.trouble: AssistantError | None = None
        self._happening: Generator[Event, None, None] | None = happening

    def begin(self, happening: Generator[Event, None, None]) -> None:
        """Take what happens from here on."""
        self._happening = happening
        self._pieces = self._texts()

    def events(self) -> Iterator[Event]:
        """See TextStream: text, thinking, waits and notices."""
        return iter(()) if self._happening is None else self._happening

    def _texts(self) -> Iterator[str]:
        for event in self.events():
            if isinstance(event, TextDelta):
                yield event.text

    def close(self) -> None:
        """See TextStream; the connection is cut."""
        super().close()
        if isinstance(self._happening, GeneratorType):
            self._happening.close()
