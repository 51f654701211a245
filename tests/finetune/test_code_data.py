import ast
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from assistant.errors import UsageError
from assistant.verification.python_code import FENCE
from finetune.data.code import CodeExample, question_hash, read_code, repeated, split_by_question, unique, unseen
from finetune.data.explanations import explain_program, explain_snippet, goal_of
from finetune.data.files import find_data
from finetune.data.languages import language_of, looks_like_prose

SHAPE = re.compile(r"\A(?!```)[^\n]+\n\n```[a-z+#]+\n(?:(?!```).)*\n```\Z", re.DOTALL)


def write(path: Path, rows: list[dict]) -> Path:
    lines = json.dumps(rows) if path.suffix == ".json" else "\n".join(json.dumps(row) for row in rows)
    path.write_text(lines, "utf-8")
    return path


ROWS = {
    "instructions.json": {
        "instruction": "Write a Python function to double a number.",
        "input": "",
        "response": "def double(number):\n    return number * 2",
    },
    "conala.json": {
        "intent": "How to sort a list of strings by length?",
        "rewritten_intent": "sort list `words` by length",
        "snippet": "sorted(words, key=len)",
    },
    "mbpp.jsonl": {
        "text": "Write a function to find the larger of two numbers.",
        "code": "def larger(a,b):\r\n\tif a>b: \r\n\t\treturn (a) \r\n\treturn b",
        "test_list": [],
    },
    "snippets.jsonl": {
        "title": "all_equal",
        "language": "Python",
        "task": "Checks if all elements in a list are equal.",
        "answer_markdown": "- Use `set()` to eliminate duplicates.\n- Use `len()` to count.\n\n"
        "```py\ndef all_equal(lst):\n  return len(set(lst)) == 1\n```\n\n```py\nall_equal([1, 1]) # True\n```",
    },
    "git.jsonl": {
        "section": "Branches",
        "question": "I want to list all branches",
        "answer_markdown": "List local branches\n\n```sh\n(main)$ git branch\n```\n\nand all of them\n\n"
        "```sh\n$ git branch -a\n```",
    },
    "exercism.jsonl": {
        "kind": "approaches",
        "instructions": "# Instructions\n\nConvert a phrase to its [acronym][a].\n\nMore.",
        "explanation_with_code": "# Title\n\n```python\ndef abbreviate(text):\n    return text[0]\n```\n\n"
        "This approach takes the first letter.\n",
    },
    "tldr.jsonl": {
        "command": "tar",
        "platform": "common",
        "about": "Archiving utility.",
        "task": "Create an archive from files",
        "code": "tar {{[-c|--create]}} {{path/to/file}}",
    },
}


@pytest.mark.parametrize("name", ROWS)
def test_every_kind_of_row_becomes_an_explanation_and_one_fenced_block(tmp_path, name):
    examples, left_out = read_code(write(tmp_path / name, [ROWS[name]]))
    assert not left_out
    assert SHAPE.match(examples[0].answer), examples[0].answer
    assert examples[0].source == name


def test_an_explanation_that_comes_with_the_row_follows_what_is_asked_and_two_spaces_become_four(tmp_path):
    example = read_code(write(tmp_path / "s.jsonl", [ROWS["snippets.jsonl"]]))[0][0]
    assert example.answer.startswith(
        "Here is a Python function that checks if all elements in a list are equal. "
        "Use `set()` to eliminate duplicates. Use `len()` to count.\n\n"
    )
    assert "\n    return len(set(lst)) == 1\n" in example.answer


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("all_equal([1, 1]) # True", "print(all_equal([1, 1]))  # True"),
        ("all_equal(\n  ['é', 'é']\n) # True", "print(all_equal(\n    ['é', 'é']\n))  # True"),
        ("all_equal(['é'])\n# True", "print(all_equal(['é']))\n# True"),
        ("é = [1]; all_equal(é) # True", "é = [1]; print(all_equal(é))  # True"),
        ("print(all_equal([])) # True", "print(all_equal([])) # True"),
        ("x = all_equal([]) # True", "x = all_equal([]) # True"),
        ("lst.clear()", "lst.clear()"),
    ],
)
def test_a_use_with_its_result_in_a_comment_prints_it(tmp_path, shown, printed):
    text = ROWS["snippets.jsonl"]["answer_markdown"].replace("all_equal([1, 1]) # True", shown)
    example = read_code(write(tmp_path / "s.jsonl", [{**ROWS["snippets.jsonl"], "answer_markdown": text}]))[0][0]
    assert example.answer.endswith(f"\n\n{printed}\n```")


def test_shell_prompts_and_placeholders_are_made_plain(tmp_path):
    git = read_code(write(tmp_path / "g.jsonl", [ROWS["git.jsonl"]]))[0][0]
    assert git.answer.endswith("```bash\ngit branch\n```")
    tar = read_code(write(tmp_path / "t.jsonl", [ROWS["tldr.jsonl"]]))[0][0]
    assert tar.answer.endswith("```bash\ntar --create path/to/file\n```")


def test_source_python_is_written_out_anew(tmp_path):
    example = read_code(write(tmp_path / "m.jsonl", [ROWS["mbpp.jsonl"]]))[0][0]
    assert "def larger(a, b):\n    if a > b:\n        return a\n    return b" in example.answer
    assert "\r" not in example.answer


def test_a_quiz_about_code_is_asked_with_its_choices_and_answered_by_the_right_one(tmp_path):
    row = {
        "question": "What's the output?",
        "code_and_choices": "```javascript\nconsole.log(1 + '1');\n```\n\n- A: `2`\n- B: `11`",
        "answer": "B",
        "explanation": "A number and a string are joined.\n\nMore.",
    }
    example = read_code(write(tmp_path / "q.jsonl", [row]))[0][0]
    assert example.instruction == f"What's the output?\n\n{row['code_and_choices']}"
    assert example.answer.endswith(" answer is B: `11`")


@pytest.mark.parametrize(
    ("question", "block", "opening"),
    [
        ("I want to undo my commit", "$ git reset HEAD^", r".*\bundo your commit\b.*"),
        ("I need to see what I changed", "(main)$ git diff", r".*\bsee what you changed\b.*"),
        ("Delete tag", "$ git tag -d <name>", r".*\bdelete tag\b.*"),
        ("What did I just commit?", "$ git show", r"(?!.*What).*"),
        ("I committed the wrong thing", "# take it back\n$ git reset HEAD^ # for good", r"(?!.*wrong).*"),
    ],
)
def test_a_question_about_git_is_told_back_with_the_command_that_answers_it(tmp_path, question, block, opening):
    row = {"section": "x", "question": question, "answer_markdown": f"Well, dear reader.\n\n```sh\n{block}\n```"}
    answer = read_code(write(tmp_path / "g.jsonl", [row]))[0][0].answer
    first = answer.split("\n")[0]
    assert re.fullmatch(opening, first)
    assert re.search(r"`git [a-z]+`", first)
    assert "dear reader" not in answer


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("(main)$ git status\nOn branch main", "a command with its output"),
        ("$ git status\n# On branch main\n# Changes not staged", "lines that are no commands"),
        ("noop", "lines that are no commands"),
        ("# $ git fetch", "no command of git"),
        ("rm -rf .git", "no command of git"),
        ("", "no command of git"),
    ],
)
def test_logs_and_other_blocks_are_no_answer_about_git(tmp_path, block, reason):
    row = {"section": "x", "question": "There were conflicts", "answer_markdown": f"So:\n\n```sh\n{block}\n```"}
    examples, left_out = read_code(write(tmp_path / "g.jsonl", [row]))
    assert (examples, dict(left_out)) == ([], {reason: 1})


def test_a_heading_is_no_question_about_git(tmp_path):
    row = {"section": "x", "question": "Last step: pushing", "answer_markdown": "```sh\ngit push\n```"}
    assert dict(read_code(write(tmp_path / "g.jsonl", [row]))[1]) == {"a heading, not a question": 1}


def test_all_ways_to_solve_an_exercise_stand_in_the_same_part(tmp_path):
    rows = [
        {
            **ROWS["exercism.jsonl"],
            "instructions": f"# Instructions\n\nExercise {number}.",
            "approach": approach,
            "explanation_with_code": f"```python\ndef solve():\n    return '{number} {approach}' # so\n```",
        }
        for number in range(40)
        for approach in ("introduction", "for-loop", "recursion")
    ]
    examples, _ = read_code(write(tmp_path / "e.jsonl", rows))
    assert examples[1].instruction == "Exercise 0.\n\nUse Python. Solve it this way: for loop."
    assert "# so" not in examples[0].answer
    parts = split_by_question(unique(examples), 0.3)
    assert sum(map(len, parts)) == len(rows)
    exercises = [{example.instruction.split(".")[0] for example in part} for part in parts]
    assert all(exercises)
    assert not exercises[0] & exercises[1]


def test_an_exercise_is_told_back_from_its_first_sentence_with_the_function_that_solves_it(tmp_path):
    row = {**ROWS["exercism.jsonl"], "instructions": "# Instructions\n\nYour task is to reverse a word. Be quick.\n"}
    example = read_code(write(tmp_path / "e.jsonl", [row]))[0][0]
    assert example.instruction == "Your task is to reverse a word. Be quick.\n\nUse Python."
    first = example.answer.split("\n")[0]
    assert "reverse a word" in first
    assert "Be quick" not in first
    assert "This approach" not in example.answer


def test_an_exercise_is_asked_with_its_paragraphs_and_lists_as_far_as_they_are_short(tmp_path):
    task = f"Reverse it.\n\n- a\n- **b**\n\n## Notes\n\n```text\nx\n```\n\nFor example:\n\n{'long ' * 100}\n\nEnd."
    row = {**ROWS["exercism.jsonl"], "instructions": f"# Instructions\n\n{task}"}
    example = read_code(write(tmp_path / "e.jsonl", [row]))[0][0]
    assert example.instruction == "Reverse it.\n\n- a\n- b\n\nUse Python."


def test_the_calls_that_solve_an_exercise_are_explained_but_not_its_own_functions(tmp_path):
    code = "def replace(text):\n    return ''.join(sorted(text)).upper()\n\nreplace('b')"
    row = {**ROWS["exercism.jsonl"], "explanation_with_code": f"```python\n{code}\n```"}
    first = read_code(write(tmp_path / "e.jsonl", [row]))[0][0].answer.split("\n")[0]
    assert first.endswith(":")
    for fact in ("`join()` puts", "`sorted()` returns", "`upper()` returns"):
        assert fact in first
    assert "`replace()`" not in first


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"response": "def double(number)\n    return ("}, "no certain language"),
        ({"response": "The output would be 10, because the loop ends there."}, "the answer is prose, not code"),
        ({"response": "def double(n):\n    return n" + " + n" * 900}, "Python that does not parse"),
        ({"response": "def double(n):\n" + "    n += 1\n" * 100}, "longer than 1024 characters"),
    ],
)
def test_rows_that_do_not_serve_are_left_out_with_the_reason(tmp_path, change, reason):
    row = {**ROWS["instructions.json"], **change}
    examples, left_out = read_code(write(tmp_path / "i.json", [row]), 1024)
    assert (examples, dict(left_out)) == ([], {reason: 1})


def test_python_that_does_not_parse_is_left_out(tmp_path):
    row = {**ROWS["conala.json"], "snippet": "print 'old'"}
    assert dict(read_code(write(tmp_path / "c.json", [row]))[1]) == {"Python that does not parse": 1}


@pytest.mark.parametrize(("name", "text"), [("a.json", "{"), ("b.json", "{}"), ("c.jsonl", "[1]")])
def test_a_file_that_is_not_rows_of_json_is_named(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=name):
        read_code(tmp_path / name)


def test_rows_of_an_unknown_kind_are_refused_with_their_fields(tmp_path):
    with pytest.raises(UsageError, match="colour"):
        read_code(write(tmp_path / "x.jsonl", [{"colour": "red"}]))


def test_the_same_question_or_the_same_code_is_kept_once():
    one = CodeExample("How to sort?", "So:\n\n```python\nsorted(x)\n```", "a")
    again = CodeExample("how to  sort", "Thus:\n\n```python\nx.sort()\n```", "b")
    same_code = CodeExample("Sorting", "Or:\n\n```python\nsorted( x )\n```", "c")
    assert unique([one, again, same_code]) == [one]


def test_a_question_in_other_words_is_the_same_question(tmp_path: Path) -> None:
    rows = [
        {"prompt": "How do I sort?", "also": ["sorting", " sort a list "], "completion": "Call `sorted`."},
        {"prompt": "Sort a list.", "completion": "Use `list.sort`."},
        {"prompt": "How do I turn it round?", "also": "reverse it", "completion": "Call `reversed`."},
        {"prompt": "Why?", "also": None, "completion": "Because."},
    ]
    read, _ = read_code(write(tmp_path / "worded.jsonl", rows))
    assert [example.also for example in read] == [("sorting", "sort a list"), (), ("reverse it",), ()]
    assert unique(read) == [read[0], read[2], read[3]]


def test_a_question_seen_several_times_is_put_in_its_other_words_in_turn() -> None:
    worded = CodeExample("How do I sort?", "x", "a", also=("sorting", "sort a list"))
    plain = CodeExample("Why?", "y", "a")
    asked = [example.instruction for example in repeated([worded, plain], 4)]
    assert asked == ["How do I sort?", "sorting", "sort a list", "How do I sort?", *["Why?"] * 4]
    assert {example.answer for example in repeated([worded], 4)} == {"x"}


def test_the_split_depends_on_the_question_alone():
    examples = [CodeExample(f"How to do thing {number}?", "x", "a") for number in range(400)]
    train, held_out = split_by_question(examples, 0.1)
    assert 20 < len(held_out) < 60
    assert sorted(train + held_out, key=question_hash) == sorted(examples, key=question_hash)
    rewritten = [CodeExample(f"how to do  thing {number}", "y", "b") for number in range(0, 400, 2)]
    held_questions = {question_hash(example) for example in held_out}
    assert all((question_hash(example) < 0.1) == (question_hash(example) in held_questions) for example in rewritten)


@pytest.mark.parametrize(
    ("request_", "goal"),
    [
        ("Write a function to reverse a string.", ("reverse a string", True)),
        ("Create a Java program that sorts an array.", ("sorts an array", False)),
        ("How do I merge two dictionaries in Python?", ("merge two dictionaries", True)),
        ("sort list `x` by length", ("sort list `x` by length", True)),
        ("Confusing with the usage of regex in Python", None),
    ],
)
def test_the_goal_is_read_from_the_request(request_, goal):
    assert goal_of(request_) == goal


def test_an_explanation_names_what_the_code_uses():
    code = "sorted(d.items(), key=lambda item: item[1])"
    text = explain_snippet("q", ["sort a dictionary `d` by value"], ast.parse(code))
    assert "sort a dictionary `d` by value" in text
    assert "`sorted()`" in text
    assert "leaves the original unchanged" in text


def test_an_explanation_says_that_a_function_calls_itself_only_when_it_does():
    recursive = "def fact(n):\n    return 1 if n < 2 else n * fact(n - 1)"
    plain = "def fact(n):\n    return n * 2"
    assert "calls itself" in explain_program("q", recursive, "Python", ast.parse(recursive))
    assert "calls itself" not in explain_program("q", plain, "Python", ast.parse(plain))


def test_phrasings_vary_over_questions_and_stay_the_same_over_runs():
    tree = ast.parse("sorted(x)")
    texts = [explain_snippet(f"question {number}", ["sort a list"], tree) for number in range(30)]
    assert len(set(texts)) >= 4
    assert texts[3] == explain_snippet("question 3", ["sort a list"], tree)


@pytest.mark.parametrize(
    ("request_", "code", "language"),
    [
        ("Write a Python function", "def f():\n    return 1", "Python"),
        ("In JavaScript, write it", "const f = () => 1;\nconsole.log(f());", "JavaScript"),
        ("Write a C++ program", "#include <iostream>\nint main() { std::cout << 1; }", "C++"),
        ("Write a Java method", "public static int f() { return 1; }", "Java"),
        ("Write a query", "SELECT name FROM users WHERE age > 3;", "SQL"),
        ("Write a shell script", '#!/bin/bash\necho "hi"', "bash"),
        ("Write an HTML page", "<!DOCTYPE html>\n<html></html>", "HTML"),
        ("Write a Java method", "def f():\n    return 1", None),
        ("Do it", "x", None),
    ],
)
def test_the_language_is_told_by_request_and_code_together(request_, code, language):
    assert language_of(request_, code) == language


def test_prose_is_told_from_code():
    assert looks_like_prose("The answer is that the loop never ends.")
    assert not looks_like_prose("print('The answer is that the loop never ends.')")


@pytest.mark.data
def test_the_shipped_recipe_finds_its_examples_and_splits_them_cleanly(code_recipe):
    from finetune.tasks.code.training import prepare_examples

    prepared = prepare_examples(code_recipe)
    own_answers = sum(code_recipe.data.self_answers.values())
    assert len(prepared.train) + own_answers == code_recipe.data.declared.train
    assert len(prepared.held_out) == code_recipe.data.declared.test
    questions = {question_hash(example) for example in prepared.train}
    assert not questions & {question_hash(example) for example in prepared.held_out}


@pytest.fixture
def code_recipe():
    import os

    from finetune.recipe import CodeRecipe
    from finetune.recipe_files import load_recipe

    if not os.environ.get("ASSISTANT_TEST_DATA"):
        pytest.skip("ASSISTANT_TEST_DATA names no folder with the real data")
    recipe = load_recipe("code-qwen2.5-coder-1.5b")
    assert isinstance(recipe, CodeRecipe)
    return recipe


def test_chat_answers_come_from_tables_too_and_rows_with_nulls_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text('prompt,completion\nHow?,"Like this:\n\n```python\nx\n```"\nWhy?,\n')
    examples, left_out = read_code(path)
    assert [(example.instruction, example.ready) for example in examples] == [("How?", True)]
    assert left_out == {"no question or no answer": 1}


OWN = ["own/how_to.jsonl", "own/careful.jsonl", "own/passages.jsonl"]


@pytest.mark.parametrize("name", OWN)
def test_the_projects_own_questions_have_answers_that_parse_and_end_with_their_code(name: str) -> None:
    examples, left_out = read_code(find_data(name))
    assert len(examples) > 30
    assert not left_out
    assert len(unique(examples)) == len(examples)
    for example in examples:
        assert "```" not in example.answer or SHAPE.match(example.answer), example.instruction
        for language, code in FENCE.findall(example.answer):
            if language == "python":
                ast.parse(code)


def test_commands_that_destroy_are_named_as_such_wherever_they_are_shown() -> None:
    destroying = re.compile(r"reset --hard|clean -f|rm -rf|DROP (?:TABLE|DATABASE)|push --force\b|777|\bdd if|kill -9")
    warning = re.compile(
        r"lost|lose|gone|destroy|delete|overwrit|cannot be|without a|only if|at once|security|hard to|backup|everybody",
        re.I,
    )
    examples = [example for name in OWN for example in read_code(find_data(name))[0]]
    shown = [example for example in examples if destroying.search(example.answer)]
    assert len(shown) > 10
    for example in shown:
        assert warning.search(FENCE.sub("", example.answer)), example.instruction


def test_answers_from_passages_cite_those_that_are_there_and_refusals_begin_alike() -> None:
    from finetune.data.grounded import NOT_THERE

    examples, _ = read_code(find_data("own/passages.jsonl"))
    refused = [example for example in examples if example.answer.startswith(NOT_THERE)]
    assert len(examples) / 4 < len(refused) < len(examples) / 2
    for example in examples:
        assert example.passages
        cited = {int(number) for number in re.findall(r"\[(\d+)\]", example.answer)}
        assert cited <= set(range(1, len(example.passages) + 1))
        assert cited or example in refused


def test_refusals_that_are_alike_are_kept_as_their_passages_differ() -> None:
    one, two = (CodeExample(f"Q{n}?", "Not there.", "x", passages=(f"p{n}",)) for n in range(2))
    assert unique([one, two]) == [one, two]


def test_what_a_model_was_trained_on_is_left_out_by_its_question_or_its_code() -> None:
    seen = CodeExample("How?", "Like this:\n\n```python\nx\n```", "a", also=("In what way?",))
    other, same_code = CodeExample("Why?", "y", "b"), CodeExample("Where?", "```python\nx\n```", "b")
    assert unseen([CodeExample("in what way", "z", "b"), same_code, other], [seen]) == [other]


def test_no_question_of_the_benchmark_is_trained_on() -> None:
    asked, _ = read_code(Path(__file__).parents[2] / "benchmarks" / "data" / "chat_questions.jsonl")
    assert len(asked) == 50
    for name in OWN:
        own, _ = read_code(find_data(name))
        assert len(unique([*own, *asked])) == len(own) + 50


def test_a_file_is_seen_as_often_as_the_recipe_says(tmp_path: Path) -> None:
    from finetune.recipe_files import load_recipe
    from finetune.tasks.code.training import prepare_examples

    often = write(tmp_path / "often.jsonl", [{"prompt": f"often {n}?", "completion": f"o{n}"} for n in range(30)])
    once = write(tmp_path / "once.jsonl", [{"prompt": f"once {n}?", "completion": f"n{n}"} for n in range(30)])
    recipe = load_recipe("code-qwen2.5-coder-1.5b")
    data = recipe.data.model_copy(
        update={"train": [str(often), str(once)], "times": {str(often): 3}, "at_most": {str(often): 10}, "grounded": {}}
    )
    train = prepare_examples(recipe.model_copy(update={"data": data})).train
    seen = Counter(example.instruction for example in train)
    assert {count for question, count in seen.items() if question.startswith("often")} == {3}
    assert {count for question, count in seen.items() if question.startswith("once")} == {1}
    assert sum(question.startswith("often") for question in seen) == 10
