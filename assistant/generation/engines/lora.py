"""LoRA adapters as updates beside the matrices of a GGUF file."""

import re
from pathlib import Path

import numpy as np

from assistant.errors import ModelError
from assistant.generation.engines.gguf_model import TENSORS, Updates
from assistant.generation.engines.onnx_graph import Array, LowRank
from assistant.models.gguf import GGUFFile, swap_halves
from assistant.models.validation import ADAPTER_WEIGHTS, check_adapter

_KEY = re.compile(r"base_model\.model\.model\.layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)_proj\.lora_([AB])\.weight")
_NAMES = {"q": "q", "k": "k", "v": "v", "o": "output", "gate": "gate", "up": "up", "down": "down"}
_UNKNOWN = ("use_dora", "rank_pattern", "alpha_pattern", "layer_replication", "fan_in_fan_out")


def read_updates(file: GGUFFile, folder: Path) -> Updates:
    """The updates of an adapter.

    Args:
        file: the model that it goes on.
        folder: of the adapter, as peft saves it.

    Raises:
        ModelError: it is not whole, for another base, or of a kind that only peft knows.
    """
    from safetensors.numpy import load_file

    config = check_adapter(folder)
    if other := next((key for key in _UNKNOWN if config.get(key)), None) or config.get("modules_to_save"):
        raise ModelError(f"{folder.name}: an adapter with {other} cannot go on a GGUF file; train it without.")
    rank = float(config["r"])
    # rsLoRA divides by the root of the rank.
    scale = float(config["lora_alpha"]) / (rank**0.5 if config.get("use_rslora") else rank)
    found: dict[tuple[int, str], dict[str, Array]] = {}
    for key, array in load_file(folder / ADAPTER_WEIGHTS).items():
        match = _KEY.fullmatch(key)
        if match is None or match[2] not in _NAMES:
            raise _misfit(folder)
        found.setdefault((int(match[1]), _NAMES[match[2]]), {})[match[3]] = array.astype(np.float32)
    return {place: _fitted(file, folder, place, pair, scale) for place, pair in found.items()}


def _fitted(file: GGUFFile, folder: Path, place: tuple[int, str], pair: dict[str, Array], scale: float) -> LowRank:
    layer, name = place
    tensor = file.tensors.get(f"blk.{layer}.{TENSORS[name]}.weight")
    if tensor is None or set(pair) != {"A", "B"}:
        raise _misfit(folder)
    down, up = pair["A"], pair["B"] * np.float32(scale)
    if (up.shape[0], down.shape[1]) != tensor.shape or up.shape[1] != down.shape[0]:
        raise _misfit(folder)
    if file.rotates_neighbours and name in ("q", "k"):
        heads = file.config["num_attention_heads" if name == "q" else "num_key_value_heads"]
        up = swap_halves(up, heads)
    return LowRank(down, up)


def _misfit(folder: Path) -> ModelError:
    return ModelError(
        f"{folder.name}: the adapter does not fit the base; it was trained on another model. Name the base that its "
        "adapter_config.json names, or an adapter for this one."
    )
