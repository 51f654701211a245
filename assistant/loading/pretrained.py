"""What all loaders share: the base in the right class, its adapter merged, the number format, the faster kernels."""

import json
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from assistant.encoders.cpu.eight_bits import Ranges, quantise_linear_layers
from assistant.encoders.cpu.linear import fuse_linear_layers
from assistant.encoders.cpu.use import use_cpu_attention
from assistant.encoders.memory import keep_freed_memory
from assistant.encoders.precision import best_precision
from assistant.encoders.sharing import share_weights
from assistant.errors import ModelError
from assistant.models.store import ResolvedModel
from assistant.models.validation import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from assistant.text import one_line

log = logging.getLogger(__name__)

BUILDING = threading.Lock()
"""Held while transformers builds a network."""

_quiet_lock = threading.Lock()
_quiet_for: list[None] = []  # an entry for each thread that loads
_quiet_until = ExitStack()


def from_pretrained(kind: Any, model: ResolvedModel, **options: Any) -> Any:
    """The base as a model of a kind.

    Threads that load different models take turns: while transformers builds one, what it switches off for that (the
    making of weights that are read anyway, the tying of those that two layers share) is off in the whole process.

    Raises:
        ModelError: it lacks a part that neither it nor the adapter brings, which would then answer at random.
    """
    # float32 so that merging an adapter loses nothing; the number format for use comes after.
    with BUILDING:
        network, info = kind.from_pretrained(
            model.base, dtype="float32", use_safetensors=True, trust_remote_code=False, output_loading_info=True,
            **options,
        )  # fmt: skip
    brought = _saved_modules(model.adapter)
    absent = {*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])}
    absent = {key for key in absent if not any(part in brought for part in key.split("."))}
    if absent:
        raise ModelError(
            f"{model.name} has no weights for {min(absent)}, so it cannot do this work ({type(network).__name__})"
            f"{_saved_as(network)}; name a model or an adapter that was trained for it."
        )
    return network


def with_adapter(network: Any, model: ResolvedModel) -> Any:
    """The network with its adapter live, if it has one.

    Raises:
        ModelError: the adapter was trained on another base.
    """
    if model.adapter is None:
        return network
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    try:
        tuned = PeftModel.from_pretrained(network, str(model.adapter))
    except (ValueError, RuntimeError) as error:
        raise _misfit(model) from error
    with safe_open(model.adapter / ADAPTER_WEIGHTS, framework="pt") as file:
        saved = {name for name in file.keys() if ".lora_" in name}  # noqa: SIM118  (no mapping)
    # peft passes over what it finds no place for, and leaves at zero what the file lacks.
    if saved != {name for name in get_peft_model_state_dict(tuned) if ".lora_" in name}:
        raise _misfit(model)
    return tuned


def ready(network: Any, model: ResolvedModel, *, fastest: bool = True) -> Any:
    """Merge the adapter, move to the device and, where wanted, to the machine's fastest number format; for use only."""
    import torch

    if model.adapter is not None:
        network = with_adapter(network, model).merge_and_unload()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network.eval().to(device)
    return fastest_format(network, model.base) if fastest else network


def quicken(encoder: Any, ranges: Ranges) -> None:
    """Put faster kernels in the place of an encoder's own, where there are such for its device and family."""
    use_cpu_attention(encoder)
    fuse_linear_layers(encoder)
    quantise_linear_layers(encoder, ranges)


def fastest_format(network: Any, base: Path) -> Any:
    """A network in its device's fastest number format, sharing what others of its base hold."""
    device = network.device
    precision = best_precision(device.type)
    log.info("%s on %s in %s: %s", type(network).__name__, device, precision.dtype, precision.reason)
    # The frequencies of rotary positions stay as they are: rounded to 8 bits, they turn far positions by a radian.
    frequencies = {name: buffer for name, buffer in network.named_buffers() if name.endswith("inv_freq")}
    network.to(dtype=precision.dtype)
    for name, buffer in frequencies.items():
        owner, _, attribute = name.rpartition(".")
        setattr(network.get_submodule(owner), attribute, buffer.to(device))
    share_weights(network, base)
    return network


@contextmanager
def quietly(model: ResolvedModel) -> Iterator[None]:
    """Load from this machine alone, without the libraries' progress bars, and with one error for all they may raise."""
    from safetensors import SafetensorError

    keep_freed_memory()
    try:
        with _quiet():
            yield
    except (
        OSError,
        ValueError,
        RuntimeError,
        KeyError,
        TypeError,
        AttributeError,
        ImportError,
        SafetensorError,
    ) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
        raise ModelError(
            f"{model.name} cannot be loaded from {model.base}: {reason}. If its files are damaged, remove it with "
            "`assistant models remove` and pull it again."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries off the network and the terminal: of threads that load at once, from the first to the last."""
    with _quiet_lock:
        if not _quiet_for:
            _quiet_until.enter_context(_libraries_quiet())
        _quiet_for.append(None)
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_for.pop()
            if not _quiet_for:
                _quiet_until.close()


@contextmanager
def _libraries_quiet() -> Iterator[None]:
    import huggingface_hub.constants
    import transformers

    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    # bitsandbytes, which peft imports, asks the Hub for a kernel on some machines and reports when it has none.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    offline = huggingface_hub.constants.HF_HUB_OFFLINE
    huggingface_hub.constants.HF_HUB_OFFLINE = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        huggingface_hub.constants.HF_HUB_OFFLINE = offline
        transformers.logging.set_verbosity(level)


def _misfit(model: ResolvedModel) -> ModelError:
    return ModelError(
        f"{model.name}: the adapter does not fit the base in {model.base}; it was trained on another model. Name the "
        f"base that its {ADAPTER_CONFIG} names, or an adapter for this one."
    )


def _saved_modules(adapter: Path | None) -> set[str]:
    """The modules that an adapter brings whole; peft adds the classifier of a classifying task by itself."""
    if adapter is None:
        return set()
    config = json.loads((adapter / ADAPTER_CONFIG).read_text("utf-8"))
    implied = {"SEQ_CLS": {"classifier", "score"}, "QUESTION_ANS": {"qa_outputs"}}
    return {*(config.get("modules_to_save") or []), *implied.get(config.get("task_type"), set())}


def _saved_as(network: Any) -> str:
    """What the folder says its weights are of, where that is another class (XLNet's beam-search head, say)."""
    saved = getattr(network.config, "architectures", None) or []
    return f": it was saved as {one_line(str(saved[0]))}" if saved and saved[0] != type(network).__name__ else ""
