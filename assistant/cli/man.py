"""`assistant man`: the manual page, made of the help texts."""

from collections.abc import Iterator
from typing import Any

import typer

from assistant.version import __version__


def man(context: typer.Context) -> int:
    r"""Print the manual page, for man.

    \b
    Examples:
      assistant man > ~/.local/share/man/man1/assistant.1
      assistant man | man -l -
    """
    root: Any = context.find_root()
    lines = [f'.TH ASSISTANT 1 "" "terminal-assistant {__version__}" "User Commands"', ".SH NAME"]
    lines += ["assistant \\- a chat assistant that answers from documents and checks the answer", ".SH SYNOPSIS"]
    lines += [".B assistant", "[\\fICOMMAND\\fR] [\\fIOPTION\\fR]...", ".SH DESCRIPTION", *_help(root.command)]
    lines += [".SH OPTIONS", *_parameters(root.command), ".SH COMMANDS"]
    for path, command in _below(root.command, "assistant"):
        names = " ".join((each.name or "").upper() for each in command.params if each.param_type_name == "argument")
        lines += [f'.SS "{_text(f"{path} {names}".strip())}"', *_help(command), *_parameters(command)]
    lines += [".SH EXIT STATUS"]
    for code, meaning in (
        ("0", "done"),
        ("1", "the work failed"),
        ("2", "wrong usage"),
        ("3", "a batch finished but some lines failed"),
        ("4", "done, but --fail-on applies"),
        ("130", "interrupted"),
    ):
        lines += [".TP", f".B {code}", _text(meaning)]
    print("\n".join(lines))  # noqa: T201
    return 0


def _below(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, each in getattr(command, "commands", {}).items():
        yield f"{path} {name}", each
        yield from _below(each, f"{path} {name}")


def _help(command: Any) -> Iterator[str]:
    for paragraph in (command.help or "").split("\n\n"):
        yield ".PP"
        if paragraph.startswith("\b"):
            yield from (".nf", *(_text(line) for line in paragraph.splitlines()[1:]), ".fi")
        else:
            yield _text(" ".join(paragraph.split()))


def _parameters(command: Any) -> Iterator[str]:
    for each in command.params:
        if each.param_type_name == "option" and not getattr(each, "hidden", False):
            yield from (".TP", f".B {_text(', '.join(each.opts))}", _text(" ".join((each.help or "").split())))


def _text(line: str) -> str:
    """A line of plain text as troff takes it."""
    for mark, written in (("\\", "\\e"), ("-", "\\-"), ("~", "\\(ti"), ("^", "\\(ha"), ("`", "\\(ga")):
        line = line.replace(mark, written)
    return f"\\&{line}" if line.startswith((".", "'")) else line
