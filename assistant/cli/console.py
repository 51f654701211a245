"""What a command shows on standard error while it works: progress, notices and one-line errors."""

import sys
import time
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from assistant.cli.options import switches
from assistant.events import Event, Notice, Progress, RouteChosen, ThinkingDelta, Waiting
from assistant.text import counted, one_line, printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

_LINE_EVERY_SECONDS = 5.0
_BYTES_FROM = 1_000_000  # what counts further counts bytes
_MEGABYTE = 1_000_000


class StatusLine:
    """Shows events on standard error: a live bar in a terminal, else a plain line every few seconds.

    Use it as a context manager and as the listener of events. It is quiet and in colour as the command's options say.
    """

    def __init__(self, *, quiet: bool | None = None) -> None:
        self._quiet = switches.quiet if quiet is None else quiet
        self._live = sys.stderr.isatty() and not self._quiet
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._stage = ""
        self._said_at = 0.0
        self._began = (0.0, 0)
        self._words = 0
        self._waited_at = -_LINE_EVERY_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def __call__(self, event: Event) -> None:
        """Show an event; those that are no progress, notice or route are left to others."""
        if isinstance(event, Notice):
            self.say(event.text)
        elif isinstance(event, RouteChosen):
            if self._live:
                self.say(event.reason if event.asked is None else f"{event.reason} Asked as: {event.asked}")
        elif isinstance(event, ThinkingDelta):
            self._words += len(event.text.split())
            self(Progress("Thinking"))
        elif isinstance(event, Waiting) and not self._quiet:
            self._wait(event)
        elif isinstance(event, Progress) and not self._quiet:
            if self._live:
                self._draw(event)
            else:
                self._tell(event)

    def say(self, text: str) -> None:
        """A line of its own."""
        if self._quiet:
            return
        self.clear()
        _write(printable(text))

    def clear(self) -> None:
        """Take the live bar away."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = self._task = None

    def _wait(self, event: Waiting) -> None:
        """Say what is waited for: in the place of the bar's name, or on a line every few seconds."""
        how_long = f"{event.stage} ({event.done} of {event.total} s)"
        if self._live and self._bars is not None and self._task is not None:
            self._bars.update(self._task, description=one_line(how_long))
        elif self._live:
            self._draw(Progress(event.stage, event.done, event.total))
        elif (now := time.monotonic()) - self._waited_at >= _LINE_EVERY_SECONDS:
            self._waited_at = now
            _write(one_line(how_long, 120))

    def _draw(self, event: Progress) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        rate, left = self._rate(event, time.monotonic()), _left(event)
        if self._bars is None or event.stage != self._stage:
            self.clear()
            self._stage = event.stage
            how_many = DownloadColumn() if event.total > _BYTES_FROM else MofNCompleteColumn()
            remaining = TextColumn("{task.fields[left]}") if event.total > _BYTES_FROM else TimeRemainingColumn()
            columns = [BarColumn(), how_many, TextColumn("{task.fields[rate]}"), remaining]
            self._bars = Bars(
                TextColumn("{task.description}", markup=False),
                *(columns if event.total else []),
                console=Console(stderr=True, no_color=not switches.color),
                transient=True,
            )
            self._task = self._bars.add_task(one_line(event.stage), total=event.total or None, rate=rate, left=left)
            self._bars.start()
        if self._task is not None:
            name = one_line(event.stage + (f", {counted(self._words, 'word')}" if event.stage == "Thinking" else ""))
            total = event.total or None
            self._bars.update(self._task, description=name, completed=event.done, total=total, rate=rate, left=left)

    def _tell(self, event: Progress) -> None:
        now = time.monotonic()
        if event.stage == self._stage and now - self._said_at < _LINE_EVERY_SECONDS:
            return
        rate = self._rate(event, now)
        parts = [f"{100 * event.done // event.total}%"] if event.total and event.done else []
        if event.total > _BYTES_FROM and event.done:
            parts.append(f"{event.done / _MEGABYTE:,.0f} of {event.total / _MEGABYTE:,.0f} MB")
        parts += [rate] if rate else []
        if left := _left(event):
            parts.append(left)
        elif rate and event.total and event.per_second is None:
            began, before = self._began
            parts.append(_clock((event.total - event.done) * (now - began) / (event.done - before)))
        _write(" ".join([one_line(event.stage), ", ".join(parts)]).rstrip())
        self._stage, self._said_at = event.stage, now

    def _rate(self, event: Progress, now: float) -> str:
        """How many a second, as the stage says or since it began; nothing for the first, and for bytes untold."""
        if event.per_second is not None and event.total > _BYTES_FROM:
            return f"{event.per_second / _MEGABYTE:,.1f} MB/s"
        if event.stage != self._stage:
            self._began = now, event.done
        began, before = self._began
        if event.done <= before or now <= began or event.total > _BYTES_FROM:
            return ""
        return f"{(event.done - before) / (now - began):,.1f} a second"


def _write(line: str) -> None:
    """Write a line with its end at once: other threads write, too, and `print` writes the two apart."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _left(event: Progress) -> str:
    """How long a stage that knows it will take; nothing where it does not."""
    return "" if event.seconds_left is None else _clock(event.seconds_left)


def _clock(seconds: float) -> str:
    return f"{timedelta(seconds=round(min(seconds, 1e8)))} left"
