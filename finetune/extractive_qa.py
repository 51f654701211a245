"""Extractive question answering: training an adapter, calibrating it and measuring a reader."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assistant.conversation import Document
from assistant.encoding import PairEncoder
from assistant.models.memory import keep_freed_memory
from assistant.models.precision import best_precision
from assistant.reading.calibration import Calibration, Logistic
from assistant.reading.reader import Question, Reader, Reading
from assistant.reading.windows import answer_tokens, label_window, plan_windows
from finetune.data.files import find_data
from finetune.data.squad import QAExample, make_unanswerable, read_squad, split_by_article
from finetune.metrics import exact_match, token_f1
from finetune.recipe import QARecipe
from finetune.training import PairCollator, device, lora_config, run_trainer, save_adapter, training_arguments

log = logging.getLogger(__name__)

QUESTIONS_AT_ONCE = 512


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
            pair = encoder.encode(question.ids, text.ids[window.first : window.last])
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
        kept, out = split_by_article(read_squad(find_data(name)), recipe.data.held_out)
        train += [example for example in kept if example.start is not None]
        held_out += [example for example in out if example.start is not None]
    if recipe.data.limit:
        chosen = np.random.default_rng(recipe.training.seed).permutation(len(train))[: recipe.data.limit]
        train = [train[index] for index in sorted(chosen)]
        held_out = held_out[: recipe.data.limit]
    moved = make_unanswerable(train, round(recipe.data.unanswerable * len(train)), recipe.training.seed)
    # Calibration sees as many questions without an answer as with one: that is how documents are asked.
    return train + moved, held_out + make_unanswerable(held_out, len(held_out), recipe.training.seed)


def train(recipe: QARecipe, base: Path, output: Path) -> dict[str, float]:
    """Train the recipe's adapter on a base model, calibrate it, and save it below the output folder.

    Returns:
        Figures of the training and of the held-out questions.
    """
    from peft import get_peft_model
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer, Trainer, TrainingArguments, set_seed

    keep_freed_memory()
    set_seed(recipe.training.seed)
    examples, held_out = load_examples(recipe)
    encoder = PairEncoder(AutoTokenizer.from_pretrained(base))
    items = training_items(examples, encoder, recipe.max_length, recipe.stride)
    log.info("%d questions, %d windows; %d held out", len(examples), len(items), len(held_out))
    # Eager attention is faster backward than sdpa on a CPU, and dropout inside attention costs more than it gives here.
    model = AutoModelForQuestionAnswering.from_pretrained(
        base, attn_implementation="eager", attention_probs_dropout_prob=0.0, hidden_dropout_prob=0.0, dtype="float32"
    )
    peft_model = get_peft_model(model, lora_config(recipe.lora, "QUESTION_ANS"))
    arguments = TrainingArguments(**training_arguments(recipe.training, output))
    trainer = Trainer(model=peft_model, args=arguments, train_dataset=items, data_collator=PairCollator(encoder))
    figures = run_trainer(trainer, arguments, output)
    adapter = save_adapter(peft_model, recipe, output)
    reader = Reader(
        peft_model.merge_and_unload().eval().to(device(), best_precision(device()).dtype),
        encoder,
        name=recipe.name,
        max_length=recipe.max_length,
        stride=recipe.stride,
    )
    if held_out:
        readings = read_all(reader, held_out)
        calibrate(held_out, readings).save(adapter)
        figures |= {f"held_out_{name}": value for name, value in scores(held_out, readings, null_may_win=False).items()}
    return figures


def read_all(
    reader: Reader, examples: Sequence[QAExample], on_progress: Callable[[int, int], None] | None = None
) -> list[Reading]:
    """The reader's readings of all examples, in order."""
    readings: list[Reading] = []
    for at in range(0, len(examples), QUESTIONS_AT_ONCE):
        chunk = examples[at : at + QUESTIONS_AT_ONCE]
        readings += reader.read(
            [Question(example.question, Document(example.title or example.id, example.context)) for example in chunk]
        )
        if on_progress is not None:
            on_progress(len(readings), len(examples))
    return readings


def prediction(example: QAExample, reading: Reading, *, null_may_win: bool) -> str:
    """The answer's text; "" for "no answer"."""
    if reading.best is None or (null_may_win and not reading.answered):
        return ""
    return example.context[reading.best.start : reading.best.end]


def scores(examples: Sequence[QAExample], readings: Sequence[Reading], *, null_may_win: bool) -> dict[str, float]:
    """Exact match and F1 as percentages."""
    answers = [
        prediction(example, reading, null_may_win=null_may_win)
        for example, reading in zip(examples, readings, strict=True)
    ]
    golds = [example.answers for example in examples]
    return {
        "exact_match": 100 * float(np.mean([exact_match(a, g) for a, g in zip(answers, golds, strict=True)])),
        "f1": 100 * float(np.mean([token_f1(a, g) for a, g in zip(answers, golds, strict=True)])),
    }


def evaluate(
    reader: Reader, examples: Sequence[QAExample], on_progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """EM and F1 of a reader; where the data has unanswerable questions, also for the parts with and without answer.

    Where every question has an answer, null may not win.
    """
    began = time.perf_counter()
    readings = read_all(reader, examples, on_progress)
    seconds = time.perf_counter() - began
    parts = {
        "has_answer": [index for index, example in enumerate(examples) if example.answers],
        "no_answer": [index for index, example in enumerate(examples) if not example.answers],
    }
    both = all(parts.values())
    report: dict[str, Any] = scores(examples, readings, null_may_win=both)
    if both:
        for name, indices in parts.items():
            part = scores([examples[i] for i in indices], [readings[i] for i in indices], null_may_win=True)
            report[name] = {**part, "total": len(indices)}
    return {**report, "total": len(examples), "seconds": round(seconds, 1)}


def calibrate(examples: Sequence[QAExample], readings: Sequence[Reading]) -> Calibration:
    """Fit what the scores mean (Platt scaling) and choose the threshold that gives the best mean F1."""
    margin = np.array([reading.best.score if reading.best else -20.0 for reading in readings])
    f1 = np.array(
        [
            token_f1(prediction(example, reading, null_may_win=False), example.answers)
            for example, reading in zip(examples, readings, strict=True)
        ]
    )
    absent = np.array([not example.answers for example in examples])
    order = np.argsort(margin)
    # With the threshold above the first k margins, those k are answered by null: gain[k] is what that is worth.
    gain = np.concatenate([[0.0], np.cumsum(np.where(absent, 1.0, -f1)[order])])
    between = np.concatenate([margin[order][:1] - 1, margin[order], margin[order][-1:] + 1])
    best = int(np.argmax(gain))
    return Calibration(
        right=_platt(margin, (f1 >= 0.5) & ~absent),
        absent=_platt(margin, absent),
        threshold=round(float((between[best] + between[best + 1]) / 2), 4),
    )


def _platt(score: "np.ndarray[Any, Any]", target: "np.ndarray[Any, Any]") -> Logistic:
    """A logistic fit by Newton's method on the log-loss, with Platt's smoothed targets."""
    positives, negatives = float(target.sum()), float((~target).sum())
    smooth = np.where(target, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    features = np.stack([score, np.ones_like(score)], axis=1)
    weights = np.zeros(2)
    for _ in range(50):
        probability = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        gradient = features.T @ (probability - smooth)
        curvature = (features * (probability * (1 - probability))[:, None]).T @ features + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return Logistic(round(float(weights[0]), 5), round(float(weights[1]), 5))
