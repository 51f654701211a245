"""Texts, each with a label of one's own."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.errors import UsageError
from finetune.data.tables import column, read_table
from finetune.recipe_data import TextColumn

_MAX_LABELS = 1000


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text and its label."""

    text: str
    label: str


def read_labelled_texts(source: str, columns: Mapping[TextColumn, str]) -> tuple[list[LabelledText], Counter[str]]:
    """The texts of a table, and how many rows were left out for what. Labels are words or numbers.

    Raises:
        UsageError: the data cannot be read, lacks a column, or has so many labels that they are none.
        AssistantError: the Hub did not give it.
    """
    rows = read_table(source)
    texts: list[LabelledText] = []
    left_out: Counter[str] = Counter()
    if not rows:
        return texts, left_out
    text, label = (column(source, rows[0], [columns.get(name, name)]) for name in ("text", "label"))
    for row in rows:
        said, named = row.get(text), row.get(label)
        if said is None or named is None or said == "" or named == "":
            left_out["no text or no label"] += 1
        elif not isinstance(said, str) or not isinstance(named, str | int):
            left_out["a text that is no text, or a label that is neither word nor number"] += 1
        elif not said.strip() or not str(named).strip():
            left_out["no text or no label"] += 1
        else:
            texts.append(LabelledText(said.strip(), str(named).strip()))
    if len({each.label for each in texts}) > _MAX_LABELS:
        raise UsageError(f"{source}: the column {label} holds more than {_MAX_LABELS} different values.")
    return texts, left_out


def split_by_class(
    texts: Sequence[LabelledText], held_out: float, seed: int
) -> tuple[list[LabelledText], list[LabelledText]]:
    """Training and held-out texts with the same share of each label in both; a text that comes twice is kept once."""
    groups: dict[str, list[LabelledText]] = defaultdict(list)
    for each in dict.fromkeys(texts):
        groups[each.label].append(each)
    draw = random.Random(seed)
    kept: list[LabelledText] = []
    out: list[LabelledText] = []
    for group in groups.values():
        draw.shuffle(group)
        count = round(held_out * len(group))
        out += group[:count]
        kept += group[count:]
    draw.shuffle(kept)
    return kept, out
