"""Where an answer stands: the span in its surroundings, and the place of it in the document."""

from textual import events
from textual.content import Content
from textual.widgets import Static

from assistant.documents.excerpts import Excerpt, excerpt, position
from assistant.text import one_line
from assistant.types import Document, Evidence
from tui.messages import ShowEvidence

_SPAN = 200  # characters
_PASSAGE = 90  # characters of one that are shown: its whole is in the document


class EvidenceCard(Static):
    """A piece of evidence. A click opens the document at the place.

    Args:
        exchange: The number of the exchange it belongs to.
        at: Which of the exchange's places it is; the closest passage of an answer that was not found is place 0.
        evidence: The span.
        document: The document it is from; None where it is no longer known.
        closest: Whether it is only the passage that came nearest.
    """

    def __init__(
        self, *, exchange: int, at: int, evidence: Evidence, document: Document | None, closest: bool = False
    ) -> None:
        super().__init__(classes="-closest" if closest else "")
        self.exchange = exchange
        self.at = at
        self.evidence = evidence
        self._document = document
        self._closest = closest

    def render(self) -> Content:
        """The excerpt, and under it the document, the place and the score."""
        evidence = self.evidence
        text = self._document.text if self._document else evidence.text
        start, end = (evidence.start, evidence.end) if self._document else (0, len(text))
        cut = excerpt(text, start, end)
        if end - start > _SPAN:  # a passage that was read, not the words of the answer
            cut = Excerpt("", one_line(cut.span, _PASSAGE), "")
        stands = position(text, evidence.start, evidence.end, evidence.page, evidence.place)
        where = [one_line(evidence.document, 40), stands]
        if evidence.score is not None and not self._closest:
            where.append(f"score {evidence.score:.0%}")
        return Content.assemble(
            *([("Closest passage\n", "$foreground 60% italic")] if self._closest else []),
            (cut.before, "$foreground 60%"),
            (cut.span, self._style(end - start)),
            (cut.after, "$foreground 60%"),
            "\n",
            (" · ".join(where), "$text-accent"),
        )

    def _style(self, length: int) -> str:
        if length > _SPAN:
            return "$foreground 80%"
        return "underline" if self._closest else "bold underline $foreground on $warning 35%"

    def on_click(self, event: events.Click) -> None:
        """Open the document at the place, unless the click ended a selection."""
        if not self.screen.get_selected_text():
            event.stop()
            self.post_message(ShowEvidence(self.exchange, self.at))
