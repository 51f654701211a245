"""Preferences: a question with an answer that was chosen and one that was rejected."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistant.types import Message, Role
from finetune.data.code_sets.conversations import exchanges
from finetune.data.code_sets.shared import LeftOut
from finetune.data.tables import column, read_table
from finetune.recipe_data import PreferenceColumn


@dataclass(frozen=True, slots=True)
class Preference:
    """What was said up to the question, the answer that was chosen, and the one that was rejected."""

    messages: tuple[Message, ...]
    chosen: str
    rejected: str

    @property
    def characters(self) -> int:
        """Length of all its texts together."""
        return sum(len(message.text) for message in self.messages) + len(self.chosen) + len(self.rejected)


def read_preferences(
    source: str, columns: Mapping[PreferenceColumn, str], max_characters: int
) -> tuple[list[Preference], Counter[str]]:
    """The preferences of a data set, and how many rows were left out for what.

    Prompt and answers are texts, or lists of messages (`role`, `content`); where the answers are such lists, they hold
    the whole conversation, and the prompt's column may be missing.

    Raises:
        UsageError: the data cannot be read or lacks a column.
        AssistantError: the Hub did not give it.
    """
    found: list[Preference] = []
    left_out: Counter[str] = Counter()
    rows = read_table(source)
    if not rows:
        return found, left_out
    chosen, rejected = (column(source, rows[0], [columns.get(name, name)]) for name in ("chosen", "rejected"))
    prompt = columns.get("prompt", "prompt")
    if isinstance(rows[0][chosen], str):
        column(source, rows[0], [prompt])
    for row in rows:
        try:
            preference = _preference(row.get(prompt), row.get(chosen), row.get(rejected))
        except LeftOut as reason:
            left_out[str(reason)] += 1
            continue
        if preference.characters > max_characters:
            left_out[f"longer than {max_characters} characters"] += 1
        else:
            found.append(preference)
    return found, left_out


def split_by_prompt(preferences: Sequence[Preference], held_out: float) -> tuple[list[Preference], list[Preference]]:
    """Training and held-out preferences; those on one question are on one side, by its hash."""
    parts: tuple[list[Preference], list[Preference]] = ([], [])
    for each in preferences:
        digest = hashlib.sha256("\n".join(message.text for message in each.messages).encode()).digest()
        parts[int.from_bytes(digest[:4], "big") / 2**32 < held_out].append(each)
    return parts


def _preference(prompt: Any, chosen: Any, rejected: Any) -> Preference:
    if isinstance(chosen, list) and isinstance(rejected, list):
        before, good = _last(chosen)
        other, bad = _last(rejected)
        if before != other:
            raise LeftOut("two answers to different questions")
    elif isinstance(prompt, str) and isinstance(chosen, str) and isinstance(rejected, str):
        before, good, bad = (Message(Role.USER, prompt.strip()),), chosen.strip(), rejected.strip()
    else:
        raise LeftOut("a prompt or answer that is no text")
    if not before[-1].text or not good or not bad:
        raise LeftOut("an empty prompt or answer")
    if good == bad:
        raise LeftOut("the same answer chosen and rejected")
    return Preference(before, good, bad)


def _last(messages: list[Any]) -> tuple[tuple[Message, ...], str]:
    last = exchanges({"messages": messages})[-1]
    return (*last.before, Message(Role.USER, last.question)), last.answer
