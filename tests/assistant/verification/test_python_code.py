import subprocess
import sys
import time

import pytest

from assistant.verification.python_code import syntax_fault, unparsable_python
from tests.conftest import Run
from tests.trust.servers import LISTS_ONE, serving, speaks

GOOD = "Use a loop:\n\n```python\nfor n in range(3):\n    print(n)\n```\n"
BROKEN = "Use a loop:\n\n```python\nfor n in range(3):\n    print((n)\n```\n"


@pytest.mark.parametrize(
    "code", ["def f(:", "x = \0", "(" * 100_000, "1+" * 90_000 + "1", "-" * 90_000 + "1", "9" * 5_000]
)
def test_what_is_no_python_has_a_fault(code: str) -> None:
    assert syntax_fault(code)


def test_python_has_none_and_the_parser_warns_nobody() -> None:
    code = "from assistant.verification.python_code import syntax_fault; print(syntax_fault(\"'\\\\d'\"))"
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("None\n", "")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD, None),
        (BROKEN, "line 2: '(' was never closed"),
        (GOOD + "\nor:\n\n" + BROKEN, "block 2, line 2: '(' was never closed"),
        ("```py\npip install numpy\n```\n", "line 1: invalid syntax"),
        ("```bash\npip install numpy\n```\n", None),
        ("```\npip install numpy\n```\n", None),
        ("```python\n>>> 1 + 1\n2\n```\n", None),
        ("```python\n%timeit f(x)\n!ls\n```\n", None),
        ("```python\n    def method(self):\n        return 1\n```\n", None),
        ("```python\nfor n in [\n", None),
        ("No code (at all.", None),
    ],
)
def test_of_an_answer_only_whole_blocks_that_say_they_are_python_are_looked_at(text: str, fault: str | None) -> None:
    assert unparsable_python(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "```a\n" * 20_000,
        "```python\n" * 9_000 + "x",
        "```\n```a\n" * 11_000,
        "`" * 99_000,
        "```" + "a" * 90_000 + "`",
        "```" + " " * 90_000 + "`",
        "```python\n" + "\n" * 90_000 + "x\n```\n",
        "```python\n" + " " * 90_000 + "\n```\n",
        "```python\n```" + " " * 90_000 + "x",
    ],
    ids=range(9),
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()  # not the wall clock's, which a busy machine stretches
    unparsable_python(text)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(("text", "told"), [(GOOD, False), (BROKEN, True)])
def test_who_asks_is_told_of_python_that_cannot_be_parsed(
    run: Run, monkeypatch: pytest.MonkeyPatch, text: str, told: bool
) -> None:
    with serving(LISTS_ONE, speaks(text)) as url:
        monkeypatch.setenv("ASSISTANT_SERVER", url)
        code, out, err = run("ask", "Write a loop")
    assert code == 0, err
    assert "for n in range(3):" in out
    assert ("cannot be parsed (line 2: '(' was never closed)" in err) is told
