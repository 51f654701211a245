"""Writes what a GGUF file says of its model as the configuration and tokenizer files that transformers loads.

Done once, when a model is fetched. transformers reads GGUF too, but it drops the way a file's tokenizer splits numbers
(`tokenizer.ggml.pre`), which shifts the tokens of indented numbers in code.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import StoreError

if TYPE_CHECKING:
    from gguf import GGUFReader

_CONTROL_TOKEN = 3  # gguf.TokenType.CONTROL: special tokens, never produced from a user's characters by the merges

_ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}
_QWEN2_SPLITTING = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def write_description(source: Path, target: Path) -> None:
    """Write what a GGUF file says of its model: config, tokenizer and generation config, without weights.

    Args:
        source: a GGUF file of architecture "llama" or "qwen2" with a byte-level BPE tokenizer.
        target: an existing folder.

    Raises:
        StoreError: the file is not GGUF, is cut short, or holds another kind of model or tokenizer.
        OSError: the folder cannot be written, for example because the disk is full.
    """
    from gguf import GGUFReader

    try:
        reader = GGUFReader(source)
    except (ValueError, IndexError, KeyError) as error:
        raise StoreError(f"{source.name} is not a readable GGUF file ({error}); fetch the model again.") from error
    fields = _fields(reader)
    architecture = fields.get("general.architecture")
    if architecture not in _ARCHITECTURES:
        raise StoreError(
            f"{source.name} holds a model of architecture {architecture!r}; known are {', '.join(_ARCHITECTURES)}."
        )
    own_head = any(tensor.name == "output.weight" for tensor in reader.tensors)
    config = _config(fields, str(architecture), tied=not own_head)
    _write_json(target / "config.json", config)
    _write_tokenizer(fields, config, target)
    special = {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    _write_json(target / "generation_config.json", special)


def _fields(reader: "GGUFReader") -> dict[str, Any]:
    return {name: field.contents() for name, field in reader.fields.items()}


def _config(fields: dict[str, Any], architecture: str, *, tied: bool) -> dict[str, Any]:
    def need(key: str) -> Any:
        if key not in fields:
            raise StoreError(f"the GGUF file lacks {key!r}, which its model cannot be built without.")
        return fields[key]

    heads = need(f"{architecture}.attention.head_count")
    return {
        "architectures": [_ARCHITECTURES[architecture]],
        "model_type": architecture,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "hidden_size": need(f"{architecture}.embedding_length"),
        "intermediate_size": need(f"{architecture}.feed_forward_length"),
        "num_hidden_layers": need(f"{architecture}.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": fields.get(f"{architecture}.attention.head_count_kv", heads),
        "head_dim": need(f"{architecture}.embedding_length") // heads,
        "max_position_embeddings": need(f"{architecture}.context_length"),
        # Kept in float32 in the file: 1e-05 comes back as 9.999999747378752e-06.
        "rms_norm_eps": float(f"{need(f'{architecture}.attention.layer_norm_rms_epsilon'):.6g}"),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": fields.get(f"{architecture}.rope.freq_base", 10000.0),
        },
        "vocab_size": len(need("tokenizer.ggml.tokens")),
        "tie_word_embeddings": tied,
        "bos_token_id": need("tokenizer.ggml.bos_token_id"),
        "eos_token_id": need("tokenizer.ggml.eos_token_id"),
        "pad_token_id": fields.get("tokenizer.ggml.padding_token_id", need("tokenizer.ggml.eos_token_id")),
        "dtype": "float16",
    }


def _write_tokenizer(fields: dict[str, Any], config: dict[str, Any], target: Path) -> None:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

    splitting = fields.get("tokenizer.ggml.pre")
    if fields.get("tokenizer.ggml.model") != "gpt2" or splitting not in ("smollm", "qwen2"):
        raise StoreError(
            f"the GGUF file's tokenizer is {fields.get('tokenizer.ggml.model')!r} with the splitting rule "
            f"{splitting!r}; only 'gpt2' with 'smollm' or 'qwen2' can be read."
        )
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(tokens)}, merges=merges))
    # The rule "smollm" splits every digit off first and then applies GPT-2's expression.
    first = (
        pre_tokenizers.Digits(individual_digits=True)
        if splitting == "smollm"
        else pre_tokenizers.Split(Regex(_QWEN2_SPLITTING), "isolated")
    )
    rest = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=splitting == "smollm")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([first, rest])
    tokenizer.decoder = decoders.ByteLevel()
    kinds = fields["tokenizer.ggml.token_type"]
    tokenizer.add_special_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token, kind in zip(tokens, kinds, strict=True)
            if kind == _CONTROL_TOKEN
        ]
    )
    tokenizer.save(str(target / "tokenizer.json"))

    eos = fields["tokenizer.ggml.eos_token_id"]
    roles = {
        "bos_token": fields["tokenizer.ggml.bos_token_id"],
        "eos_token": eos,
        "pad_token": fields.get("tokenizer.ggml.padding_token_id", eos),
        "unk_token": fields.get("tokenizer.ggml.unknown_token_id", eos),
    }
    tokenizer_config: dict[str, Any] = {role: tokens[token_id] for role, token_id in roles.items()}
    tokenizer_config |= {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config["max_position_embeddings"],
        "clean_up_tokenization_spaces": False,
    }
    if template := fields.get("tokenizer.chat_template"):
        tokenizer_config["chat_template"] = template
    _write_json(target / "tokenizer_config.json", tokenizer_config)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
