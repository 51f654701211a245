"""What `--smoke` trains: a tiny random model of the recipe's architecture on sample data.

So the whole path is walked on any machine in half a minute, and nothing is downloaded.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.models.local_files import find_gguf
from finetune.data.sample import sample_texts
from finetune.plan.bases import BaseFacts, base_facts
from finetune.plan.vocabulary import write_vocabulary
from finetune.recipe import Recipe
from finetune.tasks.registry import TASKS

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

# bitsandbytes on a CPU wants sizes in multiples of 64; the names are those of the families' configurations.
_SIZES = {
    "hidden_size": 64, "n_embd": 64, "dim": 64, "intermediate_size": 128, "hidden_dim": 128, "pooler_hidden_size": 64,
    "num_hidden_layers": 2, "n_layer": 2, "n_layers": 2, "num_attention_heads": 2, "n_head": 2, "n_heads": 2,
    "num_key_value_heads": 1, "head_dim": 32, "d_model": 64, "d_ff": 128, "d_kv": 32, "num_layers": 2,
    "num_decoder_layers": 2, "num_heads": 2,
}  # fmt: skip
_LAYERS_FOR_A_PATTERN = 4  # which may leave out the lowest
_UNKNOWN = "[UNK]"
_POSITIONS = ("max_position_embeddings", "n_positions")
_SPECIAL = {
    "byte-pair": {"eos_token": "<|endoftext|>", "bos_token": "<|endoftext|>"},
    "word-piece": {
        "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]",
    },
    "roberta": {
        "bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "eos_token": "</s>",
        "unk_token": "<unk>", "mask_token": "<mask>",
    },
    "mpnet": {
        "bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "eos_token": "</s>",
        "unk_token": "[UNK]", "mask_token": "<mask>",
    },
    "t5": {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"},
    "unigram": {
        "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]",
    },
}  # fmt: skip
_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def smoke_recipe(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe on a tiny base and sample data, both written into a folder, for a few steps.

    A base that is a folder or a GGUF file stays, so that one's own model can be tried.

    Raises:
        UsageError: nothing is known of the recipe's base.
    """
    folder.mkdir(parents=True, exist_ok=True)
    base = recipe.base
    if not Path(base).is_dir() and find_gguf(base) is None:
        base = str(_tiny_base(base_facts(recipe.base), recipe, folder / "base"))
    training = recipe.training.model_copy(
        update={
            "epochs": 2.0, "batch_size": min(4, recipe.training.batch_size), "accumulation": 1, "save_steps": 4,
            "logging_steps": 1, "eval_rows": min(8, recipe.training.eval_rows), "tensorboard": False,
        }
    )  # fmt: skip
    # A tiny model has its true architecture but none of the weights that an adapter would start from.
    lora = recipe.lora.model_copy(update={"r": 4, "alpha": 8, "start_from": None}) if recipe.lora else None
    shared: dict[str, Any] = {
        "base": base,
        "training": training,
        "lora": lora,
        "source_result": "",
        "licence": "made up",
    }
    shared["description"] = f"a walk through {recipe.name}: sample data" + (
        "" if base == recipe.base else ", a tiny random model"
    )
    changed: Recipe = recipe.model_copy(update=shared | TASKS[recipe.task].sample(recipe, folder))
    return changed


def _tiny_base(facts: BaseFacts, recipe: Recipe, folder: Path) -> Path:
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    tokenizer = _tokenizer(facts)
    options = {name: _SIZES.get(name, value) for name, value in facts.config.items()}
    if recipe.lora is not None and isinstance(recipe.lora.targets, str) and "num_hidden_layers" in options:
        options["num_hidden_layers"] = _LAYERS_FOR_A_PATTERN
    options |= {name: 520 for name in _POSITIONS if name in options}
    options |= {
        f"{name}_token_id": getattr(tokenizer, f"{name}_token_id")
        for name in ("bos", "eos", "pad")
        if getattr(tokenizer, f"{name}_token_id") is not None
    }
    if recipe.lora and "num_hidden_layers" in options and "layer" in str(recipe.lora.targets):
        options["num_hidden_layers"] = 4  # the recipe names layers by their numbers, and leaves out the first
    options["vocab_size"] = len(tokenizer)
    torch.manual_seed(recipe.training.seed)
    config = AutoConfig.for_model(options.pop("model_type"), **options)
    kind: Any = AutoModelForCausalLM if TASKS[recipe.task].causal else AutoModel
    if recipe.task == "seq2seq":
        kind = AutoModelForSeq2SeqLM
    kind.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(facts: BaseFacts) -> "PreTrainedTokenizerFast":
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    special = dict(_SPECIAL[facts.tokenizer])
    if facts.chat:
        special |= {"eos_token": "<|im_end|>", "bos_token": "<|im_start|>", "pad_token": "<|im_end|>"}
    backend = _backend(facts.tokenizer, list(dict.fromkeys(special.values())))
    if facts.tokenizer in ("mpnet", "roberta"):
        sep, cls = ((special[name], backend.token_to_id(special[name]) or 0) for name in ("sep_token", "cls_token"))
        backend.post_processor = processors.RobertaProcessing(sep, cls)
    elif facts.tokenizer == "t5":
        ending = ("</s>", backend.token_to_id("</s>") or 0)
        backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[ending])
    elif facts.tokenizer != "byte-pair":
        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(word, backend.token_to_id(word)) for word in ("[CLS]", "[SEP]")],
        )
    inputs = ["input_ids", "attention_mask"]
    if facts.config.get("type_vocab_size", 0) == 2:
        inputs.append("token_type_ids")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, model_input_names=inputs, **special)
    if facts.chat:
        tokenizer.chat_template = _CHAT
    return tokenizer


def _backend(kind: str, special: list[str]) -> "Tokenizer":
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    if kind in ("word-piece", "mpnet"):
        tokenizer = Tokenizer(models.WordPiece(unk_token=_UNKNOWN))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
    elif kind in ("unigram", "t5"):
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
    else:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
    return write_vocabulary(tokenizer, special, sample_texts())
