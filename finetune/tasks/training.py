"""The training of any task, from its data to what is saved; a task fills in what its rows, trainer and figures are."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from assistant.encoders.memory import keep_freed_memory
from assistant.encoders.pairs import PairEncoder
from assistant.errors import UsageError
from finetune.data.chat_templates import chat_template
from finetune.data.files import evenly
from finetune.data.survey import write_survey
from finetune.recipe import CodeRecipe, NLIRecipe, PreferenceRecipe, QARecipe, Recipe
from finetune.tasks.examples import Examples
from finetune.trainer.accelerate_loop import run_loop
from finetune.trainer.arguments import optimizers, train_in_float32, training_arguments
from finetune.trainer.callbacks import note_architecture
from finetune.trainer.peft_methods import (
    as_kept,
    for_measuring,
    load_causal,
    load_encoder,
    positions,
    trained_parameters,
    with_method,
)
from finetune.trainer.processes import is_main_process, whole_model
from finetune.trainer.saving import save_trained
from finetune.trainer.trainer import PairCollator, mean_loss, measuring_trainer, run_trainer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, TrainingArguments

log = logging.getLogger(__name__)

R = TypeVar("R", bound=Recipe)
EncoderR = TypeVar("EncoderR", QARecipe, NLIRecipe)
GeneratorR = TypeVar("GeneratorR", CodeRecipe, PreferenceRecipe)
Example = TypeVar("Example")
Item = dict[str, Any]


class TaskTraining(ABC, Generic[R, Example]):
    """One training: `run` is the order of things, the methods that it calls are a task's own.

    Args:
        recipe: what to train.
        base: the base's folder.
        output: the run's folder.
    """

    peft_type: ClassVar[str]
    data: Examples[Example]
    tokenizer: "PreTrainedTokenizerBase"

    def __init__(self, recipe: R, base: Path, output: Path) -> None:
        self.recipe, self.base, self.output = recipe, base, output

    def run(self, data: Examples[Example], callbacks: Sequence[Any] = ()) -> dict[str, float]:
        """Train, save and measure on what is held out; returns the figures.

        Raises:
            UsageError: no row can be trained on.
        """
        from transformers import AutoTokenizer, set_seed

        keep_freed_memory()
        set_seed(self.recipe.training.seed)
        self.data = data
        self.tokenizer = AutoTokenizer.from_pretrained(self.base)
        model = self.load_base()
        items = self.encode(model)
        if not items:
            left_out = dict(+data.left_out) or "none"
            raise UsageError(f"{self.recipe.name}: the data holds no row to train on; left out: {left_out}.")
        log.info(
            "%d rows, %d to train on; %d held out; left out: %s",
            len(data.train), len(items), len(data.held_out), dict(+data.left_out) or "none",
        )  # fmt: skip
        if is_main_process():
            write_survey(self.output, self.survey(items))
        tuned = self.with_method(model)
        count = trained_parameters(tuned)
        if is_main_process():
            note_architecture(self.output, type(getattr(tuned, "get_base_model", lambda: tuned)()).__name__)
        about = {"trained_parameters": float(count[0]), "parameters": float(count[1])}
        trained, figures = self.fit(tuned, items, callbacks)
        figures |= about
        if not is_main_process():
            return figures
        kept = as_kept(trained, self.recipe, self.load_base, self.peft_type)
        folder = save_trained(kept, self.recipe, self.output, self.tokenizer)
        return figures | self.finish(kept, folder)

    @abstractmethod
    def load_base(self) -> Any:
        """The base with the task's head."""

    def with_method(self, model: Any) -> Any:
        """A base as the recipe's method trains it."""
        return with_method(model, self.recipe, self.peft_type, self.tokenizer)

    def whole(self, trainer: Any, tuned: Any) -> Any:
        """What a trainer has trained, whole in this process."""
        return whole_model(trainer, tuned, lambda: self.with_method(self.load_base()))

    @abstractmethod
    def encode(self, model: Any) -> list[Item]:
        """The training rows as the model takes them; those that cannot be taken are counted in `data.left_out`."""

    @abstractmethod
    def survey(self, items: Sequence[Item]) -> dict[str, Any]:
        """What is worth knowing of the data."""

    @abstractmethod
    def fit(self, tuned: Any, items: list[Item], callbacks: Sequence[Any]) -> tuple[Any, dict[str, float]]:
        """Run the optimizer; returns the trained model and the figures of the training."""

    def rows_on_the_way(self) -> list[Example] | None:
        """The held-out rows that are measured on the way; None where none are."""
        training = self.recipe.training
        return evenly(self.data.held_out, training.eval_rows) if self.data.held_out and training.eval_rows else None

    def arguments(self, best_by: str | None) -> "TrainingArguments":
        """Those of a trainer of transformers, which keeps the best checkpoint by a figure, or the last by None."""
        from transformers import TrainingArguments

        return TrainingArguments(**training_arguments(self.recipe.training, self.output, best_by=best_by))

    def run_measured(
        self,
        tuned: Any,
        items: list[Item],
        rows: list[Example] | None,
        measure: Callable[[Any, list[Example]], dict[str, float]],
        collate: Any,
        best_by: str,
        callbacks: Sequence[Any],
    ) -> tuple[Any, dict[str, float]]:
        """Train with the Trainer of transformers, which measures `rows` on the way; returns as `fit` does."""
        arguments = self.arguments(best_by if rows else None)
        trainer = measuring_trainer(measure)(
            model=tuned, args=arguments, train_dataset=items, eval_dataset=rows, data_collator=collate,
            optimizers=optimizers(tuned, arguments, self.recipe.training),
        )  # fmt: skip
        figures = run_trainer(trainer, arguments, self.output, self.recipe.training.early_stopping, callbacks)
        return self.whole(trainer, tuned), figures

    def finish(self, kept: Any, folder: Path) -> dict[str, float]:
        """Write what belongs beside the weights; returns the figures of the held-out rows."""
        return {}


class GeneratorTraining(TaskTraining[GeneratorR, Example]):
    """The training of a generator, with one of TRL's trainers."""

    peft_type = "CAUSAL_LM"

    def load_base(self) -> Any:
        """The base as it is trained."""
        return load_causal(self.base, self.recipe)

    def set_tokenizer(self) -> None:
        """Give the tokenizer the recipe's chat template, and a token to pad with."""
        if self.recipe.data.chat_template is not None:
            self.tokenizer.chat_template = chat_template(self.recipe.data.chat_template)
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token

    def longest(self, model: Any) -> int:
        """How many tokens a row may have: what the recipe says, as far as the model has positions."""
        return min(self.recipe.data.max_length, positions(model) or self.recipe.data.max_length)

    def run_trl(
        self,
        kind: Any,
        arguments: Any,
        tuned: Any,
        items: list[Item],
        held_out: list[Item],
        callbacks: Sequence[Any],
    ) -> tuple[Any, dict[str, float]]:
        """Train with a trainer of TRL; returns the trainer and the figures of the training."""
        from datasets import Dataset, disable_progress_bars

        disable_progress_bars()
        trainer = kind(
            model=tuned, args=arguments, train_dataset=Dataset.from_list(items),
            eval_dataset=Dataset.from_list(held_out) if held_out else None, processing_class=self.tokenizer,
            optimizers=optimizers(tuned, arguments, self.recipe.training),
        )  # fmt: skip
        train_in_float32(tuned)
        return trainer, run_trainer(trainer, arguments, self.output, self.recipe.training.early_stopping, callbacks)

    def without_card(self, trained: Any) -> Any:
        """What was trained, with TRL's model card removed: ours lies beside it."""
        if is_main_process():
            (self.output / "README.md").unlink(missing_ok=True)
        return trained


class EncoderTraining(TaskTraining[EncoderR, Example]):
    """The training of a reader or verifier, measured on the way by the product's own engine."""

    best_by: ClassVar[str]
    """The figure that makes a checkpoint the best, where the recipe names none."""
    engine: Any
    """The reader or verifier; its `model` is put in place before it is asked."""
    encoder: PairEncoder
    _to_lose_on: list[Item]
    """The rows that are measured on the way, encoded."""

    def by_own_loop(self) -> bool:
        """Whether the loop written out on Accelerate runs the steps, rather than the Trainer."""
        return False

    @abstractmethod
    def read_test(self) -> list[Example]:
        """The recipe's test data, which it must name."""

    @abstractmethod
    def items_of(self, rows: Sequence[Example]) -> list[Item]:
        """Labelled rows as the model takes them, for their loss."""

    @abstractmethod
    def score(self, rows: list[Example]) -> dict[str, float]:
        """Figures of the engine on labelled rows, as percentages."""

    def load_head(self, kind: Any, **options: Any) -> Any:
        """The base with a fresh head of an auto class of transformers."""
        return load_encoder(kind, self.base, self.recipe, **options)

    def fit(self, tuned: Any, items: list[Item], callbacks: Sequence[Any]) -> tuple[Any, dict[str, float]]:
        """Train with the recipe's loop, keeping the best checkpoint where one is chosen."""
        rows, collate = self.rows_on_the_way(), PairCollator(self.encoder)
        self._to_lose_on = self.items_of(rows) if rows else []
        if not self.by_own_loop():
            return self.run_measured(tuned, items, rows, self._measure, collate, self.best_by, callbacks)
        arguments, stopping = self.arguments(self.best_by if rows else None), self.recipe.training.early_stopping
        return tuned, run_loop(tuned, items, collate, arguments, rows, self._measure, stopping, callbacks)

    def rows_on_the_way(self) -> list[Example] | None:
        """Held-out rows, or those of the test data where the recipe chooses on them."""
        if self.recipe.data.choose_on != "test":
            return super().rows_on_the_way()
        choices, most = self.read_test(), self.recipe.training.eval_rows
        return evenly(choices, most) if choices and most else None

    def finish(self, kept: Any, folder: Path) -> dict[str, float]:
        """Calibrate on the held-out rows, write the calibration, and measure with it."""
        self.engine.model = for_measuring(kept, self.recipe)
        scores = self.calibrate(folder)
        return {f"held_out_{name}": value for name, value in scores.items()}

    @abstractmethod
    def calibrate(self, folder: Path) -> dict[str, float]:
        """Fit what the engine's scores mean, write it into a folder; returns the figures of the held-out rows."""

    def _measure(self, network: Any, rows: list[Example]) -> dict[str, float]:
        self.engine.model = network
        loss = mean_loss(network, self._to_lose_on, PairCollator(self.encoder), self.recipe.training.batch_size)
        return self.score(rows) | loss
