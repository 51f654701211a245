"""Extractive question answering: training a reader's adapter."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assistant.encoders.pairs import PairEncoder
from assistant.errors import UsageError
from assistant.loading.reader import load_reader
from assistant.models.store import ModelStore
from assistant.reading.calibration import Calibration
from assistant.reading.reader import Reader
from assistant.reading.windows import answer_tokens, label_window, plan_windows
from assistant.settings import Settings
from finetune.data.files import evenly
from finetune.data.glossing import gloss_some, read_dictionary
from finetune.data.squad import QAExample, read_questions, split_by_article
from finetune.data.survey import survey
from finetune.data.tabular import make_tabular
from finetune.data.unanswerable import is_made, make_unanswerable
from finetune.recipe import QARecipe
from finetune.recipe_data import Glossed
from finetune.tasks.examples import Examples
from finetune.tasks.qa.calibration import (
    CALIBRATED_ON,
    IN_ARTICLES,
    MIX,
    article_questions,
    calibrate,
    calibration_questions,
    hardest,
)  # fmt: skip
from finetune.tasks.qa.evaluation import held_out_scores, read_all
from finetune.tasks.qa.hard_questions import make_hard_questions
from finetune.tasks.training import EncoderTraining
from finetune.trainer.peft_methods import positions

log = logging.getLogger(__name__)

MOST_MEASURED = 2000
"""Held-out questions that a finished reader is measured on, at most."""


def training_items(
    examples: Sequence[QAExample], encoder: PairEncoder, max_length: int, stride: int
) -> list[dict[str, Any]]:
    """Windows with their labels; a window without the answer is labelled with the null position."""
    contexts = list(dict.fromkeys(example.context for example in examples))
    texts = dict(zip(contexts, encoder.tokenize(contexts), strict=True))
    questions = encoder.tokenize([example.question.strip() for example in examples])
    items = []
    for example, question in zip(examples, questions, strict=True):
        text = texts[example.context]
        answer = None
        if example.start is not None and example.end is not None:
            answer = answer_tokens(text, example.start, example.end)
        for window in plan_windows(len(text), max_length - encoder.overhead - len(question), stride):
            pair = encoder.encode(question.ids, text.ids[slice(*window)])
            label = label_window(window, answer)
            start, end = (pair.second + label[0], pair.second + label[1]) if label else (pair.null, pair.null)
            items.append(
                {
                    "input_ids": pair.input_ids,
                    "token_type_ids": pair.token_type_ids,
                    "start_positions": start,
                    "end_positions": end,
                }
            )
    return items


def load_examples(recipe: QARecipe) -> Examples[QAExample]:
    """The recipe's training and held-out questions, unanswerable ones in both, and how many were left out for what.

    Raises:
        UsageError: there is no question to train on.
    """
    train: list[QAExample] = []
    held_out: list[QAExample] = []
    left_out: Counter[str] = Counter()
    titles: dict[str, set[str]] = {}
    for name in recipe.data.train:
        examples, measured = split_by_article(
            read_questions(name, recipe.data.columns, left_out), recipe.data.yardstick.get(name, 0.0)
        )
        left_out["of articles that are only measured on"] += len(measured)
        left_out["an answer that its paragraph does not hold"] += sum(map(_is_faulty, examples))
        kept, out = split_by_article(examples, recipe.data.held_out if recipe.data.choose_on == "held_out" else 0.0)
        titles[name] = {example.title for example in kept}
        train += [example for example in kept if not _is_faulty(example)]
        held_out += [example for example in out if not _is_faulty(example)]
    seed = recipe.training.seed
    if recipe.data.limit:
        chosen = np.random.default_rng(seed).permutation(len(train))[: recipe.data.limit]
        train = [train[index] for index in sorted(chosen)]
        held_out = held_out[: recipe.data.limit]
    shares = recipe.data.unanswerable
    if not train:
        raise UsageError(
            f"{recipe.name}: the data holds no question to train on; left out: {dict(+left_out) or 'none'}."
        )
    train += make_unanswerable(train, {kind: round(share * len(train)) for kind, share in shares.items()}, seed)
    if recipe.data.glossed is not None:
        train = _glossed(train, titles, recipe.data.glossed, seed)
    train += make_tabular(recipe.data.tabular, seed)
    if recipe.data.hard is not None:
        train += make_hard_questions(train, recipe.data.hard, seed)
    if all(example.answers for example in held_out):
        counts = {kind: round(share * len(held_out)) for kind, share in MIX.items()}
        held_out += make_unanswerable(held_out, counts, seed)
    return Examples(train, held_out, +left_out)


def _glossed(train: list[QAExample], titles: Mapping[str, set[str]], glossed: Glossed, seed: int) -> list[QAExample]:
    """The training questions, of which those of some files are told again in another language.

    Raises:
        UsageError: the dictionary cannot be learned.
    """
    shares = {title: share for name, share in glossed.files.items() for title in titles.get(name, ())}
    if not shares:
        return train
    dictionary = read_dictionary(glossed.sentences, glossed.translation)
    told = gloss_some(train, [shares.get(example.title, 0.0) for example in train], dictionary, seed)
    changed = sum(old is not new for old, new in zip(train, told, strict=True))
    log.info("%d questions told again with a dictionary of %d words", changed, len(dictionary.translations))
    return told


def _is_faulty(example: QAExample) -> bool:
    """Whether an answer is given that its paragraph does not hold; none at all is how SQuAD v2.0 says "no answer"."""
    return bool(example.answers) and example.start is None


class ReaderTraining(EncoderTraining[QARecipe, QAExample]):
    """The training of a reader, calibrated on the held-out questions."""

    peft_type = "QUESTION_ANS"
    best_by = "f1_all"

    def load_base(self) -> Any:
        """The base with a fresh head for spans."""
        from transformers import AutoModelForQuestionAnswering

        return self.load_head(AutoModelForQuestionAnswering)

    def encode(self, model: Any) -> list[dict[str, Any]]:
        """The windows of the training questions."""
        limit = positions(model)
        if limit is not None and self.recipe.max_length > limit:
            raise UsageError(
                f"max_length: windows of {self.recipe.max_length} tokens are longer than the {limit} that "
                f"{self.recipe.base} takes; --set max_length={limit} makes them fit."
            )
        self.encoder = PairEncoder.for_reading(self.tokenizer, model)
        return self.items_of(self.data.train)

    def items_of(self, rows: Sequence[QAExample]) -> list[dict[str, Any]]:
        """The windows of questions."""
        return training_items(rows, self.encoder, self.recipe.max_length, self.recipe.stride)

    def survey(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Questions with their paragraphs, lengths of the windows, and how many have an answer."""
        test = self.read_test() if self.recipe.data.test else []
        parts = (self.data.train, self.data.held_out, test)
        return survey(
            *([f"{example.question} {example.context}" for example in part] for part in parts),
            lengths=[len(item["input_ids"]) for item in items],
            labels=["answered" if example.answers else "no answer" for example in self.data.train],
            left_out=self.data.left_out,
        )

    def fit(self, tuned: Any, items: list[dict[str, Any]], callbacks: Sequence[Any]) -> tuple[Any, dict[str, float]]:
        """Train, with a reader that measures on the way."""
        recipe = self.recipe
        self.engine = Reader(tuned, self.encoder, name=recipe.name, max_length=recipe.max_length, stride=recipe.stride)
        return super().fit(tuned, items, callbacks)

    def by_own_loop(self) -> bool:
        """As the recipe says."""
        return self.recipe.loop == "accelerate"

    def read_test(self) -> list[QAExample]:
        """The questions of the recipe's test data."""
        return read_questions(self.recipe.data.test or "", self.recipe.data.columns)

    def score(self, rows: list[QAExample]) -> dict[str, float]:
        """F1 and EM of the reader."""
        return held_out_scores(rows, read_all(self.engine, rows))

    def calibrate(self, folder: Path) -> dict[str, float]:
        """Fit the reader's calibration, where questions are held out."""
        if not self.data.held_out:
            return {}
        if self.recipe.first_reader is not None:
            store = ModelStore()
            self.engine.first = load_reader(store.resolve(store.catalogue.profile(self.recipe.first_reader).reader))
        limit = self.recipe.data.limit
        fit_calibration(self.engine, self.data.held_out, self.recipe.training.seed, limit).save(folder)
        self.engine.first = None
        return self.score(evenly(self.data.held_out, MOST_MEASURED))


def fit_calibration(reader: Reader, held_out: Sequence[QAExample], seed: int, limit: int | None = None) -> Calibration:
    """What a reader's scores mean, on questions held out of its training; of a small run on a few of them.

    Those that people wrote without an answer count as they are; where all have one, the hardest made ones stand
    beside them, and some are read in their whole article, as the product reads a long text.
    """
    written = [example for example in held_out if not is_made(example)]
    answerable = [example for example in written if example.answers]
    if len(answerable) < len(written):
        return calibrate(written, read_all(reader, written))
    limit = CALIBRATED_ON if limit is None else min(CALIBRATED_ON, limit)
    chosen = evenly(answerable, limit)
    asked = calibration_questions(chosen, seed)
    examples, readings = hardest(asked, read_all(reader, asked))
    in_articles = article_questions(answerable, min(IN_ARTICLES, limit // 5), seed)
    examples += in_articles
    readings += read_all(reader, in_articles, windows=Settings().windows)
    return calibrate(examples, readings)
