"""The card that goes with an adapter: what it is, what it was trained on, with which command, and its figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from assistant.models.cards import Figures, front_matter
from finetune.recipe import Recipe
from finetune.tasks.registry import TASKS

_METHODS = {
    "lora": "a LoRA adapter",
    "qlora": "a LoRA adapter (QLoRA)",
    "extracted": "a LoRA adapter (extracted from trained weights)",
    "prompt": "a model with a tuned prompt",
    "full": "a model, all of it trained,",
}
_DATA_SETS = {
    "squad": "SQuAD v1.1", "dev-v1.1": "SQuAD v1.1", "squad_v2": "SQuAD v2.0", "dev-v2.0": "SQuAD v2.0",
}  # fmt: skip


def write_card(
    recipe: Recipe,
    figures: Mapping[str, float],
    folder: Path,
    notes: str = "",
    results: Sequence[Figures] = (),
    command: str | None = None,
) -> Path:
    """Write `README.md` into a trained folder, with front matter that the Hub and `assistant compare` read.

    Args:
        recipe: as it was run.
        figures: what training gave; shares are percentages, times are seconds.
        folder: the adapter's.
        notes: Markdown that follows the figures.
        results: exact match and F1 on data that was not trained on, for the front matter's `model-index`.
        command: that ran it, where it was another than `finetune run RECIPE`.
    """
    training = recipe.training
    lines = [
        f"# {recipe.name}",
        "",
        f"{recipe.description}: {_METHODS[recipe.method]} for {TASKS[recipe.task].purpose} on `{recipe.base}`.",
        "",
        "| | |",
        "|---|---|",
        f"| data | {', '.join(f'`{name}`' for name in recipe.data.train)} |",
        f"| licence of the data | {recipe.licence} |",
        *_method_lines(recipe),
        f"| optimizer | {training.optimizer}, learning rate {training.learning_rate:g}, {training.scheduler}, "
        f"warm-up {training.warmup:.0%} |",
        f"| epochs and batch | {training.epochs:g}, {training.batch_size * training.accumulation} examples a step |",
        f"| steps | {figures.get('steps', 0):.0f} |",
        f"| seed | {training.seed} |",
        f"| command | `{command or f'finetune run {recipe.name}'}` |",
        "",
        "## Figures of the training",
        "",
        "| figure | value |",
        "|---|---|",
        *(f"| {name} | {figure(value)} |" for name, value in figures.items() if name not in ("steps", "max_steps")),
        "",
    ]
    path = folder / "README.md"
    about = front_matter(
        recipe.name,
        results,
        # A folder of this machine means nothing elsewhere.
        base_model=None if Path(recipe.base).is_dir() else recipe.base.partition("@")[0],
        library_name="peft" if recipe.makes_adapter else "transformers",
        pipeline_tag=TASKS[recipe.task].pipeline,
    )
    path.write_text(about + "\n" + "\n".join(lines) + (f"\n{notes.strip()}\n" if notes else ""), "utf-8")
    return path


def figure(value: float) -> str:
    """A figure with the digits that say something."""
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def results_of(recipe: Recipe, figures: Mapping[str, float]) -> tuple[Figures, ...]:
    """What a card's `model-index` says of a reader that was measured on the whole of a test set; else nothing."""
    if recipe.task != "qa" or recipe.data.test is None or recipe.data.limit is not None or "test_f1" not in figures:
        return ()
    source, _, split = recipe.data.test.partition("#")
    name = PurePath(source.removeprefix("hub:")).name.removesuffix(".json")
    return (Figures(_DATA_SETS.get(name, name), figures["test_exact_match"], figures["test_f1"], split or None),)


def _method_lines(recipe: Recipe) -> list[str]:
    lora = recipe.lora
    if recipe.method == "full" or lora is None:
        return []
    if recipe.method == "prompt":
        return [f"| prompt | {recipe.prompt.tokens} learned vectors, as words of the vocabulary |"]
    base = f", base in {recipe.quantization}" if recipe.method == "qlora" else ""
    if recipe.method == "extracted":
        return [
            f"| trained in full | the weights of `{_targets(lora.targets)}`, {', '.join(lora.modules_to_save)} |",
            f"| adapter | LoRA r {lora.r}: the best approximation of what the weights changed by |",
        ]
    return [
        f"| adapter | LoRA r {lora.r}, alpha {lora.alpha}, dropout {lora.dropout} "
        f"on `{_targets(lora.targets)}`{base} |",
        f"| trained in full | {', '.join(lora.modules_to_save) or 'nothing'} |",
    ]


def _targets(targets: list[str] | str) -> str:
    """The modules, for a cell of a table: a bar would end it, even in code."""
    return (targets if isinstance(targets, str) else ", ".join(targets)).replace("|", "\\|")
