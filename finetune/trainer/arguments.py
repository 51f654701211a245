"""A recipe's training section in the words of transformers: the trainer's arguments, optimizers and number formats."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import UsageError, did_you_mean
from finetune.recipe import Training
from finetune.trainer.precision import device, training_precision

if TYPE_CHECKING:
    from transformers import TrainingArguments

log = logging.getLogger(__name__)


def training_arguments(training: Training, output: Path, best_by: str | None = None) -> dict[str, Any]:
    """The recipe's training section as `transformers.TrainingArguments` takes it.

    Args:
        training: the section.
        output: the run's folder.
        best_by: the figure of `measuring_trainer` by which the best checkpoint is kept, higher being better, unless
            the recipe names another; None keeps the last.
    """
    import torch

    where = device()
    precision = training_precision(training)
    log.info("training on %s in %s: %s", where, precision.dtype, precision.reason)
    arguments: dict[str, Any] = {
        "output_dir": str(output),
        "num_train_epochs": training.epochs,
        "per_device_train_batch_size": training.batch_size,
        "gradient_accumulation_steps": training.accumulation,
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": training.scheduler,
        "warmup_steps": training.warmup,
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm,
        "optim": _optimizer(training, where),
        "seed": training.seed,
        "save_strategy": training.checkpoints,
        "save_steps": training.save_steps,
        "save_total_limit": training.keep,
        "logging_steps": training.logging_steps,
        "train_sampling_strategy": "group_by_length" if training.group_by_length else "random",
        "remove_unused_columns": False,
        "report_to": list(dict.fromkeys([*["tensorboard"] * training.tensorboard, *training.report_to])) or "none",
        "neftune_noise_alpha": training.neftune_alpha,
        "use_cpu": where == "cpu",
        # Both are said: SFTConfig turns bf16 on where it is left open, and torch claims bf16 on a T4.
        "bf16": precision.dtype is torch.bfloat16,
        "fp16": precision.dtype is torch.float16,
        "dataloader_pin_memory": where != "cpu",
        "disable_tqdm": True,
    }
    if best_by:
        arguments |= {
            "eval_strategy": training.checkpoints,
            "eval_steps": training.eval_steps or training.save_steps,
            "load_best_model_at_end": True,
            "metric_for_best_model": training.best_by or best_by,
            "greater_is_better": (training.best_by or best_by) != "loss",
        }
    return arguments


def loss_arguments(training: Training) -> dict[str, Any]:
    """What a language model's trainer takes beside, to tell the loss of held-out rows on the way.

    The last checkpoint is kept, or where the recipe stops early or names `best_by`, the one of the lowest loss.
    """
    chosen = bool(training.early_stopping or training.best_by)
    return {
        "eval_strategy": training.checkpoints,
        "eval_steps": training.eval_steps or training.save_steps,
        "per_device_eval_batch_size": training.batch_size,
        "prediction_loss_only": True,
        "load_best_model_at_end": chosen,
        **({"metric_for_best_model": "loss", "greater_is_better": False} if chosen else {}),
    }


def optimizers(model: Any, arguments: "TrainingArguments", training: Training) -> tuple[Any, Any]:
    """What a trainer takes as `optimizers`: one with LoRA+'s rates where the recipe has them, else its own."""
    if training.loraplus_ratio is None:
        return None, None
    from peft.optimizers import create_loraplus_optimizer
    from transformers import Trainer

    kind, options = Trainer.get_optimizer_cls_and_kwargs(arguments)
    rate = options.pop("lr", arguments.learning_rate)
    made = create_loraplus_optimizer(
        model=model,
        optimizer_cls=kind,
        lr=rate,
        loraplus_lr_ratio=training.loraplus_ratio,
        loraplus_weight_decay=training.weight_decay,
        **options,
    )
    return made, None


def checkpoints_activations(training: Training) -> bool:
    """Whether the activations of a language model are computed again rather than kept.

    What `auto` means is the plan's to say, before the training begins; memory is what a GPU lacks.
    """
    wanted = training.gradient_checkpointing
    return wanted == "on" or (wanted == "auto" and device() != "cpu")


def train_in_float32(model: Any) -> None:
    """Keep what is trained in float32.

    TRL casts the adapter of a quantised model to bfloat16, for which a T4's fp16 gradient scaler has no kernel.
    """
    import torch

    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)


def check_options(training: Training) -> None:
    """Refuse what the trainer would refuse, before anything is fetched for it.

    Raises:
        UsageError: the optimizer is unknown; the message names the nearest.
    """
    from transformers.training_args import OptimizerNames

    known = [str(name.value) for name in OptimizerNames]
    if training.optimizer not in known:
        hint = did_you_mean(training.optimizer, known)
        raise UsageError(f"training.optimizer: there is no {training.optimizer!r}; {hint}")


def _optimizer(training: Training, where: str) -> str:
    check_options(training)
    if where == "cpu" and training.optimizer.startswith("paged_"):
        # Paging is between a GPU's memory and the machine's.
        return "adamw_torch"
    return training.optimizer
