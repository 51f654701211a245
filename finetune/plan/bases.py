"""The recipes' base models: what is publicly known of them, and where to get them."""

import json
import logging
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from assistant.errors import StoreError, UsageError, did_you_mean
from assistant.models.dequantised import dequantised_folder
from assistant.models.gguf import GGUFFile
from assistant.models.local_files import find_gguf
from assistant.models.staging import ProgressListener
from assistant.models.store import ModelStore

log = logging.getLogger(__name__)

_CONVERTER = "SFconvertbot"
"""The Hub's own account, which offers safetensors for models that were published without."""


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """A base's published configuration, licence, whether access has to be asked for, and its kind of tokenizer."""

    name: str
    licence: str
    config: dict[str, Any]
    tokenizer: Literal["byte-pair", "word-piece", "mpnet", "roberta", "unigram", "t5"]
    gated: bool = False
    chat: bool = False
    """Whether it comes with a chat template."""


@cache
def known_bases() -> dict[str, BaseFacts]:
    """The bases of the shipped recipes, by name."""
    content = tomllib.loads((resources.files("finetune.plan") / "bases.toml").read_text("utf-8"))
    return {name: BaseFacts(name, **entry) for name, entry in content.items()}


def base_facts(reference: str) -> BaseFacts:
    """What is known of a base, whatever revision is named; of a folder or a GGUF file what it says of its model.

    Raises:
        UsageError: nothing is.
        StoreError, ModelError: there is no such GGUF file, or it is none.
    """
    if (Path(reference) / "config.json").is_file():
        return _folder_facts(Path(reference))
    gguf = find_gguf(reference)
    if gguf is not None:
        config = GGUFFile(gguf.path).config
        return BaseFacts(reference, "that of the file's model", config, "byte-pair", chat=True)
    known = known_bases()
    name = reference.partition("@")[0]
    if name not in known:
        raise UsageError(
            f"nothing is known of the base {reference!r}; {did_you_mean(name, sorted(known))} Or name a model's folder."
        )
    return known[name]


def _folder_facts(folder: Path) -> BaseFacts:
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        config.pop("quantization_config", None)
        # Only a known base has a stand-in whose kind of tokenizer matters.
        return BaseFacts(
            str(folder), "that of the folder's model", {"model_type": config["model_type"], **config}, "byte-pair"
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder}: its config.json is not that of a model.") from error


def fetch_base(reference: str, on_progress: ProgressListener) -> tuple[str, Path]:
    """The folder of a base, fetched where it is not there, and the reference under which it was found.

    Some bases were published without safetensors. The Hub converts such and offers the result as a change to the model;
    then the reference gets the revision of that change. Weights in a GGUF file are dequantised, which is done once.

    Raises:
        UsageError, StoreError, ModelError: as `ModelStore.ensure`.
    """
    store = ModelStore()
    try:
        folder = store.ensure(reference, on_progress)
    except StoreError as error:
        if "safetensors" not in str(error) or "@" in reference or (revision := _converted(reference)) is None:
            raise
        converted = f"{reference}@{revision}"
        log.info("%s has no safetensors of its own; the Hub's conversion of it is taken: %s", reference, converted)
        return converted, store.ensure(converted, on_progress)
    gguf = store.gguf(reference)
    if gguf is None:
        return reference, folder
    file = find_gguf(reference)
    name = reference if file is None else file.name
    return reference, dequantised_folder(gguf, folder, name, store.cache, on_progress)


def _converted(repo: str) -> str | None:
    from huggingface_hub import get_repo_discussions
    from huggingface_hub.errors import HfHubHTTPError

    try:
        offers = list(get_repo_discussions(repo, author=_CONVERTER, discussion_type="pull_request"))
    except (HfHubHTTPError, OSError):
        return None
    return next((offer.git_reference for offer in offers if offer.author == _CONVERTER), None)


def meta_model(facts: BaseFacts, task: str, classes: int = 3) -> Any:
    """The base with the head of a task, of its true size but without weights (on the meta device)."""
    import torch
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForQuestionAnswering,
        AutoModelForSeq2SeqLM,
        AutoModelForSequenceClassification,
    )

    kinds = {
        "qa": AutoModelForQuestionAnswering,
        "nli": AutoModelForSequenceClassification,
        "code": AutoModelForCausalLM,
        "dpo": AutoModelForCausalLM,
        "classifier": AutoModelForSequenceClassification,
        "seq2seq": AutoModelForSeq2SeqLM,
    }
    options = dict(facts.config) | ({"num_labels": classes} if task in ("nli", "classifier") else {})
    config = AutoConfig.for_model(options.pop("model_type"), **options)
    with torch.device("meta"):
        return kinds[task].from_config(config)
