"""What all recipes share: measuring on the way, going on from a checkpoint, and the figures of a run."""

import contextlib
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.encoders.memory import release_freed_memory
from assistant.encoders.pairs import EncodedPair, PairEncoder
from finetune.recipe import Training
from finetune.trainer.processes import agreed, is_sharded

if TYPE_CHECKING:
    from transformers import Trainer, TrainingArguments

log = logging.getLogger(__name__)

Measure = Callable[[Any, Any], dict[str, float]]
"""Gives the figures of a model on evaluation rows."""
_STEPS_BETWEEN_RELEASES = 50
STATE_FILE = "trainer_state.json"
"""What the Trainer writes last into a checkpoint."""


class PairCollator:
    """Pads a batch of encoded pairs; every other key of an item becomes a tensor of labels."""

    def __init__(self, encoder: PairEncoder) -> None:
        self.encoder = encoder

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The items as one batch of tensors."""
        import torch

        pairs = [EncodedPair(item["input_ids"], item["token_type_ids"], 0, 0) for item in items]
        batch: dict[str, Any] = self.encoder.collate(pairs)
        for key in items[0].keys() - {"input_ids", "token_type_ids"}:
            batch[key] = torch.tensor([item[key] for item in items])
        return batch


def mean_loss(
    network: Any, items: Sequence[dict[str, Any]], collate: Callable[[Any], dict[str, Any]], batch_size: int
) -> dict[str, float]:
    """The mean loss of encoded rows as `loss`, with whatever gradient and autocast context is on; none of no rows.

    Args:
        network: with a loss of its own, in evaluation mode.
        items: with labels.
        collate: makes a batch of them.
        batch_size: rows at once.
    """
    if not items:
        return {}
    by_length = sorted(items, key=lambda item: len(item["input_ids"]))
    where = next(network.parameters()).device
    total = 0.0
    for at in range(0, len(by_length), batch_size):
        some = by_length[at : at + batch_size]
        batch = {name: tensor.to(where) for name, tensor in collate(some).items()}
        total += float(network(**batch).loss) * len(some)
    return {"loss": round(total / len(items), 4)}


def measuring_trainer(measure: Measure) -> type["Trainer"]:
    """A `transformers.Trainer` that evaluates with the product's own engine rather than by the loss.

    Args:
        measure: called with gradients and training mode off.
    """
    import torch
    from transformers import Trainer

    class MeasuringTrainer(Trainer):
        def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
            if self.state.global_step % _STEPS_BETWEEN_RELEASES == 0:
                release_freed_memory()
            loss: torch.Tensor = super().training_step(*args, **kwargs)
            return loss

        def evaluate(
            self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
        ) -> dict[str, float]:
            model: Any = self.model
            model.eval()
            rows = self.eval_dataset if eval_dataset is None else eval_dataset
            with torch.inference_mode(), self.compute_loss_context_manager():
                measured = agreed(measure(model, rows))
            figures = {f"{metric_key_prefix}_{name}": value for name, value in measured.items()}
            model.train()
            self.log(figures)
            self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
            return figures

    return MeasuringTrainer


def run_trainer(
    trainer: Any,
    arguments: "TrainingArguments",
    output: Path,
    early_stopping: int = 0,
    callbacks: Sequence[Any] = (),
) -> dict[str, float]:
    """Train, going on from the newest whole checkpoint of the output folder if there is one.

    Args:
        trainer: of transformers or TRL.
        arguments: those it was made with.
        output: the run's folder.
        early_stopping: stop after so many evaluations without a better one; 0 never.
        callbacks: more of them.

    Returns:
        Figures of the whole run, the part before an interruption included: see `training_figures`.
    """
    from transformers import EarlyStoppingCallback, PrinterCallback, TrainerState

    from finetune.trainer.callbacks import (
        BestBeside,
        CheckpointRecord,
        LastLog,
        TrainingProgress,
        WeightsAreNumbers,
    )  # fmt: skip

    checkpoint = newest_checkpoint(output)
    if checkpoint:
        log.info("going on from %s", checkpoint)
    trainer.remove_callback(PrinterCallback)
    record = CheckpointRecord(output, checkpoint)
    best_beside = BestBeside(output)
    for callback in (LastLog(), TrainingProgress(), WeightsAreNumbers(), record, best_beside, *callbacks):
        trainer.add_callback(callback)
    if early_stopping and arguments.load_best_model_at_end:
        trainer.add_callback(EarlyStoppingCallback(early_stopping))
    former = TrainerState.load_from_json(str(checkpoint / STATE_FILE)) if checkpoint else None
    with contextlib.redirect_stdout(sys.stderr):  # libraries print, and standard output is for the result
        if former and has_stopped_early(former, arguments, early_stopping) and not is_sharded():
            # The Trainer would begin by training on, and only then look whether that is worth it.
            best_beside.repair(former)
            trainer.state = former
            trainer._load_best_model()  # what `train` ends with; it has no other name
        else:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if trainer.is_world_process_zero():
        (output / "log.json").write_text(json.dumps(trainer.state.log_history, indent=1) + "\n", "utf-8")
    return training_figures(trainer.state, record.seconds(), checkpoint)


def training_figures(state: Any, seconds: float, resumed_from: Path | None) -> dict[str, float]:
    """What a finished training says of itself.

    Args:
        state: of the trainer; its history goes back to the first step.
        seconds: that the whole run took.
        resumed_from: the checkpoint that it went on from.

    Returns:
        `train_loss` (mean of all steps), `final_loss` (of the last tenth), `train_runtime` (seconds),
        `train_steps_per_second`, `epoch`, `steps`, `max_steps`, `resumed_at`, and `peak_memory_gb` on a GPU.
    """
    import torch

    losses = _loss_of_steps(state.log_history)
    last = losses[-max(1, len(losses) // 10) :]
    figures = {
        "train_loss": sum(losses) / max(len(losses), 1),
        "final_loss": sum(last) / max(len(last), 1),
        "train_runtime": round(seconds, 2),
        "train_steps_per_second": round(state.global_step / max(seconds, 1e-6), 3),
        "epoch": float(state.epoch or 0.0),
        "steps": float(state.global_step),
        "max_steps": float(state.max_steps),
        **_last_measured(state.log_history),
        "resumed_at": float(step_of(resumed_from)) if resumed_from else 0.0,
    }
    if torch.cuda.is_available():
        figures["peak_memory_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
    return figures


def _last_measured(history: Sequence[dict[str, float]]) -> dict[str, float]:
    """The last evaluation loss, where there is one."""
    losses = [entry["eval_loss"] for entry in history if "eval_loss" in entry]
    return {"eval_loss": losses[-1]} if losses else {}


def _loss_of_steps(history: Sequence[dict[str, float]]) -> list[float]:
    """The loss of each logged step; an entry of the history has the mean of the steps since the one before."""
    losses: list[float] = []
    for entry in history:
        if "loss" in entry:
            losses += [entry["loss"]] * (int(entry["step"]) - len(losses))
    return losses


def has_stopped_early(state: Any, arguments: "TrainingArguments", early_stopping: int) -> bool:
    """Whether the last so many measurements of a training's state gave nothing better; never where it is 0."""
    if not early_stopping or not state.best_model_checkpoint:
        return False
    figure = "eval_" + str(arguments.metric_for_best_model).removeprefix("eval_")
    best = step_of(Path(state.best_model_checkpoint))
    since = [entry for entry in state.log_history if figure in entry and entry["step"] > best]
    return len(since) >= early_stopping


def out_of_memory(training: Training) -> str:
    """What to change when the GPU has too little memory, the effective batch staying the same where it can."""
    batch, accumulation = training.batch_size, training.accumulation
    if batch > 1:
        change = (
            f"halve the batch and keep its effect with --set training.batch_size={batch // 2} "
            f"--set training.accumulation={accumulation * 2}"
        )
    else:
        change = "shorten the texts (data.max_length, or max_length of a reader), or train a smaller base"
    return (
        f"The GPU has too little memory for this run: {change}. What was trained up to the last checkpoint is kept, "
        "and the same command goes on from there."
    )


def newest_checkpoint(output: Path) -> Path | None:
    """The newest whole checkpoint of a run; one that was being written when the run was killed lacks its last file."""
    whole = [folder.parent for folder in output.glob(f"checkpoint-*/{STATE_FILE}")]
    return max(whole, key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(checkpoint.name.removeprefix("checkpoint-"))
