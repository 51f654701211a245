"""The weights of a GGUF file as the decoding graph takes them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from assistant.generation.engines.onnx_graph import Array, Decoder, Layer, LowRank, Matrix
from assistant.generation.engines.packing import Packed, pack_coarsely, pack_tensor
from assistant.models.gguf import GGUFFile, GGUFTensor

_PARTS = {"qkv": ("q", "k", "v"), "output": ("output",), "gate_up": ("gate", "up"), "down": ("down",)}
TENSORS = {
    "q": "attn_q", "k": "attn_k", "v": "attn_v", "output": "attn_output",
    "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down",
}  # fmt: skip

Updates = Mapping[tuple[int, str], LowRank]
"""LoRA updates by layer and the name of a matrix: `q`, `k`, `v`, `output`, `gate`, `up`, `down`."""


def decoder_of(file: GGUFFile, context_tokens: int) -> Decoder:
    """The sizes of a GGUF file's model, and what surrounds its layers.

    Args:
        file: the model.
        context_tokens: the longest cache.
    """
    config = file.config
    cos, sin = _rotations(file, context_tokens)
    return Decoder(
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        heads=config["num_attention_heads"],
        shared_heads=config["num_key_value_heads"],
        head_size=config["head_dim"],
        vocabulary=config["vocab_size"],
        epsilon=config["rms_norm_eps"],
        cos=cos,
        sin=sin,
        rotates_neighbours=file.rotates_neighbours,
        norm=file.tensors["output_norm.weight"].floats(),
        logits=pack_coarsely(output_of(file)),
        coarse=True,
    )


def output_of(file: GGUFFile) -> GGUFTensor:
    """The output matrix, which may be that of the embeddings."""
    return file.tensors.get("output.weight", file.tensors["token_embd.weight"])


def layers_of(file: GGUFFile, updates: Updates) -> Iterator[Layer]:
    """The layers of a GGUF file's model, one after the other."""
    biased = file.config["attention_bias"]
    for at in range(file.config["num_hidden_layers"]):
        weights = {
            kind: stacked([pack_tensor(file.block(at, f"{TENSORS[part]}.weight")) for part in parts])
            for kind, parts in _PARTS.items()
        }
        bias = np.concatenate([file.block(at, f"attn_{part}.bias").floats() for part in "qkv"]) if biased else None
        yield Layer(
            attention_norm=file.block(at, "attn_norm.weight").floats(),
            qkv=weights["qkv"],
            qkv_bias=bias,
            output=weights["output"][0],
            mlp_norm=file.block(at, "ffn_norm.weight").floats(),
            gate_up=weights["gate_up"],
            down=weights["down"][0],
            **{f"{kind}_update": _update(file, updates, at, parts) for kind, parts in _PARTS.items()},
        )


def stacked(matrices: Sequence[Packed]) -> list[Matrix]:
    """Matrices that share their input, neighbours of the same form as one."""
    result: list[Packed] = []
    for matrix in matrices:
        last = result[-1] if result else None
        if last is None or _form(last) != _form(matrix):
            result.append(matrix)
            continue
        offsets = None
        if last.offsets is not None and matrix.offsets is not None:
            offsets = np.concatenate([last.offsets, matrix.offsets])
        numbers, scales = (
            np.concatenate(pair) for pair in ((last.numbers, matrix.numbers), (last.scales, matrix.scales))
        )
        result[-1] = last._replace(numbers=numbers, scales=scales, offsets=offsets)
    return list(result)


def _form(matrix: Packed) -> tuple[int, int, bool]:
    return matrix.bits, matrix.block, matrix.offsets is None


def _update(file: GGUFFile, updates: Updates, at: int, parts: Sequence[str]) -> LowRank | None:
    """The updates of matrices that share an input as one: their ranks side by side."""
    found = [updates.get((at, part)) for part in parts]
    if not any(found):
        return None
    outputs = [file.block(at, f"{TENSORS[part]}.weight").shape[0] for part in parts]
    ranks = [0 if update is None else len(update.down) for update in found]
    up = np.zeros((sum(outputs), sum(ranks)), np.float32)
    row = column = 0
    for size, rank, update in zip(outputs, ranks, found, strict=True):
        if update is not None:
            up[row : row + size, column : column + rank] = update.up
        row, column = row + size, column + rank
    return LowRank(np.concatenate([update.down for update in found if update is not None]), up)


def _rotations(file: GGUFFile, context_tokens: int) -> tuple[Array, Array]:
    """Cosines and sines of the rotary positions, of shape (context, half a head)."""
    from transformers import AutoConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    config = file.config
    rope = config["rope_parameters"]
    scaling = 1.0
    if rope["rope_type"] == "default":
        exponents = np.arange(0, config["head_dim"], 2, dtype=np.float64) / config["head_dim"]
        frequencies = rope["rope_theta"] ** -exponents
    else:
        options = {key: value for key, value in config.items() if key not in ("model_type", "architectures", "dtype")}
        made = AutoConfig.for_model(config["model_type"], **options)
        tensor, scaling = ROPE_INIT_FUNCTIONS[rope["rope_type"]](made, "cpu")
        frequencies = tensor.double().numpy()
    if file.rope_factors is not None:
        frequencies = frequencies / file.rope_factors
    angles = np.arange(context_tokens, dtype=np.float64)[:, None] * frequencies
    return tuple((np.asarray(part, np.float32) * np.float32(scaling)) for part in (np.cos(angles), np.sin(angles)))  # type: ignore[return-value]
