"""Text from tokens as they come, in time linear in their number, with no character ever split."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_REPLACEMENT = "�"  # what a decoder writes for bytes that are not, or not yet, a character
_LONGEST = 8  # tokens; a character has at most four bytes, and a token at least one


class Detokenizer:
    """Turns a growing list of token ids into pieces of text that together are the text of all of them.

    Tokens are decoded together with those of the piece before, because a token's text may depend on what it follows
    (a leading space, in vocabularies that mark the beginnings of words). A token that ends within a character waits
    for those that complete it.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self._tokenizer = tokenizer
        self._before: list[int] = []
        self._pending: list[int] = []

    def add(self, token: int) -> str:
        """The text that a token completes; "" while there is none."""
        self._pending.append(token)
        text = self._new_text()
        if not text or (text.endswith(_REPLACEMENT) and len(self._pending) < _LONGEST):
            return ""
        self._before, self._pending = self._pending, []
        return text

    def finish(self) -> str:
        """What is left at the end. A character that was never completed is left out."""
        return self._new_text().rstrip(_REPLACEMENT) if self._pending else ""

    def _new_text(self) -> str:
        known = self._decode(self._before)
        return self._decode(self._before + self._pending)[len(known) :]

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


class StopText:
    """Ends a stream of text at the first of some strings, holding back what may be the beginning of one.

    Args:
        stop: the string at which the next turn of a prompt without a template begins. Where there is one, the spaces
            that the text begins with are taken off: the prompt ends at a colon.
        others: further strings to end at.
    """

    def __init__(self, stop: str | None, others: Sequence[str] = ()) -> None:
        self._stops = [each for each in (stop, *others) if each]
        self._held = ""
        self._begun = stop is None
        self.found = False

    def add(self, piece: str) -> str:
        """What may be shown of the text so far; once a string is found, `found` is set."""
        if not self._stops:
            return piece
        if not self._begun:
            piece = piece.lstrip(" ")
            self._begun = bool(piece)
        text = self._held + piece
        ends = [at for at in map(text.find, self._stops) if at >= 0]
        if ends:
            self.found, self._held = True, ""
            return text[: min(ends)]
        keep = max(_overlap(text, stop) for stop in self._stops)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """What was held back and was no such string after all."""
        return self._held


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of a text may be the beginning of a string."""
    return next((n for n in range(len(stop) - 1, 0, -1) if text.endswith(stop[:n])), 0)
