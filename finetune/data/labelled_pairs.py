"""Premise and hypothesis pairs of one labelled table, as they are."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from assistant.errors import UsageError
from assistant.types import Label
from finetune.data.pairs import Pair
from finetune.data.tables import column, read_table
from finetune.recipe import PairColumn

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
        texts = [str(row.get(name) or "").strip() for name in (premise, hypothesis)]
        if said is None:
            left_out["a label that is none of the three"] += 1
        elif not all(texts):
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
