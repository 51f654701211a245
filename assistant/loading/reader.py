"""The reader of a folder, ready to be asked."""

import logging
from typing import Any

from assistant.encoders.cpu.eight_bits import load_ranges
from assistant.encoders.pairs import PairEncoder
from assistant.loading.imports import NETWORKS, import_alone
from assistant.loading.pretrained import from_pretrained, quicken, quietly, ready
from assistant.models.cards import read_languages
from assistant.models.store import ResolvedModel
from assistant.reading.calibration import Calibration
from assistant.reading.reader import Reader

log = logging.getLogger(__name__)


def load_reader(model: ResolvedModel, *, eight_bits: bool = True) -> Reader:
    """The reader of a folder, of any family that has a head for extractive question answering.

    Args:
        model: its folder.
        eight_bits: run in 8 bits what its folder gives ranges for, where that is faster.

    Raises:
        ModelError: the weights or the tokenizer do not fit the use.
    """
    with quietly(model):
        import_alone(*NETWORKS)
        from transformers import AutoModelForQuestionAnswering, AutoTokenizer

        network = from_pretrained(AutoModelForQuestionAnswering, model)
        encoder = PairEncoder.for_reading(AutoTokenizer.from_pretrained(model.base, trust_remote_code=False), network)
        loaded = ready(network, model)
        quicken(loaded, load_ranges(model.adapter or model.base) if eight_bits else {})
        try:
            _try_out(loaded, encoder)
        except (RuntimeError, ArithmeticError) as error:
            log.info("%s does not work in %s (%s): float32 instead", model.name, loaded.dtype, type(error).__name__)
            loaded = ready(from_pretrained(AutoModelForQuestionAnswering, model), model, fastest=False)
            _try_out(loaded, encoder)
        calibration = Calibration.load(model.adapter or model.base)
        languages = read_languages(model.adapter or model.base)
        return Reader(loaded, encoder, name=model.name, calibration=calibration, languages=languages)


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
