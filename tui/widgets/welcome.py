"""What an empty chat shows: what one can do, and examples to try."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.messages import ExampleChosen


class Welcome(Vertical):
    """The empty state. Tab reaches the examples, Enter or a click takes one."""

    EXAMPLES: ClassVar[dict[str, tuple[str, str]]] = {
        "code": ("Ask about code", "How do I reverse a linked list in Python?"),
        "document": ("Read a sample document", "a lighthouse, and when it was lit"),
        "compare": ("Compare two ways", "its words, and an answer written from them"),
        "help": ("See what else there is", "keys, commands, routes"),
    }

    def compose(self) -> ComposeResult:
        """A greeting, three lines, four examples."""
        yield Static(Content.styled("What would you like to know?", "bold"), classes="welcome-title")
        yield Static(
            Content.assemble(
                "Ask a programming question and the answer streams in.\nPaste or ",
                ("/open", "$text-accent"),
                " a document and ask about it: you get the answer,\n"
                "the place it stands at, and whether the document supports it.\n",
                ("The models run on this machine, unless you name a server.", "$foreground 60%"),
            ),
            classes="welcome-text",
        )
        yield OptionList(
            *(
                Option(Content.assemble((f"{label:<25}", ""), (detail, "$foreground 60%")), id=name)
                for name, (label, detail) in self.EXAMPLES.items()
            ),
            compact=True,
        )
        yield Static(Content.styled("Tab, then Enter, tries one.", "$foreground 60%"), classes="welcome-hint")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """An example was taken."""
        event.stop()
        self.post_message(ExampleChosen(event.option.id or "help"))
