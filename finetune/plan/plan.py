"""What a run will take, before it is begun: rows, steps, parameters, memory and time, without a GPU or a download."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.errors import UsageError
from finetune.data.files import find_data
from finetune.data.tables import is_hub
from finetune.plan.bases import BaseFacts, base_facts, meta_model
from finetune.plan.estimate import memory, seconds_on_t4
from finetune.plan.parameters import Parameters
from finetune.recipe import CodeRecipe, Lora, NLIRecipe, QARecipe, Recipe, Training

T4_BYTES = 16e9
_CHARACTERS_A_TOKEN = 3.5
"""Of English prose and code a little less or more; without the base's tokenizer, which would be a download, a guess."""
_TASK_TYPES = {"qa": "QUESTION_ANS", "nli": "SEQ_CLS", "code": "CAUSAL_LM"}


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows there are and how that is known; `units` are what a batch holds (windows, for a reader)."""

    train: int
    units: int
    held_out: int
    test: int | None
    source: str
    tokens: int | None = None
    """Of an average unit."""


@dataclass(frozen=True)
class Plan:
    """A run as it will be. Memory in bytes by what takes it, time in seconds on a T4."""

    rows: Rows
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
    if recipe.data.choose_on == "held_out" and recipe.source_result and not isinstance(recipe, CodeRecipe):
        chosen_on_test = recipe.data.model_copy(update={"choose_on": "test"})
        as_source = total_steps(count_rows(recipe.model_copy(update={"data": chosen_on_test})).units, training, gpus)
    batches = steps * training.accumulation * gpus
    seconds = seconds_on_t4(recipe, facts, parameters, tokens, batches) / gpus if tokens else None
    return Plan(
        rows=rows,
        gpus=gpus,
        steps=steps,
        warmup_steps=math.ceil(steps * training.warmup),
        as_source_steps=as_source,
        tokens=tokens,
        parameters=parameters,
        memory=memory(recipe, facts, parameters, rows.tokens),
        seconds=seconds,
        licences={"base": facts.licence, "data": recipe.licence},
        notes=_notes(recipe, facts),
    )


def total_steps(units: int, training: Training, gpus: int = 1) -> int:
    """Optimizer steps of a run, as the Trainer counts them.

    Each process gets its part of the rows, rounded up; the last batch of an epoch may be smaller.
    """
    batches = math.ceil(math.ceil(units / gpus) / training.batch_size)
    return math.ceil(training.epochs * math.ceil(batches / training.accumulation))


def count_rows(recipe: Recipe) -> Rows:
    """The recipe's rows: counted where its training data is at hand, else as the recipe declares them.

    Raises:
        UsageError: neither.
    """
    declared = recipe.data.declared
    passages = recipe.data.grounded if isinstance(recipe, CodeRecipe) else ()
    if _are_here([*recipe.data.train, *passages]):
        return _counted(recipe)
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
    if recipe.data.choose_on == "held_out" and not isinstance(recipe, CodeRecipe):
        held_out = round(declared.train * recipe.data.held_out)
    train = _limited(declared.train - held_out, recipe)
    if not isinstance(recipe, QARecipe):
        return Rows(train, train, held_out, declared.test, source, declared.tokens)
    if declared.windows is None:
        source += "; windows estimated"
    return Rows(train, round(train * _windows_a_row(recipe)), held_out, declared.test, source, declared.tokens)


def _limited(rows: int, recipe: Recipe) -> int:
    return min(rows, recipe.data.limit or rows)


def _are_here(names: Sequence[str]) -> bool:
    try:
        return not any(is_hub(name) for name in names) and all(find_data(name) for name in names)
    except UsageError:
        return False


def _counted(recipe: Recipe) -> Rows:
    source = "counted in the data"
    if isinstance(recipe, CodeRecipe):
        from finetune.tasks.code.training import prepare_examples

        prepared = prepare_examples(recipe)
        tokens = _tokens([example.characters for example in prepared.train], recipe)
        # The base's own answers are made by the run itself, beside what is counted here.
        own = sum(recipe.data.self_answers.values()) if recipe.data.self_answers_file is None else 0
        rows = _limited(len(prepared.train) + own, recipe)
        source += f", with {own:,} answers of the base's own" if own else ""
        return Rows(rows, rows, 0, len(prepared.held_out), source, tokens)
    if isinstance(recipe, QARecipe):
        from finetune.data.squad import read_questions
        from finetune.tasks.qa.training import load_examples

        train, held_out, _ = load_examples(recipe)
        test = _test_rows(recipe, lambda name: len(read_questions(name, recipe.data.columns)))
        units = round(len(train) * _windows_a_row(recipe))
        tokens = _tokens([len(example.question) + len(example.context) for example in train], recipe)
        return Rows(len(train), units, len(held_out), test, f"{source}; windows estimated", tokens)
    from finetune.data.labelled_pairs import read_labelled_pairs
    from finetune.tasks.nli.training import load_pairs

    if recipe.data.form == "mixed":
        return _mixed(recipe)
    kept, out, _ = load_pairs(recipe)
    columns = recipe.data.columns
    test = _test_rows(recipe, lambda name: len(read_labelled_pairs(name, columns)[0]))
    tokens = _tokens([len(pair.premise) + len(pair.hypothesis) for pair in kept], recipe)
    return Rows(len(kept), len(kept), len(out), test, source, tokens)


def _test_rows(recipe: Recipe, count: Callable[[str], int]) -> int | None:
    test = recipe.data.test
    return count(test) if test is not None and _are_here([test]) else recipe.data.declared.test


def _tokens(characters: Sequence[int], recipe: Recipe) -> int | None:
    """Tokens of an average row: what the recipe declares, else by the characters."""
    if recipe.data.declared.tokens or not characters:
        return recipe.data.declared.tokens
    most = recipe.max_length if isinstance(recipe, QARecipe) else recipe.data.max_length
    return round(min(sum(characters) / len(characters) / _CHARACTERS_A_TOKEN, most))


def _mixed(recipe: NLIRecipe) -> Rows:
    """Making pairs from questions takes a reader and minutes, so its numbers are those that the recipe asks for."""
    from finetune.data.pairs import read_pairs

    files = 0
    for name in recipe.data.train:
        read = len(read_pairs(find_data(name)))
        files += min(read, recipe.data.limits.get(name, read))
    rows = files + sum(recipe.data.qa_pairs.values())
    held_out = round(rows * recipe.data.held_out)
    train = _limited(rows - held_out, recipe)
    source = "counted in the data, with the pairs that the recipe asks for"
    return Rows(train, train, held_out, None, source, recipe.data.declared.tokens)


def _windows_a_row(recipe: QARecipe) -> float:
    declared = recipe.data.declared
    # BERT's 88,729 windows of SQuAD's 87,599 questions, where the recipe says nothing else.
    return declared.windows / declared.train if declared.windows and declared.train else 88_729 / 87_599


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
        return trained_parameters(with_method(model, recipe, _TASK_TYPES[recipe.task]))


def _notes(recipe: Recipe, facts: BaseFacts) -> list[str]:
    notes = []
    if facts.gated:
        notes.append(
            f"The base is gated: accept its licence on https://huggingface.co/{facts.name}, then log in with "
            "`hf auth login`."
        )
    if recipe.data.choose_on == "test":
        notes.append("The best checkpoint is chosen on the test set, as the source did: its test figures flatter it.")
    if recipe.lora is not None and "pooler" in recipe.lora.modules_to_save and recipe.source_result:
        notes.append(
            "The pooler is trained too; in the source it stayed random and frozen, in front of the classifier."
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
    units = f", {rows.units:,} windows" if isinstance(recipe, QARecipe) else ""
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
            source = f" (all rows, chosen on the test set as the source did: {plan.as_source_steps:,})"
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
        lines.append(("the source had", recipe.source_result))
    return [*lines, *(("note", note) for note in first.notes)]
