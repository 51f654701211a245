"""One folder with the weights that all systems load: a model with its adapter merged, as any Hugging Face model.

The tokenizer files of all-MiniLM-L6-v2 ship truncation and padding at 128 tokens. A peer that loads them as they are
reads less than it is given without saying so; in the folder written here both are taken out, and the longest input is
that of the model.
"""

import json
import shutil
from pathlib import Path
from typing import Any, Literal

from assistant.encoders.cpu.eight_bits import FILE_NAME as RANGES
from assistant.models.store import ModelStore, ResolvedModel
from assistant.reading.calibration import FILE_NAME as CALIBRATION
from assistant.verification.head import Head

Part = Literal["reader", "verifier"]

_TOKENIZER = "tokenizer.json"
_TOKENIZER_CONFIG = "tokenizer_config.json"
_OTHER_FILES = ("special_tokens_map.json", "vocab.txt", "vocab.json", "merges.txt", "*.model")
_CUTTING = ("max_length", "stride", "truncation_side", "truncation_strategy", "pad_to_multiple_of")


def resolve_part(part: Part | Literal["generator"], reference: str) -> ResolvedModel:
    """The part of the embedded profile, or the model of a folder, a run or the Hub.

    Raises:
        AssistantError: there is none of that name, or it cannot be fetched.
    """
    store = ModelStore()
    profile = store.catalogue.profile("embedded")
    return store.resolve(getattr(profile, part) if reference == "embedded" else reference)


def save_merged(model: ResolvedModel, folder: Path, part: Part = "reader") -> None:
    """Write the base with its adapter merged in float32, its tokenizer, calibration and ranges into a new folder."""
    from transformers import AutoModelForQuestionAnswering, AutoModelForSequenceClassification

    from assistant.encoders.pairs import longest_input

    kind: Any = {"reader": AutoModelForQuestionAnswering, "verifier": AutoModelForSequenceClassification}[part]
    classes = {"num_labels": Head.load(model.adapter).classes} if model.adapter and part == "verifier" else {}
    network = kind.from_pretrained(model.base, dtype="float32", use_safetensors=True, **classes)
    if model.adapter is not None:
        from peft import PeftModel

        network = PeftModel.from_pretrained(network, str(model.adapter)).merge_and_unload()
    network.save_pretrained(folder)
    # Copied and edited rather than saved by transformers, whose version 5 writes what version 4 cannot read.
    for pattern in _OTHER_FILES:
        for path in model.base.glob(pattern):
            shutil.copy(path, folder)
    tokenizer = json.loads((model.base / _TOKENIZER).read_text("utf-8"))
    _write(folder / _TOKENIZER, {**tokenizer, "truncation": None, "padding": None})
    config = json.loads((model.base / _TOKENIZER_CONFIG).read_text("utf-8"))
    kept = {name: value for name, value in config.items() if name not in _CUTTING}
    _write(folder / _TOKENIZER_CONFIG, {**kept, "model_max_length": longest_input(network, 1_000_000)})
    for name in (CALIBRATION, RANGES):
        if (beside := (model.adapter or model.base) / name).exists():
            shutil.copy(beside, folder)


def _write(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False), "utf-8")
