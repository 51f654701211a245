"""Training weights themselves and keeping what they became as a LoRA adapter: the base stays as it is, and shared."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import UsageError
from assistant.models.catalogue import load_catalogue
from finetune.recipe import Lora
from finetune.trainer.peft_configs import lora_config

if TYPE_CHECKING:
    from peft import PeftModel

log = logging.getLogger(__name__)


def with_weights_to_train(model: Any, lora: Lora, task_type: str) -> Any:
    """A model of which the weights that the adapter would change are trained, and nothing else but its heads.

    Raises:
        UsageError: the base has none of the modules, or the adapter to start from cannot be had.
    """
    from peft import PeftModel
    from peft.tuners.tuners_utils import check_target_module_exists

    if lora.start_from is not None:
        folder = load_catalogue().adapters.get(lora.start_from, Path(lora.start_from))
        try:
            model = PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"lora.start_from: {folder} cannot be gone on from: {reason}") from error
        log.info("going on from the weights of %s", folder)
    config = lora_config(lora, task_type)
    model.requires_grad_(False)
    trained = 0
    for name, module in model.named_modules():
        if name.rpartition(".")[2] in lora.modules_to_save:
            module.requires_grad_(True)
        elif check_target_module_exists(config, name):
            module.weight.requires_grad_(True)
            trained += 1
    if not trained:
        raise UsageError(f"lora.targets: {lora.targets!r} is nowhere in {type(model).__name__}.")
    return model


def as_adapter(trained: Any, base: Any, lora: Lora, task_type: str) -> "PeftModel":
    """What trained weights differ by from their base, as an adapter on it.

    Of a weight's change the adapter holds the best approximation of its rank, by singular value decomposition
    (Eckart & Young, 1936); heads are kept whole.

    Args:
        trained: the model with its new weights.
        base: the same model with the old ones.
        lora: says the rank, and what has an adapter.
        task_type: of peft.
    """
    import torch
    from peft import get_peft_model
    from peft.tuners.lora import LoraLayer
    from peft.utils import ModulesToSaveWrapper

    tuned: PeftModel = get_peft_model(base, lora_config(lora, task_type))
    whole = kept = 0.0
    with torch.no_grad():
        for name, layer in tuned.named_modules():
            path = name.removeprefix("base_model.model.")
            if isinstance(layer, ModulesToSaveWrapper):
                layer.modules_to_save["default"].load_state_dict(trained.get_submodule(path).state_dict())
            elif isinstance(layer, LoraLayer):
                weight = trained.get_submodule(path).weight.float()  # where it was trained: a GPU decomposes faster too
                change = weight - layer.get_base_layer().weight.float().to(weight.device)
                left, values, right = torch.linalg.svd(change, full_matrices=False)
                rank = min(lora.r, len(values))
                root = values[:rank].sqrt()
                down, up = (matrices.get_parameter("default.weight") for matrices in (layer.lora_A, layer.lora_B))
                down.zero_()[:rank] = root[:, None] * right[:rank]
                up.zero_()[:, :rank] = left[:, :rank] * root * (lora.r / lora.alpha)
                whole, kept = whole + float(values.square().sum()), kept + float(values[:rank].square().sum())
    log.info("an adapter of rank %d holds %.1f%% of the weights' change", lora.r, 100 * kept / whole if whole else 100)
    return tuned
