import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.loading.generator import load_generator
from assistant.models.store import ModelStore
from assistant.sandbox import Outcome
from finetune.data.code import CodeExample, read_code
from finetune.tasks.code.answers import Answered, answer_all, figures, measure, rouge_l, write_answers

ADD = CodeExample("Write add.", "def add(a, b): return a + b", "f", tests="assert add(1, 2) == 3")


def _answered(text: str, *, ended: bool = True, outcome: Outcome | None = None) -> Answered:
    return Answered(ADD, text, ended, outcome)


@pytest.mark.parametrize(
    ("text", "reference", "score"),
    [("a b c", "a b c", 1), ("a c", "a b c", 0.8), ("c a", "a b c", 0.4), ("x", "a b c", 0), ("", "a", 0), ("", "", 1)],
)
def test_rouge_l_is_that_of_the_longest_common_words_in_order(text: str, reference: str, score: float) -> None:
    assert rouge_l(text, reference) == pytest.approx(score)


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_rouge_l_is_symmetric_and_a_share(one: list[str], other: list[str]) -> None:
    first, second = " ".join(one), " ".join(other)
    assert rouge_l(first, second) == pytest.approx(rouge_l(second, first))
    assert 0 <= rouge_l(first, second) <= 1


def test_figures_tell_the_shape_of_the_answers() -> None:
    good = _answered(
        "This adds two numbers:\n\n```python\ndef add(a, b):\n    return a + b\n```\n", outcome=Outcome(True)
    )
    broken = _answered("```python\ndef add(a, b:\n```\n", ended=False, outcome=Outcome(False, "SyntaxError"))
    other = _answered("```bash\nls\n```\n")
    report = figures([good, broken, other])
    assert report["answers"] == 3
    assert report["fenced"] == 100
    assert report["explained"] == pytest.approx(33.33)
    assert report["ended"] == pytest.approx(66.67)
    assert (report["python_answers"], report["parses"]) == (2, 50)
    assert (report["executed"], report["pass_at_1"]) == (2, 50)
    assert "pass_at_1" not in figures([other])


def test_rows_of_mbpp_bring_their_tests(tmp_path: Path) -> None:
    row = {"text": "Write a function to add.", "code": "def add(a, b):\n  return a+b", "test_setup_code": "import math"}
    path = tmp_path / "mbpp.jsonl"
    path.write_text(json.dumps(row | {"test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"]}) + "\n")
    [example], _ = read_code(path)
    assert example.tests == "assert add(1, 2) == 3\nassert add(0, 0) == 0"
    assert example.setup == "import math"


def test_a_real_generator_is_asked_and_its_code_run(generator_folder: Path, tmp_path: Path) -> None:
    generator = load_generator(ModelStore(tmp_path).resolve(str(generator_folder)))
    heard: list[tuple[int, int]] = []
    plain = CodeExample("Write a loop.", "for x in y: pass", "f")
    answered = answer_all(generator, [ADD, plain], execute=True, on_progress=lambda *at: heard.append(at))
    assert heard == [(1, 2), (2, 2)]
    assert answered[0].outcome is not None and not answered[0].outcome.passed
    assert answered[1].outcome is None


def test_answers_of_two_models_are_written_side_by_side(tmp_path: Path) -> None:
    rows = {"embedded": [_answered("one ``` two", outcome=Outcome(True))], "base": [_answered("three")]}
    write_answers(tmp_path / "new" / "answers.jsonl", rows)
    [row] = [json.loads(line) for line in (tmp_path / "new" / "answers.jsonl").read_text().splitlines()]
    assert (row["embedded"], row["embedded passed"], row["base"]) == ("one ``` two", True, "three")
    write_answers(tmp_path / "answers.md", rows)
    assert "````text\none ``` two\n````" in (tmp_path / "answers.md").read_text()


def test_each_model_has_its_figures(generator_folder: Path, tmp_path: Path) -> None:
    generator = load_generator(ModelStore(tmp_path).resolve(str(generator_folder)))
    reports = measure({"a": generator, "b": generator}, [ADD], execute=False, answers=tmp_path / "x.jsonl")
    assert reports["a"]["rouge_l"] == reports["b"]["rouge_l"]
    assert (tmp_path / "x.jsonl").exists()
