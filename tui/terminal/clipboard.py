"""The clipboard where OSC 52 does not reach it: the tools of the desktop or of tmux, where there are any."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping

_SECONDS = 3.0


def tools(environment: Mapping[str, str], platform: str) -> Iterator[list[str]]:
    """The commands that would put their input on the clipboard here, the best first; whether they exist is not asked.

    tmux comes first: it keeps the text for its own paste and, with `-w`, hands it to the terminal, over ssh too.
    """
    if environment.get("TMUX"):
        yield ["tmux", "load-buffer", "-w", "-"]
    if platform == "darwin":
        yield ["pbcopy"]
    elif platform == "win32" or environment.get("WSL_DISTRO_NAME"):
        yield ["clip.exe"]
    if environment.get("WAYLAND_DISPLAY"):
        yield ["wl-copy"]
    if environment.get("DISPLAY"):
        yield ["xclip", "-selection", "clipboard"]
        yield ["xsel", "--clipboard", "--input"]


def copy(text: str) -> bool:
    """Put a text on the clipboard with the first tool that does it; whether one did. Takes up to a few seconds."""
    for command in tools(os.environ, sys.platform):
        if (program := shutil.which(command[0])) is None:
            continue
        try:
            # xclip stays in the background and holds on to its outputs: they must not be ours.
            subprocess.run(  # noqa: S603 (a fixed command; the text is only its input)
                [program, *command[1:]],
                input=text.encode("utf-16" if command[0] == "clip.exe" else "utf-8"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return True
    return False
