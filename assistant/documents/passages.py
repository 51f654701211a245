"""Passages: stretches of a document of a limited size."""

from dataclasses import dataclass

from assistant.types import Document, Evidence


@dataclass(frozen=True, slots=True)
class Passage:
    """The characters `[start, end)` of a document."""

    document: Document
    start: int
    end: int

    @property
    def text(self) -> str:
        """The passage's text."""
        return self.document.text[self.start : self.end]

    def evidence(self, score: float | None = None) -> Evidence:
        """The passage as evidence."""
        return self.document.evidence(self.start, self.end, score)
