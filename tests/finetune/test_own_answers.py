"""A base's own right answers: asked once, run, kept, and put into the mix in the place of the file's."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from assistant.errors import UsageError
from assistant.types import Message
from finetune.recipe_files import load_recipe
from finetune.tasks.code.own_answers import answer_and_keep, own_answers
from finetune.tasks.code.training import prepare_examples

RIGHT = "The sum:\n\n```python\ndef add{n}(a):\n    return a + {n}\n```"


class Stream:
    """An answer that is there at once."""

    finish = "end"

    def __init__(self, text: str) -> None:
        self._text = text

    def __iter__(self) -> Iterator[str]:
        return iter([self._text])


class Answering:
    """A generator that is right wherever the number is even."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def stream(self, messages: Sequence[Message], **_: object) -> Stream:
        self.asked.append(messages[-1].text)
        number = int(messages[-1].text.split()[6])
        return Stream(RIGHT.format(n=number) if number % 2 == 0 else RIGHT.format(n=number).replace("a +", "a -"))


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.jsonl"
    rows = [
        {
            "text": f"Write a function to add {n} to a number.",
            "code": f"def add{n}(a):\n    return {n} + a",
            "test_list": [f"assert add{n}(1) == {n + 1}"],
            "test_setup_code": "",
        }
        for n in range(1, 31)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def collect(tasks: Path, wanted: int, path: Path, base: str = "tiny") -> Answering:
    generator = Answering()
    answer_and_keep(generator, base, {str(tasks): wanted}, 0.1, path, lambda *_: None)  # type: ignore[arg-type]
    return generator


def test_answers_that_pass_their_tests_are_kept_and_no_question_is_asked_twice(tasks: Path, tmp_path: Path) -> None:
    path = tmp_path / "run" / "own-answers.jsonl"
    first = collect(tasks, 4, path)
    examples = own_answers(path, "tiny", {str(tasks): 4}, 0.1)
    assert len(examples) == 4
    assert all("It must pass this test" in example.instruction for example in examples)
    assert all("a +" in example.answer for example in examples)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(rows) == len(first.asked) > 4, "wrong answers are kept too, so that they are not asked for again"

    with path.open("a", encoding="utf-8") as file:
        file.write('{"base": "tiny", "file')  # killed in the middle of a line
    second = collect(tasks, 7, path)
    assert not set(first.asked) & set(second.asked)
    assert len(own_answers(path, "tiny", {str(tasks): 7}, 0.1)) == 7
    assert not collect(tasks, 7, path).asked


def test_held_out_questions_are_never_asked(tasks: Path, tmp_path: Path) -> None:
    from finetune.data.code import read_code, split_by_question

    _, held_out = split_by_question(read_code(tasks)[0], 0.1)
    asked = collect(tasks, 99, tmp_path / "own.jsonl").asked
    assert held_out
    assert len(asked) == 30 - len(held_out)
    assert not any(example.instruction in question for example in held_out for question in asked)


def test_answers_of_another_base_are_refused(tasks: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    collect(tasks, 1, path)
    with pytest.raises(UsageError, match="the answers of tiny, not of other"):
        collect(tasks, 2, path, base="other")


def test_without_tests_an_answer_with_code_that_parses_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"prompt": f"Please write the number {n} twice {n}", "completion": f"x{n}"} for n in range(2, 12)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    class Careless(Answering):
        def stream(self, messages: Sequence[Message], **_: object) -> Stream:
            self.asked.append(messages[-1].text)
            answers = ["No code.", "```python\nx =\n```", "```js\nx++\n```"]
            return Stream(answers[len(self.asked) % 3])

    answer_and_keep(Careless(), "tiny", {str(path): 2}, 0.0, tmp_path / "own.jsonl", lambda *_: None)  # type: ignore[arg-type]
    answers = [example.answer for example in own_answers(tmp_path / "own.jsonl", "tiny", {str(path): 2}, 0.0)]
    assert answers == ["```js\nx++\n```"] * 2


def test_the_bases_answer_stands_in_the_place_of_the_files(tasks: Path, tmp_path: Path) -> None:
    recipe = load_recipe("code-qwen2.5-coder-0.5b")
    update = {"train": [str(tasks)], "times": {}, "grounded": {}, "self_answers": {str(tasks): 5}}
    recipe = recipe.model_copy(update={"base": "tiny", "data": recipe.data.model_copy(update=update)})
    collect(tasks, 5, tmp_path / "own-answers.jsonl")
    prepared = prepare_examples(recipe, tmp_path)
    own = [example for example in prepared.train if example.source == "own answers"]
    assert len(own) == 5
    assert len(prepared.train) + len(prepared.held_out) == 30, "each question once"
    assert not {example.also for example in own} & {(example.instruction,) for example in prepared.held_out}
    assert prepare_examples(recipe).held_out == prepared.held_out
