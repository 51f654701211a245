"""One reader's part of a comparison: what it does until it is ready, then what it gave, where, and what it cost."""

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from assistant.answering.comparison import Compared, figures_line
from assistant.events import Progress
from assistant.presentation import Headline, ShownPlace, present
from assistant.text import one_line, printable
from assistant.types import Answer, Document

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
        shown = present(answer, self._documents, _EACH_SIDE)
        sure = f"  {shown.sure}" if shown.sure else ""
        missing = shown.headline is Headline.NOT_FOUND
        said = (shown.text, "italic") if missing else (one_line(shown.text, 160), "bold $text-success")
        places = [_drawn(place) for place in shown.places[:1]]
        return [Content.assemble(said, (sure, "$text-accent")), *places]


def _drawn(place: ShownPlace) -> Content:
    span = "underline" if place.closest else "bold underline $foreground on $warning 35%"
    where = f"{one_line(place.evidence.document, 40)} · {place.where}"
    return Content.assemble(
        (place.cut.before, "$foreground 60%"),
        (place.cut.span, span),
        (place.cut.after, "$foreground 60%"),
        f"\n{where}",
    )
