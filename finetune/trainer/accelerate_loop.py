"""The training loop written out on Accelerate: what the Trainer does for a reader, in the open.

It evaluates after every epoch, keeps the best, goes on from its last checkpoint, and runs under `accelerate launch`.
"""

import json
import logging
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.trainer.callbacks import CheckpointRecord, TrainingProgress
from finetune.trainer.processes import agreed
from finetune.trainer.trainer import (
    STATE_FILE,
    Measure,
    has_stopped_early,
    newest_checkpoint,
    step_of,
    training_figures,
)

if TYPE_CHECKING:
    from transformers import TrainingArguments

log = logging.getLogger(__name__)


def run_loop(
    model: Any,
    items: Sequence[dict[str, Any]],
    collate: Callable[[Any], dict[str, Any]],
    arguments: "TrainingArguments",
    rows: Any,
    measure: Measure,
    early_stopping: int = 0,
    callbacks: Sequence[Any] = (),
) -> dict[str, float]:
    """Train a model; it holds the best epoch's weights in the end, or the last's where nothing is measured.

    Args:
        model: with a loss of its own.
        items: the training windows.
        collate: makes a batch of them.
        arguments: as the Trainer takes them.
        rows: what is measured after each epoch; None measures nothing.
        measure: gives the figures of the model on the rows.
        early_stopping: stop after so many epochs without a better one; 0 never.
        callbacks: more of them, told of the same events as the Trainer's.

    Returns:
        Figures of the whole run: see `finetune.trainer.trainer.training_figures`.
    """
    return _Loop(model, items, collate, arguments, callbacks).run(rows, measure, early_stopping)


class _Loop:
    def __init__(
        self,
        model: Any,
        items: Sequence[dict[str, Any]],
        collate: Callable[[Any], dict[str, Any]],
        arguments: Any,
        callbacks: Sequence[Any],
    ) -> None:
        import torch
        from accelerate import Accelerator
        from accelerate.utils import set_seed
        from transformers import Trainer, TrainerControl, TrainerState, get_scheduler

        set_seed(arguments.seed)
        precision = "fp16" if arguments.fp16 else "bf16" if arguments.bf16 else "no"
        self.arguments = arguments
        self.accelerator = Accelerator(
            mixed_precision=precision, gradient_accumulation_steps=arguments.gradient_accumulation_steps,
            cpu=arguments.use_cpu,
        )  # fmt: skip
        self.generator = torch.Generator()
        loader: Any = torch.utils.data.DataLoader(
            items,  # type: ignore[arg-type]
            batch_size=arguments.per_device_train_batch_size,
            shuffle=True,
            collate_fn=collate,
            generator=self.generator,
        )
        kind, options = Trainer.get_optimizer_cls_and_kwargs(arguments)
        optimizer = kind(_groups(model, arguments.weight_decay), **options)
        self.model, self.optimizer, self.loader = self.accelerator.prepare(model, optimizer, loader)
        self.steps_an_epoch = math.ceil(len(self.loader) / arguments.gradient_accumulation_steps)
        self.epochs = math.ceil(arguments.num_train_epochs)
        total = math.ceil(arguments.num_train_epochs * self.steps_an_epoch)
        # Accelerate moves a prepared scheduler once for each process; ours is told of whole steps instead.
        self.scheduler = get_scheduler(
            arguments.lr_scheduler_type, self.optimizer, arguments.get_warmup_steps(total), total
        )
        self.accelerator.register_for_checkpointing(self.scheduler)
        self.state: TrainerState = TrainerState(
            max_steps=total, is_world_process_zero=self.accelerator.is_main_process, log_history=[]
        )
        self.control: TrainerControl = TrainerControl()
        self.output = Path(arguments.output_dir)
        self.callbacks = [TrainingProgress(), *callbacks]
        self.since: list[float] = []
        """The losses of the batches since the last entry of the log."""

    def run(self, rows: Any, measure: Measure, early_stopping: int) -> dict[str, float]:
        resumed_from = self._resume()
        record = CheckpointRecord(self.output, resumed_from)
        self.callbacks.append(record)
        self._call("on_train_begin")
        while self.state.global_step < self.state.max_steps:
            if has_stopped_early(self.state, self.arguments, early_stopping):
                log.info("stopped after %d epochs without a better one", early_stopping)
                break
            self._epoch(self.state.global_step // self.steps_an_epoch)
            if rows is not None:
                self._measure(rows, measure)
            self._save()
        self._call("on_train_end")
        self._take_best()
        if self.accelerator.is_main_process:
            (self.output / "log.json").write_text(json.dumps(self.state.log_history, indent=1) + "\n", "utf-8")
        return training_figures(self.state, record.seconds(), resumed_from)

    def _epoch(self, epoch: int) -> None:
        self.model.train()
        # Every epoch has an order of its own, the same in a run that goes on from a checkpoint.
        self.generator.manual_seed(self.arguments.seed + epoch)
        for batch in self.loader:
            with self.accelerator.accumulate(self.model):
                loss = self.model(**batch).loss
                self.accelerator.backward(loss)
                if self.accelerator.sync_gradients:
                    self.accelerator.clip_grad_norm_(self.model.parameters(), self.arguments.max_grad_norm)
                self.optimizer.step()
                self.optimizer.zero_grad()
            self.since.append(float(loss.detach()))
            if not self.accelerator.sync_gradients:
                continue
            rate = self.scheduler.get_last_lr()[0]
            if not self.accelerator.optimizer_step_was_skipped:  # a step that overflowed in fp16 moves nothing
                self.scheduler.step()
            self.state.global_step += 1
            self.state.epoch = self.state.global_step / self.steps_an_epoch
            self._call("on_step_end")
            last = self.state.global_step % self.steps_an_epoch == 0 or self.state.global_step >= self.state.max_steps
            if last or self.state.global_step % self.arguments.logging_steps == 0:
                self._log({"loss": sum(self.since) / len(self.since), "learning_rate": rate})
                self.since = []
            if self.state.global_step >= self.state.max_steps:
                break

    def _measure(self, rows: Any, measure: Measure) -> None:
        """Measure the rows, and note the checkpoint if the model is better than all before."""
        import torch

        self.model.eval()
        with torch.inference_mode(), self.accelerator.autocast():
            figures = agreed(measure(self.model, rows))
        self._log({f"eval_{name}": value for name, value in figures.items()})
        value = figures[str(self.arguments.metric_for_best_model).removeprefix("eval_")]
        best = self.state.best_metric
        if best is None or (value > best if self.arguments.greater_is_better else value < best):
            self.state.best_metric = value
            self.state.best_model_checkpoint = f"checkpoint-{self.state.global_step}"

    def _log(self, figures: dict[str, float]) -> None:
        entry = {"epoch": self.state.epoch, **figures, "step": self.state.global_step}
        self.state.log_history.append(entry)
        self._call("on_log", logs=figures)

    def _save(self) -> None:
        folder = self.output / f"checkpoint-{self.state.global_step}"
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(folder))
        if self.accelerator.is_main_process:
            self.state.save_to_json(str(folder / STATE_FILE))
            self._call("on_save")
            self._forget()
        self.accelerator.wait_for_everyone()

    def _forget(self) -> None:
        """Remove the oldest checkpoints beyond those to keep, never the best."""
        known = sorted(self.output.glob("checkpoint-*"), key=step_of)
        removable = [folder for folder in known[:-1] if folder.name != self.state.best_model_checkpoint]
        for folder in removable[: max(0, len(known) - (self.arguments.save_total_limit or len(known)))]:
            shutil.rmtree(folder)

    def _resume(self) -> Path | None:
        from transformers import TrainerState

        checkpoint = newest_checkpoint(self.output)
        if checkpoint is None:
            return None
        log.info("going on from %s", checkpoint)
        self.accelerator.load_state(str(checkpoint))
        former = TrainerState.load_from_json(str(checkpoint / STATE_FILE))
        former.max_steps, former.is_world_process_zero = self.state.max_steps, self.state.is_world_process_zero
        self.state = former
        return checkpoint

    def _take_best(self) -> None:
        best = self.state.best_model_checkpoint
        if best is None or best == f"checkpoint-{self.state.global_step}":
            return
        from safetensors.torch import load_file

        weights = load_file(self.output / best / "model.safetensors")
        self.accelerator.unwrap_model(self.model).load_state_dict(weights, strict=False)

    def _call(self, event: str, **values: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self.arguments, self.state, self.control, **values)


def _groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters with and without weight decay: biases and norms, which are vectors, have none, as in the Trainer."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [each for each in trained if each.ndim > 1], "weight_decay": weight_decay},
        {"params": [each for each in trained if each.ndim <= 1], "weight_decay": 0.0},
    ]
