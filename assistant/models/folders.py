"""Checks a folder of model files before anything is loaded from it: safetensors only, whole, and no code of its own."""

import json
from pathlib import Path
from typing import Any

from assistant.errors import ModelError
from assistant.sanitize import one_line

CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


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
    if "auto_map" in config:
        raise ModelError(
            f"the model in {_shown(folder)} needs Python code of its own (auto_map in {CONFIG}), which is never run; "
            "use a model of an architecture that transformers knows."
        )
    weights = _weights(folder)
    if not weights:
        raise ModelError(_no_weights(folder))
    for file in weights:
        check_safetensors(file)


def check_adapter(folder: Path) -> dict[str, Any]:
    """Check that a folder holds a whole adapter in safetensors, and return its configuration.

    Raises:
        ModelError: it does not; the message names the file.
    """
    config = read_json(folder / ADAPTER_CONFIG)
    if config.get("auto_mapping"):
        raise ModelError(
            f"the adapter in {_shown(folder)} names classes of its own (auto_mapping in {ADAPTER_CONFIG}), which are "
            "never imported; use an adapter on an architecture that transformers knows."
        )
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise ModelError(_no_weights(folder))
    check_safetensors(folder / ADAPTER_WEIGHTS)
    return config


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


def check_safetensors(path: Path) -> None:
    """Check that a safetensors file's header is sound and that the file is as long as it says; reads the header only.

    Raises:
        ModelError: the file is missing, cut short or lies.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            pass
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
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"{_shown(path.parent)} has no {path.name}; a model is a folder with config.json and safetensors files, "
            f"an adapter one with {ADAPTER_CONFIG} and {ADAPTER_WEIGHTS}."
        ) from error
    except (OSError, ValueError) as error:
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
