"""A run of several processes (`accelerate launch`): who writes, what they agree on, and models in pieces (FSDP)."""

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from assistant.errors import UsageError
from finetune.recipe import Recipe
from finetune.trainer.precision import device

log = logging.getLogger(__name__)


def is_main_process() -> bool:
    """Whether this process writes: under `accelerate launch` the first alone does."""
    return int(os.environ.get("RANK", "0")) == 0


def are_several() -> bool:
    """Whether this run has more than one process."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_sharded() -> bool:
    """Whether the processes share one model in pieces (FSDP) rather than having a whole one each."""
    return are_several() and os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"


def wait_for_all() -> None:
    """Wait until every process of this run is here; at once where there is one alone."""
    if are_several():
        from accelerate import PartialState

        PartialState(cpu=device() == "cpu").wait_for_everyone()


def leave_group() -> None:
    """End the talk between the processes in order: threads of it that are left may abort a program as it ends."""
    if are_several():
        from torch import distributed

        if distributed.is_available() and distributed.is_initialized():
            distributed.destroy_process_group()


def use_one_gpu_without_launcher() -> None:
    """Keep to one GPU where there are several and nothing launched a process for each.

    The Trainer would else multiply the recipe's batch by their number in its own slow way, and TRL's refuses to run.
    """
    import torch

    if "WORLD_SIZE" in os.environ or torch.cuda.device_count() < 2:
        return
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
    log.info(
        "of %d GPUs this run takes one; `accelerate launch --multi_gpu -m finetune run ...` takes all of them",
        torch.cuda.device_count(),
    )
    os.environ["CUDA_VISIBLE_DEVICES"] = visible


def check_sharding(recipe: Recipe) -> None:
    """Refuse what FSDP cannot share among processes.

    Raises:
        UsageError: the message says how else to launch.
    """
    if not is_sharded():
        return
    if recipe.task == "qa" and recipe.loop == "accelerate":
        raise UsageError("loop = accelerate does not share a model in pieces (FSDP); --set loop=trainer does.")
    # Weights in 4 bits do not take part, and peft hangs where it saves heads that are trained beside an adapter.
    if recipe.method == "full" or (recipe.method == "lora" and not recipe.adapter.modules_to_save):
        return
    raise UsageError(
        f"{recipe.name} ({recipe.method}) cannot be trained in pieces (FSDP): that is for method full, or lora without "
        "modules_to_save. Launch it with `accelerate launch --multi_gpu`, where each GPU has the whole model."
    )


def agreed(figures: Mapping[str, float]) -> dict[str, float]:
    """The first process's figures, in all of them: they decide together which checkpoint is best and when to stop."""
    if not are_several():
        return dict(figures)
    from accelerate.utils import broadcast_object_list

    shared: list[dict[str, float]] = [dict(figures)]
    broadcast_object_list(shared)
    return shared[0]


def whole_model(trainer: Any, tuned: Any, fresh: Callable[[], Any]) -> Any:
    """A model that this process holds whole after training, to be measured and saved; all processes call this.

    Args:
        trainer: has trained it; under FSDP its model is a piece of the whole in each process.
        tuned: the model that was given to the trainer.
        fresh: makes the like of `tuned` anew.

    Returns:
        `tuned` itself without FSDP; with it a new model in the first process, and `tuned` in the others.
    """
    if not is_sharded():
        return tuned
    weights = trainer.accelerator.get_state_dict(trainer.model)
    if not is_main_process():
        return tuned
    model = fresh()
    model.load_state_dict(weights)
    return model
