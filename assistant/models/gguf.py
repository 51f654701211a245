"""Turns a GGUF file of a Llama model into the folder of safetensors and tokenizer files that transformers loads.

Done once, when a model is fetched: dequantising takes seconds and needs the whole file, loading the result half a
second. transformers reads GGUF too, but cannot save what it has read, and it drops the way a file's tokenizer splits
numbers (`tokenizer.ggml.pre`), which shifts the tokens of indented numbers in code.

The layout of the file is the GGUF specification's (ggml, docs/gguf.md); names and the order of rows in the query and
key matrices are those that llama.cpp's `convert_hf_to_gguf.py` wrote, undone here.
"""

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assistant.errors import StoreError

if TYPE_CHECKING:
    from gguf import GGUFReader

_CONTROL_TOKEN = 3  # gguf.TokenType.CONTROL: special tokens, never produced from a user's characters by the merges

_OUTER_TENSORS = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_BLOCK_TENSORS = {
    "attn_norm.weight": "input_layernorm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_v.weight": "self_attn.v_proj.weight",
    "attn_output.weight": "self_attn.o_proj.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
}


def convert_llama(source: Path, target: Path, on_tensor: Callable[[int, int], None] | None = None) -> None:
    """Write config, tokenizer and float16 weights of the GGUF file `source` into the folder `target`.

    float16 and not bfloat16: a Q4_1 weight is a float16 scale times a 4-bit number plus a float16 offset, and a Q8_0
    weight has eight bits of its own, so bfloat16's eight bits lose what the file holds and float16's eleven do not.

    Args:
        source: a GGUF file of architecture "llama" with a byte-level BPE tokenizer.
        target: an existing folder.
        on_tensor: called with how many of how many tensors are done.

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
    if architecture != "llama":
        raise StoreError(
            f"{source.name} holds a model of architecture {architecture!r}; only 'llama' can be converted."
        )
    config = _config(fields)
    _write_weights(reader, config, target / "model.safetensors", on_tensor)
    _write_json(target / "config.json", config)
    _write_tokenizer(fields, target)
    special = {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    _write_json(target / "generation_config.json", special)


def _fields(reader: "GGUFReader") -> dict[str, Any]:
    return {name: field.contents() for name, field in reader.fields.items()}


def _config(fields: dict[str, Any]) -> dict[str, Any]:
    def need(key: str) -> Any:
        if key not in fields:
            raise StoreError(f"the GGUF file lacks {key!r}, which its model cannot be built without.")
        return fields[key]

    heads = need("llama.attention.head_count")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "hidden_size": need("llama.embedding_length"),
        "intermediate_size": need("llama.feed_forward_length"),
        "num_hidden_layers": need("llama.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": fields.get("llama.attention.head_count_kv", heads),
        "head_dim": need("llama.embedding_length") // heads,
        "max_position_embeddings": need("llama.context_length"),
        # Kept in float32 in the file: 1e-05 comes back as 9.999999747378752e-06.
        "rms_norm_eps": float(f"{need('llama.attention.layer_norm_rms_epsilon'):.6g}"),
        "rope_parameters": {"rope_type": "default", "rope_theta": fields.get("llama.rope.freq_base", 10000.0)},
        "vocab_size": len(need("tokenizer.ggml.tokens")),
        "tie_word_embeddings": True,
        "bos_token_id": need("tokenizer.ggml.bos_token_id"),
        "eos_token_id": need("tokenizer.ggml.eos_token_id"),
        "pad_token_id": fields.get("tokenizer.ggml.padding_token_id", need("tokenizer.ggml.eos_token_id")),
        "dtype": "float16",
    }


def _write_weights(
    reader: "GGUFReader", config: dict[str, Any], path: Path, on_tensor: Callable[[int, int], None] | None
) -> None:
    from gguf.quants import dequantize
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    heads = {"attn_q.weight": config["num_attention_heads"], "attn_k.weight": config["num_key_value_heads"]}
    tensors: dict[str, npt.NDArray[np.float16]] = {}
    for done, tensor in enumerate(reader.tensors, start=1):
        name, part = _transformers_name(tensor.name)
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if part in heads:
            values = _interleaved_to_halves(values, heads[part])
        half = np.ascontiguousarray(values.astype(np.float16))
        if not np.isfinite(half).all():
            raise StoreError(
                f"tensor {tensor.name} of the GGUF file holds values beyond float16; fetch the model again."
            )
        tensors[name] = half
        if on_tensor is not None:
            on_tensor(done, len(reader.tensors))
    config["tie_word_embeddings"] = "lm_head.weight" not in tensors
    try:
        save_file(tensors, path, metadata={"format": "pt"})
    except SafetensorError as error:  # hides the system's error in its text: "... (os error 28)"
        code = re.search(r"os error (\d+)", str(error))
        number = int(code[1]) if code else errno.EIO
        raise OSError(number, os.strerror(number)) from error


def _transformers_name(name: str) -> tuple[str, str]:
    """The name that transformers gives a tensor, and the tensor's own name inside its block."""
    if name in _OUTER_TENSORS:
        return _OUTER_TENSORS[name], name
    _, _, rest = name.partition("blk.")
    layer, _, part = rest.partition(".")
    if not layer.isdecimal() or part not in _BLOCK_TENSORS:
        raise StoreError(f"the GGUF file holds a tensor {name!r} that a Llama model has no place for.")
    return f"model.layers.{layer}.{_BLOCK_TENSORS[part]}", part


def _interleaved_to_halves(values: npt.NDArray[np.float32], heads: int) -> npt.NDArray[np.float32]:
    """Undo llama.cpp's order of rows: it rotates neighbouring rows of a head, transformers a head's two halves.

    `values` has shape (heads × head size, hidden size).
    """
    rows, hidden = values.shape
    return values.reshape(heads, rows // heads // 2, 2, hidden).swapaxes(1, 2).reshape(rows, hidden)


def _write_tokenizer(fields: dict[str, Any], target: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    if fields.get("tokenizer.ggml.model") != "gpt2" or fields.get("tokenizer.ggml.pre") != "smollm":
        raise StoreError(
            f"the GGUF file's tokenizer is {fields.get('tokenizer.ggml.model')!r} with the splitting rule "
            f"{fields.get('tokenizer.ggml.pre')!r}; only 'gpt2' with 'smollm' can be converted."
        )
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(tokens)}, merges=merges))
    # The rule "smollm" splits every digit off first and then applies GPT-2's expression.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
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
        "model_max_length": fields["llama.context_length"],
        "clean_up_tokenization_spaces": False,
    }
    if template := fields.get("tokenizer.chat_template"):
        tokenizer_config["chat_template"] = template
    _write_json(target / "tokenizer_config.json", tokenizer_config)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
