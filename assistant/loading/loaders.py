"""From a folder with weights to an engine that is ready: base, adapter merged into it, number format chosen."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assistant.encoders.cpu.attention import use_cpu_attention
from assistant.encoders.cpu.eight_bits import Ranges, load_ranges, quantise_linear_layers
from assistant.encoders.cpu.first_token import only_first_token
from assistant.encoders.cpu.linear import fuse_linear_layers
from assistant.encoders.memory import keep_freed_memory
from assistant.encoders.pairs import PairEncoder
from assistant.encoders.precision import best_precision
from assistant.encoders.sharing import share_weights
from assistant.errors import ModelError
from assistant.models.cards import read_languages
from assistant.models.store import ResolvedModel
from assistant.models.validation import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from assistant.reading.calibration import Calibration
from assistant.reading.reader import Reader
from assistant.text import one_line
from assistant.verification.head import FILE_NAME as HEAD_FILE
from assistant.verification.head import Head
from assistant.verification.verifier import Verifier

if TYPE_CHECKING:
    from assistant.generation.engines.base import Engine
    from assistant.generation.generator import LocalGenerator
    from assistant.retrieval.embedding import SentenceEmbedder

log = logging.getLogger(__name__)

Quantisation = Literal["4bit", "8bit"]


def load_reader(model: ResolvedModel, *, eight_bits: bool = True) -> Reader:
    """The reader of a folder, of any family that has a head for extractive question answering.

    Args:
        model: its folder.
        eight_bits: run in 8 bits what its folder gives ranges for, where that is faster.

    Raises:
        ModelError: the weights or the tokenizer do not fit the use.
    """
    with _quietly(model):
        from transformers import AutoModelForQuestionAnswering, AutoTokenizer

        network = _from_pretrained(AutoModelForQuestionAnswering, model)
        encoder = PairEncoder.for_reading(AutoTokenizer.from_pretrained(model.base, trust_remote_code=False), network)
        loaded = _ready(network, model)
        _quicken(loaded, load_ranges(model.adapter or model.base) if eight_bits else {})
        try:
            _try_out(loaded, encoder)
        except (RuntimeError, ArithmeticError) as error:
            log.info("%s does not work in %s (%s): float32 instead", model.name, loaded.dtype, type(error).__name__)
            loaded = _ready(_from_pretrained(AutoModelForQuestionAnswering, model), model, fastest=False)
            _try_out(loaded, encoder)
        calibration = Calibration.load(model.adapter or model.base)
        return Reader(loaded, encoder, name=model.name, calibration=calibration)


def load_verifier(model: ResolvedModel, *, eight_bits: bool = True) -> Verifier:
    """The verifier of a folder, its labels mapped by name.

    Args:
        model: its folder.
        eight_bits: as `load_reader`.

    Raises:
        ModelError: as `load_reader`, or labels that are not those of entailment.
    """
    with _quietly(model):
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        # A whole model that a recipe trained has the file too; others say by their labels what their scores mean.
        ours = model.adapter or (model.base if (model.base / HEAD_FILE).is_file() else None)
        head = Head.load(ours) if ours is not None else None
        options = {"num_labels": head.classes, "ignore_mismatched_sizes": True} if head else {}
        network = _from_pretrained(AutoModelForSequenceClassification, model, **options)
        head = head or Head.of_labels({int(key): str(value) for key, value in network.config.id2label.items()})
        tokenizer = AutoTokenizer.from_pretrained(model.base, trust_remote_code=False)
        encoder, loaded = PairEncoder(tokenizer, network), _ready(network, model)
        _quicken(loaded, load_ranges(model.adapter or model.base) if eight_bits else {})
        only_first_token(loaded)
        languages = read_languages(model.adapter or model.base)
        return Verifier(loaded, encoder, name=model.name, head=head, languages=languages)


def load_generator(model: ResolvedModel, quantisation: Quantisation | None = None) -> "LocalGenerator":
    """The generator of a folder, on the fastest engine that this machine has for it.

    Args:
        model: its folder; an adapter is merged into it, or stays beside weights that are quantised.
        quantisation: load the weights in so many bits with bitsandbytes, to save memory; not faster on a CPU.

    Raises:
        ModelError: as `load_reader`, or an adapter of another base.
    """
    from assistant.generation.engines.base import TransformersEngine
    from assistant.generation.generator import LocalGenerator, end_tokens, own_penalty

    with _quietly(model):
        if quantisation is not None:
            network, tokenizer = _quantised(model, quantisation), _tokenizer(model)
            engine: Engine = TransformersEngine(network)
        else:
            network, tokenizer = load_language_model(model, fastest=False)
            engine = _onnx_engine(network) or TransformersEngine(_fastest(network, model.base))
        ends, penalty = end_tokens(network, tokenizer), own_penalty(network, model.adapter)
        return LocalGenerator(engine, tokenizer, model.name, ends=ends, repetition_penalty=penalty)


def load_language_model(model: ResolvedModel, *, fastest: bool = True) -> tuple[Any, Any]:
    """The network of a generator's folder, its adapter merged, and its tokenizer: to measure it or to build on it.

    Raises:
        ModelError: as `load_generator`.
    """
    with _quietly(model):
        from transformers import AutoModelForCausalLM

        return _ready(_from_pretrained(AutoModelForCausalLM, model), model, fastest=fastest), _tokenizer(model)


def _tokenizer(model: ResolvedModel) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model.base, trust_remote_code=False)


def _onnx_engine(network: Any) -> "Engine | None":
    """The engine for a CPU, where it is installed, takes the model, and computes what the model does."""
    from assistant.generation.engines.onnx import OnnxEngine, is_installed
    from assistant.generation.engines.onnx_graph import can_be_graph

    if network.device.type != "cpu" or not is_installed() or not can_be_graph(network):
        return None
    try:
        engine = OnnxEngine(network)
        engine.check_against(network)
    except Exception as error:  # noqa: BLE001  (whatever a native library lacks here, there is another engine)
        log.warning("ONNX Runtime cannot run this model (%s): transformers instead", one_line(str(error), 120))
        return None
    return engine


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
    network = _from_pretrained(AutoModelForCausalLM, model, quantization_config=config, device_map={"": device})
    return _with_adapter(network, model).eval()


def _with_adapter(network: Any, model: ResolvedModel) -> Any:
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
    # peft passes over what it finds no place for, and leaves at nought what the file lacks.
    if saved != {name for name in get_peft_model_state_dict(tuned) if ".lora_" in name}:
        raise _misfit(model)
    return tuned


def _misfit(model: ResolvedModel) -> ModelError:
    return ModelError(
        f"{model.name}: the adapter does not fit the base in {model.base}; it was trained on another model. Name the "
        f"base that its {ADAPTER_CONFIG} names, or an adapter for this one."
    )


def load_embedder(model: ResolvedModel) -> "SentenceEmbedder":
    """The sentence embedder of a folder.

    Raises:
        ModelError: as `load_reader`.
    """
    with _quietly(model):
        from transformers import AutoModel, AutoTokenizer

        from assistant.retrieval.embedding import SentenceEmbedder

        network = AutoModel.from_pretrained(model.base, dtype="float32", use_safetensors=True, trust_remote_code=False)
        network = _ready(network, model)
        _quicken(network, {})
        tokenizer = AutoTokenizer.from_pretrained(model.base, trust_remote_code=False)
        return SentenceEmbedder(network, tokenizer, name=model.name)


def _from_pretrained(kind: Any, model: ResolvedModel, **options: Any) -> Any:
    """The base as a model of a kind.

    Raises:
        ModelError: it lacks a part that neither it nor the adapter brings, which would then answer at random.
    """
    # float32 so that merging an adapter loses nothing; the number format for use comes after.
    network, info = kind.from_pretrained(
        model.base, dtype="float32", use_safetensors=True, trust_remote_code=False, output_loading_info=True, **options
    )
    brought = _saved_modules(model.adapter)
    absent = {*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])}
    absent = {key for key in absent if not any(part in brought for part in key.split("."))}
    if absent:
        raise ModelError(
            f"{model.name} has no weights for {min(absent)}, so it cannot do this work ({type(network).__name__})"
            f"{_saved_as(network)}; name a model or an adapter that was trained for it."
        )
    return network


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


def _try_out(network: Any, encoder: PairEncoder) -> None:
    """Read a few words, as some families fail or overflow in the short number formats.

    Raises:
        ArithmeticError: a logit is not a finite number.
        ValueError: the model gives no start and end logits.
    """
    import torch

    question, text = encoder.tokenize(["How large is it?", "The forest covers 5.5 million square kilometers. " * 4])
    inputs = encoder.collate([encoder.encode(question.ids[:8], text.ids[:24])])
    with torch.inference_mode():
        output = network(**{name: tensor.to(network.device) for name, tensor in inputs.items()})
    for name in ("start_logits", "end_logits"):
        logits = output.get(name)
        if logits is None or logits.shape != inputs["input_ids"].shape:
            raise ValueError(f"{type(network).__name__} gives no {name} for the tokens it reads")
        if not torch.isfinite(logits).all():
            raise ArithmeticError(f"{name} are not finite")


def _ready(network: Any, model: ResolvedModel, *, fastest: bool = True) -> Any:
    """Merge the adapter, move to the device and, where wanted, to the machine's fastest number format; for use only."""
    import torch

    if model.adapter is not None:
        network = _with_adapter(network, model).merge_and_unload()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network.eval().to(device)
    return _fastest(network, model.base) if fastest else network


def _quicken(encoder: Any, ranges: Ranges) -> None:
    """Put faster kernels in the place of an encoder's own, where there are such for its device and family."""
    use_cpu_attention(encoder)
    fuse_linear_layers(encoder)
    quantise_linear_layers(encoder, ranges)


def _fastest(network: Any, base: Path) -> Any:
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
def _quietly(model: ResolvedModel) -> Iterator[None]:
    """Load from this machine alone, without the libraries' progress bars, and with one error for all they may raise."""
    import huggingface_hub.constants
    import transformers
    from safetensors import SafetensorError

    keep_freed_memory()
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
    finally:
        huggingface_hub.constants.HF_HUB_OFFLINE = offline
        transformers.logging.set_verbosity(level)
