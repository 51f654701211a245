"""The files of a batch: the rows that come in, the journal that grows, and the output it becomes."""

import contextlib
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from assistant.batch.rows import Row
from assistant.batch.sources import FORMATS, format_of, read_rows
from assistant.batch.tables import TABLES, journal_of, write_table
from assistant.cli.files import count_rows_of, open_input, open_output
from assistant.errors import AssistantError, UsageError

_JOURNAL = ".partial"
_BYTES_PER_CHARACTER = 6  # of a document in JSON that writes all its characters as \u0000
_ROOM = 1 << 16


class Files:
    """Where a batch reads and writes.

    Answers go to a journal, one line of JSON each. For JSONL that is the output itself; a table is made of it when the
    run is over.

    Raises:
        UsageError: a format that is not known, or cannot be read from a stream.
    """

    def __init__(self, questions: str, output: str, kind_in: str | None, kind_out: str | None) -> None:
        self._questions, self._output = questions, output
        self._kind_in = kind_in or format_of(questions)
        self._kind_out = kind_out or (format_of(output) if format_of(output) in TABLES else "jsonl")
        for option, kind, known in (
            ("--input-format", self._kind_in, FORMATS),
            ("--output-format", self._kind_out, ("jsonl", *TABLES)),
        ):
            if kind not in known:
                raise UsageError(f"{option} {kind}: choose {', '.join(known)}.")
        if self._kind_in == "parquet" and questions == "-":
            raise UsageError("Parquet cannot be read from standard input; name a file.")
        self._is_table = self._kind_out in TABLES
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self.journal = Path(output)
        if self._is_table and output == "-":
            self._scratch = tempfile.TemporaryDirectory()
            self.journal = Path(self._scratch.name) / "answers"
        elif self._is_table:
            self.journal = Path(f"{output}{_JOURNAL}")

    def check_journal(self, *, resume: bool, overwrite: bool) -> None:
        """See that no unfinished run is lost.

        Raises:
            UsageError: there is one, and nothing says what to do with it.
        """
        if self._is_table and self.journal.exists() and not (resume or overwrite):
            raise UsageError(
                f"{self.journal} holds an unfinished run; go on with it by --resume, or write it anew by --overwrite."
            )

    @property
    def names(self) -> list[tuple[str, str]]:
        """What the run's report says of the files."""
        return [("questions", self._questions), ("answers", self._output)]

    @property
    def resumable(self) -> bool:
        """Whether a later run can go on with this one."""
        return self._output != "-" and not self.streamed

    @property
    def streamed(self) -> bool:
        """Whether the questions come through a pipe, and so perhaps slowly."""
        return self._questions == "-" or not stat.S_ISREG(Path(self._questions).stat().st_mode)

    @contextlib.contextmanager
    def rows(self, max_document_megabytes: int, tell: Callable[[str], None]) -> Iterator[Iterator[Row]]:
        """The rows of the input, while it is open; `tell` is told of an encoding other than UTF-8."""
        longest = max_document_megabytes * 1_000_000 * _BYTES_PER_CHARACTER + _ROOM
        with open_input(self._questions) as file:
            yield read_rows(file, self._kind_in, longest, tell)

    def total(self) -> int:
        """How many rows the input has; 0 where that is not known."""
        return count_rows_of(self._questions, self._kind_in)

    def find_earlier(self) -> bool:
        """Whether there is a journal to go on with; that of a finished table is made of the table again."""
        if self.journal.exists():
            return True
        if not self._is_table or not Path(self._output).exists():
            return False
        draft = Path(f"{self.journal}.new")
        try:
            journal_of(Path(self._output), self._kind_out, draft)
            draft.replace(self.journal)
        finally:
            draft.unlink(missing_ok=True)
        return True

    @contextlib.contextmanager
    def open_journal(self, *, append: bool) -> Iterator[IO[str]]:
        """The journal, to write to; "-" is standard output."""
        name = self._output if self._output == "-" and not self._is_table else str(self.journal)
        with open_output(name, append=append) as file:
            yield file

    def finish(self) -> None:
        """Make the table, where one is wanted, of the journal, which is then gone.

        Raises:
            AssistantError: it cannot be written; the journal stays, and --resume tries again.
        """
        if not self._is_table:
            return
        draft = Path(f"{self.journal}.new")
        try:
            write_table(self.journal, draft, self._kind_out)
            if self._output == "-":
                with draft.open("rb") as table:
                    shutil.copyfileobj(table, sys.stdout.buffer)
            else:
                draft.replace(self._output)
                self.journal.unlink()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise AssistantError(
                f"{self._output}: the table cannot be written ({error.strerror}); --resume tries again."
            ) from error
        finally:
            draft.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of what is no longer needed."""
        if self._scratch is not None:
            self._scratch.cleanup()

    @property
    def retried(self) -> Path:
        """Where the records of lines that are tried again stand until they are put into the journal."""
        return Path(f"{self.journal}.retried")

    def drop_copy(self) -> None:
        """Remove a journal that is only a copy of a finished table, to which nothing was added."""
        if self._is_table and self._output != "-" and Path(self._output).exists():
            self.journal.unlink(missing_ok=True)
