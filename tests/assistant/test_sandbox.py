import socket
import threading
from pathlib import Path

import pytest

from assistant.sandbox import run_python


def test_a_program_that_reaches_its_end_passes() -> None:
    assert run_python("import math\nassert math.gcd(12, 18) == 6").passed


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("assert 1 + 1 == 3", "AssertionError"),
        ("def f(:", "SyntaxError"),
        ("while True: pass", "not done after"),
        ("x = 'a' * 10 ** 11", "MemoryError"),
        ("raise SystemExit", "left before its end"),
        ("import os; os._exit(0)", "left before its end"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("while True: print('x' * 1000)", "File too large"),
        ("open('big', 'wb').write(bytes(10 ** 8))", "File too large"),
        ("import os; os.system('true')", "not allowed"),
        ("import os; os.fork()", "not allowed"),
        ("import subprocess; subprocess.run(['true'])", "not allowed"),
        ("import ctypes; ctypes.CDLL(None)", "not allowed"),
        ("open('/etc/hostname').read()", "scratch folder"),
        ("import os; assert os.environ.get('HOME')", "AssertionError"),
    ],
)
def test_what_a_program_should_not_do_is_stopped_and_named(source: str, reason: str) -> None:
    outcome = run_python(source, seconds=2)
    assert not outcome.passed
    assert reason in outcome.reason


def test_files_of_the_scratch_folder_may_be_used_and_are_gone_afterwards(tmp_path: Path) -> None:
    assert run_python("open('x', 'w').write('hi')\nassert open('x').read() == 'hi'").passed
    target = tmp_path / "x"
    assert "scratch folder" in run_python(f"open({str(target)!r}, 'w').write('hi')").reason
    assert not target.exists()


def test_nothing_reaches_the_network() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(1)
        reached = threading.Event()

        def accept() -> None:
            try:
                server.accept()
                reached.set()
            except OSError:
                pass

        waiting = threading.Thread(target=accept)
        waiting.start()
        outcome = run_python(f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))")
        waiting.join()
    assert not outcome.passed
    assert not reached.is_set()


def test_what_a_program_prints_is_given_bounded_and_its_faults_are_its_own() -> None:
    assert run_python("print(6 * 7)").output == "42\n"
    failed = run_python("print('before')\n1 / 0")
    assert failed.output == "before\n"
    assert failed.errors.startswith('  File "answer.py", line 2')
    assert "exec(code" not in failed.errors
    assert len(run_python("while True: print('x' * 1000)", seconds=2).output) <= 20_000
