"""What the generator is given: a conversation within its budget, rendered to token ids.

Text of users, documents and earlier answers is data. A tokenizer reads `<|im_end|>` in it as the control token that
ends a message, and whoever wrote the text could then speak as the system. So each message's text is tokenised apart
from the template's own, with control tokens read as the characters they are written with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.errors import GenerationError
from assistant.types import NOT_FOUND, Evidence, Message, Role

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SYSTEM_PROMPT = "You are a helpful assistant. Answer briefly, and put code in a fenced block that names its language."
GROUNDED_PROMPT = (
    "You answer questions about a text. Use the passages alone, and keep their names, numbers and dates. "
    "If the passages do not hold the answer, say so."
)
GROUNDED_FORM = "Answer in one to three sentences."
GROUNDED_CHARACTERS = 6000
STOP_TEXT = "\n### "
"""Where the answer of a model without a chat template ends: it goes on with a question of its own making."""

_FRAME_TOKENS = 6  # about what a template puts around a message
_MARK = "\ue000{}\ue001"  # private-use characters, which no template writes


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids of a conversation, and how many of its oldest turns were left out to make it fit."""

    ids: list[int]
    turns_left_out: int


def fit(messages: Sequence[Message], tokenizer: "PreTrainedTokenizerBase", budget: int) -> Prompt:
    """Render a conversation in at most `budget` tokens: the oldest turns go first, system and last message stay.

    What was said before the last message takes half of the budget at most, since every token of an answer pays for
    attending to it; the turn just before stays as long as it fits at all. Turns go in blocks: when they are too long,
    so many go that half of their room is free. The next turns then begin as this one does, and what an engine keeps of
    it serves them too. A conversation without a system message gets the default one, where the model has a chat
    template; others were trained on questions alone.

    Raises:
        GenerationError: there is no message, the last is not the user's, or it does not fit by itself.
    """
    if not messages or messages[-1].role is not Role.USER:
        raise GenerationError("There is no question to answer: a conversation must end with a message of the user.")
    system = [message for message in messages[:1] if message.role is Role.SYSTEM]
    turns = list(messages[len(system) :])
    if not system and tokenizer.chat_template is not None:
        system = [Message(Role.SYSTEM, SYSTEM_PROMPT)]
    texts = {message.text: text_ids(message.text, tokenizer) for message in [*system, *turns]}
    # A message before the first question is kept with it.
    begins = [0, *[at for at, message in enumerate(turns) if message.role is Role.USER][1:]]
    costs = [len(texts[message.text]) + _FRAME_TOKENS for message in turns]
    questions = [costs[begin] for begin in begins]
    wholes = [sum(costs[begin:end]) for begin, end in zip(begins, [*begins[1:], len(turns)], strict=True)]
    room = budget - sum(len(texts[message.text]) + _FRAME_TOKENS for message in system)
    for left_out in range(_dropped(questions, wholes, room), len(begins)):
        kept = [*system, *turns[begins[left_out] :]]
        if sum(len(texts[message.text]) for message in kept) > budget:
            continue
        ids = _framed(kept, texts, tokenizer)
        if len(ids) <= budget:
            return Prompt(ids, left_out)
    length = len(texts[turns[-1].text])
    raise GenerationError(
        f"The message is {length:,} tokens long and this model takes {budget:,} with the system prompt: "
        "shorten it, or open the text as a document and ask about that."
    )


def _dropped(questions: Sequence[int], wholes: Sequence[int], room: int) -> int:
    """How many of the oldest turns to leave out.

    It follows the conversation from its beginning and looks, at each turn, at what was known when it was asked. So what
    is left out at a turn is still all that is left out at the next, until one does not fit again.

    Args:
        questions: tokens of each turn's question.
        wholes: tokens of each turn, its answer included.
        room: tokens for all.
    """
    first, before = 0, 0
    for at, (question, whole) in enumerate(zip(questions, wholes, strict=True)):
        limit = min(room // 2, room - question)
        if before > limit:
            while first < at and before > limit // 2 and not (first == at - 1 and before <= room - question):
                before -= wholes[first]
                first += 1
        before += whole
    return first


def render(messages: Sequence[Message], tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """The token ids of a conversation, ending where the answer begins.

    The tokenizer's chat template says what stands around the messages; a model without one gets the form
    `### Question: ...` and `### Answer:`. A space there belongs to the word that follows it, as in any text.
    """
    return _framed(messages, {message.text: text_ids(message.text, tokenizer) for message in messages}, tokenizer)


def text_ids(text: str, tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """The token ids of text that is data: control tokens written in it stay the characters they are."""
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"])


def answered_turns(history: Sequence[Message]) -> list[Message]:
    """The turns before that were answered: a small model says of the next what it was told to have said of the last."""
    kept: list[Message] = []
    for message in history:
        if message.text != NOT_FOUND:
            kept.append(message)
        elif kept:
            kept.pop()
    return kept


def grounded_messages(
    question: str,
    passages: Sequence[Evidence],
    history: Sequence[Message] = (),
    characters: int = GROUNDED_CHARACTERS,
    *,
    form: str = GROUNDED_FORM,
) -> list[Message]:
    """A conversation that asks for an answer from numbered passages alone.

    Args:
        question: what the user asks.
        passages: in the order they are shown.
        history: the turns before; a system message in it is replaced.
        characters: room for the passages. Where they need more, those of the lowest score go, or else the last, and a
            single one that is longer is cut.
        form: what is said of how the answer is to be written.
    """
    shown = list(passages)
    while len(shown) > 1 and sum(len(passage.text) for passage in shown) > characters:
        # min takes the first of equals, so the list is walked from its end.
        shown.remove(min(reversed(shown), key=lambda passage: passage.score if passage.score is not None else 0.0))
    numbered = "\n\n".join(f"[{number}] {passage.text.strip()[:characters]}" for number, passage in enumerate(shown, 1))
    return [
        Message(Role.SYSTEM, f"{GROUNDED_PROMPT} {form}"),
        *(message for message in history if message.role is not Role.SYSTEM),
        Message(Role.USER, f"Passages:\n\n{numbered}\n\nQuestion: {question}"),
    ]


def with_system(messages: Sequence[Message], system: str) -> list[Message]:
    """A conversation that begins with what the user has said the model is to be told.

    A system message that is there already asks for answers from passages: what it says stays, behind the user's.
    """
    if messages and messages[0].role is Role.SYSTEM:
        return [Message(Role.SYSTEM, f"{system.strip()}\n\n{messages[0].text}"), *messages[1:]]
    return [Message(Role.SYSTEM, system.strip()), *messages]


def _framed(
    messages: Sequence[Message], texts: dict[str, list[int]], tokenizer: "PreTrainedTokenizerBase"
) -> list[int]:
    """The template's own text around the messages' token ids."""
    from jinja2 import TemplateError

    ids: list[int] = []
    if tokenizer.chat_template is None:
        rest = "".join(_FORMS[message.role].format(_MARK.format(at)) for at, message in enumerate(messages))
        rest += "### Answer:"
        ids += tokenizer("")["input_ids"]  # a beginning-of-text token, where the model wants one
    else:
        turns = [{"role": str(message.role), "content": _MARK.format(at)} for at, message in enumerate(messages)]
        try:
            rest = str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        except TemplateError as error:
            raise GenerationError(f"The model's chat template does not take this conversation: {error}.") from error
    for at, message in enumerate(messages):
        before, mark, rest = rest.partition(_MARK.format(at))
        if not mark:
            raise GenerationError(
                f"The model's chat template leaves out the {message.role} message; it cannot be used."
            )
        spaced = tokenizer.chat_template is None and before.endswith(" ")
        ids += tokenizer(before[:-1] if spaced else before, add_special_tokens=False)["input_ids"]
        ids += text_ids(f" {message.text}", tokenizer) if spaced else texts[message.text]
    return ids + list(tokenizer(rest, add_special_tokens=False)["input_ids"])


_FORMS = {Role.SYSTEM: "{}\n", Role.USER: "### Question: {}\n", Role.ASSISTANT: "### Answer: {}\n"}
