"""What of a model is trained (an adapter, a prompt, every weight), with the number formats that each way needs."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.encoders.precision import best_precision
from assistant.errors import UsageError
from assistant.models.catalogue import load_catalogue
from finetune.recipe import ClassifierRecipe, Lora, NLIRecipe, QARecipe, Recipe
from finetune.trainer.lora_from_weights import as_adapter, with_weights_to_train
from finetune.trainer.peft_configs import lora_config, prompt_config
from finetune.trainer.precision import device, training_precision
from finetune.trainer.processes import is_sharded

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import BitsAndBytesConfig, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

_DROPOUTS = (
    "hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout", "pooler_dropout",
    "classifier_dropout", "cls_dropout", "qa_dropout", "seq_classif_dropout",
)  # fmt: skip
_POSITIONS_AFTER_PADDING = ("roberta", "camembert", "xlm-roberta", "mpnet")
# Heads are trained and saved in full, so they must not be kept in 4 bits.
_HEADS = ["qa_outputs", "classifier", "score", "pooler", "lm_head"]


def load_encoder(kind: Any, base: Path, recipe: QARecipe | NLIRecipe | ClassifierRecipe, **options: Any) -> Any:
    """A base with a fresh head, ready to be trained.

    Args:
        kind: an auto class of transformers, such as `AutoModelForQuestionAnswering`.
        base: the base's folder.
        recipe: says whether the base keeps its dropout, and how it is quantised.
        options: of the configuration, such as `num_labels`.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(base, **options)
    if not recipe.keep_dropout:
        for name in _DROPOUTS:
            if isinstance(getattr(config, name, None), float):
                setattr(config, name, 0.0)
    return kind.from_pretrained(
        base,
        config=config,
        # The weights that the optimizer changes are float32; autocast computes in half precision.
        dtype="float32",
        quantization_config=quantization(recipe),
        use_safetensors=True,
        # Eager attention is faster backward than sdpa on a CPU; on a GPU sdpa is taken where the family has it.
        attn_implementation="eager" if device() == "cpu" else None,
    )


def positions(model: Any) -> int | None:
    """How many tokens a model can take at once; None where its positions are relative and have no end."""
    config = model.config
    known = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if known is None or getattr(config, "relative_attention", False):
        return None
    # These families number their positions from the one after that of padding.
    return int(known) - config.pad_token_id - 1 if config.model_type in _POSITIONS_AFTER_PADDING else int(known)


def load_causal(base: Path, recipe: Recipe) -> Any:
    """A causal language model, ready to be trained.

    Frozen weights are kept in the format that training computes in. Weights that are all trained stay float32: the
    gradient scaler of fp16 takes no half-precision gradients, and small updates would be rounded away. So do weights
    that processes share in pieces (FSDP), where frozen and trained ones lie in one block.
    """
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(
        base,
        dtype="float32" if recipe.method == "full" or is_sharded() else training_precision(recipe.training).dtype,
        quantization_config=quantization(recipe),
        use_safetensors=True,
        # On a CPU the backward pass of sdpa is the slower one; on a GPU FlashAttention 2 would need compute
        # capability 8, and a T4 has 7.5.
        attn_implementation="eager" if device() == "cpu" else "sdpa",
    )


def as_kept(trained: Any, recipe: Recipe, load: Callable[[], Any], task_type: str) -> Any:
    """A trained model as it is saved: that of `extracted` as an adapter on its base, any other as it is.

    Args:
        trained: what came of the training.
        recipe: says the method.
        load: loads the base.
        task_type: of peft.
    """
    if recipe.method != "extracted":
        return trained
    return as_adapter(trained, load(), recipe.adapter, task_type)


def for_measuring(tuned: Any, recipe: Recipe) -> Any:
    """The trained model ready to be measured: its adapter merged and in the machine's fastest format.

    Over a quantised base the adapter stays apart, as merging would round it to the base's few bits.
    """
    if recipe.method == "qlora":
        return tuned.eval()
    whole = tuned if recipe.method == "full" else tuned.merge_and_unload()
    return whole.eval().to(device(), best_precision(device()).dtype)


def quantization(recipe: Recipe) -> "BitsAndBytesConfig | None":
    """How bitsandbytes keeps the frozen base of `qlora`; None for the other methods."""
    if recipe.method != "qlora":
        return None
    from transformers import BitsAndBytesConfig

    if recipe.quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=_HEADS)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=training_precision(recipe.training).dtype,
        llm_int8_skip_modules=_HEADS,
    )


def with_method(model: Any, recipe: Recipe, task_type: str, tokenizer: "PreTrainedTokenizerBase | None" = None) -> Any:
    """The model as the recipe's method trains it.

    Args:
        model: the base.
        recipe: says the method.
        task_type: of peft: QUESTION_ANS, SEQ_CLS or CAUSAL_LM.
        tokenizer: for a prompt that begins as words.

    Raises:
        UsageError: the adapter to start from is not there, or is of another shape.
    """
    if recipe.method == "full":
        return model
    if recipe.method == "extracted":
        return with_weights_to_train(model, recipe.adapter, task_type)
    if recipe.method == "prompt":
        from peft import get_peft_model

        return get_peft_model(model, prompt_config(recipe.prompt, model, tokenizer))
    return with_adapter(model, recipe.adapter, task_type)


def with_adapter(model: Any, lora: Lora, task_type: str) -> "PeftModel":
    """A base with an adapter on it: new, or with the weights that it starts from.

    The adapter to start from may be one for another task: heads that only one of the two has are then left out or new.

    Raises:
        UsageError: the base lacks the recipe's modules, or the adapter to start from is not there or of another shape.
    """
    from peft import get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    try:
        peft_model: PeftModel = get_peft_model(model, lora_config(lora, task_type))
    except ValueError as error:  # peft's own words end with advice for programmers
        names = ", ".join(sorted({name.rpartition(".")[2] for name, part in model.named_modules() if _is_linear(part)}))
        raise UsageError(
            f"lora.targets or lora.modules_to_save: {lora.targets!r}, {lora.modules_to_save!r} are not all in "
            f"{type(model).__name__}; its linear layers are {names}."
        ) from error
    if lora.start_from is None:
        return peft_model
    folder = load_catalogue().adapters.get(lora.start_from, Path(lora.start_from))
    try:
        given = load_file(folder / "adapter_model.safetensors")
        own = get_peft_model_state_dict(peft_model)
        heads = {name: weights for name, weights in own.items() if not _is_lora(name)}
        shared = {name: weights for name, weights in given.items() if _is_lora(name) or name in heads}
        loaded: Any = set_peft_model_state_dict(peft_model, heads | shared)
    except (OSError, RuntimeError) as error:
        raise UsageError(f"lora.start_from: {folder} cannot be gone on from: {str(error).splitlines()[0]}") from error
    if loaded.unexpected_keys:
        raise UsageError(f"lora.start_from: {folder} has other modules than the recipe: {loaded.unexpected_keys[0]}")
    log.info("going on from the weights of %s", folder)
    return peft_model


def _is_linear(module: Any) -> bool:
    return type(module).__name__ in ("Linear", "Conv1D", "Linear4bit", "Linear8bitLt")


def _is_lora(name: str) -> bool:
    return "lora_" in name


def trained_parameters(model: Any) -> tuple[int, int]:
    """How many parameters are trained, and how many there are; those kept in 4 bits count for what they stand for."""
    counts = [(_elements(parameter), parameter.requires_grad) for parameter in model.parameters()]
    return sum(count for count, trained in counts if trained), sum(count for count, _ in counts)


def _elements(parameter: Any) -> int:
    shape = getattr(getattr(parameter, "quant_state", None), "shape", None)
    return int(shape.numel()) if shape is not None else int(parameter.numel())
