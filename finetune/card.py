"""The card that goes with an adapter: what it is, what it was trained on, with which command, and its figures."""

from collections.abc import Mapping
from pathlib import Path

from finetune.recipe import CodeRecipe, NLIRecipe, QARecipe

_TASKS = {"qa": "extractive question answering", "nli": "natural language inference", "code": "a code assistant"}


def write_card(
    recipe: QARecipe | NLIRecipe | CodeRecipe, figures: Mapping[str, float], folder: Path, notes: str = ""
) -> Path:
    """Write `README.md` into an adapter's folder.

    Args:
        recipe: as it was run.
        figures: what training gave; shares are percentages, times are seconds.
        folder: the adapter's.
        notes: Markdown that follows the figures.
    """
    training, lora = recipe.training, recipe.lora
    lines = [
        f"# {recipe.name}",
        "",
        f"{recipe.description}: a LoRA adapter for {_TASKS[recipe.task]} on `{recipe.base}`.",
        "",
        "| | |",
        "|---|---|",
        f"| data | {', '.join(f'`{name}`' for name in recipe.data.train)} |",
        f"| licence of the data | {recipe.licence} |",
        f"| adapter | LoRA r {lora.r}, alpha {lora.alpha}, dropout {lora.dropout} on `{_targets(lora.targets)}` |",
        f"| trained in full | {', '.join(lora.modules_to_save) or 'nothing'} |",
        f"| optimizer | {training.optimizer}, learning rate {training.learning_rate:g}, {training.scheduler}, "
        f"warm-up {training.warmup:.0%} |",
        f"| epochs and batch | {training.epochs:g}, {training.batch_size * training.accumulation} examples a step |",
        f"| steps | {figures.get('steps', 0):.0f} |",
        f"| seed | {training.seed} |",
        f"| command | `finetune run {recipe.name}` |",
        "",
        "## Figures of the training",
        "",
        "| figure | value |",
        "|---|---|",
        *(f"| {name} | {value:.4g} |" for name, value in figures.items() if name not in ("steps", "max_steps")),
        "",
    ]
    path = folder / "README.md"
    path.write_text("\n".join(lines) + (f"\n{notes.strip()}\n" if notes else ""), "utf-8")
    return path


def _targets(targets: list[str] | str) -> str:
    return targets if isinstance(targets, str) else ", ".join(targets)
