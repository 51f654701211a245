"""What the beginning of a slash command may become: the command, then what may follow it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tui.chat.commands import matching

_MOST = 50


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One way to go on: how it is listed, what it does, and the whole text of the prompt once it is taken."""

    label: str
    help: str
    text: str


def suggestions(text: str, choices: Mapping[str, Callable[[], list[str]]]) -> list[Suggestion]:
    """How a prompt may go on.

    Args:
        text: What stands in the prompt.
        choices: By command, what may follow it; `open` takes files and needs none.
    """
    if commands := matching(text):
        return [
            Suggestion(
                f"/{command.name} {command.argument}".strip(),
                command.help,
                f"/{command.name} " if command.argument else f"/{command.name}",
            )
            for command in commands
        ]
    match = re.fullmatch(r"/([a-z]+) +(\S.*)?", text, re.IGNORECASE)
    if match is None:
        return []
    name, begun = match[1].lower(), match[2] or ""
    if name == "open":
        return list(_files(begun))
    names = choices[name]() if name in choices else []
    # What was typed in full comes first, so that Enter takes it and not a longer name that begins so.
    fitting = sorted(
        (one for one in names if begun.lower() in one.lower()),
        key=lambda one: (one != begun, not one.lower().startswith(begun.lower())),
    )
    return [Suggestion(one, "", f"/{name} {one}") for one in fitting[:_MOST]] if fitting != [begun] else []


def _files(begun: str) -> Iterator[Suggestion]:
    """Files and folders that a path may become, last the folder as a whole; hidden ones only where their dot is."""
    folder, _, name = begun.rpartition("/")
    shown = f"{folder}/" if folder or begun.startswith("/") else ""
    try:
        entries = sorted(Path(shown or ".").expanduser().iterdir(), key=lambda entry: entry.name.lower())
        paths = [
            f"{entry.name}/" if entry.is_dir() else entry.name
            for entry in entries
            if entry.name.lower().startswith(name.lower()) and (name.startswith(".") or not entry.name.startswith("."))
        ]
    except (OSError, ValueError, RuntimeError):  # RuntimeError: ~somebody, who has no home
        return
    if paths == [name]:
        return
    for entry in paths[:_MOST]:
        yield Suggestion(entry, "", f"/open {shown}{entry}")
    if folder and not name:
        yield Suggestion(f"all of {folder.rpartition('/')[2]}", "open what can be read in it", f"/open {folder}")
