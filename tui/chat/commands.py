"""The slash commands: what there is, and reading one from what was typed."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.errors import UsageError, nearest
from assistant.settings import system_text
from assistant.text import one_line

if TYPE_CHECKING:
    from tui.chat.session import Session


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command: its name without the slash, what may follow it, and what it does."""

    name: str
    argument: str
    help: str


COMMANDS = (
    Command("open", "FILE", "open a document, a folder or *.pdf"),
    Command("close", "[NAME]", "close one document, or all"),
    Command("route", "auto|open|extract|grounded", "choose how questions are answered"),
    Command("windows", "all|N", "choose how much of a long document is read for a question"),
    Command("system", "TEXT|@FILE|default", "say what the model is told before this conversation"),
    Command("role", "[NAME|default]", "tell the model what a role of yours says; /role save NAME keeps /system's text"),
    Command("prompt", "[NAME]", "take a saved question; /prompt save NAME keeps the last one"),
    Command("compare", "READER ...", "ask the last document question of other readers too"),
    Command("copy", "[code]", "copy the last answer, or its last code block"),
    Command("run", "[N]", "run the last Python block of an answer in the sandbox; again, the one before"),
    Command("editor", "[N]", "open the evidence of an answer in your editor, at its line"),
    Command(
        "retry", "[N] [ROUTE] [temperature=T …]", "ask again, another way or sampled otherwise; load the models again"
    ),
    Command("edit", "[N]", "change question N, or the last, and ask it from there"),
    Command("fork", "[N]", "go on in a copy of the conversation, as far as question N"),
    Command("history", "[WORDS]", "find, resume, rename and delete conversations"),
    Command("rename", "[TITLE]", "give this conversation another title; without one the model makes it"),
    Command("export", "FILE", "write the conversation to a .md, .html or .json file"),
    Command("new", "", "begin a new conversation"),
    Command("models", "", "see the models, and choose others"),
    Command("settings", "", "see and change the settings"),
    Command("theme", "[NAME]", "choose the colours; `terminal` follows your terminal's"),
    Command("help", "", "show keys and commands"),
    Command("quit", "", "leave; everything is saved"),
)
NAMES = [command.name for command in COMMANDS]
# What other programs call these.
_MEANT = {
    "exit": "quit", "q": "quit", "bye": "quit", "clear": "new", "reset": "new", "save": "export", "resume": "history",
    "search": "history", "find": "history", "delete": "history", "list": "history", "model": "models",
    "profile": "models", "config": "settings", "load": "open", "file": "open", "read": "open", "undo": "edit",
    "regenerate": "retry", "roles": "role", "prompts": "prompt", "title": "rename", "execute": "run",
}  # fmt: skip


def parse(text: str, known: Collection[str] = NAMES) -> tuple[str, str] | None:
    """The command's name and what follows it, or None where the text is a question.

    Args:
        text: What was typed.
        known: The commands that there are.

    Raises:
        UsageError: it looks like a command and is none; the message names the nearest right one.
    """
    match = re.fullmatch(r"/([A-Za-z]+)(?:\s+(.*?))?\s*", text.strip(), re.DOTALL)
    if not match:
        return None
    name, argument = match[1].lower(), match[2] or ""
    if name in known:
        return name, argument
    begun = next((command for command in known if command.startswith(name)), None)
    meant = _MEANT.get(name) or nearest(name, known) or begun
    hint = f"did you mean /{meant}?" if meant else "/help lists the commands."
    raise UsageError(f"/{one_line(name, 30)} is not a command; {hint}")


def set_system(session: "Session", argument: str) -> str:
    """Do what /system asks for, and say what holds then.

    Raises:
        UsageError: a file cannot be read.
    """
    if argument:
        session.system = None if argument == "default" else system_text(argument)
    if session.system is None:
        return "The model is told what the settings say, or the default; /system TEXT tells it something else"
    return f"From now on the model is told: {one_line(session.system, 80)}"


def matching(text: str) -> list[Command]:
    """The commands that a beginning such as `/ex` may become; none once the name is complete and followed by more."""
    if not re.fullmatch(r"/[A-Za-z]*", text):
        return []
    return [command for command in COMMANDS if command.name.startswith(text[1:].lower())]
