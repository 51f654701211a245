import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROUNDS = 30


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked, which this system cannot")
def test_a_run_killed_at_any_moment_goes_on_to_the_same_output(
    environment: Path, many_rows: Callable[[int], list[dict[str, Any]]]
) -> None:
    rows = many_rows(16)
    Path("questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    script = Path(__file__).with_name("killing.py")
    settings = {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script), str(ROUNDS)],
        env={**os.environ, **settings, "PYTHONPATH": str(script.parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) == ROUNDS
    assert [each for each in rounds if not each["same"]] == []
    assert len({each["lines"] for each in rounds}) > 3, "all were killed at the same place"
