from pathlib import Path

import pytest

from tui.terminal.clipboard import copy, tools


def test_the_tool_fits_the_place():
    assert [command[0] for command in tools({"TMUX": "x", "WAYLAND_DISPLAY": "y"}, "linux")] == ["tmux", "wl-copy"]
    assert [command[0] for command in tools({"DISPLAY": ":0"}, "linux")] == ["xclip", "xsel"]
    assert [command[0] for command in tools({}, "darwin")] == ["pbcopy"]
    assert [command[0] for command in tools({"WSL_DISTRO_NAME": "x"}, "linux")] == ["clip.exe"]
    assert list(tools({}, "linux")) == []


def test_the_first_tool_that_works_gets_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, script in (("xclip", "exit 1"), ("xsel", f"/bin/cat > {tmp_path}/copied")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("TMUX", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    assert copy("é $(x)")
    assert (tmp_path / "copied").read_text() == "é $(x)"
    (tmp_path / "xsel").unlink()
    assert not copy("nothing")
