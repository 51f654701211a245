"""Titles of conversations, made by the model that writes answers."""

import re
from collections.abc import Sequence

from assistant.generation.stream import Sampling
from assistant.text import one_line, printable
from assistant.types import Message, Role

TITLE_SAMPLING = Sampling(temperature=0.0, max_new_tokens=24)
_SHOWN = 600  # characters of each message
_LONGEST = 60  # characters of a title
_MAX_WORDS = 14
_ASKED = (
    "Write a title of two to six words for this conversation, in the language of its first message. "
    "Write nothing but the title.\n\n"
)
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)  # a small model copies the code it is shown in place of a title
_ECHO = 4  # words from which on a title that begins the answer is only a copy of it


def title_messages(messages: Sequence[Message]) -> list[Message]:
    """What the model is asked for a title of a conversation: the first question and its answer are enough."""
    said = [f"{each.role.value}: {one_line(_CODE.sub('(code)', each.text), _SHOWN)}" for each in messages[:2]]
    return [Message(Role.USER, _ASKED + "\n".join(said))]


def as_title(written: str, messages: Sequence[Message] = ()) -> str | None:
    """What a model wrote as a title on one line, without marks around it; None where it is none.

    Code is no title, nor is the beginning of the answer.
    """
    first = next((line.strip() for line in printable(written).splitlines() if line.strip()), "")
    bare = re.sub(r"^(?:title\s*:|[#*_`\"'“”«»\s-])+|[*_`\"'“”«»\s.]+$", "", first, flags=re.IGNORECASE)
    words = bare.split()
    if not bare or len(words) > _MAX_WORDS or first.startswith("```"):
        return None
    if len(words) >= _ECHO and any(_plain(each.text).startswith(_plain(bare)) for each in messages[1:2]):
        return None
    return one_line(bare, _LONGEST)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text[:_SHOWN].casefold()))
