"""What a generator writes, taken from its streams: one or many, with its pieces as events or without a word."""

from collections.abc import Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from assistant.answering.shared_work import Early, Shared, Tell
from assistant.events import Event, Notice, Progress, TextDelta, TextTakenBack
from assistant.settings import Settings
from assistant.text import counted

if TYPE_CHECKING:
    from assistant.generation.decoding import LocalStream
    from assistant.generation.generator import LocalGenerator
    from assistant.generation.stream import Generator as TextGenerator
    from assistant.generation.stream import TextStream


def write_stream(
    generator: "TextGenerator", stream: "TextStream", settings: Settings, *, quiet: bool
) -> Generator[Any, Any, str]:
    """What a stream gives: of a model of this process together with other turns' streams, of a server beside them.

    Args:
        generator: whose stream it is.
        stream: taken to its end.
        settings: say how many turns a server is asked for at a time.
        quiet: nothing is told of the text as it grows.
    """
    from assistant.generation.generator import LocalGenerator

    alone = partial(written, quiet=quiet)
    if isinstance(generator, LocalGenerator):
        run = partial(write_together, generator, quiet=quiet)
        text: str = yield Shared(("write", quiet), stream, run, alone=alone)
    else:
        text = yield Shared("ask", stream, alone=alone, at_a_server=settings.server_requests)
    return text


def written(stream: "TextStream", *, quiet: bool = False) -> Generator[Event, None, str]:
    """What a stream gives, with its events; of the text itself nothing is told where it is to be quiet."""
    pieces: list[str] = []
    try:
        for event in stream.events():
            if isinstance(event, TextDelta):
                pieces.append(event.text)
            elif isinstance(event, TextTakenBack):
                pieces.clear()
            if not quiet or isinstance(event, Progress | Notice):
                yield event
    finally:
        stream.close()
    return "".join(pieces).strip()


def write_together(
    generator: "LocalGenerator", streams: Sequence["LocalStream"], tell: Tell, *, quiet: bool = False
) -> list[str]:
    """What the streams of a local generator give."""
    pieces: list[list[str]] = [[] for _ in streams]
    told: set[int] = set()
    for at, piece in generator.together(streams):
        if piece:
            pieces[at].append(piece)
            if not quiet:
                tell(at, TextDelta(piece))
        for over in [each for each, stream in enumerate(streams) if stream.finish is not None and each not in told]:
            if over != at:  # the last piece of the one at hand may be yet to come
                told.add(over)
                tell(over, Early("".join(pieces[over]).strip()))
    return ["".join(each).strip() for each in pieces]


def about_end(stream: "TextStream") -> str | None:
    """What there is to say of how a stream ended."""
    match stream.finish:
        case "loop":
            return "The model began to repeat itself and was stopped."
        case "length":
            known = stream.tokens_are_known
            tokens = counted(stream.completion_tokens, "token") if known else "its limit of tokens"
            return f"The answer reached {tokens} and was cut; ask it to go on, or raise max_new_tokens (--max-tokens)."
        case "filtered":
            return "The answer is not complete: the server's content filter ended it, or the model refused."
        case "broken":
            return f"The answer is not complete: {getattr(stream, 'trouble', None) or 'the connection broke off.'}"
    return None
