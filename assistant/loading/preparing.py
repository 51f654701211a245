"""The forms in which generators are run, made once from what the store has and kept in the cache."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from assistant.events import Progress
from assistant.models.prepared import KEY_LENGTH, forms_of, prepared_path
from assistant.models.staging import ProgressListener, locked, new_folder, replace_folder, storage_errors
from assistant.models.store import ResolvedModel, default_cache
from assistant.models.validation import ADAPTER_CONFIG, ADAPTER_WEIGHTS, CONFIG

_VERSION = 3  # raised when the form changes


def prepared_folder(
    model: ResolvedModel, network: Callable[[], Any], cache: Path | None, on_progress: ProgressListener
) -> Path | None:
    """The folder in which a model lies as it is run on a CPU, made if it is not there.

    Args:
        model: what it is made of.
        network: gives the model of transformers in float32, where there is no GGUF file.
        cache: of the store; by default the usual one.
        on_progress: told that it is being made.

    Returns:
        None where the graph lacks a feature of the model.

    Raises:
        StoreError: the GGUF file cannot be read, or the disk is full.
        ModelError: the adapter does not fit.
        ArithmeticError: what is computed here is not what the model computes.
    """
    from assistant.generation.engines.base import CONTEXT_TOKENS
    from assistant.generation.engines.prepared import ENGINE_FILE

    cache = cache or default_cache()
    folder = prepared_path(cache, model.name, _key(model, CONTEXT_TOKENS))
    if (folder / ENGINE_FILE).is_file():
        return folder
    with storage_errors("prepare", model.name, folder.parent), locked(folder, model.name, on_progress):
        if (folder / ENGINE_FILE).is_file():
            return folder
        on_progress(Progress(f"Preparing {model.name} for this machine, which is done once"))
        for former in forms_of(cache, model.name):  # each is as large as its model
            shutil.rmtree(former, ignore_errors=True)
        with new_folder(folder) as staging:
            if not _write(model, network, CONTEXT_TOKENS, staging):
                return None
            replace_folder(folder, staging)
    return folder


def _write(model: ResolvedModel, network: Callable[[], Any], context_tokens: int, folder: Path) -> bool:
    """Write the form; False where the graph lacks a feature of the model."""
    import numpy as np
    import torch

    from assistant.generation.engines.base import context_of
    from assistant.generation.engines.network_model import can_be_graph
    from assistant.generation.engines.onnx import OnnxEngine
    from assistant.generation.engines.prepared import check_logits, prepare_gguf, prepare_network

    if model.gguf is not None:
        expected = prepare_gguf(model.gguf, model.adapter, context_tokens, folder)
        logits = OnnxEngine(folder).forward([0])[0].numpy()
        check_logits(expected, logits[: len(expected)])
        return True
    whole = network()
    if not can_be_graph(whole):
        return False
    prepare_network(whole, context_of(whole), folder)
    tokens = list(np.linspace(0, int(whole.config.vocab_size) - 1, 8).astype(int))
    with torch.inference_mode():
        logits = whole(input_ids=torch.tensor([tokens]), logits_to_keep=1).logits[0, -1].float().numpy()
    check_logits(logits, OnnxEngine(folder).forward([int(token) for token in tokens])[0].numpy())
    return True


def _key(model: ResolvedModel, context_tokens: int) -> str:
    """What changes with anything that the form is made of."""
    sources: list[object] = [_VERSION, context_tokens]
    for path in _sources(model):
        state = path.stat()
        sources.append((str(path.resolve()), state.st_size, state.st_mtime_ns))
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()[:KEY_LENGTH]


def _sources(model: ResolvedModel) -> Iterator[Path]:
    yield model.base / CONFIG
    yield from [model.gguf] if model.gguf is not None else sorted(model.base.glob("*.safetensors"))
    if model.adapter is not None:
        yield model.adapter / ADAPTER_CONFIG
        yield model.adapter / ADAPTER_WEIGHTS
