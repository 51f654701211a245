"""One run of a batch: what is there already, what is answered now, and what is said of it at the end."""

import contextlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.batch.blocks import Prefetcher, Record, blocks_as_they_come, blocks_of
from assistant.batch.executors import Executor, LocalExecutor, ProcessExecutor
from assistant.batch.journal import computed_otherwise, failed_lines, merge_retried, to_retry, unfinished
from assistant.batch.lines import BatchOptions, read_lines
from assistant.batch.ray_executor import RayExecutor
from assistant.batch.report import report_html
from assistant.batch.runner import run_batch
from assistant.batch.summary import Summary, summary_lines
from assistant.cli.ask import fails
from assistant.cli.batch_files import Files
from assistant.cli.console import StatusLine
from assistant.encoders.precision import computed_with
from assistant.errors import AssistantError, UsageError
from assistant.events import Progress
from assistant.records import answer_from_json
from assistant.settings import Settings
from assistant.text import counted, one_line

LINES_AHEAD = 8
_WRITERS_TOLD = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where the work runs: an executor, how many workers, and what each Ray worker takes."""

    executor: str
    workers: int
    cpus: float
    gpus: float


def run(
    files: Files, options: BatchOptions, chosen: Settings, watched: frozenset[str], place: Place, *,
    resume: bool, report: str | None, retry_all: bool = False,
) -> int:  # fmt: skip
    """Answer what is not answered yet, and say what it came to.

    Args:
        files: where questions come from and answers go.
        options: what applies to every line.
        chosen: the settings.
        watched: the verdicts of --fail-on.
        place: where the work runs.
        resume: whether to go on with what an earlier run has written, and to try again what failed for passing reasons.
        retry_all: whether to try again all that failed.
        report: where to write a page with plots.

    Returns:
        The exit code.
    """
    began = time.monotonic()
    digest = options.digest(chosen)
    with contextlib.closing(files), StatusLine() as status:
        total = 0 if options.select else files.total()
        tally = _Tally(status, watched, min(total, options.limit or sys.maxsize))
        try:
            executor = _executor(place, chosen, digest, status)
            append = resume and files.find_earlier()
            if append:
                _retry(files, options, tally, executor, digest, all_of_them=retry_all)
            _answer(files, options, tally, executor, digest, append=append)
        except KeyboardInterrupt:
            if files.resumable:
                status.say(f"Stopped with {counted(tally.summary.done, 'line')} done; --resume goes on.")
            raise
        tally.summary.before -= tally.summary.retried
        files.finish()
        seconds = time.monotonic() - began
        for line in summary_lines(tally.summary, seconds, tally.matched):
            status.say(line)
        if report is not None:
            _write_report(report, report_html(tally.summary, seconds, files.names))
            status.say(f"The report is in {report}.")
    if tally.summary.failed:
        return 3
    return 4 if tally.matched else 0


def _write_report(path: str, page: str) -> None:
    try:
        Path(path).write_text(page, "utf-8")
    except OSError as error:
        raise AssistantError(f"{path}: the report cannot be written ({error.strerror}); the answers are.") from error


class _Tally:
    """Counts the records that are written, and tells how far the run is."""

    def __init__(self, status: StatusLine, watched: frozenset[str], total: int) -> None:
        self.summary = Summary()
        self.matched = 0
        self._status, self._watched, self._total = status, watched, total
        self._said: set[str] = set()
        self._writers: list[str] = []

    def say(self, text: str) -> None:
        """Say something that is said once in a run."""
        if text not in self._said:
            self._said.add(text)
            self._status.say(text)

    def before(self, record: Record) -> None:
        """Count a record of an earlier run."""
        self._count(record)
        self.summary.before += 1
        self._tell_writers()
        if notice := computed_otherwise(record, computed_with()):
            self.say(notice)

    def again(self, failed: int) -> Callable[[Record], None]:
        """What counts the records of lines that are tried again; once in place they are counted as the rest."""

        def count(_: Record) -> None:
            self.summary.retried += 1
            self._status(Progress("Trying failed lines again", self.summary.retried, failed))

        return count

    def now(self, record: Record) -> None:
        """Count a record of this run."""
        self._count(record)
        self._tell_writers()
        self.tell()

    def tell(self) -> None:
        """Show how far the run is."""
        self._status(Progress("Answering", self.summary.done, self._total))

    def _tell_writers(self) -> None:
        """Say where a run that goes on has other answers from another model, as a server may list another first."""
        if self.summary.before and len(self._writers) > 1:
            first, other = (one_line(name, 60) for name in self._writers[:2])
            self.say(f"Some answers were written by {first}, others by {other}; --model keeps to one.")

    def _count(self, record: Record) -> None:
        self.summary.add(record)
        writer = (record.get("models") or {}).get("generator")
        if isinstance(writer, str) and writer not in self._writers and len(self._writers) < _WRITERS_TOLD:
            self._writers.append(writer)
        if self._watched and "error" not in record:
            self.matched += fails(answer_from_json(record), self._watched)


def _executor(place: Place, chosen: Settings, digest: str, status: StatusLine) -> Executor:
    if place.executor == "ray":
        return RayExecutor(chosen, place.workers, digest, cpus=place.cpus, gpus=place.gpus)
    if place.workers > 1:
        return ProcessExecutor(chosen, place.workers, digest)
    from assistant.answering.assistant import Assistant

    return LocalExecutor(Assistant(chosen), digest, status)


def _retry(
    files: Files, options: BatchOptions, tally: _Tally, executor: Executor, digest: str, *, all_of_them: bool
) -> None:
    """Answer again what failed in an earlier run, and put it in its place."""
    with files.open_journal(append=True):  # no other run writes to it meanwhile
        merge_retried(files.journal, files.retried)
        failed = failed_lines(files.journal, all_of_them=all_of_them)
        if not failed:
            return
        with files.rows(options.max_document_megabytes, tally.say) as rows:
            blocks = blocks_of(read_lines(rows, options))
            work = to_retry(blocks, files.journal, digest, all_of_them=all_of_them)
            try:
                with files.retried.open("w", encoding="utf-8", newline="\n") as retried:
                    run_batch(executor, work, retried, tally.again(failed))
            except UsageError:
                files.retried.unlink(missing_ok=True)
                files.drop_copy()
                raise
        merge_retried(files.journal, files.retried)


def _answer(
    files: Files, options: BatchOptions, tally: _Tally, executor: Executor, digest: str, *, append: bool
) -> None:
    """Answer what is not answered yet, into the journal."""
    with files.rows(options.max_document_megabytes, tally.say) as rows:
        lines = read_lines(rows, options)
        ahead: Prefetcher[Any] = Prefetcher(lines, LINES_AHEAD) if files.streamed else Prefetcher(blocks_of(lines), 1)
        blocks = blocks_as_they_come(ahead) if files.streamed else ahead
        try:
            if append:
                work = unfinished(blocks, files.journal, digest, tally.before)
            else:
                work = ((block, 0) for block in blocks)
            with files.open_journal(append=append) as journal:
                if not append:  # an earlier run's lines that were tried again and not put into place yet
                    files.retried.unlink(missing_ok=True)
                tally.tell()
                run_batch(executor, work, journal, tally.now)
        except UsageError:
            files.drop_copy()
            raise
        finally:
            ahead.close()
