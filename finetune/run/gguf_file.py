"""Writing a language model as one GGUF file, which llama.cpp, Ollama and this program's own engine run."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from assistant.errors import StoreError, UsageError
from assistant.models.gguf import ARCHITECTURES, swap_halves
from assistant.models.gguf_tokenizer import make_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

GgufFormat = Literal["Q8_0", "F16"]
_NORMAL, _CONTROL, _USER_DEFINED, _UNUSED = 1, 3, 4, 5  # gguf.TokenType
_BLOCK = 32  # numbers that Q8_0 scales together
_SAMPLES = (
    "def main():\n    return {'a': 12345, \"b\": [1.5, -2]}\n\n\n",
    "Don't they'll  go — l'été où ça naît ?\t😀 x<y && y>=z; // 100%",
    "SELECT * FROM t WHERE n='x' AND y != 3;\r\n",
)


def write_gguf(folder: Path, path: Path, name: str, kind: GgufFormat = "Q8_0") -> Path:
    """Write the model of a folder as a GGUF file; returns its path.

    Args:
        folder: a whole model of Llama's or Qwen2's architecture: configuration, safetensors and a byte-pair tokenizer.
        path: of the file.
        name: of the model, which programs show.
        kind: the number format of the matrices; vectors stay in float32.

    Raises:
        UsageError: the model is of another architecture, or its tokenizer or its positions cannot be told in the file.
        OSError: the file cannot be written.
    """
    from gguf import MODEL_ARCH, GGMLQuantizationType, GGUFWriter, LlamaFileType, get_tensor_name_map
    from gguf.quants import quantize
    from transformers import AutoConfig, AutoTokenizer

    config: Any = AutoConfig.from_pretrained(folder)
    architecture = str(config.model_type)
    if architecture not in ARCHITECTURES:
        raise UsageError(
            f"{name} is of the architecture {architecture!r}; a GGUF file is written of {' and '.join(ARCHITECTURES)}."
        )
    fields = _tokenizer_fields(AutoTokenizer.from_pretrained(folder), int(config.vocab_size), name)
    factors = _rope_factors(config, name)
    writer = GGUFWriter(path, architecture, use_temp_file=True)
    writer.add_name(name)
    writer.add_file_type(LlamaFileType.MOSTLY_Q8_0 if kind == "Q8_0" else LlamaFileType.MOSTLY_F16)
    _add_shape(writer, config)
    for key, value in fields.items():
        _add_field(writer, key, value)
    names = get_tensor_name_map(
        MODEL_ARCH.LLAMA if architecture == "llama" else MODEL_ARCH.QWEN2, config.num_hidden_layers
    )
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    if factors is not None:
        writer.add_tensor("rope_freqs.weight", factors)
    for given, tensor in _weights(folder):
        if given == "lm_head.weight" and config.tie_word_embeddings:
            continue
        target = names.get_name(given, try_suffixes=(".weight", ".bias"))
        if target is None:
            raise UsageError(f"{name} has a tensor {given!r} that a GGUF file has no place for.")
        part = given.split(".")[-2]
        values = swap_halves(tensor, heads[part]) if architecture == "llama" and part in heads else tensor
        if values.ndim < 2:
            writer.add_tensor(target, values)
        elif kind == "Q8_0" and values.shape[-1] % _BLOCK == 0:
            packed = GGMLQuantizationType.Q8_0
            writer.add_tensor(target, quantize(values, packed), raw_dtype=packed)
        else:
            writer.add_tensor(target, values.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _weights(folder: Path) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """The weights of a folder in float32, one after the other."""
    from safetensors import safe_open

    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118  (not a mapping)
                yield name, tensors.get_tensor(name).float().numpy()


def _add_shape(writer: Any, config: Any) -> None:
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(float(config.rope_parameters["rope_theta"]))
    writer.add_rope_dimension_count(head)
    writer.add_vocab_size(config.vocab_size)


def _add_field(writer: Any, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    else:
        writer.add_array(key, value)


def _rope_factors(config: Any, name: str) -> npt.NDArray[np.float32] | None:
    """What the rotary frequencies are divided by; None where they are the plain ones.

    Raises:
        UsageError: positions are scaled in another way than Llama 3's.
    """
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    kind = config.rope_parameters.get("rope_type", "default")
    if kind == "default":
        return None
    if kind != "llama3":
        raise UsageError(f"{name} scales its positions by {kind!r}, which is not written into GGUF files here.")
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    plain = float(config.rope_parameters["rope_theta"]) ** -(np.arange(0, head, 2, dtype=np.float64) / head)
    factors: npt.NDArray[np.float32] = (plain / scaled.double().numpy()).astype(np.float32)
    return factors


def _tokenizer_fields(tokenizer: "PreTrainedTokenizerBase", rows: int, name: str) -> dict[str, Any]:
    """The tokenizer as the file's fields, held against what this program reads from them.

    Raises:
        UsageError: it is no byte-pair tokenizer of bytes, or one that splits text in a way that has no name there.
    """
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    model = content["model"]
    if model["type"] != "BPE" or "ByteLevel" not in json.dumps(content["pre_tokenizer"]):
        raise UsageError(f"{name}: a GGUF file is written of byte-level BPE tokenizers alone, and its is another kind.")
    # A token that the model has no row for can never be given to it.
    known = {token: at for token, at in tokenizer.get_vocab().items() if at < rows}
    tokens = [f"[UNUSED{at}]" for at in range(rows)]
    kinds = [_UNUSED] * rows
    for token, at in known.items():
        tokens[at], kinds[at] = token, _NORMAL
    for added in content["added_tokens"]:
        if added["id"] < rows:
            kinds[added["id"]] = _CONTROL if added["special"] else _USER_DEFINED
    fields: dict[str, Any] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": _rule(content),
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.merges": [each if isinstance(each, str) else " ".join(each) for each in model["merges"]],
        "tokenizer.ggml.add_bos_token": bool(tokenizer("")["input_ids"]),
    }
    roles = {"bos": "bos_token_id", "eos": "eos_token_id", "padding": "pad_token_id", "unknown": "unk_token_id"}
    for role, attribute in roles.items():
        if (id_ := getattr(tokenizer, attribute)) is not None and id_ < rows:
            fields[f"tokenizer.ggml.{role}_token_id"] = int(id_)
    if tokenizer.chat_template is not None:
        fields["tokenizer.chat_template"] = str(tokenizer.chat_template)
    try:
        read, _ = make_tokenizer(fields, 0)
    except StoreError as error:
        raise UsageError(f"{name}: its tokenizer cannot be written into a GGUF file: {error}") from error
    for text in _SAMPLES:
        if read.encode(text, add_special_tokens=False).ids != tokenizer(text, add_special_tokens=False)["input_ids"]:
            raise UsageError(
                f"{name}: its tokenizer splits text in a way that a GGUF file has no name for; use the safetensors."
            )
    return fields


def _rule(content: dict[str, Any]) -> str:
    """The name of the way in which text is split before pairs are merged."""
    split = json.dumps(content["pre_tokenizer"])
    if "\\\\p{N}{1,3}" in split:
        return "llama-bpe"
    if "\\\\p{N}" in split:
        return "qwen2"
    return "smollm" if '"Digits"' in split else "gpt-2"
