"""Training an encoder-decoder to write answers, and measuring what it writes."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from assistant.encoders.pairs import length_bucketed
from assistant.metrics import exact_match, token_f1
from finetune.data.files import evenly
from finetune.data.squad import QAExample, read_questions, split_by_article
from finetune.data.survey import survey
from finetune.recipe import Seq2SeqRecipe
from finetune.tasks.examples import Examples
from finetune.tasks.training import TaskTraining
from finetune.trainer.peft_methods import for_measuring

Item = dict[str, Any]
NO_ANSWER = "unanswerable"
"""What is written where the text does not answer the question."""
TOKENS_AT_ONCE = 4096


def load_questions(recipe: Seq2SeqRecipe) -> Examples[QAExample]:
    """The recipe's questions, the last articles of each file held out."""
    kept: list[QAExample] = []
    held_out: list[QAExample] = []
    for name in recipe.data.train:
        inside, outside = split_by_article(read_questions(name, recipe.data.columns), recipe.data.held_out)
        kept += inside
        held_out += outside
    return Examples(kept[: recipe.data.limit], held_out[: recipe.data.limit], Counter())


def as_given(example: QAExample) -> str:
    """A question with its text as the model reads them; the question comes first, so that what is cut is text."""
    return f"question: {example.question.strip()} context: {example.context.strip()}"


class Seq2SeqTraining(TaskTraining[Seq2SeqRecipe, QAExample]):
    """The training of an encoder-decoder, measured on the way by what it writes."""

    peft_type = "SEQ_2_SEQ_LM"

    def load_base(self) -> Any:
        """The base as it is trained: in float32, in which T5 does not overflow."""
        from transformers import AutoModelForSeq2SeqLM

        return AutoModelForSeq2SeqLM.from_pretrained(self.base, dtype="float32", use_safetensors=True)

    def encode(self, model: Any) -> list[Item]:
        """Questions with their texts, and first answers; an answer beyond a text's cut stays what is to be written."""
        return self._items(self.data.train)

    def _items(self, examples: Sequence[QAExample]) -> list[Item]:
        data = self.recipe.data
        cut = {"truncation": True, "return_token_type_ids": False}
        return [
            {
                **self.tokenizer(as_given(each), max_length=data.max_length, **cut),
                "labels": self.tokenizer(
                    text_target=each.answers[0] if each.answers else NO_ANSWER, max_length=data.max_answer, **cut
                )["input_ids"],
            }
            for each in examples
        ]

    def survey(self, items: Sequence[Item]) -> dict[str, Any]:
        """Questions and lengths."""
        train, held_out = ([f"{each.question} {each.context}" for each in part] for part in self.data[:2])
        lengths = [len(item["input_ids"]) for item in items]
        return survey(train, held_out, [], lengths=lengths, left_out=self.data.left_out)

    def fit(self, tuned: Any, items: list[Item], callbacks: Sequence[Any]) -> tuple[Any, dict[str, float]]:
        """Train, keeping the best checkpoint where rows are measured on the way."""
        from transformers import DataCollatorForSeq2Seq

        collate = DataCollatorForSeq2Seq(self.tokenizer, model=tuned)
        return self.run_measured(tuned, items, self.rows_on_the_way(), self._measure, collate, "f1", callbacks)

    def finish(self, kept: Any, folder: Any) -> dict[str, float]:
        """Measure on the held-out questions."""
        if not self.data.held_out:
            return {}
        rows = evenly(self.data.held_out, self.recipe.training.eval_rows or None)
        scores = self._measure(for_measuring(kept, self.recipe), rows)
        return {f"held_out_{name}": value for name, value in scores.items()}

    def _measure(self, network: Any, rows: Sequence[QAExample]) -> dict[str, float]:
        figures = evaluate(network, self.tokenizer, rows, self.recipe)
        return {"exact_match": figures["exact_match"], "f1": figures["f1"]}


def write_answers(
    network: Any,
    tokenizer: Any,
    examples: Sequence[QAExample],
    recipe: Seq2SeqRecipe,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """What a model writes, greedily; "" where it says that there is no answer."""
    import torch

    rows = [
        tokenizer(as_given(each), truncation=True, max_length=recipe.data.max_length, return_token_type_ids=False)
        for each in examples
    ]
    written = [""] * len(rows)
    done = 0
    for batch in length_bucketed([len(row["input_ids"]) for row in rows], TOKENS_AT_ONCE):
        given = tokenizer.pad([rows[at] for at in batch], return_tensors="pt")
        where = next(network.parameters()).device
        with torch.inference_mode():
            ids = network.generate(
                **{name: tensor.to(where) for name, tensor in given.items()},
                max_new_tokens=recipe.data.max_answer, do_sample=False, num_beams=1,
            )  # fmt: skip
        for at, text in zip(batch, tokenizer.batch_decode(ids, skip_special_tokens=True), strict=True):
            written[at] = "" if text.strip() == NO_ANSWER else text.strip()
        done += len(batch)
        if on_progress is not None:
            on_progress(done, len(rows))
    return written


def evaluate(
    network: Any,
    tokenizer: Any,
    examples: Sequence[QAExample],
    recipe: Seq2SeqRecipe,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Exact match and F1 of written answers, as SQuAD counts them, in percent."""
    began = time.perf_counter()
    written = write_answers(network, tokenizer, examples, recipe, on_progress)
    golds = [list(each.answers) or [""] for each in examples]
    pairs = list(zip(written, golds, strict=True))
    return {
        "exact_match": 100 * sum(exact_match(text, gold) for text, gold in pairs) / max(len(pairs), 1),
        "f1": 100 * sum(token_f1(text, gold) for text, gold in pairs) / max(len(pairs), 1),
        "total": len(examples),
        "seconds": round(time.perf_counter() - began, 1),
    }
