"""Keys and commands on one page."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.commands import COMMANDS

_KEYS = (
    ("Enter", "send"),
    ("Ctrl+J, Shift+Enter", "new line"),
    ("↑ ↓", "what you asked before"),
    ("Page Up, Page Down", "scroll the conversation"),
    ("Esc", "stop the answer; what is there stays"),
    ("Ctrl+O", "the document, at the last answer's evidence"),
    ("F2", "show each claim of the last verdict"),
    ("Ctrl+T", "last paste: document or part of the question"),
    ("Ctrl+Y", "copy the last answer"),
    ("Ctrl+G", "write the question in your editor"),
    ("Tab", "to the documents: Enter shows, Delete closes"),
    ("Ctrl+P", "themes and more"),
    ("Ctrl+Q, Ctrl+C twice", "quit; everything is saved"),
)
_ROUTES = (
    ("auto", "decide by the question and the open documents"),
    ("open", "the generator alone"),
    ("extract", "find the words of the answer in the document"),
    ("grounded", "write an answer from passages of the document"),
)
_WIDTH = 22


class HelpScreen(ModalScreen[None]):
    """The help. Esc closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q,enter", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        """Keys, commands, routes."""
        commands = [(f"/{command.name} {command.argument}".strip(), command.help) for command in COMMANDS]
        with VerticalScroll(id="help"):
            yield Static(
                Content("\n").join(
                    [
                        *_section("Keys", _KEYS),
                        *_section("Commands", [(_short(name), text) for name, text in commands]),
                        *_section("Routes", _ROUTES),
                        Content.styled(
                            "Select text with the mouse, copy it with Ctrl+C. Esc closes.", "$foreground 60%"
                        ),
                    ]
                )
            )


def _short(name: str) -> str:
    return name if len(name) < _WIDTH else name.split("|", maxsplit=1)[0] + "|…"


def _section(title: str, rows: "list[tuple[str, str]] | tuple[tuple[str, str], ...]") -> list[Content]:
    lines = [Content.styled(title, "bold $text-accent")]
    lines += [Content.assemble((f"{name:<{_WIDTH}}", "bold"), (text, "$foreground 60%")) for name, text in rows]
    return [*lines, Content("")]
