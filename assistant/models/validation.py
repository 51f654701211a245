"""Checks a folder of model files before anything is loaded from it: safetensors only, whole, and no code of its own.

A model comes from anywhere, so what its configuration says is held against its weights: one that names more than they
hold would be built at random in that size, in any amount of memory.
"""

import json
import math
from pathlib import Path
from typing import Any

from assistant.errors import ModelError
from assistant.text import one_line

CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
_TOKENIZER_CONFIG = "tokenizer_config.json"
_INDEX = "model.safetensors.index.json"
_PARTS = {
    "ForQuestionAnswering": "reader", "QUESTION_ANS": "reader", "ForSequenceClassification": "verifier",
    "SEQ_CLS": "verifier", "ForCausalLM": "generator", "LMHeadModel": "generator", "CAUSAL_LM": "generator",
}  # fmt: skip
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_LARGEST_JSON = 64_000_000  # bytes; the index of the largest models has a few
_MAX_LABELS = 100_000
_TIMES_LARGER = 16  # weights in 4 bits are counted by the 32-bit numbers that they are packed in
_HIDDEN = ("hidden_size", "n_embd", "dim", "d_model")
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_WIDE = ("hidden_size", "n_embd", "dim", "d_model", "intermediate_size", "n_inner", "hidden_dim", "d_ff", "ffn_dim")

Shapes = dict[str, list[int]]


def trained_in(run: Path) -> Path | None:
    """Where the folder of a run of `finetune` keeps what was trained; None where it is none, or holds nothing yet."""
    try:
        if not (run / "recipe.json").is_file():
            return None
    except OSError:  # what can be no name of a folder
        return None
    if is_adapter(run / "adapter"):
        return run / "adapter"
    return run / "model" if (run / "model" / "config.json").is_file() else None


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter rather than a whole model."""
    return (folder / ADAPTER_CONFIG).is_file()


def check_base(folder: Path) -> None:
    """Check that a folder holds a whole model in safetensors that needs no code of its own.

    Raises:
        ModelError: it does not; the message names the file.
    """
    if not folder.is_dir():
        raise ModelError(
            f"{_shown(folder)} is not a folder; a model is a folder with config.json and safetensors files."
        )
    config = read_json(folder / CONFIG)
    for name in (CONFIG, _TOKENIZER_CONFIG):
        if (folder / name).is_file() and "auto_map" in read_json(folder / name):
            raise ModelError(
                f"the model in {_shown(folder)} needs Python code of its own (auto_map in {name}), which is never run; "
                "use a model of an architecture that transformers knows."
            )
    if any("/" in str(config.get(key)) for key in ("attn_implementation", "_attn_implementation")):
        raise ModelError(
            f"the model in {_shown(folder)} names an attention of its own (attn_implementation in {CONFIG}), compiled "
            "code that is never fetched; take the key out, or use another model."
        )
    weights = _weights(folder)
    if not weights:
        raise ModelError(_no_weights(folder))
    shapes: Shapes = {}
    for file in weights:
        shapes |= check_safetensors(file)
    if not _fits(config, shapes):
        raise ModelError(
            f"{_shown(folder / CONFIG)} speaks of a far larger model than its weights are; "
            "it is damaged or not to be trusted: fetch or copy the model again."
        )


def _fits(config: dict[str, Any], shapes: Shapes) -> bool:
    """Whether a model of these sizes can be the one whose weights are there."""
    hidden, layers = _size(config, _HIDDEN), _size(config, _LAYERS)
    named = config.get("id2label")
    labels = max(_size(config, ("num_labels", "_num_labels")), len(named) if isinstance(named, dict | list) else 0)
    if layers > max(1, len(shapes)) or labels > _MAX_LABELS:
        return False
    rows = [_size(config, ("vocab_size",)), _size(config, ("type_vocab_size",)), labels]
    if not any(key.startswith("rope") for key in config):  # else positions take no weights
        rows.append(_size(config, ("max_position_embeddings", "n_positions")))
    needed = max(hidden, 1) * (sum(rows) + max(1, layers) * max(_size(config, (key,)) for key in _WIDE))
    return needed <= _TIMES_LARGER * sum(math.prod(shape) for shape in shapes.values()) + 10_000_000


def _size(config: dict[str, Any], names: tuple[str, ...]) -> int:
    """The first of these sizes that a configuration gives; 0 where it gives none."""
    size = next((config[name] for name in names if isinstance(config.get(name), int | float)), 0)
    return 0 if math.isnan(size) else int(max(0, min(size, 1e15)))


def check_adapter(folder: Path) -> dict[str, Any]:
    """Check that a folder holds a whole adapter in safetensors, and return its configuration.

    Raises:
        ModelError: it does not; the message names the file.
    """
    config = read_json(folder / ADAPTER_CONFIG)
    for key in ("auto_mapping", "megatron_config"):
        if config.get(key):
            raise ModelError(
                f"the adapter in {_shown(folder)} names classes of its own ({key} in {ADAPTER_CONFIG}), which are "
                "never imported; use an adapter on an architecture that transformers knows."
            )
    if config.get("peft_type", "LORA") != "LORA":
        raise ModelError(
            f"the adapter in {_shown(folder)} is of the kind {one_line(str(config['peft_type']), 40)}; "
            "only LoRA adapters are loaded."
        )
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise ModelError(_no_weights(folder))
    shapes = check_safetensors(folder / ADAPTER_WEIGHTS)
    if not _adapter_fits(config, shapes):
        raise ModelError(
            f"{_shown(folder / ADAPTER_CONFIG)} speaks of a far larger adapter than its weights are; "
            "it is damaged or not to be trusted: fetch or copy it again."
        )
    return config


def _adapter_fits(config: dict[str, Any], shapes: Shapes) -> bool:
    """Whether the weights are of the ranks that the configuration names, and of all the layers that it repeats."""
    largest = max((size for shape in shapes.values() for size in shape), default=0)
    pattern = config.get("rank_pattern")
    ranks = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else ())]
    repeated = config.get("layer_replication") or ()
    try:
        layers = sum(end - begin for begin, end in repeated)
        return all(rank is None or int(rank) <= largest for rank in ranks) and layers <= len(shapes)
    except (TypeError, ValueError, OverflowError):
        return False


def adapter_base(folder: Path) -> str:
    """The reference of the base that the adapter in a folder was trained on.

    Raises:
        ModelError: the adapter is not whole, or does not say.
    """
    config = check_adapter(folder)
    base, revision = config.get("base_model_name_or_path"), config.get("revision")
    if not isinstance(base, str) or not base:
        raise ModelError(f"{_shown(folder / ADAPTER_CONFIG)} does not name its base (base_model_name_or_path); add it.")
    beside = folder / base
    if base.startswith(".") and beside.is_dir():
        return str(beside)
    if isinstance(revision, str) and revision and "@" not in base and not Path(base).is_dir():
        return f"{base}@{revision}"
    return base


def role_of(folder: Path) -> str:
    """Which part a model or adapter plays: "generator", "reader" or "verifier", by what its configuration says.

    Raises:
        ModelError: it does not say, or none of the three.
    """
    if is_adapter(folder):
        kinds = [str(read_json(folder / ADAPTER_CONFIG).get("task_type"))]
    else:
        named = read_json(folder / CONFIG).get("architectures")
        kinds = [str(name) for name in named] if isinstance(named, list) else []
    for kind in kinds:
        for ending, part in _PARTS.items():
            if kind.endswith(ending):
                return part
    raise ModelError(
        f"{_shown(folder)} is no generator, reader or verifier ({one_line(', '.join(kinds) or 'nothing named', 100)}); "
        "name the part it plays, as in ASSISTANT_READER=..."
    )


def check_safetensors(path: Path) -> Shapes:
    """Check that a safetensors file's header is sound and that the file is as long as it says; reads the header only.

    Returns:
        The shapes of its tensors, by name.

    Raises:
        ModelError: the file is missing, cut short or lies.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return {name: list(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{_shown(path)} is damaged or cut short ({one_line(str(error), 120)}); fetch or copy it again."
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a model.

    Raises:
        ModelError: the file is missing or is not a JSON object.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LARGEST_JSON + 1)
        if len(text) > _LARGEST_JSON:
            raise ValueError(f"it is larger than {_LARGEST_JSON // 1_000_000} MB")
        content = json.loads(text)
    except FileNotFoundError as error:
        raise ModelError(
            f"{_shown(path.parent)} has no {path.name}; a model is a folder with config.json and safetensors files, "
            f"an adapter one with {ADAPTER_CONFIG} and {ADAPTER_WEIGHTS}."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{_shown(path)} cannot be read ({one_line(str(error), 120)}); copy it again.") from error
    if not isinstance(content, dict):
        raise ModelError(f"{_shown(path)} is not a JSON object, so it is not a model's configuration.")
    return content


def _weights(folder: Path) -> list[Path]:
    """The weight files of a model: those that its index names, or every safetensors file."""
    if not (folder / _INDEX).is_file():
        return sorted(folder.glob("model*.safetensors"))
    shards = read_json(folder / _INDEX).get("weight_map")
    names = set(shards.values()) if isinstance(shards, dict) else set()
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or "\\" in name:
            raise ModelError(f"{_shown(folder / _INDEX)} names a file outside its folder; it is not to be trusted.")
    return sorted(folder / name for name in names)


def _no_weights(folder: Path) -> str:
    pickled = [path.name for pattern in _PICKLED for path in sorted(folder.glob(pattern)) if "model" in path.name]
    if pickled:
        return (
            f"{_shown(folder)} has its weights only as {pickled[0]}, a format that can run code when it is read; "
            "convert it to safetensors (save_pretrained in transformers writes it)."
        )
    return f"{_shown(folder)} has no weights in safetensors; only that format is loaded."


def _shown(path: Path) -> str:
    return one_line(str(path), 300)
