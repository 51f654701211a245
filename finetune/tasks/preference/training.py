"""Training by preferences, with TRL's DPO trainer."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

from assistant.generation.prompts import SYSTEM_PROMPT, render
from assistant.types import Message, Role
from finetune.data.chat_templates import chat_template
from finetune.data.preferences import Preference, read_preferences, split_by_prompt
from finetune.data.survey import survey
from finetune.recipe import PreferenceRecipe
from finetune.tasks.examples import Examples
from finetune.tasks.training import GeneratorTraining
from finetune.trainer.arguments import checkpoints_activations, training_arguments

log = logging.getLogger(__name__)


def load_preferences(recipe: PreferenceRecipe) -> Examples[Preference]:
    """The recipe's preferences, those held out apart."""
    if recipe.data.chat_template is not None:
        chat_template(recipe.data.chat_template)
    read: list[Preference] = []
    left_out: Counter[str] = Counter()
    for name in recipe.data.train:
        found, reasons = read_preferences(name, recipe.data.columns, recipe.data.max_characters)
        read += found
        left_out += reasons
    kept, held_out = split_by_prompt(read, recipe.data.held_out)
    return Examples(kept[: recipe.data.limit], held_out[: recipe.data.limit], left_out)


class PreferenceTraining(GeneratorTraining[PreferenceRecipe, Preference]):
    """The training of an adapter by preferences; what it is held against is the base without it.

    Prompts are rendered by the function that inference uses, and an answer's end is learned with it.
    """

    def encode(self, model: Any) -> list[dict[str, Any]]:
        """Token ids of prompt and both answers; those too long are left out."""
        self.set_tokenizer()
        max_length = self.longest(model)
        fitting = self._fitting(self.data.train, max_length)
        self.data.left_out[f"more than {max_length} tokens"] += len(self.data.train) - len(fitting)
        return fitting

    def _fitting(self, rows: Sequence[Preference], max_length: int) -> list[dict[str, Any]]:
        encoded = [self._row(row) for row in rows]
        return [
            row
            for row in encoded
            if len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"])) <= max_length
        ]

    def _row(self, row: Preference) -> dict[str, Any]:
        with_system = self.tokenizer.chat_template is None or row.messages[0].role is Role.SYSTEM
        messages = row.messages if with_system else (Message(Role.SYSTEM, SYSTEM_PROMPT), *row.messages)
        space = " " if self.tokenizer.chat_template is None else ""
        answers = [
            [*self.tokenizer(f"{space}{text}", add_special_tokens=False)["input_ids"], self.tokenizer.eos_token_id]
            for text in (row.chosen, row.rejected)
        ]
        return {
            "prompt_ids": render(list(messages), self.tokenizer), "chosen_ids": answers[0], "rejected_ids": answers[1],
        }  # fmt: skip

    def survey(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Questions, and lengths of the longer text of each."""
        train, test = ([row.messages[-1].text for row in part] for part in self.data[:2])
        lengths = [len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"])) for row in items]
        return survey(train, [], test, lengths=lengths, left_out=self.data.left_out)

    def fit(self, tuned: Any, items: list[dict[str, Any]], callbacks: Sequence[Any]) -> tuple[Any, dict[str, float]]:
        """Train, then measure on the held-out questions."""
        from trl.trainer.dpo_config import DPOConfig
        from trl.trainer.dpo_trainer import DPOTrainer

        class Encoded(DPOTrainer):
            """Takes rows that are token ids already."""

            def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
                return dataset

        training, data = self.recipe.training, self.recipe.data
        given = training_arguments(training, self.output) | {"train_sampling_strategy": "random"}
        arguments = DPOConfig(
            **given,
            beta=self.recipe.beta,
            loss_type=[self.recipe.loss],
            max_length=data.max_length,
            per_device_eval_batch_size=training.batch_size,
            activation_checkpointing=checkpoints_activations(training),
        )
        held_out = self._fitting(self.data.held_out[: training.eval_rows or None], data.max_length)
        trainer, figures = self.run_trl(Encoded, arguments, tuned, items, held_out, callbacks)
        if held_out:
            measured = trainer.evaluate()
            figures |= {
                "held_out_loss": measured["eval_loss"],
                "held_out_accuracy": 100 * measured["eval_rewards/accuracies"],
                "held_out_margin": measured["eval_rewards/margins"],
            }
        trained = self.whole(trainer, tuned)
        if "ref" in trained.peft_config:
            trained.delete_adapter("ref")  # TRL's copy of the adapter as it began
        return self.without_card(trained), figures
