"""Conversations: `messages` (role, content) and ShareGPT's `conversations` (from, value)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from assistant.types import Message, Role
from finetune.data.code_sets.shared import LeftOut

_ROLES = {
    "system": Role.SYSTEM, "user": Role.USER, "human": Role.USER, "assistant": Role.ASSISTANT, "gpt": Role.ASSISTANT,
}  # fmt: skip
_KEYS = (("messages", "role", "content"), ("conversations", "from", "value"))


class ChatTurn(NamedTuple):
    """A question with its answer, and the messages before it."""

    before: tuple[Message, ...]
    question: str
    answer: str


def is_conversation(row: Mapping[str, Any]) -> bool:
    """Whether a row holds a conversation."""
    return any(isinstance(row.get(name), Sequence) and not isinstance(row[name], str) for name, _, _ in _KEYS)


def exchanges(row: Mapping[str, Any]) -> list[ChatTurn]:
    """Each question of a conversation with its answer and what was said before; a question without one is left out.

    Raises:
        LeftOut: a message is of a tool, or is no text; or the two do not take turns.
    """
    messages = _messages(row)
    system = [message for message in messages[:1] if message.role is Role.SYSTEM]
    turns = messages[len(system) :]
    if any(message.role is not (Role.ASSISTANT, Role.USER)[at % 2 == 0] for at, message in enumerate(turns)):
        raise LeftOut("a conversation whose two sides do not take turns")
    found = [
        ChatTurn((*system, *turns[:at]), turns[at].text, turns[at + 1].text)
        for at in range(0, len(turns) - 1, 2)
        if turns[at].text and turns[at + 1].text
    ]
    if not found:
        raise LeftOut("a conversation without an answer")
    return found


def _messages(row: Mapping[str, Any]) -> list[Message]:
    name, speaker, said = next(keys for keys in _KEYS if keys[0] in row)
    messages = []
    for each in row[name]:
        if not isinstance(each, Mapping) or not isinstance(each.get(said), str):
            raise LeftOut("a conversation with a message that is no text")
        role = _ROLES.get(str(each.get(speaker)))
        if role is None:
            raise LeftOut("a conversation with others than system, user and assistant")
        messages.append(Message(role, each[said].strip()))
    return messages
