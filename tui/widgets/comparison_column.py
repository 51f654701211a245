"""One reader's part of a comparison: what it does until it is ready, then what it gave, where, and what it cost."""

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from assistant.answering.comparison import Compared, figures_line
from assistant.documents.excerpts import excerpt, position
from assistant.events import Progress
from assistant.text import one_line, printable
from assistant.types import Answer, Document, Evidence

_EACH_SIDE = 80  # characters around the span


class ComparisonColumn(Static):
    """What a reader gave; until then, what it is doing.

    Args:
        name: The reader's, as it was asked for.
        shown: What to call it.
        documents: Those of the question.
    """

    def __init__(self, name: str, shown: str, documents: Sequence[Document]) -> None:
        super().__init__(classes="comparison-column")
        self.reader = name
        self.row: Compared | None = None
        self._shown = one_line(shown, 60)
        self._documents = documents
        self._doing = "waiting"

    def tell(self, progress: Progress) -> None:
        """Show how far it is."""
        share = f" {100 * progress.done // progress.total}%" if progress.total else ""
        self._doing = f"{one_line(progress.stage.removeprefix(f'{self.reader}: '), 60)}{share} …"
        self.refresh(layout=True)

    def fill(self, row: Compared) -> None:
        """Show what it gave."""
        self.row = row
        self.set_class(row.error is not None, "-failed")
        self.refresh(layout=True)

    def render(self) -> Content:
        """Name and answer, the place, what it cost, and what its card says."""
        name = Content.styled(self._shown, "bold")
        if self.row is None:
            return Content.assemble(name, (f"\n{self._doing}", "$foreground 60%"))
        if self.row.answer is None:
            return Content.assemble(name, (f"\n{printable(str(self.row.error))}", "$text-error"))
        answer = self.row.answer
        lines = [name, *self._said(answer)]
        took = [*self.row.about(), f"answered in {answer.usage.seconds:.2f} s"]
        lines.append(Content.styled(" · ".join(took), "$foreground 60%"))
        if self.row.figures:
            lines.append(Content.styled(figures_line(self.row.figures), "$foreground 60%"))
        return Content("\n").join(lines)

    def _said(self, answer: Answer) -> list[Content]:
        sure = "" if answer.score is None else f"  {answer.score:.0%} sure"
        if answer.text is None:
            said = Content.assemble(("Not in the document", "italic"), (sure, "$text-accent"))
            return [said, *([self._place(answer.closest, "underline")] if answer.closest is not None else [])]
        said = Content.assemble((one_line(answer.text, 160), "bold $text-success"), (sure, "$text-accent"))
        span = "bold underline $foreground on $warning 35%"
        return [said, *(self._place(place, span) for place in answer.evidence[:1])]

    def _place(self, place: Evidence, style: str) -> Content:
        texts = (each.text for each in self._documents if each.name == place.document)
        whole = next((text for text in texts if text[place.start : place.end] == place.text), None)
        cut = excerpt(whole, place.start, place.end, _EACH_SIDE) if whole else excerpt(place.text, 0, len(place.text))
        where = one_line(place.document, 40)
        if whole is not None:
            where += f" · {position(whole, place.start, place.end, place.page, place.place)}"
        return Content.assemble(
            (cut.before, "$foreground 60%"), (cut.span, style), (cut.after, "$foreground 60%"), f"\n{where}"
        )
