"""What a block of code printed when it was run in the sandbox."""

from textual.content import Content
from textual.widgets import Static

from assistant.sandbox import Outcome
from assistant.text import counted, printable

_LINES = 40


class RunOutput(Static):
    """Output and errors of a run, under the answer that the code is from.

    Args:
        outcome: How it ended.
        which: Which block was run, in words.
    """

    def __init__(self, outcome: Outcome, which: str) -> None:
        super().__init__(_shown(outcome, which), classes="run-output")


def _shown(outcome: Outcome, which: str) -> Content:
    how = "ran in the sandbox" if outcome.passed else f"did not end well: {outcome.reason}"
    parts: list[Content | tuple[str, str]] = [
        ("▶ ", "$text-success" if outcome.passed else "$text-error"),
        (f"{which} {printable(how)}", "$foreground 60%"),
    ]
    for text, style in ((outcome.output, "$foreground"), (outcome.errors, "$text-error")):
        if text.strip():
            parts.append((f"\n{_cut(text)}", style))
    if not outcome.output.strip() and not outcome.errors.strip():
        parts.append(("\nIt printed nothing.", "$foreground 60%"))
    return Content.assemble(*parts)


def _cut(text: str) -> str:
    lines = printable(text).rstrip("\n").splitlines()
    more = len(lines) - _LINES
    return "\n".join(lines[:_LINES] + ([f"… {counted(more, 'more line')}"] if more > 0 else []))
