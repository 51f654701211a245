"""Where an answer stands: the span in its surroundings, and the place of it in the document."""

from textual import events
from textual.content import Content
from textual.widgets import Static

from assistant.documents.excerpts import Excerpt
from assistant.presentation import ShownPlace
from assistant.text import one_line
from tui.messages import ShowEvidence

_SPAN = 200  # characters
_PASSAGE = 90  # characters of one that are shown: its whole is in the document


class EvidenceCard(Static):
    """A piece of evidence. A click opens the document at the place.

    Args:
        exchange: The number of the exchange it belongs to.
        at: Which of the exchange's places it is; the closest passage of an answer that was not found is place 0.
        place: The span in its surroundings.
    """

    def __init__(self, exchange: int, at: int, place: ShownPlace) -> None:
        super().__init__(classes="-closest" if place.closest else "")
        self.exchange = exchange
        self.at = at
        self.evidence = place.evidence
        self._place = place

    def render(self) -> Content:
        """The excerpt, and under it the document, the place and the score."""
        place, cut = self._place, self._place.cut
        length = place.evidence.end - place.evidence.start
        if length > _SPAN:  # a passage that was read, not the words of the answer
            cut = Excerpt("", one_line(cut.span, _PASSAGE), "")
        where = [one_line(place.evidence.document, 40), place.where]
        if place.evidence.score is not None and not place.closest:
            where.append(f"score {place.evidence.score:.0%}")
        return Content.assemble(
            *([("Closest passage\n", "$foreground 60% italic")] if place.closest else []),
            (cut.before, "$foreground 60%"),
            (cut.span, self._style(length)),
            (cut.after, "$foreground 60%"),
            "\n",
            (" · ".join(where), "$text-accent"),
        )

    def _style(self, length: int) -> str:
        if length > _SPAN:
            return "$foreground 80%"
        return "underline" if self._place.closest else "bold underline $foreground on $warning 35%"

    def on_click(self, event: events.Click) -> None:
        """Open the document at the place, unless the click ended a selection."""
        if not self.screen.get_selected_text():
            event.stop()
            self.post_message(ShowEvidence(self.exchange, self.at))
