"""From a folder with weights to an engine that is ready: base, adapter merged into it, number format chosen."""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.conversation import Label
from assistant.encoding import PairEncoder
from assistant.errors import ModelError
from assistant.models.attention import use_cpu_attention
from assistant.models.folders import ADAPTER_CONFIG
from assistant.models.memory import keep_freed_memory
from assistant.models.precision import best_precision
from assistant.models.store import ResolvedModel
from assistant.reading.calibration import Calibration
from assistant.reading.reader import Reader
from assistant.sanitize import one_line
from assistant.verification.verifier import Verifier

if TYPE_CHECKING:
    from assistant.documents.embedding import SentenceEmbedder
    from assistant.generation.generator import LocalGenerator

log = logging.getLogger(__name__)

LABELS_FILE = "labels.json"


def load_reader(model: ResolvedModel) -> Reader:
    """The reader of a folder, of any family that has a head for extractive question answering.

    Raises:
        ModelError: the weights or the tokenizer do not fit the use.
    """
    with _quietly(model):
        from transformers import AutoModelForQuestionAnswering, AutoTokenizer

        network = _from_pretrained(AutoModelForQuestionAnswering, model)
        encoder = PairEncoder.for_reading(AutoTokenizer.from_pretrained(model.base, trust_remote_code=False), network)
        loaded = _ready(network, model)
        use_cpu_attention(loaded)
        try:
            _try_out(loaded, encoder)
        except (RuntimeError, ArithmeticError) as error:
            log.info("%s does not work in %s (%s): float32 instead", model.name, loaded.dtype, type(error).__name__)
            loaded = _ready(_from_pretrained(AutoModelForQuestionAnswering, model), model, fastest=False)
            _try_out(loaded, encoder)
        calibration = Calibration.load(model.adapter or model.base)
        return Reader(loaded, encoder, name=model.name, calibration=calibration)


def load_verifier(model: ResolvedModel) -> Verifier:
    """The verifier of a folder, its labels mapped by name.

    Raises:
        ModelError: as `load_reader`, or labels that are not those of entailment.
    """
    with _quietly(model):
        from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

        labels = _adapter_labels(model.adapter)
        if labels is None:
            config = AutoConfig.from_pretrained(model.base, trust_remote_code=False)
            labels = {int(key): str(value) for key, value in config.id2label.items()}
        network = _from_pretrained(
            AutoModelForSequenceClassification,
            model,
            num_labels=len(labels),
            ignore_mismatched_sizes=model.adapter is not None,
        )
        tokenizer = AutoTokenizer.from_pretrained(model.base, trust_remote_code=False)
        encoder, loaded = PairEncoder(tokenizer, network), _ready(network, model)
        use_cpu_attention(loaded)
        return Verifier(loaded, encoder, name=model.name, labels=labels)


def load_generator(model: ResolvedModel) -> "LocalGenerator":
    """The generator of a folder.

    Raises:
        ModelError: as `load_reader`.
    """
    with _quietly(model):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from assistant.generation.generator import LocalGenerator

        loaded = _ready(_from_pretrained(AutoModelForCausalLM, model), model)
        tokenizer = AutoTokenizer.from_pretrained(model.base, trust_remote_code=False)
        return LocalGenerator(loaded, tokenizer, model.name)


def load_embedder(model: ResolvedModel) -> "SentenceEmbedder":
    """The sentence embedder of a folder.

    Raises:
        ModelError: as `load_reader`.
    """
    with _quietly(model):
        from transformers import AutoModel, AutoTokenizer

        from assistant.documents.embedding import SentenceEmbedder

        network = _ready(AutoModel.from_pretrained(model.base, dtype="float32", use_safetensors=True), model)
        use_cpu_attention(network)
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


def _adapter_labels(adapter: Path | None) -> Mapping[int, str] | None:
    """The labels an adapter was trained with: those of its `labels.json`, else ours in our order."""
    if adapter is None:
        return None
    path = adapter / LABELS_FILE
    names = json.loads(path.read_text("utf-8")) if path.exists() else [str(label) for label in Label]
    return dict(enumerate(names))


def _ready(network: Any, model: ResolvedModel, *, fastest: bool = True) -> Any:
    """Merge the adapter, move to the device and, where wanted, to the machine's fastest number format; for use only."""
    import torch

    if model.adapter is not None:
        from peft import PeftModel

        network = PeftModel.from_pretrained(network, str(model.adapter)).merge_and_unload()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if not fastest:
        return network.eval().to(device)
    precision = best_precision(device)
    log.info("%s on %s in %s: %s", type(network).__name__, device, precision.dtype, precision.reason)
    # The frequencies of rotary positions stay as they are: rounded to 8 bits, they turn far positions by a radian.
    frequencies = {name: buffer for name, buffer in network.named_buffers() if name.endswith("inv_freq")}
    network.eval().to(device=device, dtype=precision.dtype)
    for name, buffer in frequencies.items():
        owner, _, attribute = name.rpartition(".")
        setattr(network.get_submodule(owner), attribute, buffer.to(device))
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
