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
from assistant.models.memory import keep_freed_memory
from assistant.models.precision import best_precision
from assistant.models.store import ResolvedModel
from assistant.reading.calibration import Calibration
from assistant.reading.reader import Reader
from assistant.verification.verifier import Verifier

if TYPE_CHECKING:
    from assistant.generation.generator import LocalGenerator

log = logging.getLogger(__name__)

LABELS_FILE = "labels.json"


def load_reader(model: ResolvedModel) -> Reader:
    """The reader of a folder.

    Raises:
        ModelError: the weights or the tokenizer do not fit the use.
    """
    with _quietly(model):
        from transformers import AutoModelForQuestionAnswering

        loaded = _ready(AutoModelForQuestionAnswering.from_pretrained(model.base, **_options()), model.adapter)
        calibration = Calibration.load(model.adapter or model.base)
        return Reader(loaded, _encoder(model.base), name=model.name, calibration=calibration)


def load_verifier(model: ResolvedModel) -> Verifier:
    """The verifier of a folder, its labels mapped by name.

    Raises:
        ModelError: as `load_reader`, or labels that are not those of entailment.
    """
    with _quietly(model):
        from transformers import AutoConfig, AutoModelForSequenceClassification

        labels = _adapter_labels(model.adapter)
        if labels is None:
            labels = {int(key): str(value) for key, value in AutoConfig.from_pretrained(model.base).id2label.items()}
        network = AutoModelForSequenceClassification.from_pretrained(
            model.base, num_labels=len(labels), **_options(), ignore_mismatched_sizes=model.adapter is not None
        )
        loaded = _ready(network, model.adapter)
        return Verifier(loaded, _encoder(model.base), name=model.name, labels=labels)


def load_generator(model: ResolvedModel) -> "LocalGenerator":
    """The generator of a folder.

    Raises:
        ModelError: as `load_reader`.
    """
    with _quietly(model):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from assistant.generation.generator import LocalGenerator

        loaded = _ready(AutoModelForCausalLM.from_pretrained(model.base, **_options()), model.adapter)
        return LocalGenerator(loaded, AutoTokenizer.from_pretrained(model.base), model.name)


def _options() -> dict[str, Any]:
    # float32 so that merging an adapter loses nothing; the number format for use comes after.
    return {"dtype": "float32", "use_safetensors": True, "trust_remote_code": False}


def _encoder(folder: Path) -> PairEncoder:
    from transformers import AutoTokenizer

    return PairEncoder(AutoTokenizer.from_pretrained(folder))


def _adapter_labels(adapter: Path | None) -> Mapping[int, str] | None:
    """The labels an adapter was trained with: those of its `labels.json`, else ours in our order."""
    if adapter is None:
        return None
    path = adapter / LABELS_FILE
    names = json.loads(path.read_text("utf-8")) if path.exists() else [str(label) for label in Label]
    return dict(enumerate(names))


def _ready(model: Any, adapter: Path | None) -> Any:
    """Merge the adapter, move to the device and number format of this machine, and switch training off."""
    import torch

    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    precision = best_precision(device)
    log.info("%s on %s in %s: %s", type(model).__name__, device, precision.dtype, precision.reason)
    return model.eval().to(device=device, dtype=precision.dtype)


@contextmanager
def _quietly(model: ResolvedModel) -> Iterator[None]:
    """Load without the libraries' progress bars and reports, and with one error for all they may raise."""
    import transformers

    keep_freed_memory()
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise ModelError(
            f"{model.name} cannot be loaded from {model.base}: {reason}. If its files are damaged, remove it with "
            "`assistant models remove` and pull it again."
        ) from error
    finally:
        transformers.logging.set_verbosity(level)
