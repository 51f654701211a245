"""What a generator writes, taken from its streams: one or many, with its pieces as events or without a word."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from assistant.answering.shared_work import Early, Tell
from assistant.events import Event, Notice, Progress, TextDelta, TextTakenBack
from assistant.text import counted

if TYPE_CHECKING:
    from assistant.generation.decoding import LocalStream
    from assistant.generation.generator import LocalGenerator
    from assistant.generation.stream import TextStream


def written_aloud(stream: "TextStream") -> Generator[Event, None, str]:
    """What a stream gives, with its pieces as events."""
    pieces: list[str] = []
    try:
        for event in stream.events():
            if isinstance(event, TextDelta):
                pieces.append(event.text)
            elif isinstance(event, TextTakenBack):
                pieces.clear()
            yield event
    finally:
        stream.close()
    return "".join(pieces).strip()


def written_silently(stream: "TextStream") -> Generator[Event, None, str]:
    """What a stream gives, without a word of it on the way."""
    events = written_aloud(stream)
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return str(end.value)
        if isinstance(event, Progress | Notice):
            yield event


def about_end(stream: "TextStream") -> str | None:
    """What there is to say of how a stream ended."""
    match stream.finish:
        case "loop":
            return "The model began to repeat itself and was stopped."
        case "length":
            tokens = counted(stream.completion_tokens, "token")
            return f"The answer reached {tokens} and was cut; ask it to go on."
        case "filtered":
            return "The server's content filter ended the answer: it is not complete."
        case "broken":
            return f"The answer is not complete: {getattr(stream, 'trouble', None) or 'the connection broke off.'}"
    return None


def write_together(generator: "LocalGenerator", streams: Sequence["LocalStream"], tell: Tell) -> list[str]:
    """What the streams of a local generator give."""
    pieces: list[list[str]] = [[] for _ in streams]
    told: set[int] = set()
    for at, piece in generator.together(streams):
        if piece:
            pieces[at].append(piece)
            tell(at, TextDelta(piece))
        for over in [each for each, stream in enumerate(streams) if stream.finish is not None and each not in told]:
            if over != at:  # the last piece of the one at hand may be yet to come
                told.add(over)
                tell(over, Early("".join(pieces[over]).strip()))
    return ["".join(each).strip() for each in pieces]


def write_silently(generator: "LocalGenerator", streams: Sequence["LocalStream"], tell: Tell) -> list[str]:
    """As `write_together`, without a word of it on the way."""
    return write_together(
        generator, streams, lambda at, event: None if isinstance(event, TextDelta) else tell(at, event)
    )
