"""Titles of conversations, made by the model that writes answers."""

import re
from collections.abc import Sequence

from assistant.generation.stream import Sampling
from assistant.text import one_line, printable
from assistant.types import Message, Role

TITLE_SAMPLING = Sampling(temperature=0.0, max_new_tokens=24)
_SHOWN = 600  # characters of each message
_LONGEST = 60  # characters of a title
_MOST_WORDS = 14
_ASKED = "Write a title of two to six words for this conversation. Write nothing but the title.\n\n"


def title_messages(messages: Sequence[Message]) -> list[Message]:
    """What the model is asked for a title of a conversation: the first question and its answer are enough."""
    said = [f"{message.role.value}: {one_line(message.text, _SHOWN)}" for message in messages[:2]]
    return [Message(Role.USER, _ASKED + "\n".join(said))]


def as_title(written: str) -> str | None:
    """What a model wrote as a title on one line, without marks around it; None where it is none."""
    first = next((line.strip() for line in printable(written).splitlines() if line.strip()), "")
    bare = re.sub(r"^(?:title\s*:|[#*_`\"'“”«»\s-])+|[*_`\"'“”«»\s.]+$", "", first, flags=re.IGNORECASE)
    if not bare or len(bare.split()) > _MOST_WORDS:
        return None
    return one_line(bare, _LONGEST)
