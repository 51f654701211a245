"""Conversations on disk, saved as they happen: one SQLite file that survives being killed at any moment.

A user's message is written when it is sent and an answer each time more of it is shown, so that what was on screen
is what is on disk. Texts of documents are kept once, by their hash. Deleting really deletes: freed pages are
overwritten, the search index is rebuilt without the text and the write-ahead log is emptied.
"""

import json
import re
import secrets
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from assistant.errors import did_you_mean
from assistant.history.conversations import read_conversation, row_of
from assistant.history.database import HistoryError, HistoryFile, Transaction, default_path
from assistant.history.structure import pack_structure
from assistant.history.types import FORMS, Conversation, ConversationSummary, Form, Match, Status, StoredMessage
from assistant.text import one_line
from assistant.types import Document, Role

__all__ = ["FORMS", "Form", "History", "HistoryError", "Status", "StoredMessage"]

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # without l, o, 0 and 1, which people mistake for one another
_ID_LENGTH = 8


class History:
    """The conversation store. Use it from one thread, and close it; it is a context manager.

    Args:
        path: The file, by default `history.db` in the folder `ASSISTANT_DATA` or the platform's data folder.

    Raises:
        HistoryError: the file is damaged, locked, not writable or was written by a newer version.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file = HistoryFile(path or default_path())
        self.path = self._file.path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was saved is saved already."""
        self._file.close()

    # --- saving, as things happen

    def create(self, title: str = "") -> str:
        """Begin a conversation and return its id. Without a title, the first user message becomes it."""
        with self._file.transaction() as execute:
            return _new_conversation(execute, title)

    def add_user_message(self, conversation: str, text: str, documents: Sequence[Document] = ()) -> int:
        """Save what the user sent and the documents that were open, and return the message's id."""
        with self._file.transaction() as execute:
            message = _insert(execute, conversation, role=Role.USER, text=text, status=Status.DONE)
            for document in documents:
                _keep(execute, document)
                execute(
                    "INSERT OR REPLACE INTO message_documents VALUES (?, ?, ?)", message, document.name, document.id
                )
            execute("UPDATE conversations SET title = ? WHERE id = ? AND title = ''", one_line(text), conversation)
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
            record: The answer as JSON (`records.answer_to_json`), kept as it is given.
            reason: Why its route was taken.
        """
        with self._file.transaction() as execute:
            if answer is None:
                return _insert(
                    execute, conversation, role=Role.ASSISTANT, text=text, status=status, record=record, reason=reason
                )
            execute(
                "UPDATE messages SET text = ?, status = ?, record = ?, reason = ? WHERE id = ? AND conversation = ?",
                *(text, status.value, record, reason, answer, conversation),
            )
            execute("UPDATE conversations SET updated = ? WHERE id = ?", time.time(), conversation)
        return answer

    def set_documents(self, conversation: str, documents: Sequence[Document]) -> None:
        """Save which documents are open; those that were open before stay with the conversation, closed."""
        with self._file.transaction() as execute:
            execute("UPDATE conversation_documents SET active = 0 WHERE conversation = ?", conversation)
            for document in documents:
                _keep(execute, document)
                execute(
                    "INSERT OR REPLACE INTO conversation_documents VALUES (?, ?, ?, 1)",
                    *(conversation, document.name, document.id),
                )

    def fork(self, conversation: str, until: int | None = None) -> str:
        """Copy a conversation as far as a message and return the copy's id; the one copied stays as it is.

        Args:
            conversation: The id of the one to copy.
            until: The id of the last message to take along: 0 for none of them, None for all.
        """
        conversation_id = self.resolve(conversation)
        row = row_of(self._file, conversation_id)
        with self._file.transaction() as execute:
            new = _new_conversation(execute, one_line(f"{row['title']} (fork)") if row["title"] else "")
            execute(
                "INSERT INTO conversation_documents"
                " SELECT ?, name, hash, active FROM conversation_documents WHERE conversation = ? ORDER BY rowid",
                *(new, conversation_id),
            )
            taken = execute("SELECT id FROM messages WHERE conversation = ? ORDER BY id", conversation_id).fetchall()
            for message in (row["id"] for row in taken if until is None or row["id"] <= until):
                copy = execute(
                    "INSERT INTO messages (conversation, role, text, status, record, reason, created)"
                    " SELECT ?, role, text, status, record, reason, created FROM messages WHERE id = ?",
                    *(new, message),
                ).lastrowid
                execute(
                    "INSERT INTO message_documents"
                    " SELECT ?, name, hash FROM message_documents WHERE message = ? ORDER BY rowid",
                    *(copy, message),
                )
        return new

    def rename(self, conversation: str, title: str) -> None:
        """Give a conversation another title."""
        conversation_id = self.resolve(conversation)
        with self._file.transaction() as execute:
            execute("UPDATE conversations SET title = ? WHERE id = ?", one_line(title) or "untitled", conversation_id)

    def delete(self, conversation: str, forget: Callable[[str], None] | None = None) -> list[str]:
        """Delete a conversation, the documents that no other one uses, and every trace of them in the file.

        Args:
            conversation: The id of the one to delete.
            forget: Called with the id of each document that is gone, for what was made of it elsewhere.

        Returns:
            The ids of the documents that are gone.

        Raises:
            HistoryError: there is none, or it is deleted and another program that is reading keeps traces of it.
        """
        conversation_id = self.resolve(conversation)
        with self._file.transaction() as execute:
            execute("DELETE FROM conversations WHERE id = ?", conversation_id)
            unused = execute(
                "DELETE FROM documents WHERE hash NOT IN (SELECT hash FROM conversation_documents)"
                " AND hash NOT IN (SELECT hash FROM message_documents) RETURNING hash"
            ).fetchall()
            # The index only marks words as deleted until its segments are merged.
            execute("INSERT INTO messages_fts (messages_fts) VALUES ('optimize')")
        ids = [str(row[0]) for row in unused]
        if forget is not None:
            for document in ids:
                forget(document)
        self._file.empty_log()
        return ids

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
        rows = self._file.rows("SELECT id FROM conversations ORDER BY updated DESC")
        ids = [str(row["id"]) for row in rows]
        matching = [known for known in ids if conversation and known.startswith(conversation.lower())]
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise HistoryError(
                f"{conversation}: several conversations begin so ({', '.join(matching[:5])}); give more of it."
            )
        hint = did_you_mean(conversation, ids, "`assistant history list` shows them.")
        raise HistoryError(f"{one_line(conversation, 40)}: no conversation has this id; {hint}")

    def conversation(self, conversation: str) -> Conversation:
        """A conversation with everything said in it, by its id, the beginning of it, or `last`.

        Raises:
            HistoryError: there is none, or several.
        """
        conversation_id = self.resolve(conversation)
        try:
            return read_conversation(self._file, conversation_id)
        except (ValueError, TypeError) as error:  # what the tables hold is none of ours
            raise self._file.damaged(type(error).__name__) from error

    def has(self, conversation: str) -> bool:
        """Whether there is a conversation with this id."""
        return bool(self._file.rows("SELECT 1 FROM conversations WHERE id = ?", conversation))

    def list_conversations(self, limit: int = 50) -> list[ConversationSummary]:
        """The conversations, the one that was used last first."""
        rows = self._file.rows(
            # One in which nothing was asked yet goes by its first document.
            "SELECT id, updated, (SELECT count(*) FROM messages WHERE conversation = c.id) AS messages,"
            " coalesce(nullif(title, ''), (SELECT name FROM conversation_documents WHERE conversation = c.id), '')"
            " AS title FROM conversations AS c ORDER BY updated DESC, rowid DESC LIMIT ?",
            limit,
        )
        return [ConversationSummary(row["id"], row["title"], row["updated"], row["messages"]) for row in rows]

    def search(self, text: str, limit: int = 50) -> list[Match]:
        """The messages that hold all words of the text (the last may be the beginning of a word), the best first."""
        words = re.findall(r"\w+", unicodedata.normalize("NFC", text))  # an accent of its own would end a word
        if not words:
            return []
        query = " ".join(f'"{word}"' for word in words) + "*"
        rows = self._file.rows(
            "SELECT m.conversation, m.id, c.title, m.role, m.created,"
            " snippet(messages_fts, 0, '', '', '…', 16) AS excerpt"
            " FROM messages_fts JOIN messages AS m ON m.id = messages_fts.rowid"
            " JOIN conversations AS c ON c.id = m.conversation WHERE messages_fts MATCH ? ORDER BY rank LIMIT ?",
            *(query, limit),
        )
        return [
            Match(row["conversation"], row["id"], row["title"], Role(row["role"]), row["excerpt"], row["created"])
            for row in rows
        ]

    def export(self, conversation: str, form: Form = "markdown") -> str:
        """A conversation as Markdown or a page of HTML to read, or as JSON to process.

        The answers in JSON are as `ask --json` prints them.
        """
        from assistant.history.export import as_json, as_markdown
        from assistant.history.page import as_html

        whole = self.conversation(conversation)
        return {"markdown": as_markdown, "json": as_json, "html": as_html}[form](whole)


def _new_conversation(execute: Transaction, title: str) -> str:
    now = time.time()
    while True:
        new = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
        if execute("INSERT OR IGNORE INTO conversations VALUES (?, ?, ?, ?)", new, title, now, now).rowcount:
            return new


def _insert(
    execute: Transaction,
    conversation: str,
    *,
    role: Role,
    text: str,
    status: Status,
    record: str | None = None,
    reason: str | None = None,
) -> int:
    now = time.time()
    cursor = execute(
        "INSERT INTO messages (conversation, role, text, status, record, reason, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(conversation, role.value, text, status.value, record, reason, now),
    )
    execute("UPDATE conversations SET updated = ? WHERE id = ?", now, conversation)
    return int(cursor.lastrowid or 0)


def _keep(execute: Transaction, document: Document) -> None:
    # The same text may have been pasted before it was opened from a file with pages.
    execute(
        "INSERT INTO documents (hash, text, pages) VALUES (?, ?, ?)"
        " ON CONFLICT (hash) DO UPDATE SET pages = excluded.pages WHERE excluded.pages <> '[]'",
        *(document.id, document.text, json.dumps(document.pages)),
    )
    # Kept once: with every question the document is given again, and a large sheet takes a second to pack.
    without = "SELECT 1 FROM documents WHERE hash = ? AND structure IS NULL"
    if (document.tables or document.places) and execute(without, document.id).fetchone():
        execute("UPDATE documents SET structure = ? WHERE hash = ?", pack_structure(document), document.id)
