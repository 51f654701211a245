import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.answering.assistant import Assistant
from assistant.batch import BatchOptions
from assistant.batch.blocks import Block, Record, blocks_of
from assistant.batch.executors import LocalExecutor, ProcessExecutor, in_order
from assistant.batch.lines import read_lines
from assistant.batch.rows import Row
from assistant.errors import AssistantError, UsageError
from assistant.settings import Settings

Rows = Callable[[int], list[dict[str, Any]]]


@pytest.fixture
def settings(tiny_settings: dict[str, str]) -> Settings:
    return Settings(**tiny_settings, max_new_tokens=4)


@pytest.fixture
def blocks(many_rows: Rows, monkeypatch: pytest.MonkeyPatch) -> list[Block]:
    monkeypatch.setattr("assistant.batch.blocks.BLOCK_LINES", 4)
    numbered = [Row(number, str(number), row) for number, row in enumerate([*many_rows(18), {"question": ""}], 1)]
    return list(blocks_of(read_lines(numbered, BatchOptions())))


def _timeless(blocks: Iterator[list[Record]]) -> list[Record]:
    records = [record for block in blocks for record in block]
    for record in records:
        record.get("usage", {}).pop("seconds", None)
    return json.loads(json.dumps(records))  # type: ignore[no-any-return]


@pytest.fixture
def expected(tiny_assistant: Assistant, blocks: list[Block]) -> list[Record]:
    return _timeless(LocalExecutor(tiny_assistant, "o").answer(blocks))


def test_results_come_in_order_and_few_are_under_way() -> None:
    under_way: list[int] = []
    most = 0

    def submit(block: Any) -> Any:
        nonlocal most
        under_way.append(block)
        most = max(most, len(under_way))
        return block

    def result(handle: Any) -> Any:
        under_way.remove(handle)
        return [handle]

    assert [found[0]["at"] for found in in_order(({"at": at} for at in range(9)), submit, result, 3)] == [*range(9)]  # type: ignore[misc]
    assert most == 3


def test_several_processes_give_the_same_answers(
    settings: Settings, blocks: list[Block], expected: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _timeless(ProcessExecutor(settings, 2, "o").answer(blocks)) == expected


def test_a_process_that_is_killed_is_told_with_the_way_on(
    settings: Settings, blocks: list[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    import multiprocessing

    answers = ProcessExecutor(settings, 1, "o").answer(blocks)
    next(answers)
    for child in multiprocessing.active_children():
        os.kill(child.pid or 0, signal.SIGKILL)
    with pytest.raises(AssistantError, match="--resume"):
        list(answers)


def test_without_ray_it_says_how_to_get_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from assistant.batch.ray_executor import RayExecutor

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"terminal-assistant\[ray\]"):
        RayExecutor(settings, 1)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Any:
    found = pytest.importorskip("ray", reason="ray is not installed: pip install -e '.[ray]'")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    return found


def _worker_processes() -> list[int]:
    """The processes of Ray workers that this process has started."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            names[int(folder.name)] = (folder / "cmdline").read_bytes()
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue

    def is_ours(process: int) -> bool:
        while process > 1 and process != os.getpid():
            process = parents.get(process, 0)
        return process == os.getpid()

    return [process for process, name in names.items() if name.startswith(b"ray::Worker") and is_ours(process)]


@pytest.mark.slow
@pytest.mark.timeout(600)  # a cluster begins on a busy machine
def test_a_ray_cluster_gives_the_same_answers_also_when_its_workers_are_killed(
    ray: Any, settings: Settings, blocks: list[Block], expected: list[Record]
) -> None:
    from assistant.batch.ray_executor import RayExecutor

    killed: list[int] = []

    def given() -> Iterator[Block]:
        yield from blocks[:3]
        deadline = time.monotonic() + 400
        while len(killed) < 2 and time.monotonic() < deadline:  # until both have begun
            time.sleep(0.2)
            killed[:] = _worker_processes()
        for process in killed:
            os.kill(process, signal.SIGKILL)
        yield from blocks[3:]  # some of which go to a worker that is gone

    assert _timeless(RayExecutor(settings, 2, "o").answer(given())) == expected
    assert len(killed) >= 2 or sys.platform != "linux"
    assert not ray.is_initialized()
