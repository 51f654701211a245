"""Extractive question answering: training a reader's adapter."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assistant.encoding import PairEncoder
from assistant.models.memory import keep_freed_memory
from assistant.models.precision import best_precision
from assistant.reading.reader import Reader
from assistant.reading.windows import answer_tokens, label_window, plan_windows
from finetune.data.files import evenly, find_data
from finetune.data.squad import QAExample, read_squad, split_by_article
from finetune.data.unanswerable import make_unanswerable
from finetune.qa_evaluation import calibrate, held_out_scores, read_all
from finetune.recipe import QARecipe
from finetune.training import (
    PairCollator,
    device,
    measuring_trainer,
    run_trainer,
    save_adapter,
    training_arguments,
    with_adapter,
)

log = logging.getLogger(__name__)

CALIBRATION_MIX = {"altered": 0.65, "removed": 0.2, "moved": 0.15}
"""Half of what is calibrated on has no answer, mixed as people make such questions: in a sample of SQuAD v2.0 about two
thirds negate, swap a name or number, or turn a word into its opposite (Rajpurkar et al., 2018, table 1)."""


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


def load_examples(recipe: QARecipe) -> tuple[list[QAExample], list[QAExample]]:
    """The recipe's training and held-out questions, unanswerable ones included in both."""
    train: list[QAExample] = []
    held_out: list[QAExample] = []
    for name in recipe.data.train:
        examples, _ = split_by_article(read_squad(find_data(name)), recipe.data.yardstick.get(name, 0.0))
        kept, out = split_by_article(examples, recipe.data.held_out)
        train += [example for example in kept if example.start is not None]
        held_out += [example for example in out if example.start is not None]
    seed = recipe.training.seed
    if recipe.data.limit:
        chosen = np.random.default_rng(seed).permutation(len(train))[: recipe.data.limit]
        train = [train[index] for index in sorted(chosen)]
        held_out = held_out[: recipe.data.limit]
    shares = recipe.data.unanswerable
    train += make_unanswerable(train, {kind: round(share * len(train)) for kind, share in shares.items()}, seed)
    counts = {kind: round(share * len(held_out)) for kind, share in CALIBRATION_MIX.items()}
    held_out += make_unanswerable(held_out, counts, seed)
    return train, held_out


def train(recipe: QARecipe, base: Path, output: Path) -> dict[str, float]:
    """Train the recipe's adapter on a base model, calibrate it, and save it below the output folder.

    Returns:
        Figures of the training and of the held-out questions.
    """
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer, TrainingArguments, set_seed

    keep_freed_memory()
    set_seed(recipe.training.seed)
    examples, held_out = load_examples(recipe)
    # Eager attention is faster backward than sdpa on a CPU, and dropout inside attention costs more than it gives here.
    model = AutoModelForQuestionAnswering.from_pretrained(
        base, attn_implementation="eager", attention_probs_dropout_prob=0.0, hidden_dropout_prob=0.0, dtype="float32"
    )
    encoder = PairEncoder.for_reading(AutoTokenizer.from_pretrained(base), model)
    items = training_items(examples, encoder, recipe.max_length, recipe.stride)
    log.info("%d questions, %d windows; %d held out", len(examples), len(items), len(held_out))
    peft_model = with_adapter(model, recipe.lora, "QUESTION_ANS")
    reader = Reader(peft_model, encoder, name=recipe.name, max_length=recipe.max_length, stride=recipe.stride)
    rows = evenly(held_out, recipe.training.eval_rows) if held_out and recipe.training.eval_rows else None
    arguments = TrainingArguments(**training_arguments(recipe.training, output, best_by="f1_all" if rows else None))
    trainer = measuring_trainer(lambda rows: held_out_scores(rows, read_all(reader, rows)))(
        model=peft_model,
        args=arguments,
        train_dataset=items,
        eval_dataset=rows,
        data_collator=PairCollator(encoder),
    )
    figures = run_trainer(trainer, arguments, output)
    if not trainer.is_world_process_zero():
        return figures
    adapter = save_adapter(peft_model, recipe, output)
    reader.model = peft_model.merge_and_unload().eval().to(device(), best_precision(device()).dtype)
    if held_out:
        readings = read_all(reader, held_out)
        calibrate(held_out, readings).save(adapter)
        figures |= {f"held_out_{name}": value for name, value in held_out_scores(held_out, readings).items()}
    return figures
