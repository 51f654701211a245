"""Help for where one is: the keys that do something there, then the commands and the routes."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui.chat.commands import COMMANDS

_ALWAYS = (
    ("↑ ↓", "in the prompt: what you asked before"),
    ("Tab", "complete; else to the documents (Enter, Delete)"),
    ("Ctrl+P", "all commands and themes"),
    ("Ctrl+C twice", "leave; everything is saved"),
    ("mouse", "select, then Ctrl+C; with Shift your terminal selects"),
)
_ROUTES = (
    ("auto", "decide by the question and the open documents"),
    ("open", "the generator alone"),
    ("extract", "find the words of the answer in the document"),
    ("grounded", "write an answer from passages of the document"),
)
_EXPLAINED = {
    "chat.stop": "stop the answer; what is there stays",
    "chat.document": "the document, at the last answer's evidence",
    "chat.paste": "last paste: document or part of the question",
    "chat.history": "find, resume, rename and delete conversations",
    "chat.copy": "copy the last answer",
    "chat.claims": "show each claim of the last verdict",
    "chat.editor": "write the question in your editor",
    "chat.role": "tell the model what a role of yours says",
    "chat.prompt": "take a question that you have saved",
    "chat.code": "copy the last answer's code block; again, the one before",
    "chat.run": "run its Python block in the sandbox, see the output",
    "chat.evidence": "open the last evidence in your editor, at its line",
    "chat.vary": "ask the last question with other parameters",
    "chat.title": "have the model title the conversation",
    "prompt.answers": "up to the answers, to copy, edit, retry, fork",
    "prompt.page_up": "scroll the conversation up",
    "prompt.page_down": "scroll the conversation down",
    "answer.text": "the answer as text, to select in with the keyboard",
    "answer.code": "copy its last code block; again, the one before",
    "answer.evidence": "the place in the document",
    "answer.draft": "show what was written and is not supported",
    "answer.run": "run its Python block in the sandbox, see the output",
    "answer.vary": "ask it again with other parameters",
    "answer.editor": "the place in the document, in your editor",
    "answer.thinking": "unfold what the model thinks",
    "answer.claims": "each claim with its probabilities",
    "answer.open": "ask the generator alone, without the document",
    "answer.edit": "change the question and ask it from there",
    "answer.fork": "go on in a copy of the conversation up to here",
}
_KEY_NAMES = {
    "pageup": "Page Up", "pagedown": "Page Down", "escape": "Esc", "enter": "Enter", "slash": "/", "up": "↑",
    "down": "↓", "tab": "Tab", "delete": "Delete", "backspace": "Backspace",
}  # fmt: skip
_ORDER = ["answer", "document", "text", "history", "settings", "models", "compare", "dialog", "prompt", "chat", "app"]
_WIDTH = 22


class HelpScreen(ModalScreen[None]):
    """The help. Esc closes it.

    Args:
        where: The screen that it is about; the keys are those of what has the focus there.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q,enter", "dismiss", "Close")]

    def __init__(self, where: Screen[object]) -> None:
        super().__init__()
        self._keys = list(_keys_of(where))

    def compose(self) -> ComposeResult:
        """Keys, commands, routes."""
        commands = [(_short(f"/{command.name} {command.argument}".strip()), command.help) for command in COMMANDS]
        with VerticalScroll(id="help"):
            yield Static(
                Content("\n").join(
                    [
                        *_section("Keys here", [(keys, text) for keys, text, _ in self._keys]),
                        *_section("And", _ALWAYS),
                        *_section("Commands", commands),
                        *_section("Routes", _ROUTES),
                        Content.styled("Names of these actions, to give them other keys", "bold $text-accent"),
                        Content.styled(", ".join(name for *_, name in self._keys), "$foreground 60%"),
                        Content.styled("(in the settings file below [keys]; /settings says where)", "$foreground 60%"),
                    ]
                )
            )


def _keys_of(screen: Screen[object]) -> Iterator[tuple[str, str, str]]:
    """What the keys do that have a name of ours: the keys, what they do, the name."""
    bindings: dict[str, tuple[list[str], str]] = {}
    for key, active in screen.active_bindings.items():
        binding = active.binding
        if binding.id and active.enabled and not binding.system:
            keys, _ = bindings.setdefault(binding.id, ([], _EXPLAINED.get(binding.id, binding.description.lower())))
            keys.append(_key_name(key))
    for name in sorted(bindings, key=lambda name: (_ORDER.index(name.partition(".")[0]), list(bindings).index(name))):
        keys, text = bindings[name]
        yield ", ".join(keys[:2]), text, name


def _key_name(key: str) -> str:
    *modifiers, last = key.split("+")
    name = _KEY_NAMES.get(last) or (last.upper() if modifiers or last[1:].isdigit() else last)
    return "+".join([*(modifier.title() for modifier in modifiers), name])


def _short(name: str) -> str:
    return name if len(name) < _WIDTH else name.split("|", maxsplit=1)[0] + "|…"


def _section(title: str, rows: Sequence[tuple[str, str]]) -> list[Content]:
    lines = [Content.styled(title, "bold $text-accent")]
    lines += [Content.assemble((f"{keys:<{_WIDTH}} ", "bold"), (text, "$foreground 60%")) for keys, text in rows]
    return [*lines, Content("")]
