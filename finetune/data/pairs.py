"""Premise and hypothesis pairs, read from files."""

import hashlib
import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import UsageError
from assistant.types import Label
from finetune.data.tables import column, read_table
from finetune.recipe_data import PairColumn

_USUAL: dict[PairColumn, tuple[str, ...]] = {
    "premise": ("premise", "sentence1"),
    "hypothesis": ("hypothesis", "hypo", "sentence2"),
    "label": ("label", "gold_label"),
}
_LABELS = {
    **{str(number): label for number, label in enumerate(Label)},  # as XNLI and MultiNLI number them on the Hub
    **{str(label): label for label in Label},
    "contradictory": Label.CONTRADICTION,
}
_TOKENIZED = re.compile(r"\s+([.,;:!?%)])|([(])\s+|\s+(n't|'(?:s|re|ve|ll|d|m))\b")


@dataclass(frozen=True, slots=True)
class Pair:
    """A premise, a hypothesis and what the one says of the other."""

    premise: str
    hypothesis: str
    label: Label


def read_pairs(path: Path, left_out: Counter[str] | None = None) -> list[Pair]:
    """Pairs of a corpus's file, the spaces that corpora put around punctuation taken out.

    Args:
        path: the file.
        left_out: gets how many rows were left out for what.

    Raises:
        UsageError: as `read_labelled_pairs`.
    """
    pairs, reasons = read_labelled_pairs(str(path), {})
    if left_out is not None:
        left_out += reasons
    return [Pair(_untokenized(pair.premise), _untokenized(pair.hypothesis), pair.label) for pair in pairs]


def read_labelled_pairs(source: str, columns: Mapping[PairColumn, str]) -> tuple[list[Pair], Counter[str]]:
    """The pairs of a table, and how many rows were left out for what.

    Raises:
        UsageError: the data cannot be read, lacks a column, or has labels none of which is one of the three.
        AssistantError: the Hub did not give it.
    """
    rows = read_table(source)
    if not rows:
        raise UsageError(f"{source}: the table has no rows")
    premise, hypothesis, label = (
        column(source, rows[0], [columns[name]] if name in columns else usual) for name, usual in _USUAL.items()
    )
    pairs: list[Pair] = []
    left_out: Counter[str] = Counter()
    for row in rows:
        said = _LABELS.get(str(row.get(label)).strip().lower())
        given = [row.get(name) for name in (premise, hypothesis)]
        texts = [text.strip() for text in given if isinstance(text, str)]
        if any(text is not None and not isinstance(text, str) for text in given):
            left_out["a premise or hypothesis that is no text"] += 1
        elif said is None:
            left_out["a label that is none of the three"] += 1
        elif len(texts) < 2 or not all(texts):
            left_out["no premise or no hypothesis"] += 1
        else:
            pairs.append(Pair(texts[0], texts[1], said))
    if not pairs:
        seen = ", ".join(sorted({str(row.get(label)) for row in rows})[:5])
        raise UsageError(
            f"{source}: no row has a label that is entailment, neutral or contradiction (or 0, 1, 2); "
            f"the column {label} holds {seen}"
        )
    return pairs, left_out


def _untokenized(text: str) -> str:
    """Take out the spaces that corpora put around punctuation, so that training text looks like what people write."""
    return _TOKENIZED.sub(lambda match: match.group(1) or match.group(2) or match.group(3), text).strip()


def with_other_evidence(pairs: Sequence[Pair], count: int, seed: int) -> list[Pair]:
    """Neutral pairs: claims put to the evidence of another claim."""
    generator = random.Random(seed)
    chosen = generator.sample(list(pairs), min(count, len(pairs)))
    premises = [pair.premise for pair in chosen]
    return [
        Pair(premise, pair.hypothesis, Label.NEUTRAL)
        for pair, premise in zip(chosen, premises[1:] + premises[:1], strict=True)
        if premise != pair.premise
    ]


def split_by_premise(pairs: Sequence[Pair], held_out: float) -> tuple[list[Pair], list[Pair]]:
    """Split into training and held-out pairs so that no premise is in both, by a hash of the premise."""
    kept: list[Pair] = []
    out: list[Pair] = []
    for pair in pairs:
        place = int.from_bytes(hashlib.sha256(pair.premise.encode()).digest()[:4], "big") / 2**32
        (out if place < held_out else kept).append(pair)
    return kept, out


def split_by_label(pairs: Sequence[Pair], held_out: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Training and held-out pairs with the same share of each label in both."""
    groups: dict[Label, list[int]] = defaultdict(list)
    for index, pair in enumerate(pairs):
        groups[pair.label].append(index)
    generator = random.Random(seed)
    out: set[int] = set()
    for indices in groups.values():
        out.update(generator.sample(indices, round(held_out * len(indices))))
    kept = [pair for index, pair in enumerate(pairs) if index not in out]
    return kept, [pairs[index] for index in sorted(out)]
