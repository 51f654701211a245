"""What the beginning of a slash command may become, above the prompt."""

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from assistant.text import one_line
from tui.chat.completion import Suggestion

_NAME = 34


class Suggestions(OptionList, can_focus=False):
    """A list that takes no room when it is empty. The prompt keeps the focus and moves in it."""

    def __init__(self) -> None:
        super().__init__(compact=True)
        self._suggestions: list[Suggestion] = []
        self.display = False

    def show(self, suggestions: list[Suggestion]) -> None:
        """Show these; the first is chosen."""
        if suggestions == self._suggestions:
            return
        self._suggestions = suggestions
        self.clear_options()
        self.add_options(
            Option(
                Content.assemble(
                    (f"{one_line(suggestion.label, _NAME):<{_NAME}}  ", ""), (suggestion.help, "$foreground 60%")
                )
            )
            for suggestion in suggestions
        )
        self.highlighted = 0 if suggestions else None
        self.display = bool(suggestions)

    @property
    def chosen(self) -> Suggestion | None:
        """The one that is highlighted."""
        if not self.display or self.highlighted is None:
            return None
        return self._suggestions[self.highlighted]
