"""Entailment: training a verifier's adapter and measuring it."""

import json
import logging
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.conversation import Label
from assistant.encoding import PairEncoder
from assistant.models.loading import LABELS_FILE
from assistant.models.memory import keep_freed_memory
from finetune.data.files import find_data
from finetune.data.pairs import Pair, pairs_from_questions, read_pairs, with_other_evidence
from finetune.data.squad import read_squad
from finetune.metrics import classification_report, confusion_matrix
from finetune.recipe import NLIRecipe
from finetune.training import PairCollator, run_trainer, save_adapter, training_arguments, with_adapter

if TYPE_CHECKING:
    from assistant.verification.verifier import Verifier

log = logging.getLogger(__name__)

LABELS = list(Label)


def load_pairs(recipe: NLIRecipe) -> list[Pair]:
    """The recipe's training pairs, shuffled: those of its files and those made from questions."""
    seed = recipe.training.seed
    generator = random.Random(seed)
    pairs: list[Pair] = []
    for name in recipe.data.train:
        read = read_pairs(find_data(name))
        if not any(pair.label is Label.NEUTRAL for pair in read):
            read += with_other_evidence(read, len(read) // 2, seed)
        limit = recipe.data.limits.get(name)
        pairs += generator.sample(read, limit) if limit and limit < len(read) else read
    if recipe.data.qa and recipe.data.qa_pairs:
        pairs += pairs_from_questions(read_squad(find_data(recipe.data.qa)), recipe.data.qa_pairs, seed)
    generator.shuffle(pairs)
    return pairs[: recipe.data.limit]


def training_items(pairs: Sequence[Pair], encoder: PairEncoder, max_length: int) -> list[dict[str, Any]]:
    """Encoded pairs with their label; pairs longer than `max_length` tokens are left out, never cut."""
    premises = encoder.tokenize([pair.premise for pair in pairs])
    hypotheses = encoder.tokenize([pair.hypothesis for pair in pairs])
    items = []
    for pair, premise, hypothesis in zip(pairs, premises, hypotheses, strict=True):
        encoded = encoder.encode(premise.ids, hypothesis.ids)
        if len(encoded) <= max_length:
            items.append(
                {
                    "input_ids": encoded.input_ids,
                    "token_type_ids": encoded.token_type_ids,
                    "labels": LABELS.index(pair.label),
                }
            )
    return items


def train(recipe: NLIRecipe, base: Path, output: Path) -> dict[str, float]:
    """Train the recipe's adapter on a base model, save it below the output folder and return the figures."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments, set_seed

    keep_freed_memory()
    set_seed(recipe.training.seed)
    pairs = load_pairs(recipe)
    encoder = PairEncoder(AutoTokenizer.from_pretrained(base))
    items = training_items(pairs, encoder, recipe.data.max_length)
    log.info("%d pairs, %d left out as too long", len(items), len(pairs) - len(items))
    model = AutoModelForSequenceClassification.from_pretrained(
        base,
        num_labels=len(LABELS),
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
        attn_implementation="eager",
        attention_probs_dropout_prob=0.0,
        hidden_dropout_prob=0.0,
        dtype="float32",
    )
    peft_model = with_adapter(model, recipe.lora, "SEQ_CLS")
    arguments = TrainingArguments(**training_arguments(recipe.training, output))
    trainer = Trainer(model=peft_model, args=arguments, train_dataset=items, data_collator=PairCollator(encoder))
    figures = run_trainer(trainer, arguments, output)
    adapter = save_adapter(peft_model, recipe, output)
    (adapter / LABELS_FILE).write_text(json.dumps([str(label) for label in LABELS]) + "\n", "utf-8")
    return figures


def evaluate(
    verifier: "Verifier", pairs: Sequence[Pair], on_progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Accuracy, macro and weighted F1 (percentages) and the confusion matrix of a verifier on labelled pairs."""
    began = time.perf_counter()
    probabilities = verifier.probabilities([(pair.premise, pair.hypothesis) for pair in pairs], on_progress=on_progress)
    predicted = [int(np.argmax(row)) for row in probabilities]
    matrix = confusion_matrix([LABELS.index(pair.label) for pair in pairs], predicted, len(LABELS))
    return {
        **classification_report(matrix),
        "confusion_matrix": matrix.tolist(),
        "labels": [str(label) for label in LABELS],
        "total": len(pairs),
        "seconds": round(time.perf_counter() - began, 1),
    }
