"""What the app writes to terminals of several kinds: a process of its own each, its bytes looked at."""

import os
import re
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.terminal import Terminal

C_LOCALE = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
GREYS = {7, 8, 15, 16, 59, 102, 145, 188, 231, *range(232, 256)}  # of the 256 colours
Write = Callable[..., bytes]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Write]:
    """Begins the chat without models, writes something, leaves, and returns all that it wrote."""
    opened: list[Terminal] = []

    def run(*arguments: str, settings: str = "", keys: str = "", until: bytes = b"", **environment: str) -> bytes:
        (tmp_path / "settings.toml").write_text(settings, encoding="utf-8")
        terminal = Terminal(
            [sys.executable, "-m", "assistant", *arguments],
            {
                **os.environ,
                "ASSISTANT_CACHE": str(tmp_path / "cache"),
                "ASSISTANT_DATA": str(tmp_path / "data"),
                "ASSISTANT_CONFIG": str(tmp_path / "settings.toml"),
                "ASSISTANT_READER": str(tmp_path / "none"),
                "TERM": "xterm-256color",
                "LC_ALL": "C.UTF-8",
                **environment,
            },
            (24, 80),
        )
        opened.append(terminal)
        terminal.wait_for("Help")
        terminal.type("hello")
        terminal.wait_for("hello")
        terminal.type(keys)
        terminal.wait_for(lambda _: until in terminal.written)
        terminal.type("\x11")
        assert terminal.wait_for_end() == 0
        return bytes(terminal.written)

    yield run
    for terminal in opened:
        terminal.close()


def colours(written: bytes) -> list[int]:
    """The numbers of the 256 colours that were used."""
    return [int(number) for number in re.findall(rb"[34]8;5;(\d+)", written)]


@pytest.mark.parametrize(
    ("settings", "environment"), [("", C_LOCALE), ("unicode = false\n", {})], ids=["C locale", "setting"]
)
def test_a_terminal_without_unicode_gets_ascii_alone(
    written: Write, settings: str, environment: dict[str, str]
) -> None:
    assert written(settings=settings, **environment).isascii()


def test_a_terminal_with_it_gets_more(written: Write) -> None:
    output = written()
    assert "⏎".encode() in output
    assert b"\x1b[?1000h" in output, "no mouse"
    assert set(colours(output)) - GREYS, "no colour"


@pytest.mark.parametrize(
    ("arguments", "environment"), [((), {"NO_COLOR": "1"}), (("--no-color",), {})], ids=["NO_COLOR", "--no-color"]
)
def test_without_colour_there_are_shades_of_grey(
    written: Write, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    assert set(colours(written(*arguments, **environment))) <= GREYS


def test_the_terminals_own_theme_asks_for_its_sixteen_colours_only(written: Write) -> None:
    output = written(settings='theme = "terminal"\n')
    assert not colours(output)
    assert b"8;2;" not in output
    assert re.search(rb"\x1b\[[\d;]*3[1-6][;m]", output), "none of them was used"


def test_a_mouse_that_is_not_wanted_is_left_to_the_terminal(written: Write) -> None:
    assert b"\x1b[?1000h" not in written(settings="mouse = false\n")


def test_what_is_copied_is_handed_to_the_terminal(written: Write) -> None:
    shift_home, control_c = "\x1b[1;2H", "\x03"
    written(keys=shift_home + control_c, until=b"\x1b]52;c;" + b64encode(b"hello"))
