"""The verdict on an answer: a badge in words, its three probabilities as bars, and on demand each claim."""

from collections.abc import Iterator

from textual import events
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from assistant.text import one_line, printable
from assistant.types import Claim, Label, Probabilities, Verdict

_STYLES = {Label.ENTAILMENT: "success", Label.NEUTRAL: "warning", Label.CONTRADICTION: "error"}
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_BAR = 20
_BADGE = 17
_NAME = 15

Part = str | tuple[str, str]


class VerdictView(Static):
    """A verdict. A click shows the claims one by one, with the sentence that decides each."""

    expanded: reactive[bool] = reactive(False, layout=True)

    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        self.verdict = verdict

    def render(self) -> Content:
        """The badge beside the bars; when expanded, the same for every claim."""
        parts: list[Part] = list(_bars(self.verdict.probabilities, self.verdict.label))
        claims = self.verdict.claims
        if self.expanded:
            for claim in claims:
                parts += _claim(claim)
        elif len(claims) > 1:
            entailed = len(claims) - len(self.verdict.unsupported)
            parts.append((f"\n{entailed} of {len(claims)} claims entailed · F2 shows each", "$foreground 60%"))
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """Show or hide the claims, unless the click ended a selection."""
        if not self.screen.get_selected_text():
            event.stop()
            self.expanded = not self.expanded


def _bars(probabilities: Probabilities, verdict_label: Label) -> Iterator[Part]:
    for row, (label, share) in enumerate(probabilities.shares.items()):
        yield (
            (verdict_label.badge.ljust(_BADGE), f"bold $text-{_STYLES[verdict_label]}")
            if row == 0
            else "\n" + " " * _BADGE
        )
        yield (label.value.ljust(_NAME), "$foreground 60%")
        yield (_bar(share), f"${_STYLES[label]} on $foreground 8%")
        yield f"{share:5.0%}"


def _bar(share: float) -> str:
    eighths = round(max(0.0, min(1.0, share)) * _BAR * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(_BAR)


def _claim(claim: Claim) -> Iterator[Part]:
    yield "\n\n" + printable(claim.text).strip() + "\n"
    yield from _bars(claim.probabilities, claim.label)
    if claim.evidence is not None:
        quote = one_line(claim.evidence.text, 300)
        yield ("\ndecided by ", "$foreground 60%")
        yield (f"“{quote}”", "italic")
    if claim.reason is not None:
        yield (f"\n{one_line(claim.reason, 200)}", f"$text-{_STYLES[claim.label]}")
