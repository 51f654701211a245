"""What a training tells while it runs, and what it leaves beside every checkpoint."""

import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from assistant.errors import AssistantError
from finetune.json_files import write_json

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

RUN_FILE = "run.json"
_LINE_EVERY_SECONDS = 15.0


class TrainingProgress(TrainerCallback):
    """Steps, loss, learning rate, steps a second and time left: a live bar in a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._said_at = 0.0
        self._began = (time.monotonic(), 0)
        self._last = ""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the bar."""
        self._began = (time.monotonic(), state.global_step)
        if not state.is_world_process_zero or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bars = Progress(
            TextColumn("Training", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bars.add_task("", total=state.max_steps, completed=state.global_step, said="")
        self._bars.start()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move the bar."""
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=state.global_step, said=self._last)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Tell the figures of the log."""
        logs = logs or {}
        if not state.is_world_process_zero or "train_runtime" in logs:
            return
        began, first = self._began
        rate = (state.global_step - first) / max(time.monotonic() - began, 1e-6)
        if "loss" in logs:
            self._last = f"loss {logs['loss']:.4f}, rate {logs.get('learning_rate', 0):.1e}, {rate:.2f} steps/s"
            left = (state.max_steps - state.global_step) / rate if rate else 0.0
            self._tell(f"step {state.global_step} of {state.max_steps}: {self._last}, {_duration(left)} left")
        elif any(name.startswith("eval_") for name in logs):
            shown = ", ".join(
                f"{name.removeprefix('eval_')} {value:.2f}"
                for name, value in logs.items()
                if name.startswith("eval_") and isinstance(value, float)
            )
            self._tell(f"step {state.global_step}: {shown}", always=True)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take the bar away."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _tell(self, line: str, *, always: bool = False) -> None:
        if self._bars is not None:
            if always:
                self._bars.console.print(line, markup=False, highlight=False)
            return
        now = time.monotonic()
        if always or now - self._said_at >= _LINE_EVERY_SECONDS:
            self._said_at = now
            print(line, file=sys.stderr, flush=True)  # noqa: T201


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


class LastLog(TrainerCallback):
    """Has the steps logged that would else be lost: those after the last entry of the log, at each epoch's end."""

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called before the trainer looks whether to log."""
        control.should_log = True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called after every step."""
        if state.global_step >= state.max_steps:
            control.should_log = True


class WeightsAreNumbers(TrainerCallback):
    """Ends a training whose weights have become NaN or infinite, which the Trainer would tell as a loss of 0."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **more: Any) -> None:
        """Look at the weights where the gradient's length is no number.

        Raises:
            AssistantError: they are none either.
        """
        if math.isfinite((logs or {}).get("grad_norm", 0.0)):
            return
        # A gradient that overflows is passed over by the scaler of fp16; weights do not come back.
        trained = [parameter for parameter in more["model"].parameters() if parameter.requires_grad]
        if all(bool(parameter.isfinite().all()) for parameter in trained):
            return
        raise AssistantError(
            f"By step {state.global_step} the weights are no longer numbers (NaN), and all further steps would be "
            "lost. Try a lower rate (--set training.learning_rate=...) or float32 (--set training.precision=fp32); a "
            "checkpoint from before is gone on from."
        )


class CheckpointRecord(TrainerCallback):
    """Writes the run's record (recipe, versions, seed, git state) into every checkpoint, with the seconds it took.

    Args:
        output: the run's folder.
        resumed_from: the checkpoint that is gone on from; its seconds count.
    """

    def __init__(self, output: Path, resumed_from: Path | None = None) -> None:
        self._output = output
        self._before = _seconds_of(resumed_from) if resumed_from is not None else 0.0
        self._began = time.monotonic()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called when a checkpoint is whole."""
        if state.is_world_process_zero:
            record = _read(self._output / RUN_FILE) | {"seconds": round(self.seconds(), 2)}
            write_json(self._output / f"checkpoint-{state.global_step}" / RUN_FILE, record)

    def seconds(self) -> float:
        """How long the run has trained, the part before an interruption included."""
        return self._before + time.monotonic() - self._began


class BestBeside(TrainerCallback):
    """Looks for the best checkpoint in the run's folder, wherever that was when the checkpoint was written.

    Args:
        output: the run's folder.
    """

    def __init__(self, output: Path) -> None:
        self._output = output

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Repair the state before anything is loaded by it."""
        self.repair(state)

    def repair(self, state: Any) -> None:
        """Name the best checkpoint of a state by where it is now."""
        if state.best_model_checkpoint:
            state.best_model_checkpoint = str(self._output / Path(state.best_model_checkpoint).name)


def note_architecture(output: Path, name: str) -> None:
    """Say in a run's record which network it trains."""
    if record := _read(output / RUN_FILE):
        write_json(output / RUN_FILE, record | {"architecture": name})


def _seconds_of(checkpoint: Path) -> float:
    return float(_read(checkpoint / RUN_FILE).get("seconds", 0.0))


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}  # a folder that an earlier version or another program wrote
    return content
