"""Premise and hypothesis pairs, read from files."""

import csv
import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.errors import UsageError
from assistant.types import Label
from finetune.data.files import read_json_lines

_NAMES = {
    "entailment": Label.ENTAILMENT,
    "neutral": Label.NEUTRAL,
    "contradiction": Label.CONTRADICTION,
    "contradictory": Label.CONTRADICTION,
}
_PREMISE, _HYPOTHESIS, _LABEL = ("premise", "sentence1"), ("hypothesis", "hypo", "sentence2"), ("label", "gold_label")
_TOKENIZED = re.compile(r"\s+([.,;:!?%)])|([(])\s+|\s+(n't|'(?:s|re|ve|ll|d|m))\b")


@dataclass(frozen=True, slots=True)
class Pair:
    """A premise, a hypothesis and what the one says of the other."""

    premise: str
    hypothesis: str
    label: Label


def read_pairs(path: Path) -> list[Pair]:
    """Pairs of a TSV or JSONL file, its columns found by their usual names.

    Rows with a label that is not one of the three (such as "-" or "not_entailment") are left out.

    Raises:
        UsageError: the file cannot be read, or lacks a premise, hypothesis or label column.
    """
    rows = list(read_json_lines(path)) if path.suffix == ".jsonl" else _read_tsv(path)
    if not rows:
        raise UsageError(f"{path}: the file has no rows")
    columns = [_column(path, rows[0], names) for names in (_PREMISE, _HYPOTHESIS, _LABEL)]
    pairs = []
    for row in rows:
        premise, hypothesis, label = (str(row.get(column) or "").strip() for column in columns)
        label = label.lower()
        if label in _NAMES and premise and hypothesis:
            pairs.append(Pair(_untokenized(premise), _untokenized(hypothesis), _NAMES[label]))
    return pairs


def _read_tsv(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, restkey="more"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: not a table of UTF-8 text with tabs between columns: {error}") from error


def _column(path: Path, row: dict[str, object], names: Sequence[str]) -> str:
    found = next((name for name in names if name in row), None)
    if found is None:
        raise UsageError(f"{path}: no column named {' or '.join(names)}; it has {', '.join(row)}")
    return found


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
