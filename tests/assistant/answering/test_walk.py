"""The walk in docs/architecture.md is the way that a question takes."""

import re
import sys
from bdb import Bdb
from pathlib import Path
from types import FrameType
from typing import Any

from tests.conftest import Run

PAGE = Path(__file__).resolve().parents[3] / "docs" / "architecture.md"


class Recorder(Bdb):
    """A debugger that only notes which functions are called in the thread it follows."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[str] = []

    def trace_dispatch(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            self.called.append(f"{frame.f_globals.get('__name__')}.{getattr(frame.f_code, 'co_qualname', '')}")


def test_a_question_takes_the_stops_of_the_page_in_this_order_and_one_thread(run: Run, tmp_path: Path) -> None:
    stops = re.findall(r"^\| \d+ \| `([\w.]+)`", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(stops) == 15
    (tmp_path / "amazon.txt").write_text("The Amazon rainforest covers 5.5 million square kilometers. " * 3, "utf-8")
    recorder, before = Recorder(), sys.gettrace()
    sys.settrace(recorder.trace_dispatch)
    try:
        code, out, _ = run("ask", "How large is it?", "--document", "amazon.txt")
    finally:
        sys.settrace(before)
    assert code == 0 and out
    passed = [stop for stop in stops if stop in recorder.called]
    # Only what the model finds entailed is held against the figures, and this one's weights are random.
    assert set(stops) - set(passed) <= {"assistant.verification.faults.find_fault"}
    first = [recorder.called.index(stop) for stop in passed]
    assert first == sorted(first)
