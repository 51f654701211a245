import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("KILLS", "15"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_was_on_screen_when_the_chat_was_killed_is_there_afterwards(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.tui.killing", str(tmp_path), str(KILLS), "6"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TERM": "xterm-256color"},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) > 20 * KILLS, "hardly anything was on screen: this has shown nothing"
