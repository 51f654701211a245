"""Extractive question answering: training a reader's adapter."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assistant.encoders.memory import keep_freed_memory
from assistant.encoders.pairs import PairEncoder
from assistant.errors import UsageError
from assistant.reading.reader import Reader
from assistant.reading.windows import answer_tokens, label_window, plan_windows
from finetune.data.files import evenly
from finetune.data.glossing import gloss_some, read_dictionary
from finetune.data.squad import QAExample, read_questions, split_by_article
from finetune.data.survey import survey, write_survey
from finetune.data.tabular import make_tabular
from finetune.data.unanswerable import is_made, make_unanswerable
from finetune.recipe import Glossed, QARecipe
from finetune.tasks.qa.calibration import MIX, calibrate, calibration_questions, hardest
from finetune.tasks.qa.evaluation import held_out_scores, read_all
from finetune.trainer.accelerate_loop import run_loop
from finetune.trainer.peft_methods import as_kept, for_measuring, load_encoder, with_method
from finetune.trainer.processes import is_main_process, whole_model
from finetune.trainer.saving import save_trained
from finetune.trainer.trainer import PairCollator, measuring_trainer, run_trainer, training_arguments

log = logging.getLogger(__name__)


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


def load_examples(recipe: QARecipe) -> tuple[list[QAExample], list[QAExample], Counter[str]]:
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
            read_questions(name, recipe.data.columns), recipe.data.yardstick.get(name, 0.0)
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
    if all(example.answers for example in held_out):
        counts = {kind: round(share * len(held_out)) for kind, share in MIX.items()}
        held_out += make_unanswerable(held_out, counts, seed)
    return train, held_out, +left_out


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


def train(recipe: QARecipe, base: Path, output: Path, callbacks: Sequence[Any] = ()) -> dict[str, float]:
    """Train what the recipe says of a base model, calibrate it, and save it below the output folder.

    Returns:
        Figures of the training and of the held-out questions.
    """
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer, TrainingArguments, set_seed

    keep_freed_memory()
    set_seed(recipe.training.seed)
    examples, held_out, left_out = load_examples(recipe)

    def load() -> Any:
        return load_encoder(AutoModelForQuestionAnswering, base, recipe)

    model = load()
    tokenizer = AutoTokenizer.from_pretrained(base)
    encoder = PairEncoder.for_reading(tokenizer, model)
    items = training_items(examples, encoder, recipe.max_length, recipe.stride)
    log.info(
        "%d questions, %d windows; %d held out; left out: %s", len(examples), len(items), len(held_out), dict(left_out)
    )
    if is_main_process():
        test = read_questions(recipe.data.test, recipe.data.columns) if recipe.data.test else []
        write_survey(
            output,
            survey(
                *([f"{example.question} {example.context}" for example in part] for part in (examples, held_out, test)),
                lengths=[len(item["input_ids"]) for item in items],
                labels=["answered" if example.answers else "no answer" for example in examples],
                left_out=left_out,
            ),
        )
    tuned = with_method(model, recipe, "QUESTION_ANS")
    reader = Reader(tuned, encoder, name=recipe.name, max_length=recipe.max_length, stride=recipe.stride)
    choices = held_out
    if recipe.data.choose_on == "test" and recipe.data.test is not None:
        choices = read_questions(recipe.data.test, recipe.data.columns)
    rows = evenly(choices, recipe.training.eval_rows) if choices and recipe.training.eval_rows else None
    arguments = TrainingArguments(**training_arguments(recipe.training, output, best_by="f1_all" if rows else None))

    def measure(network: Any, rows: list[QAExample]) -> dict[str, float]:
        reader.model = network
        return held_out_scores(rows, read_all(reader, rows))

    if recipe.loop == "accelerate":
        figures = run_loop(
            tuned, items, PairCollator(encoder), arguments, rows, measure, recipe.training.early_stopping, callbacks
        )
    else:
        trainer = measuring_trainer(measure)(
            model=tuned,
            args=arguments,
            train_dataset=items,
            eval_dataset=rows,
            data_collator=PairCollator(encoder),
        )
        figures = run_trainer(trainer, arguments, output, recipe.training.early_stopping, callbacks)
        tuned = whole_model(trainer, tuned, lambda: with_method(load(), recipe, "QUESTION_ANS"))
    if not is_main_process():
        return figures
    tuned = as_kept(tuned, recipe, load, "QUESTION_ANS")
    folder = save_trained(tuned, recipe, output, tokenizer)
    reader.model = for_measuring(tuned, recipe)
    if held_out:
        asked = _to_calibrate_on(held_out, recipe.training.seed)
        calibrate(*hardest(asked, read_all(reader, asked))).save(folder)
        scores = held_out_scores(held_out, read_all(reader, held_out))
        figures |= {f"held_out_{name}": value for name, value in scores.items()}
    return figures


def _to_calibrate_on(held_out: Sequence[QAExample], seed: int) -> list[QAExample]:
    """The held-out questions as people wrote them, or with the hardest made ones where all of them have an answer."""
    written = [example for example in held_out if not is_made(example)]
    answerable = [example for example in written if example.answers]
    return calibration_questions(answerable, seed) if len(answerable) == len(written) else written
