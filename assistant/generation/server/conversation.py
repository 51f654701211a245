"""A conversation as it is put to a server: its oldest turns go where the server has no room for them."""

from collections.abc import Sequence

from assistant.generation.prompts import SYSTEM_PROMPT
from assistant.generation.server.thinking import without_thinking
from assistant.types import Message, Role

_PASSAGES, _ASKED = "Passages:", "\n\nQuestion: "
"""How `grounded_messages` begins the passages, and the question after them."""
_FEWEST = 400  # characters of passages
_KEPT = 0.6
"""So much of what was too long is kept: the next turns then begin alike, and what a server keeps of them serves it."""


class Conversation:
    """The messages of a prompt, of which the oldest turns can be left out; system and last message stay.

    Args:
        messages: the last is the user's; without a system message they get the default one.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        has_system = bool(messages) and messages[0].role is Role.SYSTEM
        self.turns_left_out = 0
        self._system = messages[0].text if has_system else SYSTEM_PROMPT
        self._turns: list[list[Message]] = []
        for message in messages[1:] if has_system else messages:
            if message.role is Role.USER or not self._turns:
                self._turns.append([])
            text = without_thinking(message.text) if message.role is Role.ASSISTANT else message.text
            self._turns[-1].append(Message(message.role, text))

    @property
    def size(self) -> int:
        """How long all of it is, in bytes: of a token they are about as many in all scripts, characters are not."""
        return _size(self._system) + sum(_size(message.text) for turn in self._turns for message in turn)

    @property
    def characters_of_words(self) -> int:
        """How long it is with white space folded, of which tokenizers read much at once."""
        texts = [self._system, *(message.text for turn in self._turns for message in turn)]
        return sum(len(" ".join(text.split())) for text in texts)

    @property
    def turns(self) -> int:
        """How many turns it has, the last question among them."""
        return len(self._turns)

    def shorten(self, longest: float | None = None) -> bool:
        """Leave out the oldest turns, so that it is no longer than that, or else than a part of what it is.

        Returns:
            Whether one was left out; the last never is.
        """
        wanted = self.size * _KEPT if longest is None else longest
        before = self.turns_left_out
        while len(self._turns) > 1 and self.size > wanted:
            del self._turns[0]
            self.turns_left_out += 1
        return self.turns_left_out > before

    def cut_passages(self) -> bool:
        """Leave out the last of the passages that the question is asked about; whether some were."""
        question = self._turns[-1][-1]
        passages, mark, asked = question.text.rpartition(_ASKED)
        if not mark or not passages.startswith(_PASSAGES) or len(passages) < _FEWEST:
            return False
        kept = passages[: round(len(passages) * _KEPT)].rpartition(" ")[0]
        self._turns[-1][-1] = Message(question.role, f"{kept} …{mark}{asked}")
        return True

    def payload(self, *, plain_roles: bool = False) -> list[dict[str, str]]:
        """The messages as the API has them.

        Args:
            plain_roles: for chat templates that know no system message and want the other two in turn.
        """
        said = [("system", self._system), *((str(each.role), each.text) for turn in self._turns for each in turn)]
        if not plain_roles:
            return [{"role": role, "content": text} for role, text in said if text or role != "system"]
        merged: list[dict[str, str]] = []
        for role, text in said:
            taken = "user" if role == "system" else role
            if merged and merged[-1]["role"] == taken:
                merged[-1]["content"] += f"\n\n{text}"
            elif text:
                merged.append({"role": taken, "content": text})
        return merged


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
