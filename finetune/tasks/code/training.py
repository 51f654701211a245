"""The code assistant: training it, by whichever method the recipe names, and measuring it."""

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assistant.cli.console import StatusLine
from assistant.encoders.pairs import length_bucketed
from assistant.errors import UsageError
from assistant.events import Progress
from assistant.generation.prompts import SYSTEM_PROMPT, render
from assistant.types import Message, Role
from finetune.data.chat_templates import chat_template
from finetune.data.code import CodeExample, question_hash, read_code, repeated, split_by_question, unique, unseen
from finetune.data.files import OWN_DATA, evenly, find_data
from finetune.data.grounded import grounded_examples, with_passages
from finetune.data.question_answer import read_question_answers, split_at_random
from finetune.data.squad import is_squad, read_squad
from finetune.data.survey import histogram, survey
from finetune.data.tables import is_hub
from finetune.recipe import CodeRecipe
from finetune.recipe_data import CodeData
from finetune.tasks.code.own_answers import FILE, answer_and_keep, own_answers
from finetune.tasks.examples import Examples
from finetune.tasks.training import GeneratorTraining
from finetune.trainer.arguments import checkpoints_activations, loss_arguments, training_arguments
from finetune.trainer.precision import device

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

TOKENS_AT_ONCE = 4096
_GROUNDED, _SEED = 200, 42
_OWN_ANSWERS = "own answers"


def prepare_examples(recipe: CodeRecipe, folder: Path | None = None) -> Examples[CodeExample]:
    """Read, shape, split and choose the recipe's examples.

    A table of questions and answers is taken as it is and split at random, as the published work did. Of other files
    each gives at most what `at_most` says, and all together `limit`; which ones is decided by the hash of the
    question, so that another file or another limit changes nothing for the rest. Of a question that the base has
    answered rightly itself (`self_answers`) its answer is taken, not the file's.

    Args:
        recipe: says which.
        folder: the run's, which may hold the base's own answers.
    """
    if recipe.data.chat_template is not None:
        chat_template(recipe.data.chat_template)  # one that cannot be used is told before a base is fetched
    read: list[CodeExample] = []
    left_out: Counter[str] = Counter()
    if recipe.data.form == "question-answer":
        for name in recipe.data.train:
            examples, reasons = read_question_answers(name, recipe.data.columns, recipe.data.max_characters)
            read += examples
            left_out += reasons
        kept, out = split_at_random(read, recipe.data.held_out, recipe.training.seed)
        return Examples(kept[: recipe.data.limit], out, left_out)
    if recipe.data.self_answers:
        path = own_answers_file(recipe, folder)
        own = [] if path is None else own_answers(path, recipe.base, recipe.data.self_answers, recipe.data.held_out)
        short = [example for example in own if example.characters <= recipe.data.max_characters]
        left_out[f"longer than {recipe.data.max_characters} characters"] += len(own) - len(short)
        read += [replace(example, source=_OWN_ANSWERS) for example in short]
    for name in recipe.data.train:
        examples, reasons = read_code(name, recipe.data.max_characters)
        read += examples
        left_out += reasons
    different = unique(read)
    left_out["the same question or code before"] += len(read) - len(different)
    train, held_out = split_by_question(different, recipe.data.held_out)
    chosen = [example for example in train if example.source == _OWN_ANSWERS]
    for name in recipe.data.train:
        of_file = sorted((example for example in train if example.source == Path(name).name), key=question_hash)
        chosen += repeated(of_file[: recipe.data.at_most.get(name)], recipe.data.times.get(name, 1))
    for name, count in recipe.data.grounded.items():
        chosen += grounded_examples(read_squad(find_data(name)), count, recipe.training.seed)
    chosen.sort(key=question_hash)
    return Examples(chosen[: recipe.data.limit], held_out, left_out)


def own_answers_file(recipe: CodeRecipe, folder: Path | None) -> Path | None:
    """Where the base's own answers are kept; None where no place is known, as for a plan."""
    if recipe.data.self_answers_file is not None:
        return Path(recipe.data.self_answers_file)
    return None if folder is None else folder / FILE


def collect_own_answers(recipe: CodeRecipe, folder: Path, status: StatusLine) -> None:
    """Have the recipe's base answer questions, where the recipe wants its own right answers among the examples.

    Raises:
        UsageError: the data or the file of answers cannot be used.
        AssistantError: the base cannot be had or run.
    """
    path = own_answers_file(recipe, folder)
    if not recipe.data.self_answers or path is None:
        return
    from assistant.loading.generator import load_generator
    from assistant.models.store import ModelStore

    def tell(done: int, total: int) -> None:
        status(Progress("The base answers questions itself; right answers", done, total))

    enough = own_answers(path, recipe.base, recipe.data.self_answers, recipe.data.held_out)
    if len(enough) < sum(recipe.data.self_answers.values()):
        generator = load_generator(ModelStore().resolve(recipe.base, status), on_progress=status)
        answer_and_keep(generator, recipe.base, recipe.data.self_answers, recipe.data.held_out, path, tell)


def conversation(example: CodeExample, tokenizer: "PreTrainedTokenizerBase") -> list[Message]:
    """The messages that an example's answer answers; only a chat template has a place for the system's."""
    if example.passages:
        return with_passages(example)
    said = [*example.before, Message(Role.USER, example.instruction)]
    if tokenizer.chat_template is None or said[0].role is Role.SYSTEM:
        return said
    return [Message(Role.SYSTEM, SYSTEM_PROMPT), *said]


def training_row(
    example: CodeExample, tokenizer: "PreTrainedTokenizerBase", loss_on: Literal["answer", "all"] = "answer"
) -> dict[str, list[int]]:
    """Token ids of prompt and answer, with a mask that is 1 on what is learned.

    That is the answer with its end-of-sequence token, or with `loss_on="all"` the prompt too. The prompt is rendered
    by the very function that inference uses.
    """
    prompt = render(conversation(example, tokenizer), tokenizer)
    # Without a template the prompt ends at a colon, and the space after it is of the answer's first token.
    said = f" {example.answer}" if tokenizer.chat_template is None else example.answer
    answer = tokenizer(said, add_special_tokens=False)["input_ids"]
    ending = [tokenizer.eos_token_id]
    return {
        "input_ids": [*prompt, *answer, *ending],
        "completion_mask": [int(loss_on == "all")] * len(prompt) + [1] * (len(answer) + len(ending)),
    }


class AssistantTraining(GeneratorTraining[CodeRecipe, CodeExample]):
    """The training of a code assistant with TRL.

    With `training.eval_rows` the loss of so many held-out questions is told on the way, except of 4-bit weights on a
    CPU: there, with AVX512-BF16, an evaluation repacks them, and the training step after it finds no gradient.
    """

    all_lengths: Sequence[int] = ()
    """Of all training texts, those left out included."""

    def encode(self, model: Any) -> list[dict[str, Any]]:
        """Questions and answers with a mask on the answers; those too long are left out."""
        self.tokenizer.padding_side = "right"
        self.set_tokenizer()
        max_length = self.longest(model)
        rows = [training_row(example, self.tokenizer, self.recipe.data.loss_on) for example in self.data.train]
        self.all_lengths = [len(row["input_ids"]) for row in rows]
        fitting = [row for row in rows if len(row["input_ids"]) <= max_length]
        self.data.left_out[f"more than {max_length} tokens"] += len(rows) - len(fitting)
        return fitting

    def _held_out_rows(self) -> list[dict[str, Any]]:
        """The held-out questions whose loss is told on the way; none where that cannot be."""
        training, data = self.recipe.training, self.recipe.data
        if not training.eval_rows or not self.data.held_out:
            return []
        if self.recipe.method == "qlora" and device() == "cpu":
            log.info("training.eval_rows: nothing is measured on the way: quantised weights on a CPU do not allow it")
            return []
        chosen = evenly(self.data.held_out, training.eval_rows)
        rows = [training_row(example, self.tokenizer, data.loss_on) for example in chosen]
        return [row for row in rows if len(row["input_ids"]) <= data.max_length]

    def survey(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Questions, and lengths of questions with their answers; what is held out is the test data."""
        train, test = ([example.instruction for example in part] for part in self.data[:2])
        lengths = [len(item["input_ids"]) for item in items]
        found = survey(train, [], test, lengths=lengths, left_out=self.data.left_out)
        return found | ({"all_lengths": histogram(self.all_lengths)} if self.all_lengths else {})

    def fit(self, tuned: Any, items: list[dict[str, Any]], callbacks: Sequence[Any]) -> tuple[Any, dict[str, float]]:
        """Train on the answers alone."""
        from trl.trainer.sft_config import SFTConfig
        from trl.trainer.sft_trainer import SFTTrainer

        training, data, held_out = self.recipe.training, self.recipe.data, self._held_out_rows()
        arguments = SFTConfig(
            **training_arguments(training, self.output) | (loss_arguments(training) if held_out else {}),
            max_length=data.max_length,
            packing=data.packing,
            eval_packing=False,
            completion_only_loss=True,
            activation_checkpointing=checkpoints_activations(training),
        )
        trainer, figures = self.run_trl(SFTTrainer, arguments, tuned, items, held_out, callbacks)
        tokens = sum(len(item["input_ids"]) for item in items)
        figures["tokens"] = float(tokens)
        figures["tokens_per_second"] = round(tokens * self.recipe.training.epochs / figures["train_runtime"], 1)
        return self.without_card(self.whole(trainer, tuned)), figures


def examples_to_evaluate(
    data: str, held_out: float = 0.1, limit: int | None = None, trained: Sequence[CodeExample] = ()
) -> list[CodeExample]:
    """The examples of a data set that no recipe trained on: those held out by the hash of their question.

    A file of `prompt` and `completion` rows, or a table of `question` and `answer`, is taken whole, unless it comes
    with the package. Of a file in SQuAD format questions on passages are made, 200 unless `limit` says otherwise.

    Args:
        data: the data set.
        held_out: the share that is held out.
        limit: at most so many.
        trained: what the models to measure were trained on, which is left out.

    Raises:
        UsageError: the file cannot be read, or holds no such example.
    """
    if data.endswith((".csv", ".tsv", ".parquet")) or is_hub(data):
        read, _ = read_question_answers(data, {}, CodeData.model_fields["max_characters"].default)
    else:
        path = find_data(data)
        if is_squad(path):
            wanted = limit or _GROUNDED
            made = grounded_examples(read_squad(path), wanted + len(trained), _SEED)
            return _some(unseen(made, trained), data)[:wanted]
        read, _ = read_code(path)
    examples = unique(read)
    if data.startswith(OWN_DATA) or not all(example.ready for example in examples):
        examples = split_by_question(examples, held_out)[1]
    return sorted(_some(unseen(examples, trained), data), key=question_hash)[:limit]


def _some(examples: list[CodeExample], data: str) -> list[CodeExample]:
    if not examples:
        raise UsageError(f"{data}: no example to evaluate on; all there are may have been trained on.")
    return examples


def evaluate(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    examples: Sequence[CodeExample],
    on_progress: Callable[[int, int], None] | None = None,
    loss_on: Literal["answer", "all"] = "answer",
) -> dict[str, Any]:
    """Loss and perplexity of the answers' tokens, end-of-sequence included, as the training counts; bits a character.

    With `loss_on="all"` the questions' tokens and characters count too.
    The model is a base with or without a merged adapter, never one in 4 bits on a CPU (see `train`).
    """
    import torch

    began = time.perf_counter()
    rows = [training_row(example, tokenizer, loss_on) for example in examples]
    total, count, done = 0.0, 0, 0
    for batch in length_bucketed([len(row["input_ids"]) for row in rows], TOKENS_AT_ONCE):
        longest = max(len(rows[index]["input_ids"]) for index in batch)
        ids = torch.zeros(len(batch), longest, dtype=torch.long)
        attention, answer = torch.zeros_like(ids), torch.zeros_like(ids)
        for at, index in enumerate(batch):
            length = len(rows[index]["input_ids"])
            ids[at, :length] = torch.tensor(rows[index]["input_ids"])
            answer[at, :length] = torch.tensor(rows[index]["completion_mask"])
            attention[at, :length] = 1
        ids, attention, answer = (tensor.to(model.device) for tensor in (ids, attention, answer))
        with torch.inference_mode():
            hidden = model.base_model(input_ids=ids, attention_mask=attention).last_hidden_state
            wanted = answer[:, 1:].bool()
            # Only the answers' positions meet the output layer: its 49,152 columns are most of the memory.
            logits = model.get_output_embeddings()(hidden[:, :-1][wanted])
            total += float(torch.nn.functional.cross_entropy(logits.float(), ids[:, 1:][wanted], reduction="sum"))
        count += int(wanted.sum())
        done += len(batch)
        if on_progress is not None:
            on_progress(done, len(rows))
    loss = total / count
    characters = sum(len(each.answer) + (len(each.instruction) if loss_on == "all" else 0) for each in examples)
    return {
        "loss": round(loss, 4),
        "perplexity": round(math.exp(loss), 3),
        # Tokens are of one tokenizer; characters are the same for all.
        "bits_per_character": round(total / math.log(2) / max(1, characters), 4),
        "completion_tokens": count,
        "total": len(rows),
        "seconds": round(time.perf_counter() - began, 1),
    }
