"""Entailment: training a verifier's adapter, fitting what its scores are worth, and measuring it on pairs."""

import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assistant.encoders.pairs import PairEncoder
from assistant.errors import UsageError
from assistant.events import Progress
from assistant.loading.reader import load_reader
from assistant.models.store import ModelStore
from assistant.types import Label
from assistant.verification.head import Head
from assistant.verification.verifier import Verifier
from finetune.data.answer_pairs import make_answer_pairs, wrong_readings
from finetune.data.files import find_data
from finetune.data.generated_answers import FILE, generated_pairs, read_answers, write_answers
from finetune.data.pairs import (
    Pair,
    read_labelled_pairs,
    read_pairs,
    split_by_label,
    split_by_premise,
    with_other_evidence,
)  # fmt: skip
from finetune.data.source_claims import exchanged_sentences, is_held_out, read_source_claims, source_pairs
from finetune.data.squad import QAExample, read_squad, split_by_article
from finetune.data.survey import histogram, survey
from finetune.recipe import NLIRecipe
from finetune.recipe_data import NLIData
from finetune.tasks.examples import Examples
from finetune.tasks.nli.calibration import LABELS, fit_head
from finetune.tasks.nli.metrics import classification_figures
from finetune.tasks.training import EncoderTraining
from finetune.trainer.peft_methods import positions

if TYPE_CHECKING:
    from assistant.cli.console import StatusLine

log = logging.getLogger(__name__)


def load_pairs(recipe: NLIRecipe, folder: Path | None = None) -> Examples[Pair]:
    """The recipe's training and held-out pairs, shuffled, and how many rows of its files were left out for what.

    The pairs are those of the files, those made from questions, and those of what was written about sources. No
    premise is in both; of the questions the last articles are held out, as for a reader.

    Args:
        recipe: says what is wanted.
        folder: the run's, where the answers of generators are, unless the recipe names their file.
    """
    data, seed = recipe.data, recipe.training.seed
    if data.form == "table":
        return _load_table(recipe)
    generator = random.Random(seed)
    kept: list[Pair] = []
    held_out: list[Pair] = []
    left_out: Counter[str] = Counter()
    for name in data.train:
        read = read_pairs(find_data(name), left_out)
        if not any(pair.label is Label.NEUTRAL for pair in read):
            read += with_other_evidence(read, len(read) // 2, seed)
        limit = data.limits.get(name)
        left_out["beyond the limit of their file"] += max(0, len(read) - limit) if limit else 0
        read = generator.sample(read, limit) if limit and limit < len(read) else read
        inside, outside = split_by_premise(read, data.held_out)
        kept += inside
        held_out += outside
    if data.qa and data.qa_pairs:
        answerable = [example for example in read_squad(find_data(data.qa)) if example.start is not None]
        asked, asked_outside = split_by_article(answerable, data.held_out)
        kept += _answer_pairs(data, asked, len(asked) / len(answerable), seed)
        held_out += _answer_pairs(data, asked_outside, len(asked_outside) / len(answerable), seed)
        kept += exchanged_sentences(list(dict.fromkeys(each.context for each in asked)), data.exchanged_sentences, seed)
        kept += generated_pairs(read_answers(path), seed) if (path := generated_file(recipe, folder)) else []
    for name in data.claims:
        claims = read_source_claims(find_data(name))
        outside_claims = [claim for claim in claims if is_held_out(claim.source, data.claims_held_out)]
        left_out["on sources that are held out"] += len(outside_claims)
        inside_claims = [claim for claim in claims if not is_held_out(claim.source, data.claims_held_out)]
        kept += source_pairs(inside_claims, seed, left_out)
        held_out += source_pairs(outside_claims, seed, left_out)
    generator.shuffle(kept)
    generator.shuffle(held_out)
    return Examples(kept[: data.limit], held_out[: data.limit], +left_out)


def generated_file(recipe: NLIRecipe, folder: Path | None) -> Path | None:
    """Where the answers of generators are kept; None where none are wanted, or no place is known, as for a plan."""
    data = recipe.data
    if not data.generated or data.qa is None:
        return None
    if data.generated_file is not None:
        return Path(data.generated_file)
    return None if folder is None else folder / FILE


def collect_generated(recipe: NLIRecipe, folder: Path, status: "StatusLine") -> bool:
    """Have generators answer questions, where the recipe wants that; returns whether there are more answers now.

    Raises:
        UsageError: the questions or the file of answers cannot be used.
        AssistantError: a generator cannot be had or run.
    """
    path, data = generated_file(recipe, folder), recipe.data
    if path is None or data.qa is None:
        return False
    from assistant.generation.generator import LocalGenerator
    from assistant.loading.generator import load_generator

    def loader(base: str) -> Callable[[], LocalGenerator]:
        return lambda: load_generator(ModelStore().resolve(base, status), on_progress=status)

    answerable = [example for example in read_squad(find_data(data.qa)) if example.start is not None]
    asked, _ = split_by_article(answerable, data.held_out)
    before = len(read_answers(path))
    write_answers(
        {base: loader(base) for base in data.generated},
        data.generated, asked, path, recipe.training.seed,
        lambda done, total: status(Progress("Generators answer questions", done, total)),
    )  # fmt: skip
    return len(read_answers(path)) > before


def _load_table(recipe: NLIRecipe) -> Examples[Pair]:
    """The pairs of labelled tables, as they are; none is held out where the checkpoint is chosen on the test set."""
    data, seed = recipe.data, recipe.training.seed
    pairs: list[Pair] = []
    left_out: Counter[str] = Counter()
    for name in data.train:
        read, reasons = read_labelled_pairs(name, data.columns)
        pairs += read
        left_out += reasons
    if data.limit is not None:
        pairs = random.Random(seed).sample(pairs, min(data.limit, len(pairs)))
    kept, out = split_by_label(pairs, data.held_out if data.choose_on == "held_out" else 0.0, seed)
    return Examples(kept, out, left_out)


def _answer_pairs(data: NLIData, examples: Sequence[QAExample], share: float, seed: int) -> list[Pair]:
    """This part's share of the pairs made from questions."""
    counts: dict[str, int] = {kind: round(share * count) for kind, count in data.qa_pairs.items()}
    misread: dict[str, list[tuple[int, int]]] = {}
    if counts.get("misread"):
        if data.qa_reader is None:
            raise UsageError("data.qa_pairs: misread needs data.qa_reader, the reader whose wrong spans are taken.")
        store = ModelStore()
        embedded = data.qa_reader == "embedded"
        reader = load_reader(store.resolve(store.catalogue.profile("embedded").reader if embedded else data.qa_reader))
        asked = random.Random(seed).sample(list(examples), min(len(examples), counts["misread"] * 5 // 4))
        log.info("%s reads %d questions, for its wrong spans", reader.name, len(asked))
        misread = wrong_readings(reader, asked)
    return make_answer_pairs(examples, counts, seed, misread)


def training_items(
    pairs: Sequence[Pair], encoder: PairEncoder, max_length: int, *, hypothesis_first: bool = False
) -> list[dict[str, Any]]:
    """Encoded pairs with their label; pairs longer than `max_length` tokens are left out, never cut."""
    premises = encoder.tokenize([pair.premise for pair in pairs])
    hypotheses = encoder.tokenize([pair.hypothesis for pair in pairs])
    items = []
    for pair, premise, hypothesis in zip(pairs, premises, hypotheses, strict=True):
        first, second = (hypothesis, premise) if hypothesis_first else (premise, hypothesis)
        encoded = encoder.encode(first.ids, second.ids)
        if len(encoded) <= max_length:
            items.append(
                {
                    "input_ids": encoded.input_ids,
                    "token_type_ids": encoded.token_type_ids,
                    "labels": LABELS.index(pair.label),
                }
            )
    return items


class VerifierTraining(EncoderTraining[NLIRecipe, Pair]):
    """The training of a verifier, whose head is fitted on the held-out pairs."""

    peft_type = "SEQ_CLS"
    best_by = "f1_macro"
    all_lengths: Sequence[int] = ()

    def load_base(self) -> Any:
        """The base with a fresh classifier of the three labels."""
        from transformers import AutoModelForSequenceClassification

        names = dict(enumerate(map(str, LABELS)))
        numbers = {name: index for index, name in names.items()}
        return self.load_head(
            AutoModelForSequenceClassification, num_labels=len(names), id2label=names, label2id=numbers
        )

    def encode(self, model: Any) -> list[dict[str, Any]]:
        """The training pairs; those too long are left out."""
        data = self.recipe.data
        self.encoder = PairEncoder(self.tokenizer, model)
        max_length = self._max_length = min(data.max_length, positions(model) or data.max_length)
        every = training_items(self.data.train, self.encoder, sys.maxsize, hypothesis_first=data.hypothesis_first)
        self.all_lengths = [len(item["input_ids"]) for item in every]
        items = [item for item in every if len(item["input_ids"]) <= max_length]
        self.data.left_out[f"more than {max_length} tokens"] += len(self.data.train) - len(items)
        return items

    def items_of(self, rows: Sequence[Pair]) -> list[dict[str, Any]]:
        """The pairs that are not too long."""
        first = self.recipe.data.hypothesis_first
        return training_items(rows, self.encoder, self._max_length, hypothesis_first=first)

    def survey(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Pairs, lengths and labels."""
        test = self.read_test() if self.recipe.data.test else []
        parts = (self.data.train, self.data.held_out, test)
        found = survey(
            *([f"{pair.premise} {pair.hypothesis}" for pair in part] for part in parts),
            lengths=[len(item["input_ids"]) for item in items],
            labels=[str(pair.label) for pair in self.data.train],
            left_out=+self.data.left_out,
        )
        return found | ({"all_lengths": histogram(self.all_lengths)} if self.all_lengths else {})

    def fit(self, tuned: Any, items: list[dict[str, Any]], callbacks: Sequence[Any]) -> tuple[Any, dict[str, float]]:
        """Train, with a verifier that measures on the way."""
        data = self.recipe.data
        head = Head(hypothesis_first=data.hypothesis_first)
        self.engine = Verifier(tuned, self.encoder, name=self.recipe.name, head=head, max_length=data.max_length)
        return super().fit(tuned, items, callbacks)

    def read_test(self) -> list[Pair]:
        """The pairs of the recipe's test data."""
        return read_labelled_pairs(self.recipe.data.test or "", self.recipe.data.columns)[0]

    def score(self, rows: list[Pair]) -> dict[str, float]:
        """Accuracy and macro F1 of the verifier."""
        figures = evaluate(self.engine, rows)
        return {"accuracy": figures["accuracy"], "f1_macro": figures["f1_macro"]}

    def calibrate(self, folder: Path) -> dict[str, float]:
        """Fit the verifier's head, where pairs are held out, and write it."""
        scores: dict[str, float] = {}
        if self.data.held_out:
            self.engine.head = fit_head(self.engine, self.data.held_out)
            scores = self.score(self.data.held_out)
        self.engine.head.save(folder)
        return scores


def evaluate(
    verifier: Verifier, pairs: Sequence[Pair], on_progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Accuracy, precision, recall and F1 (macro and weighted, percentages), and the confusion matrix, on pairs."""
    began = time.perf_counter()
    rows: npt.NDArray[np.float64] = np.array(
        verifier.probabilities([(pair.premise, pair.hypothesis) for pair in pairs], on_progress=on_progress)
    )
    gold = [LABELS.index(pair.label) for pair in pairs]
    return {
        **classification_figures(gold, rows.argmax(axis=1).tolist(), len(LABELS)),
        "labels": [str(label) for label in LABELS],
        "total": len(pairs),
        "seconds": round(time.perf_counter() - began, 1),
    }
