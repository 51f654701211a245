"""What a run will take, before it is begun: rows, steps, parameters, memory and time, without a GPU or a download."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.errors import UsageError
from finetune.data.files import find_data
from finetune.data.tables import is_hub
from finetune.plan.bases import BaseFacts, base_facts, meta_model
from finetune.plan.estimate import memory, seconds_on_t4
from finetune.plan.parameters import Parameters
from finetune.recipe import Lora, Recipe, Training
from finetune.tasks.base import RowCounts, are_here
from finetune.tasks.registry import TASKS

T4_BYTES = 16e9


@dataclass(frozen=True)
class Plan:
    """A run as it will be. Memory in bytes by what takes it, time in seconds on a T4."""

    rows: RowCounts
    gpus: int
    steps: int
    warmup_steps: int
    as_source_steps: int | None
    tokens: int | None
    parameters: Parameters
    memory: dict[str, float]
    seconds: float | None
    licences: dict[str, str]
    notes: list[str] = field(default_factory=list)


def make_plan(recipe: Recipe, gpus: int = 1) -> Plan:
    """Work out a run.

    Args:
        recipe: what is to be run.
        gpus: on how many, each with a batch of its own.

    Raises:
        UsageError: nothing is known of the base, or of the data's size.
    """
    facts = base_facts(recipe.base)
    rows = count_rows(recipe)
    training = recipe.training
    steps = total_steps(rows.units, training, gpus)
    tokens = round(rows.tokens * rows.units * training.epochs) if rows.tokens else None
    parameters = count_parameters(recipe, facts)
    as_source = None
    if recipe.data.choose_on == "held_out" and recipe.source_result and not TASKS[recipe.task].causal:
        chosen_on_test = recipe.data.model_copy(update={"choose_on": "test"})
        as_source = total_steps(count_rows(recipe.model_copy(update={"data": chosen_on_test})).units, training, gpus)
    batches = steps * training.accumulation * gpus
    again = computes_again(recipe, facts, parameters, rows.tokens, T4_BYTES)
    seconds = seconds_on_t4(recipe, facts, parameters, tokens, batches, again=again) / gpus if tokens else None
    return Plan(
        rows=rows,
        gpus=gpus,
        steps=steps,
        warmup_steps=math.ceil(steps * training.warmup),
        as_source_steps=as_source,
        tokens=tokens,
        parameters=parameters,
        memory=memory(recipe, facts, parameters, rows.tokens, again=again),
        seconds=seconds,
        licences={"base": facts.licence, "data": recipe.licence},
        notes=_notes(recipe, facts),
    )


def computes_again(
    recipe: Recipe, facts: BaseFacts, parameters: Parameters, tokens: int | None, most_bytes: float
) -> bool:
    """Whether a run recomputes activations on a GPU of so much memory: `auto` means where it would not fit without.

    A tenth of the memory is left free, as the figures are estimates.
    """
    wish = recipe.training.gradient_checkpointing
    if wish != "auto" or not TASKS[recipe.task].causal:
        return wish == "on"
    return sum(memory(recipe, facts, parameters, tokens, again=False).values()) > 0.9 * most_bytes


def with_checkpointing_decided(recipe: Recipe) -> Recipe:
    """The recipe with what `auto` means here; as it is without a GPU or where nothing is known of the base."""
    import torch

    if not torch.cuda.is_available() or recipe.training.gradient_checkpointing != "auto":
        return recipe
    if not TASKS[recipe.task].causal:
        return recipe
    try:
        facts, rows = base_facts(recipe.base), count_rows(recipe)
        again = computes_again(
            recipe, facts, count_parameters(recipe, facts), rows.tokens,
            torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory,
        )  # fmt: skip
    except UsageError:
        return recipe
    training = recipe.training.model_copy(update={"gradient_checkpointing": "on" if again else "off"})
    return recipe.model_copy(update={"training": training})


def total_steps(units: int, training: Training, gpus: int = 1) -> int:
    """Optimizer steps of a run, as the Trainer counts them.

    Each process gets its part of the rows, rounded up; the last batch of an epoch may be smaller.
    """
    batches = math.ceil(math.ceil(units / gpus) / training.batch_size)
    return math.ceil(training.epochs * math.ceil(batches / training.accumulation))


def count_rows(recipe: Recipe) -> RowCounts:
    """The recipe's rows: counted where its training data is at hand, else as the recipe declares them.

    Raises:
        UsageError: neither.
    """
    declared, task = recipe.data.declared, TASKS[recipe.task]
    if are_here(task.sources(recipe)):
        return task.count(recipe)
    if declared.train is None:
        for name in recipe.data.train:
            if not is_hub(name):
                find_data(name)  # says which file is missing and where it was looked for
        raise UsageError(
            f"{recipe.name} does not declare how many rows {', '.join(recipe.data.train)} has; say it with "
            "--set data.declared.train=NUMBER."
        )
    source = "declared by the recipe, not counted"
    held_out = 0
    if recipe.data.choose_on == "held_out" and not task.causal:
        held_out = round(declared.train * recipe.data.held_out)
    train = min(declared.train - held_out, recipe.data.limit or declared.train)
    units = task.units(recipe, train)
    if recipe.task == "qa" and declared.windows is None:
        source += "; windows estimated"
    return RowCounts(train, units, held_out, declared.test, source, declared.tokens)


def count_parameters(recipe: Recipe, facts: BaseFacts) -> Parameters:
    """What the recipe's method trains of the base, counted on a model of its true size without weights."""
    trained, total = _counted_parameters(recipe, facts)
    lora = recipe.lora
    if recipe.method not in ("lora", "qlora") or lora is None or "pooler" not in lora.modules_to_save:
        return Parameters(trained, total)
    rest = [module for module in lora.modules_to_save if module != "pooler"]
    without = recipe.model_copy(update={"lora": lora.model_copy(update={"modules_to_save": rest})})
    return Parameters(trained, total, _counted_parameters(without, facts)[0])


def _counted_parameters(recipe: Recipe, facts: BaseFacts) -> tuple[int, int]:
    import warnings

    from finetune.trainer.peft_methods import trained_parameters, with_method

    model = meta_model(facts, recipe.task)
    if recipe.method == "prompt":
        own = sum(parameter.numel() for parameter in model.parameters())
        trained = recipe.prompt.tokens * model.get_input_embeddings().embedding_dim
        return trained, own + trained
    if recipe.lora is not None:
        fresh: Lora = recipe.lora.model_copy(update={"start_from": None})
        recipe = recipe.model_copy(update={"lora": fresh})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft says which way GPT-2's layers lie, and finds it out by itself
        return trained_parameters(with_method(model, recipe, TASKS[recipe.task].peft_type))


def _notes(recipe: Recipe, facts: BaseFacts) -> list[str]:
    notes = []
    if facts.gated:
        notes.append(
            f"The base is gated: accept its licence on https://huggingface.co/{facts.name}, then log in with "
            "`hf auth login`."
        )
    if recipe.data.choose_on == "test":
        notes.append(
            "The best checkpoint is chosen on the test set, as in the published work: its figures there flatter it."
        )
    if recipe.lora is not None and "pooler" in recipe.lora.modules_to_save and recipe.source_result:
        notes.append(
            "The pooler is trained too; in the published work it stayed random and frozen, in front of the classifier."
        )
    return notes


def duration(seconds: float) -> str:
    """Hours and minutes, for a person."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as plain data."""
    from dataclasses import asdict

    return asdict(plan) | {"memory_bytes": sum(plan.memory.values()), "fits_t4": fits_t4(plan)}


def fits_t4(plan: Plan) -> bool:
    """Whether the run fits into 16 GB."""
    return sum(plan.memory.values()) < T4_BYTES


def plan_lines(recipe: Recipe, plans: Sequence[Plan]) -> list[tuple[str, str]]:
    """What to show of a plan, one name and value a line; with several, for several numbers of GPUs."""
    first = plans[0]
    rows, parameters = first.rows, first.parameters
    units = f", {rows.units:,} windows" if recipe.task == "qa" else ""
    test = f" / {rows.test:,}" if rows.test is not None else ""
    lines = [
        ("base", f"{recipe.base} ({first.licences['base']})"),
        ("data", f"{', '.join(recipe.data.train)} ({first.licences['data']})"),
        ("rows, train / test", f"{rows.train:,}{test}{units} ({rows.source})"),
    ]
    if rows.held_out:
        lines.append(("held out of train", f"{rows.held_out:,}, to choose the checkpoint"))
    for plan in plans:
        source = ""
        if plan.as_source_steps is not None:
            source = f" (all rows, chosen on the test set as the published work did: {plan.as_source_steps:,})"
        name = "steps" if len(plans) == 1 else f"steps on {plan.gpus} GPU{'s' if plan.gpus > 1 else ''}"
        warmup = f", the first {plan.warmup_steps:,} warming up" if plan.warmup_steps else ""
        lines.append((name, f"{plan.steps:,}{warmup}{source}"))
    if first.tokens:
        shown = f"{first.tokens / 1e6:,.1f} million" if first.tokens > 1e6 else f"{first.tokens:,}"
        lines.append(("tokens", f"about {shown}"))
    share = 100 * parameters.trained / parameters.total
    lines.append(("trained parameters", f"{parameters.trained:,} of {parameters.total:,} ({share:.2f} %)"))
    if parameters.without_pooler is not None:
        lines.append(("without the pooler", f"{parameters.without_pooler:,}"))
    needed = sum(first.memory.values())
    parts = ", ".join(f"{name} {size / 1e9:.1f}" for name, size in first.memory.items())
    verdict = "fits" if fits_t4(first) else "does NOT fit: take a smaller batch with more accumulation"
    lines.append(("GPU memory", f"about {needed / 1e9:.1f} GB ({parts}); 16 GB: {verdict}"))
    if first.seconds is not None:
        lines.append(("time on a T4", f"about {duration(first.seconds)}, and what measuring takes"))
    if recipe.source_result:
        lines.append(("the published work had", recipe.source_result))
    return [*lines, *(("note", note) for note in first.notes)]
