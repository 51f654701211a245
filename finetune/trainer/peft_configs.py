"""A recipe's adapter and prompt as peft takes them."""

from typing import TYPE_CHECKING, Any

from finetune.recipe import Lora, PromptTuning

if TYPE_CHECKING:
    from peft import LoraConfig, PromptTuningConfig
    from transformers import PreTrainedTokenizerBase


def lora_config(lora: Lora, task_type: str) -> "LoraConfig":
    """The recipe's adapter as peft takes it."""
    from peft import LoraConfig

    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        # peft adds to the lists that it is given.
        target_modules=lora.targets if isinstance(lora.targets, str) else list(lora.targets),
        modules_to_save=list(lora.modules_to_save) or None,
        use_rslora=lora.rslora,
        use_dora=lora.dora,
        task_type=task_type,
    )


def prompt_config(
    prompt: PromptTuning, model: Any, tokenizer: "PreTrainedTokenizerBase | None" = None
) -> "PromptTuningConfig":
    """The recipe's prompt as peft takes it."""
    from peft import PromptTuningConfig, PromptTuningInit

    words = {}
    if prompt.text is not None and tokenizer is not None:
        words = {"prompt_tuning_init_text": prompt.text, "tokenizer_name_or_path": tokenizer.name_or_path}
    return PromptTuningConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=prompt.tokens,
        prompt_tuning_init=PromptTuningInit.TEXT if words else PromptTuningInit.SAMPLE_VOCAB,
        **words,
    )
