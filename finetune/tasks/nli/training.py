"""Entailment: training a verifier's adapter, fitting what its scores are worth, and measuring it on pairs."""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assistant.encoders.memory import keep_freed_memory
from assistant.encoders.pairs import PairEncoder
from assistant.errors import UsageError
from assistant.loading.reader import load_reader
from assistant.metrics import classification_report, confusion_matrix
from assistant.models.store import ModelStore
from assistant.types import Label
from assistant.verification.head import Head
from assistant.verification.verifier import Verifier
from finetune.data.answer_pairs import make_answer_pairs, wrong_readings
from finetune.data.files import evenly, find_data
from finetune.data.labelled_pairs import read_labelled_pairs, split_by_label
from finetune.data.pairs import Pair, read_pairs, split_by_premise, with_other_evidence
from finetune.data.squad import QAExample, read_squad, split_by_article
from finetune.data.survey import survey, write_survey
from finetune.recipe import NLIData, NLIRecipe
from finetune.trainer.peft_methods import as_kept, for_measuring, load_encoder, with_method
from finetune.trainer.processes import is_main_process, whole_model
from finetune.trainer.saving import save_trained
from finetune.trainer.trainer import PairCollator, measuring_trainer, run_trainer, training_arguments

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

LABELS = list(Label)


def load_pairs(recipe: NLIRecipe) -> tuple[list[Pair], list[Pair], Counter[str]]:
    """The recipe's training and held-out pairs, shuffled, and how many rows of its files were left out for what.

    The pairs are those of the files and those made from questions. No premise is in both; of the questions the last
    articles are held out, as for a reader.
    """
    data, seed = recipe.data, recipe.training.seed
    if data.form == "table":
        return _load_table(recipe)
    generator = random.Random(seed)
    kept: list[Pair] = []
    held_out: list[Pair] = []
    left_out: Counter[str] = Counter()
    for name in data.train:
        read = read_pairs(find_data(name))
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
    generator.shuffle(kept)
    generator.shuffle(held_out)
    return kept[: data.limit], held_out[: data.limit], +left_out


def _load_table(recipe: NLIRecipe) -> tuple[list[Pair], list[Pair], Counter[str]]:
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
    return kept, out, left_out


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


def train(recipe: NLIRecipe, base: Path, output: Path, callbacks: Sequence[Any] = ()) -> dict[str, float]:
    """Train the recipe's adapter on a base model, fit its head on the held-out pairs, and save it in the output folder.

    Returns:
        Figures of the training and of the held-out pairs.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainingArguments, set_seed

    keep_freed_memory()
    set_seed(recipe.training.seed)
    pairs, held_out, left_out = load_pairs(recipe)
    names = [str(label) for label in LABELS]
    labels = {"id2label": dict(enumerate(names)), "label2id": {name: index for index, name in enumerate(names)}}

    def load() -> Any:
        return load_encoder(AutoModelForSequenceClassification, base, recipe, num_labels=len(LABELS), **labels)

    model = load()
    tokenizer = AutoTokenizer.from_pretrained(base)
    encoder = PairEncoder(tokenizer, model)
    items = training_items(pairs, encoder, recipe.data.max_length, hypothesis_first=recipe.data.hypothesis_first)
    left_out[f"more than {recipe.data.max_length} tokens"] += len(pairs) - len(items)
    if not items:
        raise UsageError(f"{recipe.name}: the data holds no pair to train on; left out: {dict(+left_out) or 'none'}.")
    log.info("%d pairs; %d held out; left out: %s", len(items), len(held_out), dict(+left_out) or "none")
    if is_main_process():
        test = read_labelled_pairs(recipe.data.test, recipe.data.columns)[0] if recipe.data.test else []
        write_survey(
            output,
            survey(
                *([f"{pair.premise} {pair.hypothesis}" for pair in part] for part in (pairs, held_out, test)),
                lengths=[len(item["input_ids"]) for item in items],
                labels=[str(pair.label) for pair in pairs],
                left_out=+left_out,
            ),
        )
    tuned = with_method(model, recipe, "SEQ_CLS")
    head = Head(hypothesis_first=recipe.data.hypothesis_first)
    verifier = Verifier(tuned, encoder, name=recipe.name, head=head, max_length=recipe.data.max_length)
    choices = held_out
    if recipe.data.choose_on == "test" and recipe.data.test is not None:
        choices, _ = read_labelled_pairs(recipe.data.test, recipe.data.columns)
    rows = evenly(choices, recipe.training.eval_rows) if choices and recipe.training.eval_rows else None
    arguments = TrainingArguments(**training_arguments(recipe.training, output, best_by="f1_macro" if rows else None))

    def measure(network: Any, rows: list[Pair]) -> dict[str, float]:
        verifier.model = network
        return _held_out_scores(verifier, rows)

    trainer = measuring_trainer(measure)(
        model=tuned,
        args=arguments,
        train_dataset=items,
        eval_dataset=rows,
        data_collator=PairCollator(encoder),
    )
    figures = run_trainer(trainer, arguments, output, recipe.training.early_stopping, callbacks)
    tuned = whole_model(trainer, tuned, lambda: with_method(load(), recipe, "SEQ_CLS"))
    if not is_main_process():
        return figures
    tuned = as_kept(tuned, recipe, load, "SEQ_CLS")
    folder = save_trained(tuned, recipe, output, tokenizer)
    verifier.model = for_measuring(tuned, recipe)
    if held_out:
        verifier.head = head = fit_head(verifier, held_out)
        scores = _held_out_scores(verifier, held_out)
        figures |= {f"held_out_{name}": value for name, value in scores.items()}
    head.save(folder)
    return figures


def fit_head(verifier: Verifier, pairs: Sequence[Pair]) -> Head:
    """The verifier's head with the temperature and biases that fit pairs best, each label weighing the same."""
    import torch

    given = np.array(verifier.probabilities([(pair.premise, pair.hypothesis) for pair in pairs]))
    # What the head does to logits it does to log-probabilities: they differ by the same number in a row.
    logits = torch.from_numpy(np.log(given.clip(1e-9)))
    labels = torch.tensor([LABELS.index(pair.label) for pair in pairs])
    weights = 1 / torch.bincount(labels, minlength=len(LABELS)).clamp(min=1).double()
    sharpness, biases = torch.zeros(1, dtype=torch.float64), torch.zeros(len(LABELS), dtype=torch.float64)
    parameters = [sharpness.requires_grad_(), biases.requires_grad_()]
    optimizer = torch.optim.LBFGS(parameters, max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> "torch.Tensor":
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits * sharpness.exp() + biases, labels, weight=weights)
        loss.backward()
        return loss

    optimizer.step(closure)
    before, found = verifier.head, biases.detach() - biases.detach().mean()
    scale = float(sharpness.detach().exp())
    own = torch.tensor(before.biases) * scale
    entailment, neutral, contradiction = (own + found).tolist()
    return Head(
        before.columns, before.hypothesis_first, before.temperature / scale, (entailment, neutral, contradiction)
    )


def _held_out_scores(verifier: Verifier, pairs: Sequence[Pair]) -> dict[str, float]:
    figures = evaluate(verifier, pairs)
    return {"accuracy": figures["accuracy"], "f1_macro": figures["f1_macro"]}


def evaluate(
    verifier: Verifier, pairs: Sequence[Pair], on_progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Accuracy, macro and weighted F1 (percentages) and the confusion matrix of a verifier on labelled pairs."""
    began = time.perf_counter()
    rows: npt.NDArray[np.float64] = np.array(
        verifier.probabilities([(pair.premise, pair.hypothesis) for pair in pairs], on_progress=on_progress)
    )
    matrix = confusion_matrix([LABELS.index(pair.label) for pair in pairs], rows.argmax(axis=1).tolist(), len(LABELS))
    return {
        **classification_report(matrix),
        "confusion_matrix": matrix.tolist(),
        "labels": [str(label) for label in LABELS],
        "total": len(pairs),
        "seconds": round(time.perf_counter() - began, 1),
    }
