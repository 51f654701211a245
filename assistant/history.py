"""Conversations on disk, saved as they happen: one SQLite file that survives being killed at any moment.

A user's message is written when it is sent and an answer each time more of it is shown, so that what was on screen
is what is on disk. Texts of documents are kept once, by their hash. Deleting really deletes: freed pages are
overwritten, the search index is rebuilt without the text and the write-ahead log is emptied.
"""

import json
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from assistant.conversation import Document, Role
from assistant.errors import AssistantError
from assistant.sanitize import one_line

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # without l, o, 0 and 1, which people mistake for one another
_ID_LENGTH = 8
_BUSY_SECONDS = 3.0

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
)
"""Each entry takes the file from the version of its index to the next; `PRAGMA user_version` says how many ran."""


class HistoryError(AssistantError):
    """The history cannot be read or written, or does not hold what was asked for."""


class Status(StrEnum):
    """How far a message has come. One read back as `streaming` was cut off by the end of the program."""

    DONE = "done"
    STREAMING = "streaming"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Said:
    """One message as saved: `record` is the answer's JSON, `reason` why its route was taken, `created` Unix time."""

    id: int
    role: Role
    text: str
    status: Status
    created: float
    record: str | None = None
    reason: str | None = None
    documents: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with all its messages and every document it used; `active` names those still open."""

    id: str
    title: str
    created: float
    updated: float
    messages: tuple[Said, ...] = ()
    documents: tuple[Document, ...] = ()
    active: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Summary:
    """A line of the list of conversations. `messages` counts questions and answers."""

    id: str
    title: str
    updated: float
    messages: int


@dataclass(frozen=True, slots=True)
class Match:
    """A message that a search found, with the words around the match."""

    conversation: str
    title: str
    role: Role
    excerpt: str
    created: float


class History:
    """The conversation store. Use it from one thread, and close it; it is a context manager.

    Args:
        path: The file, by default `history.db` in the folder `ASSISTANT_DATA` or the platform's data folder.

    Raises:
        HistoryError: the file is damaged, locked, not writable or was written by a newer version.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was saved is saved already."""
        self._connection.close()

    # --- saving, as things happen

    def create(self, title: str = "") -> str:
        """Begin a conversation and return its id. Without a title, the first user message becomes it."""
        with self._transaction() as do:
            now = time.time()
            while True:
                new = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
                if do("INSERT OR IGNORE INTO conversations VALUES (?, ?, ?, ?)", new, title, now, now).rowcount:
                    return new

    def add_user_message(self, conversation: str, text: str, documents: Sequence[Document] = ()) -> int:
        """Save what the user sent and the documents that were open, and return the message's id."""
        with self._transaction() as do:
            message = self._insert(do, conversation, role=Role.USER, text=text, status=Status.DONE)
            for document in documents:
                _keep(do, document)
                do("INSERT OR REPLACE INTO message_documents VALUES (?, ?, ?)", message, document.name, document.id)
            do("UPDATE conversations SET title = ? WHERE id = ? AND title = ''", one_line(text), conversation)
        return message

    def save_answer(
        self,
        conversation: str,
        text: str,
        *,
        answer: int | None = None,
        status: Status = Status.DONE,
        record: str | None = None,
        reason: str | None = None,
    ) -> int:
        """Save an answer, whole or as far as it has come, and return its id, to be given as `answer` the next time.

        Args:
            conversation: The conversation's id.
            text: What is shown of the answer so far; the error message for a failed one.
            answer: The id from the first call for this answer; None the first time.
            status: How far it has come.
            record: The answer as the contract's JSON, kept as it is given.
            reason: Why its route was taken.
        """
        with self._transaction() as do:
            if answer is None:
                return self._insert(
                    do, conversation, role=Role.ASSISTANT, text=text, status=status, record=record, reason=reason
                )
            do(
                "UPDATE messages SET text = ?, status = ?, record = ?, reason = ? WHERE id = ? AND conversation = ?",
                *(text, status.value, record, reason, answer, conversation),
            )
            do("UPDATE conversations SET updated = ? WHERE id = ?", time.time(), conversation)
        return answer

    def set_documents(self, conversation: str, documents: Sequence[Document]) -> None:
        """Save which documents are open; those that were open before stay with the conversation, closed."""
        with self._transaction() as do:
            do("UPDATE conversation_documents SET active = 0 WHERE conversation = ?", conversation)
            for document in documents:
                _keep(do, document)
                do(
                    "INSERT OR REPLACE INTO conversation_documents VALUES (?, ?, ?, 1)",
                    *(conversation, document.name, document.id),
                )

    def rename(self, conversation: str, title: str) -> None:
        """Give a conversation another title."""
        found = self.resolve(conversation)
        with self._transaction() as do:
            do("UPDATE conversations SET title = ? WHERE id = ?", one_line(title) or "untitled", found)

    def delete(self, conversation: str) -> list[str]:
        """Delete a conversation, the documents that no other one uses, and every trace of them in the file.

        Returns:
            The ids of the documents that are gone.
        """
        found = self.resolve(conversation)
        with self._transaction() as do:
            do("DELETE FROM conversations WHERE id = ?", found)
            gone = do(
                "DELETE FROM documents WHERE hash NOT IN (SELECT hash FROM conversation_documents)"
                " AND hash NOT IN (SELECT hash FROM message_documents) RETURNING hash"
            ).fetchall()
            # The index only marks words as deleted until its segments are merged.
            do("INSERT INTO messages_fts (messages_fts) VALUES ('optimize')")
        with self._explained():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return [row[0] for row in gone]

    # --- reading

    def resolve(self, conversation: str) -> str:
        """The full id for an id, the beginning of one, or `last`.

        Raises:
            HistoryError: no conversation has it, or several do.
        """
        if conversation == "last":
            newest = self.list_conversations(1)
            if not newest:
                raise HistoryError("There is no conversation yet; nothing to go on with.")
            return newest[0].id
        rows = self._rows("SELECT id FROM conversations ORDER BY updated DESC")
        ids = [str(row["id"]) for row in rows]
        matching = [known for known in ids if conversation and known.startswith(conversation.lower())]
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise HistoryError(
                f"{conversation}: several conversations begin so ({', '.join(matching[:5])}); give more of it."
            )
        near = get_close_matches(conversation.lower(), ids, n=1)
        hint = f"did you mean {near[0]}?" if near else "`assistant history list` shows them."
        raise HistoryError(f"{one_line(conversation, 40)}: no conversation has this id; {hint}")

    def conversation(self, conversation: str) -> Conversation:
        """A conversation with everything said in it, by its id, the beginning of it, or `last`.

        Raises:
            HistoryError: there is none, or several.
        """
        found = self.resolve(conversation)
        (row,) = self._rows("SELECT * FROM conversations WHERE id = ?", found)
        used: dict[int, list[Document]] = {}
        for link in self._rows(
            "SELECT message, name, text, pages FROM message_documents JOIN documents USING (hash)"
            " WHERE message IN (SELECT id FROM messages WHERE conversation = ?) ORDER BY message_documents.rowid",
            found,
        ):
            used.setdefault(link["message"], []).append(_document(link))
        links = self._rows(
            "SELECT name, text, pages, active FROM conversation_documents JOIN documents USING (hash)"
            " WHERE conversation = ? ORDER BY conversation_documents.rowid",
            found,
        )
        messages = tuple(
            Said(
                id=said["id"],
                role=Role(said["role"]),
                text=said["text"],
                status=Status(said["status"]),
                created=said["created"],
                record=said["record"],
                reason=said["reason"],
                documents=tuple(used.get(said["id"], ())),
            )
            for said in self._rows("SELECT * FROM messages WHERE conversation = ? ORDER BY id", found)
        )
        return Conversation(
            id=found,
            title=row["title"],
            created=row["created"],
            updated=row["updated"],
            messages=messages,
            documents=tuple(_document(link) for link in links),
            active=frozenset(link["name"] for link in links if link["active"]),
        )

    def list_conversations(self, limit: int = 50) -> list[Summary]:
        """The conversations, the one that was used last first."""
        rows = self._rows(
            "SELECT id, title, updated, (SELECT count(*) FROM messages WHERE conversation = c.id) AS messages"
            " FROM conversations AS c ORDER BY updated DESC, rowid DESC LIMIT ?",
            limit,
        )
        return [Summary(row["id"], row["title"], row["updated"], row["messages"]) for row in rows]

    def search(self, text: str, limit: int = 50) -> list[Match]:
        """The messages that hold all words of the text (the last may be the beginning of a word), the best first."""
        words = re.findall(r"\w+", text)
        if not words:
            return []
        query = " ".join(f'"{word}"' for word in words) + "*"
        rows = self._rows(
            "SELECT m.conversation, c.title, m.role, m.created,"
            " snippet(messages_fts, 0, '', '', '…', 16) AS excerpt"
            " FROM messages_fts JOIN messages AS m ON m.id = messages_fts.rowid"
            " JOIN conversations AS c ON c.id = m.conversation WHERE messages_fts MATCH ? ORDER BY rank LIMIT ?",
            *(query, limit),
        )
        return [
            Match(row["conversation"], row["title"], Role(row["role"]), row["excerpt"], row["created"]) for row in rows
        ]

    def export(self, conversation: str, form: Literal["markdown", "json"] = "markdown") -> str:
        """A conversation as Markdown to read or JSON to process; the answers in JSON are the contract's own objects."""
        from assistant.history_export import as_json, as_markdown

        found = self.conversation(conversation)
        return as_json(found) if form == "json" else as_markdown(found)

    # --- the file

    def _insert(
        self,
        do: "_Do",
        conversation: str,
        *,
        role: Role,
        text: str,
        status: Status,
        record: str | None = None,
        reason: str | None = None,
    ) -> int:
        now = time.time()
        cursor = do(
            "INSERT INTO messages (conversation, role, text, status, record, reason, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(conversation, role.value, text, status.value, record, reason, now),
        )
        do("UPDATE conversations SET updated = ? WHERE id = ?", now, conversation)
        return int(cursor.lastrowid or 0)

    def _prepare(self) -> None:
        with self._explained():
            self._connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "secure_delete = ON"):
                self._connection.execute(f"PRAGMA {pragma}")
        with self._transaction() as do:  # immediate: two programs that start at once migrate one after the other
            version = do("PRAGMA user_version").fetchone()[0]
            if version > len(_MIGRATIONS):
                raise HistoryError(
                    f"{self.path}: a newer version of the assistant wrote this history; "
                    "get that version, or set ASSISTANT_DATA to another folder."
                )
            for number, script in enumerate(_MIGRATIONS[version:], start=version + 1):
                for statement in _statements(script):
                    do(statement)
                do(f"PRAGMA user_version = {number}")

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._explained():
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator["_Do"]:
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield _Do(self._connection)
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.execute("COMMIT")

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
            raise HistoryError(
                f"{self.path}: the history is damaged ({error}); move the file away to begin a new one."
            ) from error


class _Do:
    """Runs one statement of a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __call__(self, sql: str, *values: object) -> sqlite3.Cursor:
        return self._connection.execute(sql, values)


def default_path() -> Path:
    """Where the history is kept: `ASSISTANT_DATA` or the platform's data folder."""
    if folder := os.environ.get("ASSISTANT_DATA"):
        return Path(folder).expanduser() / "history.db"
    from platformdirs import user_data_path

    return user_data_path("assistant", appauthor=False) / "history.db"


def _keep(do: _Do, document: Document) -> None:
    # The same text may have been pasted before it was opened from a file with pages.
    do(
        "INSERT INTO documents (hash, text, pages) VALUES (?, ?, ?)"
        " ON CONFLICT (hash) DO UPDATE SET pages = excluded.pages WHERE excluded.pages <> '[]'",
        *(document.id, document.text, json.dumps(document.pages)),
    )


def _document(row: sqlite3.Row) -> Document:
    return Document(row["name"], row["text"], tuple(json.loads(row["pages"])))


def _statements(script: str) -> Iterator[str]:
    # executescript() would commit the transaction that makes a migration all or nothing.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
