"""GGUF files of Llama's and Qwen2's architectures: their sizes, tensors, tokenizer and chat template.

The layout of the file is the GGUF specification's (ggml, docs/gguf.md); names are those that llama.cpp's
`convert_hf_to_gguf.py` writes. The `gguf` package reads the container; what it holds is checked here, since a file may
come from anywhere.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.errors import StoreError
from assistant.models.gguf_tokenizer import make_tokenizer
from assistant.text import one_line

ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}
"""Those that are run, with transformers' class for each."""

_MAX_LAYERS = 1024
_OUTER_TENSORS = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_BLOCK_TENSORS = {
    "attn_norm.weight": "input_layernorm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_q.bias": "self_attn.q_proj.bias",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_k.bias": "self_attn.k_proj.bias",
    "attn_v.weight": "self_attn.v_proj.weight",
    "attn_v.bias": "self_attn.v_proj.bias",
    "attn_output.weight": "self_attn.o_proj.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
}
_WITHOUT_WEIGHTS = frozenset({"rope_freqs.weight"})
"""Tensors that are no weights of transformers' model: it computes them from its configuration."""


@dataclass(frozen=True, slots=True)
class GGUFTensor:
    """A tensor as the file holds it.

    `kind` is the name of its number format, such as "Q4_K"; `data` are its rows, float32 or the bytes of their blocks.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    data: npt.NDArray[Any]
    offset: int

    def floats(self) -> npt.NDArray[np.float32]:
        """Its numbers in float32, of shape `shape`."""
        return rows_in_float(self.kind, self.data).reshape(self.shape)

    def first_rows(self, count: int) -> npt.NDArray[np.float32]:
        """The first of its rows in float32, shape (count, numbers of a row)."""
        rows = rows_in_float(self.kind, self.data.reshape(self.shape[0], -1)[:count])
        return rows.reshape(len(rows), *self.shape[1:])


def rows_in_float(kind: str, rows: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Rows of blocks of a number format in float32.

    Raises:
        StoreError: nothing reads this format.
    """
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize

    try:
        return dequantize(rows, GGMLQuantizationType[kind]).astype(np.float32, copy=False)
    except NotImplementedError as error:
        raise StoreError(f"the GGUF file has weights in {kind}, which cannot be read; take another file.") from error


class GGUFFile:
    """A GGUF file, opened by mapping.

    Args:
        path: of the file.

    Raises:
        StoreError: it is not GGUF, is cut short, or is of an architecture that is not known here.
    """

    def __init__(self, path: Path) -> None:
        from gguf import GGUFReader

        self.path = path
        try:
            reader = GGUFReader(path)
            self.fields: dict[str, Any] = {name: field.contents() for name, field in reader.fields.items()}
            self.tensors: Mapping[str, GGUFTensor] = {
                tensor.name: GGUFTensor(
                    tensor.name,
                    tensor.tensor_type.name,
                    tuple(int(size) for size in reversed(tensor.shape)),
                    tensor.data,
                    int(tensor.data_offset),
                )
                for tensor in reader.tensors
            }
        except (ValueError, IndexError, KeyError, TypeError, OverflowError, UnicodeError) as error:
            raise StoreError(
                f"{path.name} is not a readable GGUF file ({one_line(str(error), 120)}); fetch or copy it again."
            ) from error
        self.architecture = str(self.fields.get("general.architecture"))
        if self.architecture not in ARCHITECTURES:
            raise StoreError(
                f"{path.name} holds a model of the architecture {one_line(self.architecture, 40)!r}; "
                f"those that are run here are {' and '.join(ARCHITECTURES)}."
            )
        _check_tensors(self)

    def need(self, key: str) -> Any:
        """A field of the file.

        Raises:
            StoreError: the file lacks it.
        """
        if key not in self.fields:
            raise StoreError(f"the GGUF file lacks {key!r}, which its model cannot be built without.")
        return self.fields[key]

    @cached_property
    def config(self) -> dict[str, Any]:
        """The model's configuration as transformers has it."""
        own, heads = self.architecture, self.need(f"{self.architecture}.attention.head_count")
        hidden = self.need(f"{own}.embedding_length")
        end = self.need("tokenizer.ggml.eos_token_id")
        return {
            "architectures": [ARCHITECTURES[own]],
            "model_type": own,
            "hidden_act": "silu",
            "attention_bias": "blk.0.attn_q.bias" in self.tensors,
            "mlp_bias": False,
            "hidden_size": hidden,
            "intermediate_size": self.need(f"{own}.feed_forward_length"),
            "num_hidden_layers": self.need(f"{own}.block_count"),
            "num_attention_heads": heads,
            "num_key_value_heads": self.fields.get(f"{own}.attention.head_count_kv", heads),
            "head_dim": self.fields.get(f"{own}.attention.key_length", hidden // max(1, heads)),
            "max_position_embeddings": self.need(f"{own}.context_length"),
            # Kept in float32 in the file: 1e-05 comes back as 9.999999747378752e-06.
            "rms_norm_eps": float(f"{self.need(f'{own}.attention.layer_norm_rms_epsilon'):.6g}"),
            "rope_parameters": self._rope(),
            "vocab_size": self.tensors["token_embd.weight"].shape[0],
            "tie_word_embeddings": "output.weight" not in self.tensors,
            "bos_token_id": self.fields.get("tokenizer.ggml.bos_token_id", end),
            "eos_token_id": end,
            "pad_token_id": self.fields.get("tokenizer.ggml.padding_token_id", end),
            "dtype": "float16",
        }

    def _rope(self) -> dict[str, Any]:
        own = self.architecture
        base = {"rope_theta": float(self.fields.get(f"{own}.rope.freq_base", 10000.0))}
        scaling = str(self.fields.get(f"{own}.rope.scaling.type", "none"))
        if scaling == "linear":
            return base | {"rope_type": "linear", "factor": float(self.need(f"{own}.rope.scaling.factor"))}
        if scaling not in ("none", "yarn"):
            raise StoreError(f"the GGUF file scales positions by {one_line(scaling, 40)!r}, which is not known here.")
        if scaling == "yarn":
            original = self.fields.get(f"{own}.rope.scaling.original_context_length")
            return base | {
                "rope_type": "yarn",
                "factor": float(self.need(f"{own}.rope.scaling.factor")),
                "original_max_position_embeddings": original or self.need(f"{own}.context_length"),
            }
        return base | {"rope_type": "default"}

    @property
    def rotates_neighbours(self) -> bool:
        """Whether rotary positions turn neighbouring numbers of a head rather than its two halves."""
        return self.architecture == "llama"

    @property
    def rope_factors(self) -> npt.NDArray[np.float32] | None:
        """What the rotary frequencies are divided by, shape (half a head,), where the file says (Llama 3)."""
        tensor = self.tensors.get("rope_freqs.weight")
        return None if tensor is None else tensor.floats().reshape(-1)

    def block(self, layer: int, part: str) -> GGUFTensor:
        """A tensor of a layer.

        Raises:
            StoreError: the file lacks it.
        """
        name = f"blk.{layer}.{part}"
        if name not in self.tensors:
            raise StoreError(f"the GGUF file lacks the tensor {name!r}; fetch or copy it again.")
        return self.tensors[name]

    def state_dict(self) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
        """The weights by transformers' names, dequantised one after the other."""
        heads = {
            "attn_q": self.config["num_attention_heads"],
            "attn_k": self.config["num_key_value_heads"],
        }
        for name, tensor in self.tensors.items():
            if name in _WITHOUT_WEIGHTS:
                continue
            target, part = _transformers_name(name)
            values = tensor.floats()
            kind = part.partition(".")[0]
            if self.rotates_neighbours and kind in heads:
                values = _halves(values, heads[kind])
            yield target, values


def write_description(source: Path, target: Path) -> None:
    """Write what transformers wants to know of a GGUF file's model into a folder: configuration, tokenizer, template.

    Args:
        source: the GGUF file.
        target: an existing folder.

    Raises:
        StoreError: the file is not GGUF, is cut short, or holds another kind of model or tokenizer.
        OSError: the folder cannot be written.
    """
    file = GGUFFile(source)
    config = file.config
    tokenizer, tokenizer_config = make_tokenizer(file.fields, int(config["max_position_embeddings"]))
    _write_json(target / "config.json", config)
    tokenizer.save(str(target / "tokenizer.json"))
    _write_json(target / "tokenizer_config.json", tokenizer_config)
    special = {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    _write_json(target / "generation_config.json", special)


def _check_tensors(file: GGUFFile) -> None:
    """Hold the sizes that the file names against its tensors, so that nothing is built larger than they are."""
    for name in file.tensors:
        if name not in _WITHOUT_WEIGHTS:
            _transformers_name(name)
    if "token_embd.weight" not in file.tensors or "output_norm.weight" not in file.tensors:
        raise StoreError(f"{file.path.name} lacks the tensors of a language model; fetch or copy it again.")
    numbers = ("block_count", "embedding_length", "attention.head_count", "feed_forward_length", "context_length")
    for key in numbers:
        value = file.need(f"{file.architecture}.{key}")
        if not isinstance(value, int) or value <= 0:
            raise StoreError(f"{file.path.name}: {key} is {one_line(str(value), 40)}; such a file is not supported.")
    config = file.config
    layers, hidden, inner = config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"]
    queries = config["num_attention_heads"] * config["head_dim"]
    shared = config["num_key_value_heads"] * config["head_dim"]
    wanted = {
        "attn_q.weight": (queries, hidden),
        "attn_k.weight": (shared, hidden),
        "attn_v.weight": (shared, hidden),
        "attn_output.weight": (hidden, queries),
        "ffn_gate.weight": (inner, hidden),
        "ffn_up.weight": (inner, hidden),
        "ffn_down.weight": (hidden, inner),
        "attn_norm.weight": (hidden,),
        "ffn_norm.weight": (hidden,),
    }
    if layers > _MAX_LAYERS or file.tensors["token_embd.weight"].shape[1:] != (hidden,):
        raise StoreError(f"{file.path.name} names other sizes than its tensors have; it is not to be trusted.")
    for layer in range(layers):
        for part, shape in wanted.items():
            if file.block(layer, part).shape != shape:
                raise StoreError(f"{file.path.name} names other sizes than its tensors have; it is not to be trusted.")


def _transformers_name(name: str) -> tuple[str, str]:
    """The name that transformers gives a tensor, and the tensor's own name inside its block."""
    if name in _OUTER_TENSORS:
        return _OUTER_TENSORS[name], name
    _, _, rest = name.partition("blk.")
    layer, _, part = rest.partition(".")
    if not layer.isdecimal() or part not in _BLOCK_TENSORS:
        raise StoreError(f"the GGUF file holds a tensor {one_line(name, 60)!r} that its model has no place for.")
    return f"model.layers.{layer}.{_BLOCK_TENSORS[part]}", part


def _halves(values: npt.NDArray[np.float32], heads: int) -> npt.NDArray[np.float32]:
    """Rows in transformers' order: llama.cpp rotates neighbouring rows of a head, transformers a head's two halves.

    Args:
        values: shape (heads × head size, …).
        heads: how many.
    """
    rows = values.shape[0]
    return values.reshape(heads, rows // heads // 2, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def swap_halves(values: npt.NDArray[np.float32], heads: int) -> npt.NDArray[np.float32]:
    """Rows in llama.cpp's order from transformers': see `GGUFFile.rotates_neighbours`.

    Args:
        values: shape (heads × head size, …).
        heads: how many.
    """
    rows = values.shape[0]
    return values.reshape(heads, 2, rows // heads // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
