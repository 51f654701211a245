"""Completion as people install and use it: bash, zsh and fish under a pty, with the Tab key."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.history.store import History
from tests.support.terminal import Terminal

pytestmark = pytest.mark.slow
SHELLS = ("bash", "zsh", "fish")
# fish wants the terminal to be its own, as a terminal's shell has it.
OWN = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
PROMPT = "ready$ "


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Terminal, str]]:
    """A shell with completion installed as the pages say, in a home of its own with one conversation in its history."""
    name = str(request.param)
    if (program := shutil.which(name)) is None:
        pytest.skip(f"no {name} here")
    home, programs = tmp_path / "home", tmp_path / "bin"
    home.mkdir()
    programs.mkdir()
    (programs / "assistant").write_text(f'#!/bin/sh\nexec {sys.executable} -m assistant "$@"\n')
    (programs / "assistant").chmod(0o755)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("ASSISTANT_", "ZDOTDIR", "XDG_"))},
        "HOME": str(home),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "TERM": "xterm-256color",
        "SHELL": program,
        "ASSISTANT_DATA": str(tmp_path / "data"),
    }
    with History(tmp_path / "data" / "history.db") as history:
        conversation = history.create("Bridges")
        history.add_user_message(conversation, "Who built the toll bridge?")
    prompts = {
        "bash": (home / ".bashrc", f"PS1='{PROMPT}'\nbind 'set show-all-if-ambiguous on'\n"),
        "zsh": (home / ".zshrc", f"PS1='{PROMPT}'\nunsetopt beep\n"),
        "fish": (
            home / ".config/fish/config.fish",
            f"function fish_prompt; echo '{PROMPT}'; end\nset -g fish_greeting\n",
        ),
    }
    file, text = prompts[name]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    (home / ".local/share/fish/generated_completions").mkdir(parents=True)  # fish would read all manual pages first
    installing = Terminal([sys.executable, "-c", OWN, program, "-i"], environment)
    try:
        installing.wait_for(PROMPT.strip())
        installing.type("assistant --install-completion\r")
        installing.wait_for("completion installed")
    finally:
        installing.close()
    terminal = Terminal([sys.executable, "-c", OWN, program, "-i"], environment)
    try:
        terminal.wait_for(PROMPT.strip())
        yield terminal, conversation
    finally:
        terminal.close()


def offers(terminal: Terminal, typed: str, *offered: str) -> None:
    """Type, press Tab, and see all of these; then clear the line."""
    terminal.type(typed)
    terminal.type("\t")
    terminal.wait_for(lambda text: all(each in text for each in offered), 60)
    for _ in range(30):  # a shell that is still listing takes no key
        if typed.strip() not in terminal.text:
            return
        terminal.type("\x15")  # Ctrl+U empties the line, Ctrl+L the screen
        terminal.type("\x0c")
        while terminal.read(1.0):
            pass
    raise AssertionError(f"the line stays: {terminal.text}")


def test_commands_options_profiles_models_and_conversations_are_completed(shell: tuple[Terminal, str]) -> None:
    terminal, conversation = shell
    offers(terminal, "assistant hist", "assistant history")
    offers(terminal, "assistant history ", "search", "export", "rename")
    offers(terminal, "assistant ask --profile li", "light")
    offers(terminal, "assistant models pull qwen2.5-coder-1.5b", "qwen2.5-coder-1.5b-instruct")
    offers(terminal, "assistant --resume la", "last")
    offers(terminal, f"assistant history show {conversation[:6]}", conversation)
    offers(terminal, "assistant --resume ", "last", conversation)


def test_files_are_completed_where_a_file_is_meant(shell: tuple[Terminal, str], tmp_path: Path) -> None:
    terminal, _ = shell
    (tmp_path / "amazon rainforest.txt").write_text("It is large.")
    (tmp_path / "questions.jsonl").write_text("{}")
    terminal.type(f"cd {tmp_path}\r")
    offers(terminal, "assistant ask 'How large?' --document amaz", "rainforest.txt")
    offers(terminal, "assistant batch quest", "questions.jsonl")
