"""Premise and hypothesis pairs: read from files, and made from questions with answers."""

import csv
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.conversation import Label
from assistant.documents.sentences import split_sentences
from assistant.errors import UsageError
from assistant.verification.claims import span_claim
from finetune.data.files import read_json_lines
from finetune.data.squad import QAExample
from finetune.data.unanswerable import make_unanswerable
from finetune.metrics import token_f1

_NAMES = {
    "entailment": Label.ENTAILMENT,
    "neutral": Label.NEUTRAL,
    "contradiction": Label.CONTRADICTION,
    "contradictory": Label.CONTRADICTION,
}
_PREMISE, _HYPOTHESIS, _LABEL = ("premise", "sentence1"), ("hypothesis", "hypo", "sentence2"), ("label", "gold_label")
_TOKENIZED = re.compile(r"\s+([.,;:!?%)])|([(])\s+|\s+(n't|'(?:s|re|ve|ll|d|m))\b")
_NUMBER = re.compile(r"\d")


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


def pairs_from_questions(examples: Sequence[QAExample], count: int, seed: int) -> list[Pair]:
    """Question and answer pairs: half right, a third wrong on the right text, a sixth on a text that does not say.

    - entailment: the gold answer, with the sentences around it;
    - contradiction: with the same sentences, another answer's span of the same paragraph, of the same type where there
      is one (token F1 with every gold answer below 0.3, and none within the other);
    - neutral: the gold answer with a paragraph of the same article that does not hold it.
    """
    generator = random.Random(seed)
    answerable = [example for example in examples if example.start is not None]
    spans: dict[str, list[str]] = {}
    for example in answerable:
        spans.setdefault(example.context, []).append(example.answers[0])
    drawn = generator.sample(answerable, min(count // 2, len(answerable)))
    made = []
    for example in drawn:
        premise = _around(example.context, example.start or 0, example.end or 1, generator)
        gold = example.answers[0]
        made.append(Pair(premise, span_claim(example.question, gold), Label.ENTAILMENT))
        wrong = _wrong_span(example.answers, spans[example.context], premise, generator)
        if wrong is not None and generator.random() < 2 / 3:
            made.append(Pair(premise, span_claim(example.question, wrong), Label.CONTRADICTION))
    golds = {example.id: example.answers[0] for example in drawn}
    for moved in make_unanswerable(drawn, {"moved": count // 6}, seed):
        at = generator.randrange(len(moved.context))
        premise = _around(moved.context, at, at + 1, generator)
        gold = golds[moved.id.removesuffix("-moved")]
        made.append(Pair(premise, span_claim(moved.question, gold), Label.NEUTRAL))
    return made


def _around(context: str, start: int, end: int, generator: random.Random) -> str:
    """The sentences that hold the characters `[start, end)`, with up to three on either side."""
    sentences = split_sentences(context)
    end_of_all = len(sentences) - 1
    holding = next((i for i, sentence in enumerate(sentences) if start < sentence.end), end_of_all)
    until = next((i for i, sentence in enumerate(sentences) if end <= sentence.end), end_of_all)
    first = max(0, holding - generator.randint(0, 3))
    last = min(end_of_all, until + generator.randint(0, 3))
    return context[sentences[first].start : sentences[last].end]


def _wrong_span(golds: Sequence[str], spans: Sequence[str], premise: str, generator: random.Random) -> str | None:
    right = [gold.lower() for gold in golds]
    others = [
        span
        for span in spans
        if token_f1(span, golds) < 0.3 and not any(span.lower() in gold or gold in span.lower() for gold in right)
    ]
    same_type = [span for span in others if _kind(span) == _kind(golds[0])]
    within = [span for span in same_type or others if span in premise]
    choice = within or same_type or others
    return generator.choice(choice) if choice else None


def _kind(span: str) -> str:
    if _NUMBER.search(span):
        return "number"
    return "name" if span[:1].isupper() else "phrase"
