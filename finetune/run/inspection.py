"""What a recipe is trained on, before it is trained: rows, labels, lengths, and an example as the model sees it."""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.cli.console import StatusLine
from assistant.text import one_line
from finetune.data.survey import warnings_of
from finetune.plan.bases import fetch_base
from finetune.recipe import Recipe
from finetune.tasks.registry import TASKS

_SHOWN = 400
"""Characters of a text that are shown."""


def inspect(recipe: Recipe, status: StatusLine, *, tokens: bool) -> dict[str, Any]:
    """The survey of a recipe's data, with its first training example.

    Args:
        recipe: whose data.
        status: is told of downloads.
        tokens: also fetch and load the base, for lengths in tokens and the example as it is given to the model.

    Returns:
        The survey (see `finetune.data.survey`), `example`, `encoded` (one entry for each window), and `warnings`.

    Raises:
        UsageError: the data cannot be read.
        AssistantError: the Hub did not give it, or the base cannot be had.
    """
    from transformers import AutoTokenizer

    task = TASKS[recipe.task]
    data = task.load(recipe)
    base = fetch_base(recipe.base, status)[1] if tokens else Path(recipe.base)
    encoded: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        training = task.training(recipe, base, Path(folder))
        training.data = data
        items: list[dict[str, Any]] = []
        if tokens:
            training.tokenizer = AutoTokenizer.from_pretrained(base)
            model = training.load_base()
            training.data = data._replace(train=data.train[:1], left_out=Counter())
            encoded = [_decoded(item, training.tokenizer) for item in training.encode(model)]
            training.data = data
            items = training.encode(model)
        about = training.survey(items)
    example = asdict(data.train[0]) if data.train else None
    return {**about, "example": example, "encoded": encoded, "warnings": warnings_of(about)}


def _decoded(item: Mapping[str, Any], tokenizer: Any) -> dict[str, str]:
    """A row as the model is given it, in words, with what it is to learn of it."""
    if "prompt_ids" in item:
        told = {name.removesuffix("_ids"): tokenizer.decode(ids) for name, ids in item.items()}
        return {"tokens": f"{sum(len(ids) for ids in item.values()):,}", **told}
    ids: Sequence[int] = item["input_ids"]
    told = {"tokens": f"{len(ids):,}", "text": tokenizer.decode(ids)}
    if "start_positions" in item:
        start, end = item["start_positions"], item["end_positions"]
        told["answer"] = tokenizer.decode(ids[start : end + 1]) if start or end else "not in this window"
    elif "completion_mask" in item:
        learned = [id_ for id_, counts in zip(ids, item["completion_mask"], strict=True) if counts]
        told["learned"] = tokenizer.decode(learned)
    elif "labels" in item:
        labels = item["labels"]
        told["label"] = tokenizer.decode(labels) if isinstance(labels, list) else str(labels)
    return told


def inspection_lines(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What to show of an inspection, one name and value a line."""
    lines = [("training rows", f"{found['train']:,}"), ("held out", f"{found['held_out']:,}")]
    lines.append(("test rows", f"{found['test']:,}"))
    lines += [(f"left out: {why}", f"{count:,}") for why, count in found["left_out"].items() if count]
    lines += [(f"label {label}", f"{count:,}") for label, count in found["labels"].items()]
    lines += [
        (f"language {name}", f"{count:,} of those looked at") for name, count in found["languages"]["train"].items()
    ]
    if lengths := found["lengths"]:
        lines.append(("tokens, from", "rows"))
        lines += [
            (f"{edge:,}", f"{count:,}") for edge, count in zip(lengths["edges"][:-1], lengths["counts"], strict=True)
        ]
    for name, value in (found["example"] or {}).items():
        if value not in ("", (), None, False):
            lines.append((f"example, {name}", one_line(str(value), _SHOWN)))
    for number, window in enumerate(found["encoded"], 1):
        lines += [(f"as given {number}, {name}", one_line(value, _SHOWN)) for name, value in window.items()]
    return [*lines, *(("look at", warning) for warning in found["warnings"])]
