"""The file that holds the history: SQLite, opened privately, brought up to date, used in whole transactions."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.errors import AssistantError
from assistant.text import encodable

_BUSY_SECONDS = 15.0  # on a slow disk several programs that start at once take this long

_MIGRATIONS = (
    """
    CREATE TABLE conversations (
        id TEXT PRIMARY KEY, title TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL
    ) STRICT;
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY, conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE,
        role TEXT NOT NULL, text TEXT NOT NULL, status TEXT NOT NULL, record TEXT, reason TEXT, created REAL NOT NULL
    ) STRICT;
    CREATE INDEX messages_by_conversation ON messages (conversation, id);
    CREATE TABLE documents (hash TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
    CREATE TABLE conversation_documents (
        conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE, name TEXT NOT NULL,
        hash TEXT NOT NULL REFERENCES documents, active INTEGER NOT NULL, PRIMARY KEY (conversation, name)
    ) STRICT;
    CREATE TABLE message_documents (
        message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE, name TEXT NOT NULL,
        hash TEXT NOT NULL REFERENCES documents, PRIMARY KEY (message, name)
    ) STRICT;
    CREATE VIRTUAL TABLE messages_fts USING fts5(
        text, content='messages', content_rowid='id', tokenize='unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN
        INSERT INTO messages_fts (rowid, text) VALUES (new.id, new.text);
    END;
    CREATE TRIGGER message_changed AFTER UPDATE OF text ON messages BEGIN
        INSERT INTO messages_fts (messages_fts, rowid, text) VALUES ('delete', old.id, old.text);
        INSERT INTO messages_fts (rowid, text) VALUES (new.id, new.text);
    END;
    CREATE TRIGGER message_removed AFTER DELETE ON messages BEGIN
        INSERT INTO messages_fts (messages_fts, rowid, text) VALUES ('delete', old.id, old.text);
    END;
    """,
    "ALTER TABLE documents ADD COLUMN pages TEXT NOT NULL DEFAULT '[]';",
    "ALTER TABLE documents ADD COLUMN structure BLOB;",
)
"""Each entry takes the file from the version of its index to the next; `PRAGMA user_version` says how many ran."""


class HistoryError(AssistantError):
    """The history cannot be read or written, or does not hold what was asked for."""


class HistoryFile:
    """An open history file.

    Args:
        path: The file; it and its folder are made where they are not there, readable by nobody else.

    Raises:
        HistoryError: the file is damaged, locked, not writable or was written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Created by us before SQLite does, so that it is never readable by others, not even for a moment.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self.path.chmod(0o600)
        except OSError as error:
            raise HistoryError(
                f"{self.path}: the history cannot be written ({error.strerror}); set ASSISTANT_DATA to your own folder."
            ) from error
        with self._explained():
            self._connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file; what was saved is saved already."""
        self._connection.close()

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """What a query gives."""
        with self._explained():
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """Run statements all or nothing; what the block gets runs one."""
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._connection)
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.execute("COMMIT")

    def empty_log(self) -> None:
        """Write everything into the file itself, so that the write-ahead log holds nothing that was deleted.

        Raises:
            HistoryError: another program has been reading for too long.
        """
        with self._explained():
            (busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise HistoryError(
                f"It is deleted, but another program is reading the history: what was deleted stays in {self.path}-wal "
                "until that one is closed."
            )

    def _prepare(self) -> None:
        with self._explained():
            self._connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "secure_delete = ON"):
                self._connection.execute(f"PRAGMA {pragma}")
        with self.transaction() as execute:  # immediate: two programs that start at once migrate one after the other
            version = execute("PRAGMA user_version").fetchone()[0]
            if version > len(_MIGRATIONS):
                raise HistoryError(
                    f"{self.path}: a newer version of the assistant wrote this history; "
                    "get that version, or set ASSISTANT_DATA to another folder."
                )
            for number, script in enumerate(_MIGRATIONS[version:], start=version + 1):
                for statement in _statements(script):
                    execute(statement)
                execute(f"PRAGMA user_version = {number}")

    def damaged(self, reason: str) -> HistoryError:
        """The error for a file that does not hold what it should."""
        return HistoryError(f"{self.path}: the history is damaged ({reason}); move the file away to begin a new one.")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise HistoryError("The conversation is no longer in the history; it was deleted meanwhile.") from error
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise HistoryError(
                    f"{self.path}: another program is holding the history; close it and try again."
                ) from error
            raise HistoryError(f"{self.path}: the history cannot be used ({error}); is the disk full?") from error
        except sqlite3.DatabaseError as error:
            raise self.damaged(str(error)) from error


class Transaction:
    """Runs one statement of a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __call__(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Run it."""
        return self._connection.execute(
            sql, [encodable(value) if isinstance(value, str) else value for value in values]
        )


def default_path() -> Path:
    """Where the history is kept: `ASSISTANT_DATA` or the platform's data folder."""
    if folder := os.environ.get("ASSISTANT_DATA"):
        return Path(folder).expanduser() / "history.db"
    from platformdirs import user_data_path

    return user_data_path("assistant", appauthor=False) / "history.db"


def _statements(script: str) -> Iterator[str]:
    # executescript() would commit the transaction that makes a migration all or nothing.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
