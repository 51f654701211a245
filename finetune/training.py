"""What all recipes share: the run folder, the trainer's arguments, going on from a checkpoint, saving the adapter."""

import contextlib
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.encoding import EncodedPair, PairEncoder
from assistant.errors import UsageError
from assistant.models.catalogue import load_catalogue
from assistant.models.memory import release_freed_memory
from assistant.models.precision import best_precision
from finetune.recipe import CodeRecipe, Lora, NLIRecipe, QARecipe, Training

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel
    from transformers import Trainer, TrainingArguments

log = logging.getLogger(__name__)

ADAPTER_FOLDER = "adapter"
_STEPS_BETWEEN_RELEASES = 50


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


def device() -> str:
    """Where to train: the GPU if there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def lora_config(lora: Lora, task_type: str) -> "LoraConfig":
    """The recipe's adapter as peft takes it."""
    from peft import LoraConfig

    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets,
        modules_to_save=lora.modules_to_save or None,
        task_type=task_type,
    )


def with_adapter(model: Any, lora: Lora, task_type: str) -> "PeftModel":
    """A base with the recipe's adapter on it: new, or with the weights that it starts from.

    Raises:
        UsageError: the adapter to start from is not there, or is of another shape.
    """
    from peft import get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    peft_model: PeftModel = get_peft_model(model, lora_config(lora, task_type))
    if lora.start_from is None:
        return peft_model
    folder = load_catalogue().adapters.get(lora.start_from, Path(lora.start_from))
    try:
        loaded: Any = set_peft_model_state_dict(peft_model, load_file(folder / "adapter_model.safetensors"))
    except (OSError, RuntimeError) as error:
        raise UsageError(f"lora.start_from: {folder} cannot be gone on from: {str(error).splitlines()[0]}") from error
    if loaded.unexpected_keys:
        raise UsageError(f"lora.start_from: {folder} has other modules than the recipe: {loaded.unexpected_keys[0]}")
    log.info("going on from the weights of %s", folder)
    return peft_model


def training_arguments(training: Training, output: Path, best_by: str | None = None) -> dict[str, Any]:
    """The recipe's training section as `transformers.TrainingArguments` takes it.

    Args:
        training: the section.
        output: the run's folder.
        best_by: the figure of `measuring_trainer` by which the best checkpoint is kept, higher being better;
            None keeps the last.
    """
    import torch

    where = device()
    precision = best_precision(where)
    log.info("training on %s in %s: %s", where, precision.dtype, precision.reason)
    return {
        "output_dir": str(output),
        "num_train_epochs": training.epochs,
        "per_device_train_batch_size": training.batch_size,
        "gradient_accumulation_steps": training.accumulation,
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": training.scheduler,
        "warmup_steps": training.warmup,
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm,
        "optim": training.optimizer,
        "seed": training.seed,
        "save_strategy": "steps",
        "save_steps": training.save_steps,
        "save_total_limit": 2,
        "logging_steps": training.logging_steps,
        "train_sampling_strategy": "group_by_length",
        "remove_unused_columns": False,
        "report_to": "none",
        "use_cpu": where == "cpu",
        "bf16": precision.dtype is torch.bfloat16,
        "fp16": precision.dtype is torch.float16,
        "dataloader_pin_memory": where != "cpu",
        "disable_tqdm": None,
        **(
            {
                "eval_strategy": "steps",
                "eval_steps": training.save_steps,
                "load_best_model_at_end": True,
                "metric_for_best_model": best_by,
                "greater_is_better": True,
            }
            if best_by
            else {}
        ),
    }


def measuring_trainer(measure: Callable[[Any], dict[str, float]]) -> type["Trainer"]:
    """A `transformers.Trainer` that evaluates with the product's own engine rather than by the loss.

    Args:
        measure: gives the figures of the evaluation rows; called with gradients and training mode off.
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
                figures = {f"{metric_key_prefix}_{name}": value for name, value in measure(rows).items()}
            model.train()
            self.log(figures)
            self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
            return figures

    return MeasuringTrainer


def run_trainer(trainer: Any, arguments: "TrainingArguments", output: Path) -> dict[str, float]:
    """Train, going on from the newest whole checkpoint of the output folder if there is one.

    Returns:
        The trainer's figures: `train_loss`, `train_runtime` (seconds, since `resumed_at`), steps and rates.
    """
    checkpoint = newest_checkpoint(output)
    if checkpoint:
        log.info("going on from %s", checkpoint)
    with contextlib.redirect_stdout(sys.stderr):  # the trainer prints its log, and standard output is for the result
        result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if trainer.is_world_process_zero():
        (output / "log.json").write_text(json.dumps(trainer.state.log_history, indent=1) + "\n", "utf-8")
    return {
        **result.metrics,
        "steps": float(trainer.state.global_step),
        "max_steps": float(trainer.state.max_steps),
        "resumed_at": float(_step(checkpoint)) if checkpoint else 0.0,
    }


def newest_checkpoint(output: Path) -> Path | None:
    """The newest whole checkpoint of a run; one that was being written when the run was killed lacks its last file."""
    whole = [folder.parent for folder in output.glob("checkpoint-*/trainer_state.json")]
    return max(whole, key=_step, default=None)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("checkpoint-"))


def save_adapter(model: "PeftModel", recipe: QARecipe | NLIRecipe | CodeRecipe, output: Path) -> Path:
    """Write the adapter alone, in float16, naming its base as the recipe does rather than by this machine's path."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = output / ADAPTER_FOLDER
    model.peft_config["default"].base_model_name_or_path = recipe.base
    # Looking whether the vocabulary changed would ask the Hub about a base that has only our name.
    model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    weights = folder / "adapter_model.safetensors"
    half = {name: tensor.to(torch.float16).contiguous() for name, tensor in load_file(weights).items()}
    save_file(half, weights, metadata={"format": "pt"})
    (folder / "README.md").unlink(missing_ok=True)
    return folder
