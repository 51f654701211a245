"""A conversation put together from the tables of the history."""

import json
import sqlite3

from assistant.history.database import HistoryFile
from assistant.history.structure import unpack_structure
from assistant.history.types import Conversation, Status, StoredMessage
from assistant.types import Document, Role


def read_conversation(file: HistoryFile, conversation_id: str) -> Conversation:
    """A conversation with everything said in it, by its whole id.

    Raises:
        HistoryError: the file cannot be read.
        ValueError, TypeError: what its tables hold is none of ours.
    """
    row = row_of(file, conversation_id)
    # Every question names the documents that were open: each text is read once, whatever the number of questions.
    known: dict[tuple[str, str], Document] = {}

    def document(link: sqlite3.Row) -> Document:
        name, hash_ = link["name"], link["hash"]
        if (name, hash_) not in known:
            text, pages, packed = file.rows("SELECT text, pages, structure FROM documents WHERE hash = ?", hash_)[0]
            tables, places = unpack_structure(packed)
            known[name, hash_] = Document(name, text, tuple(json.loads(pages)), tables=tables, places=places)
        return known[name, hash_]

    used: dict[int, list[Document]] = {}
    for link in file.rows(
        "SELECT message, name, hash FROM message_documents JOIN documents USING (hash)"
        " WHERE message IN (SELECT id FROM messages WHERE conversation = ?) ORDER BY message_documents.rowid",
        conversation_id,
    ):
        used.setdefault(link["message"], []).append(document(link))
    links = file.rows(
        "SELECT name, hash, active FROM conversation_documents JOIN documents USING (hash)"
        " WHERE conversation = ? ORDER BY conversation_documents.rowid",
        conversation_id,
    )
    messages = tuple(
        StoredMessage(
            id=message["id"],
            role=Role(message["role"]),
            text=message["text"],
            status=Status(message["status"]),
            created=message["created"],
            record=message["record"],
            reason=message["reason"],
            documents=tuple(used.get(message["id"], ())),
        )
        for message in file.rows("SELECT * FROM messages WHERE conversation = ? ORDER BY id", conversation_id)
    )
    return Conversation(
        id=conversation_id,
        title=row["title"],
        created=row["created"],
        updated=row["updated"],
        messages=messages,
        documents=tuple(document(link) for link in links),
        active=frozenset(link["name"] for link in links if link["active"]),
    )


def row_of(file: HistoryFile, conversation: str) -> sqlite3.Row:
    """What the table of conversations says of one.

    Raises:
        HistoryError: it is not there.
    """
    rows = file.rows("SELECT * FROM conversations WHERE id = ?", conversation)
    if not rows:  # the list has it: index and table no longer agree
        raise file.damaged("a conversation that is listed is missing")
    return rows[0]
