"""A document as a whole, with the evidence highlighted and a search."""

import re
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from assistant.documents.excerpts import position
from assistant.text import counted, one_line
from assistant.types import Document, Evidence
from tui.widgets.document_view import DocumentView

_MAX_FOUND = 10_000


class DocumentScreen(Screen[None]):
    """Shows a document. Esc goes back to the conversation.

    Args:
        document: What to show.
        evidence: The spans of an answer in it.
        at: The span to show first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back", key_display="esc", id="document.back"),
        Binding("n", "next(1)", "Next", id="document.next"),
        Binding("p,N", "next(-1)", "Previous", id="document.previous"),
        Binding("slash,ctrl+f", "search", "Search", key_display="/", id="document.search"),
    ]

    def __init__(self, document: Document, evidence: tuple[Evidence, ...] = (), at: int = 0) -> None:
        super().__init__()
        self._document = document
        self._evidence = [(piece.start, piece.end) for piece in evidence if piece.document == document.name]
        self._places = self._evidence
        first = (evidence[at].start, evidence[at].end) if at < len(evidence) else None
        self._at = self._places.index(first) if first in self._places else 0

    def compose(self) -> ComposeResult:
        """Title, text, search."""
        yield Static(id="document-title")
        yield DocumentView(self._document.text, self._evidence)
        search = Input(placeholder="Search in the document, Enter finds, Esc goes back", id="document-search")
        search.display = False
        yield search
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Go to the evidence."""
        self.query_one(DocumentView).focus()
        self._title()
        if self._places:
            self.call_after_refresh(self._go)

    def action_back(self) -> None:
        """Close the search, or go back to the conversation."""
        search = self.query_one(Input)
        if search.display:
            search.display = False
            self.query_one(DocumentView).focus()
        else:
            self.dismiss()

    def action_search(self) -> None:
        """Open the search."""
        search = self.query_one(Input)
        search.display = True
        search.focus()

    def action_next(self, step: int) -> None:
        """Go to the next or the previous place."""
        if self._places:
            self._at = (self._at + step) % len(self._places)
            self._go()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Find the text, whatever its case; an empty one goes back to the evidence."""
        event.stop()
        view = self.query_one(DocumentView)
        wanted = event.value.strip()
        if not wanted:
            self._places, spans = self._evidence, []
        else:
            pattern = re.compile(r"\s+".join(map(re.escape, wanted.split())), re.IGNORECASE)
            matches = pattern.finditer(self._document.text)
            spans = [match.span() for match, _ in zip(matches, range(_MAX_FOUND), strict=False)]
            self._places = spans
        self._at = 0
        view.mark_found(spans)
        if self._places:
            self._go()
        else:
            self._title("not found")
        if spans or not wanted:
            self.action_back()

    def _go(self) -> None:
        self.query_one(DocumentView).go(self._places[self._at])
        start, end = self._places[self._at]
        kind = "evidence" if self._places is self._evidence else "found"
        place = position(self._document.text, start, end, place=self._document.place(start))
        self._title(f"{kind} {self._at + 1} of {len(self._places)} · {place}")

    def _title(self, detail: str = "") -> None:
        self.query_one("#document-title", Static).update(
            Content.assemble(
                ("▤ ", "$text-accent"),
                (one_line(self._document.name, 50), "bold"),
                (f"  {counted(self._document.words, 'word')}" + (f" · {detail}" if detail else ""), "$foreground 60%"),
            )
        )
