"""A document and a stretch of it that supports an answer.

Offsets are indices into `Document.text`, counted in Unicode code points, and every `Evidence`
satisfies `evidence.text == document.text[evidence.start:evidence.end]`.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from assistant.errors import DocumentError
from assistant.layout import Place, Table
from assistant.places import Heading, headings_in, place_at


@dataclass(frozen=True)
class Document:
    """A text the user pasted, opened or piped in; immutable, identified by the hash of its text.

    Args:
        name: What it is called.
        text: All of it.
        pages: The offsets at which its pages begin, in order; empty where it has none.
        encoding: What the bytes it was read from were decoded as.
        tables: The tables that its file gave; they are no part of what makes two documents equal.
        places: From where on the text stands in which slide, message or chapter.
        notices: What of its file was not read, and how to get it, a sentence each.
        path: The file that it was read from, absolute; None where it was pasted, piped in or resumed.

    Raises:
        DocumentError: the text is no str, is empty, or holds code points that are not characters
            (lone surrogates), which no tokenizer accepts.
    """

    name: str
    text: str = field(repr=False)
    pages: tuple[int, ...] = ()
    encoding: str = field(default="utf-8", compare=False)
    tables: tuple[Table, ...] = field(default=(), compare=False, repr=False)
    places: tuple[Place, ...] = field(default=(), compare=False, repr=False)
    notices: tuple[str, ...] = field(default=(), compare=False, repr=False)
    path: str | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise DocumentError(
                f"{self.name}: the text is {type(self.text).__name__}, not str; `read_document` reads files."
            )
        if not any(char.isprintable() and not char.isspace() for char in self.text):
            raise DocumentError(f"{self.name}: the document is empty; there is nothing to read in it.")
        try:
            self.text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise DocumentError(
                f"{self.name}: the text holds a lone surrogate at character {error.start}; it is not valid Unicode."
            ) from error

    @cached_property
    def id(self) -> str:
        """The SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()

    @property
    def words(self) -> int:
        """How many words, separated by white space, the text has."""
        return len(self.text.split())

    def page(self, offset: int) -> int | None:
        """The page, counted from 1, that a character stands on; None where the document has no pages."""
        return max(1, bisect_right(self.pages, offset)) if self.pages else None

    def place(self, offset: int) -> str | None:
        """Where a character stands, in words a person finds it by: `page 3`, `Sheet1!B7`, `slide 4`, `under “Fees”`.

        None where the document has nothing to tell it by.
        """
        return place_at(offset, self.page(offset), self.tables, self.places, self._headings)

    @cached_property
    def _headings(self) -> tuple[Heading, ...]:
        return headings_in(self.name, self.text)

    def evidence(self, start: int, end: int, score: float | None = None) -> "Evidence":
        """The characters `[start, end)` as evidence."""
        return Evidence(self.name, start, end, self.text[start:end], score, self.page(start), self.place(start))


@dataclass(frozen=True, slots=True)
class Evidence:
    """A stretch of a document that supports an answer; `Document.evidence` makes it.

    `score` is a probability, or None where none is known; `page` is counted from 1, or None where there are no pages;
    `place` is what `Document.place` says of its first character.
    """

    document: str
    start: int
    end: int
    text: str
    score: float | None = None
    page: int | None = None
    place: str | None = None


def document_of(place: Evidence, documents: Iterable[Document]) -> Document | None:
    """The document that a piece of evidence is from: of two of one name, the one that holds it there."""
    named = (document for document in documents if document.name == place.document)
    return next((document for document in named if document.text[place.start : place.end] == place.text), None)
