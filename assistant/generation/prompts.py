"""What the generator is given: a conversation, rendered to token ids.

Text of users, documents and earlier answers is data. A tokenizer reads `<|im_end|>` in it as the control token that
ends a message, and whoever wrote the text could then speak as the system. So each message's text is tokenised apart
from the template's own, with control tokens read as the characters they are written with.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assistant.conversation import Message, Role

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SYSTEM_PROMPT = "You are a helpful assistant. Answer briefly, and put code in a fenced block that names its language."

_MARK = "\ue000{}\ue001"


def render(messages: Sequence[Message], tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """The token ids of a conversation, ending where the answer begins.

    The tokenizer's chat template says what stands around the messages; a model without one gets the form
    `### Question: ...` and `### Answer: `.
    """
    if tokenizer.chat_template is None:
        framed = _question_and_answer(len(messages), [message.role for message in messages])
    else:
        framed = tokenizer.apply_chat_template(
            [{"role": str(message.role), "content": _MARK.format(at)} for at, message in enumerate(messages)],
            tokenize=False,
            add_generation_prompt=True,
        )
    ids: list[int] = []
    rest = str(framed)
    for at, message in enumerate(messages):
        before, mark, rest = rest.partition(_MARK.format(at))
        ids += tokenizer(before, add_special_tokens=False)["input_ids"]
        if mark:
            ids += text_ids(message.text, tokenizer)
    return ids + list(tokenizer(rest, add_special_tokens=False)["input_ids"])


def text_ids(text: str, tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """The token ids of text that is data: control tokens written in it stay the characters they are."""
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def _question_and_answer(count: int, roles: Sequence[Role]) -> str:
    parts = []
    for at, role in zip(range(count), roles, strict=True):
        mark = _MARK.format(at)
        parts.append(
            {Role.SYSTEM: f"{mark}\n", Role.USER: f"### Question: {mark}\n", Role.ASSISTANT: f"### Answer: {mark}\n"}[
                role
            ]
        )
    return "".join(parts) + "### Answer: "
