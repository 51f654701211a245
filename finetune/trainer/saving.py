"""Writing what a run has trained, so that the assistant takes it: an adapter alone, or a whole model."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.recipe import Recipe

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

ADAPTER_FOLDER = "adapter"
MODEL_FOLDER = "model"
_AUTO_CLASSES = {
    "qa": "AutoModelForQuestionAnswering", "nli": "AutoModelForSequenceClassification", "code": "AutoModelForCausalLM",
    "dpo": "AutoModelForCausalLM", "classifier": "AutoModelForSequenceClassification",
    "seq2seq": "AutoModelForSeq2SeqLM",
}  # fmt: skip
CHAT_TEMPLATE = "chat_template.jinja"
"""In an adapter's folder, where it was trained with another template than its base's."""
_BESIDE = ("README.md", "calibration.json", "ranges.json", "verifier.json", "labels.json")


def trained_folder(run: Path) -> Path | None:
    """Where a run keeps what it trained; None before it is finished."""
    if (run / ADAPTER_FOLDER / "adapter_config.json").is_file():
        return run / ADAPTER_FOLDER
    return run / MODEL_FOLDER if (run / MODEL_FOLDER / "config.json").is_file() else None


def save_trained(model: Any, recipe: Recipe, output: Path, tokenizer: "PreTrainedTokenizerBase") -> Path:
    """Write what was trained below the run's folder and return where."""
    if recipe.makes_adapter:
        folder = save_adapter(model, recipe, output)
        (folder / CHAT_TEMPLATE).unlink(missing_ok=True)
        if recipe.task in ("code", "dpo") and recipe.data.chat_template is not None:
            (folder / CHAT_TEMPLATE).write_text(str(tokenizer.chat_template), "utf-8")
        return folder
    folder = output / MODEL_FOLDER
    if recipe.method == "prompt":
        model, tokenizer = with_prompt_as_tokens(model, tokenizer)
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder


def save_adapter(model: "PeftModel", recipe: Recipe, output: Path) -> Path:
    """Write the adapter alone, in float16, naming its base as the recipe does rather than by this machine's path."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = output / ADAPTER_FOLDER
    # `owner/name@revision` is our way to write it; other tools want the two apart.
    base, _, revision = recipe.base.partition("@")
    config = model.peft_config["default"]
    config.base_model_name_or_path, config.revision = base, revision or None
    # Looking whether the vocabulary changed would ask the Hub about a base that has only our name.
    model.save_pretrained(str(folder), save_embedding_layers=False)
    weights = folder / "adapter_model.safetensors"
    heads = _frozen_heads(model, recipe)
    tensors = load_file(weights) | {f"base_model.model.{name}": tensor for name, tensor in heads.items()}
    half = {name: tensor.detach().cpu().to(torch.float16).contiguous() for name, tensor in tensors.items()}
    save_file(half, weights, metadata={"format": "pt"})
    (folder / "README.md").unlink(missing_ok=True)
    if heads:
        about = json.loads((folder / "adapter_config.json").read_text("utf-8"))
        names = dict.fromkeys([*(about["modules_to_save"] or []), *(name.partition(".")[0] for name in heads)])
        (folder / "adapter_config.json").write_text(
            json.dumps(about | {"modules_to_save": list(names)}, indent=2), "utf-8"
        )
    return folder


def _frozen_heads(model: "PeftModel", recipe: Recipe) -> "dict[str, torch.Tensor]":
    """Weights of a classifier's heads that were not trained: no base holds them, so they go with the adapter."""
    if recipe.task not in ("nli", "classifier"):
        return {}
    base = model.get_base_model()
    saved = {name.rpartition(".")[2] for name, part in base.named_modules() if hasattr(part, "modules_to_save")}
    return {
        f"{name}.{key}": tensor
        for name, part in base.named_children()
        if name != base.base_model_prefix and name not in saved
        for key, tensor in part.state_dict().items()
    }


def write_merged(adapter: Path, recipe: Recipe, folder: Path) -> None:
    """Write an adapter merged into its base as one model in float16, with the tokenizer and what reads its scores.

    Raises:
        UsageError, StoreError, ModelError: the base cannot be had, or is not the adapter's.
    """
    import torch
    import transformers
    from peft import PeftModel

    from assistant.loading.generator import load_language_model
    from assistant.models.store import ModelStore
    from assistant.types import Label

    model = ModelStore().resolve(str(adapter))
    names = {index: str(label) for index, label in enumerate(Label)}
    labels = {"num_labels": len(names), "id2label": names, "label2id": {name: at for at, name in names.items()}}
    kind: Any = getattr(transformers, _AUTO_CLASSES[recipe.task])
    if (adapter / "labels.json").is_file():
        own = dict(enumerate(json.loads((adapter / "labels.json").read_text("utf-8"))))
        labels = {"num_labels": len(own), "id2label": own, "label2id": {name: at for at, name in own.items()}}
    base = model.base
    if model.gguf is not None:
        # A GGUF file's numbers, which the adapter was trained on in bfloat16, are merged with it in float32.
        network, _ = load_language_model(replace(model, adapter=None), fastest=False)
    else:
        network = kind.from_pretrained(
            base, dtype="float32", use_safetensors=True, **(labels if recipe.task in ("nli", "classifier") else {})
        )
    merged = PeftModel.from_pretrained(network, str(adapter)).merge_and_unload()
    merged.to(torch.float16).save_pretrained(str(folder))
    transformers.AutoTokenizer.from_pretrained(base).save_pretrained(str(folder))
    for name in (*_BESIDE, CHAT_TEMPLATE):
        if (adapter / name).is_file():
            shutil.copyfile(adapter / name, folder / name)


def with_prompt_as_tokens(model: Any, tokenizer: "PreTrainedTokenizerBase") -> "tuple[Any, PreTrainedTokenizerBase]":
    """The base with the learned prompt as words of its own vocabulary, which the tokenizer puts before every text.

    So any program that runs the base runs the tuned model. The output layer gets its own weights: there the new words
    stand for the end of the text, since a text must never hold them.

    Args:
        model: a prompt-tuned `PeftModel`; its base is changed.
        tokenizer: of the base.
    """
    import torch

    vectors = model.get_prompt(batch_size=1)[0].detach()
    base = model.get_base_model()
    words = [f"<|prompt_{number}|>" for number in range(len(vectors))]
    tokenizer.add_special_tokens({"additional_special_tokens": words}, replace_extra_special_tokens=False)
    ids: Any = tokenizer.convert_tokens_to_ids(words)
    ending = base.get_output_embeddings().weight.detach()[tokenizer.eos_token_id].clone()
    # Some bases have more rows than the tokenizer has words; none of them may be lost.
    base.resize_token_embeddings(max(len(tokenizer), base.get_input_embeddings().num_embeddings), mean_resizing=False)
    if base.config.tie_word_embeddings:
        base.config.tie_word_embeddings = False
        output = base.get_output_embeddings()
        output.weight = torch.nn.Parameter(output.weight.detach().clone())
        base.all_tied_weights_keys = {}
    with torch.no_grad():
        base.get_input_embeddings().weight[ids] = vectors.to(base.get_input_embeddings().weight.dtype)
        base.get_output_embeddings().weight[ids] = ending
    ends: Any = base.generation_config.eos_token_id
    known = ends if isinstance(ends, list) else [] if ends is None else [ends]
    base.generation_config.eos_token_id = [*known, *ids]
    _put_first(tokenizer, words)
    return base, tokenizer


def _put_first(tokenizer: "PreTrainedTokenizerBase", words: list[str]) -> None:
    """Have the tokenizer begin every text with words: its chat template where it has one, else its post-processor."""
    if tokenizer.chat_template is not None:
        tokenizer.chat_template = "".join(words) + str(tokenizer.chat_template)
        return
    from tokenizers import processors

    before: list[int] = tokenizer("")["input_ids"]  # such as the begin-of-text token
    start = [*(str(tokenizer.convert_ids_to_tokens(id_)) for id_ in before), *words]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=[*start, "$A"],
        pair=[*start, "$A", "$B"],
        special_tokens=[(word, tokenizer.convert_tokens_to_ids(word)) for word in dict.fromkeys(start)],
    )
