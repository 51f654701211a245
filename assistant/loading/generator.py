"""The generator of a folder or a GGUF file, on the fastest engine that this machine has for it."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assistant.encoders.memory import release_freed_memory, release_mapped_pages
from assistant.encoders.precision import best_precision
from assistant.errors import ModelError, StoreError, UsageError
from assistant.events import Progress
from assistant.loading.imports import NETWORKS, TOKENIZERS, import_alone
from assistant.loading.pretrained import BUILDING, fastest_format, from_pretrained, quietly, ready, with_adapter
from assistant.models.staging import ProgressListener
from assistant.models.store import ResolvedModel
from assistant.text import one_line

if TYPE_CHECKING:
    from assistant.generation.engines.base import Engine
    from assistant.generation.generator import LocalGenerator

log = logging.getLogger(__name__)

Quantisation = Literal["4bit", "8bit"]


def load_generator(
    model: ResolvedModel,
    quantisation: Quantisation | None = None,
    *,
    cache: Path | None = None,
    on_progress: ProgressListener | None = None,
) -> "LocalGenerator":
    """The generator of a folder, on the fastest engine that this machine has for it.

    Args:
        model: its folder; an adapter is merged into it, or stays beside weights that are quantised.
        quantisation: load the weights in so many bits with bitsandbytes, to save memory; not faster on a CPU.
        cache: where the form that is run is kept; by default the cache of the store.
        on_progress: called while that form is made, which takes up to a minute and is done once.

    Raises:
        ModelError: as `load_reader`, or an adapter of another base.
        StoreError: the GGUF file cannot be read, or the cache cannot be written.
        UsageError: a GGUF file, which is quantised already, is to be quantised.
    """
    from assistant.generation.engines.base import TransformersEngine
    from assistant.generation.generator import LocalGenerator, own_sampling, stop_token_ids

    with quietly(model):
        import_alone(*TOKENIZERS)
        tokenizer = _tokenizer(model)
        if quantisation is not None:
            if model.gguf is not None:
                raise UsageError(f"{model.name} is a GGUF file, which is quantised already; leave quantisation out.")
            engine: Engine = TransformersEngine(_quantised(model, quantisation))
        else:
            engine = _cpu_engine(model, cache, on_progress or _ignore) or TransformersEngine(
                fastest_format(_network(model), model.base)
            )
        ends = stop_token_ids(model.base, tokenizer)
        return LocalGenerator(engine, tokenizer, model.name, ends=ends, own=own_sampling(model.base, model.adapter))


def load_language_model(model: ResolvedModel, *, fastest: bool = True) -> tuple[Any, Any]:
    """The network of a generator, its adapter merged, and its tokenizer: to measure it or to build on it.

    Args:
        model: a folder of safetensors, or a GGUF file, whose weights are dequantised.
        fastest: in the machine's fastest number format instead of float32.

    Raises:
        ModelError, StoreError: as for `load_generator`.
    """
    with quietly(model):
        network = _network(model)
        return fastest_format(network, model.base) if fastest else network, _tokenizer(model)


def _network(model: ResolvedModel) -> Any:
    """The network in float32, its adapter merged."""
    import_alone(*NETWORKS)
    from transformers import AutoModelForCausalLM

    network = _dequantised(model) if model.gguf is not None else from_pretrained(AutoModelForCausalLM, model)
    return ready(network, model, fastest=False)


def _dequantised(model: ResolvedModel) -> Any:
    """The model of a GGUF file in float32."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from assistant.models.gguf import GGUFFile

    if model.gguf is None:
        raise ModelError(f"{model.name} has no GGUF file.")
    file = GGUFFile(model.gguf)
    with BUILDING:
        network = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(model.base), dtype=torch.float32)
    with torch.no_grad():
        for name, values in file.state_dict():
            network.get_parameter(name).copy_(torch.from_numpy(values))
    network.tie_weights()
    return network


def _tokenizer(model: ResolvedModel) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model.base, trust_remote_code=False)
    # An adapter may have been trained with a template of its own.
    if model.adapter is not None and (own := model.adapter / "chat_template.jinja").is_file():
        tokenizer.chat_template = own.read_text("utf-8")
    return tokenizer


def _cpu_engine(model: ResolvedModel, cache: Path | None, on_progress: ProgressListener) -> "Engine | None":
    """The engine for a CPU, where it is installed, takes the model, and computes what the model does."""
    import torch

    from assistant.generation.engines.onnx import OnnxEngine, is_installed
    from assistant.loading.preparing import prepared_folder

    if torch.cuda.is_available() or not is_installed():
        return None
    try:
        folder = prepared_folder(model, lambda: _network(model), cache, on_progress)
        if folder is None:
            return None
        release_freed_memory()  # of reading the tokenizer, before the largest part is loaded
        engine = OnnxEngine(folder)
        release_mapped_pages(folder)  # the engine has its own copy of nearly all, in the order that it reads them
        return engine
    except (StoreError, ModelError, OSError):
        raise
    except Exception as error:  # noqa: BLE001  (whatever a native library lacks here, there is another engine)
        log.warning("ONNX Runtime cannot run this model (%s): transformers instead", one_line(str(error), 120))
        return None


def _quantised(model: ResolvedModel, quantisation: Quantisation) -> Any:
    """The base in 4 or 8 bits, its adapter live: merged into such weights it would be rounded with them."""
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if quantisation == "4bit":
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=best_precision(device).dtype,
        )
    else:
        config = BitsAndBytesConfig(load_in_8bit=True)
    network = from_pretrained(AutoModelForCausalLM, model, quantization_config=config, device_map={"": device})
    return with_adapter(network, model).eval()


def _ignore(progress: Progress) -> None:
    """The listener where there is none."""
